"""Removal of published slides whose source is gone."""

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
    """Remove slides whose source is gone, or list them. Pages are updated before slides are removed.

    Args:
        store: the tree.
        receipts: receipts of the tree.
        keep: identifiers of all slides that have a source, exported or failed.
        gallery: pages of the tree, if it has any.
        dry: list only, change nothing.
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
