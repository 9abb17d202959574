"""New base URLs in all documents of a published tree, without touching a tile."""

from collections.abc import Iterator

from slide2iiif.records.documents import move
from slide2iiif.records.receipts import Receipts
from slide2iiif.records.version import published_receipt, settle
from slide2iiif.stores.base import Store


def rebase(store: Store, receipts: Receipts, base_url: str, other_base_url: str) -> Iterator[str]:
    """Write new ids into all documents of a tree; yield the identifiers of the slides that changed. Touches no tile."""
    for identifier in receipts.identifiers():
        settle(store, receipts, identifier)
        receipt = published_receipt(store, receipts, identifier)
        # Documents of what is not there would announce it.
        if receipt is not None and move(store, receipts, receipt, base_url, other_base_url):
            yield identifier


def unrecorded(store: Store, receipts: Receipts) -> Iterator[str]:
    """Yield the published slides that `rebase` cannot move: without a receipt, or with that of another version."""
    for identifier in store.identifiers():
        if published_receipt(store, receipts, identifier) is None:
            yield identifier
