"""The slides that a command line means."""

import argparse
import sys
from typing import TYPE_CHECKING

from slide2iiif.cli.naming import choose_naming, named_slides
from slide2iiif.errors import UsageError
from slide2iiif.options import Only, parse_max_delete
from slide2iiif.progress import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slide2iiif.discovery.choice import Choice
    from slide2iiif.discovery.naming import Naming
    from slide2iiif.discovery.walk import Slide, Unusable
    from slide2iiif.records.receipts import Receipts
    from slide2iiif.stores.folder.store import FolderStore


def add_choice_options(parser: argparse._ArgumentGroup) -> None:
    """Declare which files of SOURCE are left out, and which are asked for."""
    parser.add_argument(
        "--exclude",
        action="append",
        default=[],
        metavar="GLOB",
        help="leave out files and folders of this name, or path below SOURCE; may be given several times",
    )
    parser.add_argument(
        "--include",
        action="append",
        default=[],
        metavar="GLOB",
        help="publish images beside a slide though their name says label, macro, thumbnail, request form …; "
        "may be given several times",
    )
    parser.add_argument(
        "--only", choices=[str(only) for only in Only], help="publish slides alone, or ordinary images alone"
    )


def add_max_delete(parser: argparse._ArgumentGroup) -> None:
    """Declare how much may be removed at once."""
    parser.add_argument(
        "--max-delete",
        metavar="N|N%",
        help="let --delete remove so many slides, or such a share of the tree (default: at most half of it, and not "
        "all of a folder)",
    )


def choice_of(args: argparse.Namespace) -> "Choice":
    """Return which slides are meant.

    Raises:
        UsageError: a pattern is empty, or makes no sense.
    """
    from slide2iiif.discovery.choice import Choice, Glob

    exclude, include = (tuple(Glob(text) for text in texts) for texts in (args.exclude, args.include))
    return Choice(exclude, include, Only(args.only) if args.only else None)


def check_selection(args: argparse.Namespace) -> None:
    """Refuse to choose slides in two ways that exclude each other.

    Raises:
        UsageError: --delete without all of SOURCE, --files-from of what is no folder, a limit or pattern that makes no
            sense.
    """
    if args.delete and (args.files_from or args.source.is_file()):
        raise UsageError("--delete needs all of SOURCE: it cannot go with --files-from or a single slide")
    if args.files_from and args.source.exists() and not args.source.is_dir():
        raise UsageError(f"SOURCE {args.source}: must be a folder, which --files-from names files of")
    if args.max_delete is not None and not args.delete:
        raise UsageError(f"--max-delete {args.max_delete}: goes with --delete only")
    choice_of(args)
    parse_max_delete(args.max_delete)


def choose_slides(
    args: argparse.Namespace, choice: "Choice", store: "FolderStore", receipts: "Receipts", listed: list[str] | None
) -> "tuple[Naming | None, Iterator[Slide | Unusable]]":
    """Return how slides are named, and what is found with its names; nothing is written, and nothing held."""
    from slide2iiif.discovery.lengths import fitting
    from slide2iiif.discovery.walk import find_listed, walk
    from slide2iiif.stores.folder.locks import check_free

    if not args.dry_run:
        check_free(args.dest, store.private)
    naming = choose_naming(args, receipts)
    published = receipts if naming is None else None
    closed = args.dest, store.private
    if listed is None:
        found = walk(args.source, choice, published, closed)
    else:
        found = find_listed(args.source, listed, choice, published, closed)
    return naming, fitting(named_slides(found, naming), args.dest, store.private)


def warn_of_unused(choice: "Choice", args: argparse.Namespace) -> None:
    """Warn of patterns that have matched nothing, once all of SOURCE has been seen."""
    if args.quiet or args.files_from:
        return
    for option, globs, nothing in (
        ("--exclude", choice.exclude, "matches nothing in SOURCE"),
        ("--include", choice.include, "matches no picture that would be left out"),
    ):
        for text in sorted({glob.text for glob in globs} - choice.used):
            print(f"slide2iiif: warning: {option} {printable(text)} {nothing}; is it misspelt?", file=sys.stderr)
