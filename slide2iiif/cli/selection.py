"""Which slides a command line means, and what a walk has seen of them."""

import argparse
from typing import TYPE_CHECKING

from slide2iiif.cli.naming import choose_naming, named_slides
from slide2iiif.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from slide2iiif.discovery.naming import Naming
    from slide2iiif.discovery.walk import Slide, Unusable
    from slide2iiif.records.receipts import Receipts
    from slide2iiif.stores.base import Store


def check_selection(args: argparse.Namespace) -> None:
    """Refuse to choose slides in two ways that exclude each other.

    Raises:
        UsageError: --delete without all of SOURCE, --files-from of what is no folder, or --null without it.
    """
    if args.null and not args.files_from:
        raise UsageError("--null tells how the paths of --files-from end: it cannot go without it")
    if args.delete and (args.files_from or args.source.is_file()):
        raise UsageError("--delete needs all of SOURCE: it cannot go with --files-from or a single slide")
    if args.files_from and args.source.exists() and not args.source.is_dir():
        raise UsageError(f"SOURCE {args.source}: must be a folder, which --files-from names files of")


def choose_slides(
    args: argparse.Namespace, store: "Store", receipts: "Receipts", listed: list[str] | None
) -> "tuple[Naming | None, Iterator[Slide | Unusable]]":
    """Give how slides are named, and what is found with its names; nothing is written, and nothing held."""
    from slide2iiif.discovery.walk import find_listed, walk

    if not args.dry_run:
        store.check_free()
    naming = choose_naming(args, receipts)
    found = walk(args.source) if listed is None else find_listed(args.source, listed)
    return naming, named_slides(found, naming)


class Seen:
    """What a walk has found, for telling what is gone."""

    def __init__(self, *, keep: bool) -> None:
        self.identifiers: set[str] = set()
        self._keep = keep
        self._blind: Path | None = None

    def of(self, found: "Iterator[Slide | Unusable]") -> "Iterator[Slide | Unusable]":
        """Pass on what is found, and remember it."""
        from slide2iiif.discovery.walk import Unusable

        for each in found:
            if isinstance(each, Unusable):
                self._blind = each.path if each.hides_slides else self._blind
            elif self._keep:
                self.identifiers.add(each.identifier)
            yield each

    def check(self) -> None:
        """Refuse to delete on the word of a walk that has not seen everything.

        Raises:
            UsageError: a part of the source could not be read, or it holds no slide at all.
        """
        if self._blind is not None:
            raise UsageError(f"nothing is deleted: {self._blind} could not be read, so slides may be there")
        if not self.identifiers:
            raise UsageError("nothing is deleted: SOURCE holds no slide at all; is it mounted?")
