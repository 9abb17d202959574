"""What becomes of a published tree without a slide being read: new ids in its documents, slides that go."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from slide2iiif.documents import documents, has_own_ids, is_published
from slide2iiif.iiif.api import Api
from slide2iiif.options import Options
from slide2iiif.receipts import Receipt, Receipts, Settings
from slide2iiif.stores.base import Store
from slide2iiif.summary import Outcome, Status

if TYPE_CHECKING:
    from slide2iiif.site.gallery import Gallery


def current_receipt(
    store: Store, receipts: Receipts, options: Options, identifier: str, fingerprint: str
) -> Receipt | None:
    """Give the receipt of a slide if exactly this is published already, by looking at a few small files."""
    receipt = receipts.read(identifier)
    is_current = (
        receipt is not None
        and receipt.fingerprint == fingerprint
        and receipt.settings == Settings.of(options)
        and (receipt.is_lossless or not options.require_lossless)
        and receipts.has_ledger(receipt)
        and store.holds(identifier)
    )
    return receipt if is_current else None


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


def rebase(store: Store, receipts: Receipts, base_url: str, other_base_url: str) -> Iterator[str]:
    """Write new ids into all documents of a tree, touch no tile, and give the identifiers that were changed."""
    for identifier in receipts.identifiers():
        receipt = receipts.read(identifier)
        # Documents of what is not there would announce it.
        if receipt is None or not is_published(store, receipt):
            continue
        if move(store, receipts, receipt, base_url, other_base_url):
            yield identifier


def unrecorded(store: Store, receipts: Receipts) -> Iterator[str]:
    """Give the published slides that have no receipt, or one of something else: what `rebase` cannot move."""
    for identifier in store.identifiers():
        receipt = receipts.read(identifier)
        if receipt is None or not is_published(store, receipt):
            yield identifier


def move(store: Store, receipts: Receipts, receipt: Receipt, base_url: str, other_base_url: str) -> bool:
    """Write a slide's documents for other base URLs, and tell whether they, or their receipt, were not so already."""
    api = Api(receipt.settings.api)
    moved = receipt.moved(base_url, other_base_url if api is Api.V2 else None)
    if moved == receipt and has_own_ids(store, receipt):
        return False
    written = documents(moved, api)
    is_written = all(store.read(receipt.identifier, name) == content for name, content in written)
    if not is_written:
        for name, content in written:
            store.replace(receipt.identifier, name, content)
    # A move may have been cut short between the two.
    if moved != receipt:
        receipts.write(moved)
    return not is_written or moved != receipt
