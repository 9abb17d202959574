"""The places that a command line names: whether they can be used, told before the work begins."""

import argparse
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from slide2iiif.errors import TargetError, UsageError

_TREE_NAME = "tree"
"""File in a private folder outside the tree that says which tree it belongs to."""


def listed_paths(name: str) -> Iterator[str]:
    """Read a list of paths, one a line, from a file or (`-`) from standard input.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"--files-from {name}: {error.strerror}") from None
    for line in raw.split(b"\n"):
        entry = os.fsdecode(line.removesuffix(b"\r"))
        if entry:
            yield entry


def check_places(source: Path, dest: Path) -> None:
    """Refuse places that would eat each other.

    Raises:
        UsageError: SOURCE cannot be read, or one of the two lies in the other.
        TargetError: DEST is no folder.
    """
    from slide2iiif.walk import check_root

    check_root(source)
    try:
        if not stat.S_ISDIR(dest.stat().st_mode):
            raise TargetError(f"DEST {dest}: is not a folder")
    except FileNotFoundError:
        pass  # It will be made.
    except OSError as error:
        raise TargetError(f"DEST {dest}: {error.strerror}") from None
    real_source, real_dest = source.resolve(), dest.resolve()
    if real_dest.is_relative_to(real_source):
        raise UsageError(f"DEST {dest} lies in SOURCE {source}: its tiles would be taken for slides; choose another")
    if real_source.is_relative_to(real_dest):
        raise UsageError(f"SOURCE {source} lies in DEST {dest}: the slides would be published as files; choose another")


def check_summary_file(name: str | None) -> None:
    """Refuse a file that cannot be written now rather than after hours of work.

    Raises:
        UsageError: its folder is missing or may not be written, or it is a folder itself.
    """
    if name is None or name == "-":
        return
    file = Path(name)
    if not file.parent.is_dir():
        raise UsageError(f"--json {name}: {file.parent} is not a folder")
    if file.is_dir():
        raise UsageError(f"--json {name}: is a folder")
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        raise UsageError(f"--json {name}: no permission to write it")


def add_private_dir(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Declare where what is not published lies."""
    parser.add_argument(
        "--private-dir",
        metavar="DIR",
        type=Path,
        help="folder outside DEST for receipts, lock and key, instead of DEST/.slide2iiif; name it at every run",
    )


def check_private_dir(private: Path | None, dest: Path, source: Path | None = None) -> None:
    """Refuse a private folder that would be published, taken for slides, or belongs to another tree.

    Raises:
        UsageError: why, and what to do.
    """
    if private is None:
        return
    from slide2iiif.stores.refusals import PRIVATE

    real, tree = private.resolve(), dest.resolve()
    if real.is_relative_to(tree) or tree.is_relative_to(real):
        raise UsageError(f"--private-dir {private}: lies in DEST {dest}, or DEST in it; choose a folder elsewhere")
    if source is not None and source.is_dir() and real.is_relative_to(source.resolve()):
        raise UsageError(f"--private-dir {private}: lies in SOURCE {source}; choose a folder elsewhere")
    inside = dest / PRIVATE
    if (inside / "receipts").is_dir():
        raise UsageError(
            f"--private-dir {private}: {inside} has the receipts of earlier runs; move all that is in it to {private}"
        )
    if private.exists() and not private.is_dir():
        raise UsageError(f"--private-dir {private}: is not a folder")
    try:
        owner = (private / _TREE_NAME).read_text(encoding="utf-8", errors="surrogateescape").strip()
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"--private-dir {private}: {error.strerror}") from None
    if owner != str(tree):
        raise UsageError(
            f"--private-dir {private}: belongs to {owner}; give {dest} one of its own, "
            f"or, if that tree has moved here, delete {private / _TREE_NAME}"
        )


def private_of(dest: Path, private: Path | None) -> Path:
    """Give the private folder of a published tree.

    Raises:
        TargetError: there is no tree that was published.
    """
    from slide2iiif.stores.refusals import PRIVATE

    folder = private or dest / PRIVATE
    if not dest.is_dir() or not folder.is_dir():
        hint = "" if private else ", or was published with --private-dir"
        raise TargetError(f"DEST {dest}: is not a tree that slide2iiif has published{hint}")
    return folder


def claim_private_dir(private: Path | None, dest: Path) -> None:
    """Note which tree a private folder outside it belongs to.

    Raises:
        TargetError: it cannot be written.
    """
    if private is None or (private / _TREE_NAME).exists():
        return
    from slide2iiif.stores.atomic import write_atomically

    # In one step: half a name would be another tree's.
    write_atomically(private / _TREE_NAME, os.fsencode(f"{dest.resolve()}\n"), private)
