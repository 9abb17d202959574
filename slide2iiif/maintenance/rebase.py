"""New base URLs in all documents of a published tree, without touching a tile."""

from collections.abc import Iterator

from slide2iiif.records.documents import is_published, move
from slide2iiif.records.receipts import Receipts
from slide2iiif.stores.base import Store


def rebase(store: Store, receipts: Receipts, base_url: str, other_base_url: str) -> Iterator[str]:
    """Write new ids into all documents of a tree; yield the identifiers of the slides that changed. Touches no tile."""
    for identifier in receipts.identifiers():
        receipt = receipts.read(identifier)
        # Documents of what is not there would announce it.
        if receipt is None or not is_published(store, receipt):
            continue
        if move(store, receipts, receipt, base_url, other_base_url):
            yield identifier


def unrecorded(store: Store, receipts: Receipts) -> Iterator[str]:
    """Yield the published slides that `rebase` cannot move: without a receipt, or with that of another version."""
    for identifier in store.identifiers():
        receipt = receipts.read(identifier)
        if receipt is None or not is_published(store, receipt):
            yield identifier
