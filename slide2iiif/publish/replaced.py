"""Pages and documents of a slide that a run writes or removes, held against those that are published."""

from collections.abc import Iterator, Sequence

from slide2iiif.iiif.api import Api
from slide2iiif.iiif.manifest import MANIFEST_NAME, PAGE_NAME
from slide2iiif.records.documents import document_names, documents
from slide2iiif.records.receipt import Receipt
from slide2iiif.stores.base import Store
from slide2iiif.stores.tally import Tally

Files = Sequence[tuple[str, bytes]]
"""Files of a slide as pairs of name and content."""


def files_of(receipt: Receipt, pages: Files) -> Files:
    """Return the pages and documents of a slide."""
    return [*pages, *documents(receipt, Api(receipt.settings.api))]


def note_replaced(tally: Tally | None, store: Store, old: Receipt | None, receipt: Receipt, pages: Files) -> None:
    """Count the files that differ from those that a slide is about to replace, and those that it has no more."""
    if tally is None:
        return
    files = files_of(receipt, pages)
    # Where each look is a request, a slide that is not on record is not looked for.
    is_new = old is None and store.trusts_records
    for name, content in files:
        path = f"{receipt.identifier}/{name}"
        if is_new or store.public.read(path) != content:
            tally.slide_file(path, is_written=True)
    if is_new:
        return
    for path in _left_over(store, old, receipt.identifier, files):
        tally.slide_file(path, is_written=False)


def put_on_trial(store: Store, old: Receipt | None, receipt: Receipt, pages: Files) -> None:
    """Replace the pages and documents of a slide in a tree on trial, in which they stand for all of it."""
    files = files_of(receipt, pages)
    for path in list(_left_over(store, old, receipt.identifier, files)):
        store.public.delete(path)
    for name, content in files:
        store.public.write(f"{receipt.identifier}/{name}", content)


def note_removed(tally: Tally | None, store: Store, identifier: str, old: Receipt | None) -> None:
    """Count the files of a slide that is about to be removed."""
    if tally is not None:
        for path in _left_over(store, old, identifier, ()):
            tally.slide_file(path, is_written=False)


def _left_over(store: Store, old: Receipt | None, identifier: str, files: Files) -> Iterator[str]:
    kept = {name for name, _ in files}
    names = (PAGE_NAME, MANIFEST_NAME, *(document_names(old, ()) if old is not None else ()))
    paths = (f"{identifier}/{name}" for name in names if name not in kept)
    return (path for path in paths if store.public.head(path) is not None)
