"""Names of slides in public: the option, and slides that a tree holds under other names."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from slide2iiif.cli.arguments import Unnamed, given_path, path_or_word
from slide2iiif.errors import UsageError
from slide2iiif.options import HASHED_IDENTIFIERS, PATH_IDENTIFIERS
from slide2iiif.progress import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slide2iiif.discovery.naming import Naming, TableNaming
    from slide2iiif.discovery.walk import Slide, Unusable
    from slide2iiif.records.receipts import Receipts

_SHOWN = 3
"""Identifiers of slides that are in the way, named as examples."""


def add_identifier_options(parser: argparse._ArgumentGroup) -> None:
    """Declare how slides are named."""
    parser.add_argument(
        "--identifier",
        metavar="path|hash|CSV",
        type=path_or_word,
        default=Unnamed(PATH_IDENTIFIERS),
        help="name slides by their paths, by a keyed hash of them, or by a table of two columns: path below SOURCE, "
        "identifier (default: %(default)s)",
    )
    parser.add_argument(
        "--identifier-key",
        metavar="FILE",
        type=given_path,
        help="secret for hashed identifiers (default: one that is made and kept beside the receipts)",
    )


def choose_naming(args: argparse.Namespace, receipts: "Receipts") -> "Naming | None":
    """Return the naming that is asked for, once no slide can stay published under another name unseen.

    Raises:
        UsageError: key or table are no good or would be published, or the tree holds slides that were named otherwise.
    """
    is_plain = args.identifier == PATH_IDENTIFIERS and args.identifier_key is None
    if is_plain and not _has_schemes(receipts) and _are_paths(receipts):
        return None

    from slide2iiif.discovery.naming import Schemes, TableNaming, open_naming

    for option, file in (("--identifier", Path(args.identifier)), ("--identifier-key", args.identifier_key)):
        if file is not None and str(file) not in {PATH_IDENTIFIERS, HASHED_IDENTIFIERS}:
            _check_not_public(option, file, args)
    naming = open_naming(args.identifier, receipts.private, args.identifier_key)
    schemes = Schemes(receipts)
    others = schemes.others(naming)
    if others and not args.delete and (count := sum(1 for _ in receipts.identifiers())):
        raise UsageError(
            f"DEST {args.dest} holds {count:,} slides that were named otherwise ({', '.join(others)}), and they would "
            "stay public under those names: run with --delete to have them replaced, or choose another DEST"
        )
    if isinstance(naming, TableNaming) and not args.delete:
        _tell_unlisted(naming, receipts)
    return naming


def keep_naming(naming: "Naming | None", receipts: "Receipts") -> None:
    """Note how slides are named, before the first one is published so, and keep a key that is new.

    Raises:
        TargetError: the note cannot be written.
    """
    if naming is None and not _has_schemes(receipts):
        return
    from slide2iiif.discovery.naming import Schemes

    Schemes(receipts).use(naming)


def named_slides(found: "Iterator[Slide | Unusable]", naming: "Naming | None") -> "Iterator[Slide | Unusable]":
    """Return slides with their public names."""
    if naming is None:
        return found
    from slide2iiif.discovery.naming import rename

    return rename(found, naming)


def warn_of_unused_lines(naming: "Naming | None") -> None:
    """Warn of lines of a table whose slide was not found, once all of SOURCE has been seen."""
    from slide2iiif.discovery.naming import TableNaming

    if not isinstance(naming, TableNaming) or len(naming.used) == len(naming.identifiers):
        return
    unused = list(naming.unused())
    for number, path in unused[:_SHOWN]:
        told = printable(f"{naming.file}, line {number}: {path}")
        print(f"slide2iiif: warning: {told} is no slide of SOURCE that would be published", file=sys.stderr)
    if len(unused) > _SHOWN:
        print(f"slide2iiif: warning: and {len(unused) - _SHOWN:,} more lines of the table", file=sys.stderr)


def settle_naming(receipts: "Receipts", naming: "Naming | None") -> None:
    """Note that slides of other names have been removed."""
    if not _has_schemes(receipts):
        return
    from slide2iiif.discovery.naming import Schemes

    Schemes(receipts).settle(naming)


def _check_not_public(option: str, file: Path, args: argparse.Namespace) -> None:
    if isinstance(args.dest, Path) and file.resolve().is_relative_to(args.dest.resolve()):
        raise UsageError(f"{option} {file}: lies in DEST and would be published; move it away")


def _tell_unlisted(naming: "TableNaming", receipts: "Receipts") -> None:
    """Warn of published slides that the table does not name any more."""
    listed = set(naming.identifiers.values())
    unlisted = [identifier for identifier in receipts.identifiers() if identifier not in listed]
    if unlisted:
        examples = ", ".join(unlisted[:_SHOWN]) + (", …" if len(unlisted) > _SHOWN else "")
        table = printable(str(naming.file))
        print(
            f"slide2iiif: warning: {len(unlisted):,} published slides are not in {table} ({examples}); "
            "--delete removes them",
            file=sys.stderr,
        )


def _are_paths(receipts: "Receipts") -> bool:
    """Return True if slides are published under their paths, as far as their receipts tell."""
    if not receipts.is_above(""):
        return True
    from slide2iiif.discovery.naming import are_paths

    return are_paths(receipts)


def _has_schemes(receipts: "Receipts") -> bool:
    """Return True if names other than paths were ever used; without loading what knows them."""
    return receipts.private.head("identifiers.json") is not None
