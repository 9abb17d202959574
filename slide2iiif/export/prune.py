"""Removal of published slides that have no source any more."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from slide2iiif.export.summary import Outcome, Status
from slide2iiif.records.receipts import Receipts
from slide2iiif.stores.base import Store

if TYPE_CHECKING:
    from slide2iiif.site.gallery import Gallery


def removals(
    store: Store, receipts: Receipts, keep: Iterable[str], gallery: "Gallery | None" = None, *, dry: bool
) -> Iterator[Outcome]:
    """Remove what has no source any more, or say what would be removed. Pages stop showing it before it goes.

    Args:
        store: the tree.
        receipts: what is published in it.
        keep: identifiers of all slides that have a source, whether or not they could be exported.
        gallery: the pages of the tree, if it has any.
        dry: change nothing.
    """
    kept = set(keep)
    gone = [identifier for identifier in receipts.identifiers() if identifier not in kept]
    if gallery is not None and gone and not dry:
        gallery.update(leaving=frozenset(gone))
    for identifier in gone:
        if not dry:
            store.remove(identifier)
            receipts.remove(identifier)
        yield Outcome(identifier, Status.REMOVABLE if dry else Status.REMOVED)
