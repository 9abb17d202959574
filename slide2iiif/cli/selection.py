"""The slides that a command line means."""

import argparse
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from slide2iiif.cli.arguments import Unnamed, given_word, path_or_word
from slide2iiif.cli.naming import choose_naming, named_slides
from slide2iiif.errors import UsageError
from slide2iiif.options import Only, parse_max_delete
from slide2iiif.progress import printable
from slide2iiif.records.settings import ALL, COMMAND_LINE, REMEMBERED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slide2iiif.discovery.choice import Choice
    from slide2iiif.discovery.naming import Naming
    from slide2iiif.discovery.walk import Slide, Unusable
    from slide2iiif.records.receipts import Receipts
    from slide2iiif.stores.base import Store


def add_choice_options(parser: argparse._ArgumentGroup) -> None:
    """Declare which files of SOURCE are left out, and which are asked for."""
    parser.add_argument(
        "--exclude",
        action="append",
        metavar="GLOB",
        type=path_or_word,
        help="leave out files and folders of this name, or path below SOURCE; may be given several times",
    )
    parser.add_argument(
        "--no-exclude", dest="exclude", action="store_const", const=[], help="leave out nothing that earlier runs did"
    )
    parser.add_argument(
        "--include",
        action="append",
        metavar="GLOB",
        type=path_or_word,
        help="publish images beside a slide though their name says label, macro, thumbnail, request form …; "
        "may be given several times",
    )
    parser.add_argument(
        "--no-include", dest="include", action="store_const", const=[], help="ask for nothing that earlier runs did"
    )
    parser.add_argument(
        "--only",
        choices=[*(str(only) for only in Only), ALL],
        default=Unnamed(ALL),
        help="publish slides alone, or ordinary images alone (default: %(default)s)",
    )


def add_max_delete(parser: argparse._ArgumentGroup) -> None:
    """Declare how much may be removed at once."""
    parser.add_argument(
        "--max-delete",
        metavar="N|N%",
        type=given_word,
        help="let --delete remove so many slides, or such a share of the tree (default: at most half of it, and not "
        "all of a folder)",
    )


def choice_of(args: argparse.Namespace) -> "Choice":
    """Return which slides are meant.

    Raises:
        UsageError: a pattern is empty, or makes no sense.
    """
    from slide2iiif.discovery.choice import Choice, Glob

    exclude, include = (tuple(Glob(text) for text in texts or ()) for texts in (args.exclude, args.include))
    return Choice(exclude, include, None if args.only in {None, ALL} else Only(args.only))


def check_selection(args: argparse.Namespace) -> None:
    """Refuse to choose slides in two ways that exclude each other.

    Raises:
        UsageError: --delete without all of SOURCE, --files-from of what is no folder, --null without it, a limit or
            pattern that makes no sense.
    """
    if args.null and not args.files_from:
        raise UsageError("--null tells how the paths of --files-from end: it cannot go without it")
    if args.delete and (args.files_from or args.source.is_file()):
        raise UsageError("--delete needs all of SOURCE: it cannot go with --files-from or a single slide")
    if args.files_from and args.source.exists() and not args.source.is_dir():
        raise UsageError(f"SOURCE {args.source}: must be a folder, which --files-from names files of")
    if args.max_delete is not None and not args.delete:
        raise UsageError(f"--max-delete {args.max_delete}: goes with --delete only")
    choice_of(args)
    parse_max_delete(args.max_delete)


def choose_slides(
    args: argparse.Namespace, choice: "Choice", store: "Store", receipts: "Receipts", listed: list[str] | None
) -> "tuple[Naming | None, Iterator[Slide | Unusable]]":
    """Return how slides are named, and what is found with its names; nothing is written, and nothing held."""
    from slide2iiif.discovery.lengths import fitting
    from slide2iiif.discovery.walk import find_listed, walk
    from slide2iiif.records.ownership import check_known

    if not args.dry_run:
        store.check_free()
    if not args.adopt:
        check_known(store, receipts, ", or publish here nevertheless by --adopt")
    naming = choose_naming(args, receipts)
    published = receipts if naming is None else None
    closed = store.folders
    if listed is None:
        found = walk(args.source, choice, published, closed)
    else:
        found = find_listed(args.source, listed, choice, published, closed)
    return naming, fitting(named_slides(found, naming), closed)


def warn_of_unused(choice: "Choice", origins: Mapping[str, str]) -> None:
    """Warn of patterns that have matched nothing, once all of SOURCE has been seen; not of remembered ones."""
    for name, globs, nothing in (
        ("exclude", choice.exclude, "matches nothing in SOURCE"),
        ("include", choice.include, "matches no picture that would be left out"),
    ):
        origin = origins[name]
        option = f"--{name}" if origin == COMMAND_LINE else f"{printable(origin)}: {name}"
        for text in sorted({glob.text for glob in globs} - choice.used) if origin != REMEMBERED else ():
            print(f"slide2iiif: warning: {option} {printable(text)} {nothing}; is it misspelt?", file=sys.stderr)
