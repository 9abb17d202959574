"""Write a new base URL into all documents of a published tree. No tile is touched."""

import argparse
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from slide2iiif.cli.arguments import given_place, given_word
from slide2iiif.cli.places import add_private_dir, check_published
from slide2iiif.errors import SourceError
from slide2iiif.iiif.api import Api
from slide2iiif.options import other_base_url, parse_base_url
from slide2iiif.records.option_values import AUTO

if TYPE_CHECKING:
    from collections.abc import Callable

HELP = "give a published tree another base URL"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("dest", metavar="DEST", type=given_place, help="published tree")
    parser.add_argument(
        "--base-url", required=True, metavar="URL", type=given_word, help="URL under which DEST will be served"
    )
    parser.add_argument("--other-base-url", metavar="URL|auto", type=given_word, help="as for export")
    add_private_dir(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")


def run(args: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    from slide2iiif.progress import printable

    changed: list[str] = []
    left = move(args, changed.append)
    for identifier in left:
        print(f"slide2iiif: not rebased, it has no receipt: {printable(identifier)}", file=sys.stderr)
    if not args.quiet:
        print(f"rebased    {len(changed):>7,}   to {parse_base_url(args.base_url)}")
    check_all_moved(left)
    return 0


def move(args: argparse.Namespace, note: "Callable[[str], object]") -> list[str]:
    """Move the tree that the command line names; hand over each slide that was changed.

    Returns:
        Identifiers of published slides that keep their old URL, as they have no receipt.

    Raises:
        TargetError: there is no published tree, or it cannot be written.
        UsageError: the arguments make no sense.
    """
    base_url = parse_base_url(args.base_url)
    named = args.other_base_url
    named = named if named in {None, AUTO} else parse_base_url(named, "--other-base-url")

    from slide2iiif.maintenance.rebase import rebase, unrecorded
    from slide2iiif.records.ownership import check_known
    from slide2iiif.records.receipts import Receipts
    from slide2iiif.records.settings import read_settings, write_settings
    from slide2iiif.site.gallery import reopen_gallery
    from slide2iiif.stores import open_store

    store = open_store(args.dest, args.private_dir)
    check_published(store, args)
    with store:
        receipts = Receipts(store.private)
        check_known(store, receipts, "")
        kept = read_settings(store.private)
        other = str(kept.values["other-base-url"]) if named is None and kept is not None else named
        other = other_base_url(base_url, Api.V3) if other in {None, AUTO} else other
        if kept is not None:
            values = {**kept.values, "base-url": base_url, "other-base-url": named or kept.values["other-base-url"]}
            write_settings(store.private, replace(kept, values=values))
        gallery = reopen_gallery(store, receipts, base_url)
        for identifier in rebase(store, receipts, base_url, other):
            note(identifier)
        if gallery is not None:
            gallery.update()
        return list(unrecorded(store, receipts))


def check_all_moved(left: list[str]) -> None:
    """Check that no slide keeps its old URL.

    Raises:
        SourceError: some do.
    """
    if left:
        raise SourceError(f"{len(left):,} published slides keep their old URL; export them again, or remove them")
