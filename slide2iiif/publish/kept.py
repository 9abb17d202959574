"""Published files that stay: those of a slide that is unchanged, and of one that was made anew and came out alike.

What stays keeps its times, inodes and ETags, so nothing is uploaded or fetched again.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from slide2iiif.engines.base import Deadline, Engine
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.file_order import order_files
from slide2iiif.iiif.manifest import MANIFEST_NAME, PAGE_NAME
from slide2iiif.options import Options
from slide2iiif.records.documents import document_names, documents, move, write_changed
from slide2iiif.records.equivalence import with_pixel_size
from slide2iiif.records.file_check import CheckTask, check_files
from slide2iiif.records.receipt import Receipt, Settings
from slide2iiif.records.receipts import Receipts
from slide2iiif.records.version import Version, recorded_version
from slide2iiif.stores.base import Store

if TYPE_CHECKING:
    from slide2iiif.site.gallery import Gallery

Pages = Iterable[tuple[str, bytes]]
"""Name and content of each gallery file of a slide."""

_TASK_FILES = 4096
"""Files of a task: some tenths of a second of work."""


def bring_up_to_date(
    store: Store,
    receipts: Receipts,
    version: Version,
    options: Options,
    base_urls: tuple[str, str],
    gallery: "Gallery | None",
) -> bool:
    """Write the documents of an unchanged slide that differ by base URL or pixel size; return True if any did.

    Raises:
        TargetError: the place cannot be written.
    """
    if not version.is_settled:
        receipts.settle(version.receipt, version.digests)
    renewed = with_pixel_size(version.receipt, Settings.of(options))
    is_moved = move(store, receipts, version.receipt, *base_urls, renewed)
    if renewed is not version.receipt and gallery is not None:
        gallery.begin()
        write_changed(store, renewed.identifier, gallery.slide_files(renewed.moved(*base_urls)))
        gallery.changed(renewed.identifier)
    return is_moved


def is_there(store: Store, receipts: Receipts, receipt: Receipt, engine: Engine, within: Deadline) -> bool:
    """Return True if the files of a slide that was made anew are published already, all of them and no others.

    The published files are read, and held against their digests: what is damaged is replaced. Where a slide is not
    published in one step nothing is asked: what is the same there is not put again, file by file.
    """
    if not store.atomic_publish:
        return False
    version = recorded_version(store.public, receipts, receipt.identifier)
    if version is None or not version.is_settled or not _is_same_slide(version.receipt, receipt):
        return False
    if store.access_note(receipt.identifier):
        # Files that come out of this run may be readable.
        return False
    if not store.holds(receipt.identifier) or not version.digests.is_whole(receipt.file_count, receipt.ledger):
        return False
    return not any(checked.findings for _, checked in engine.run(check_files, _tasks(store, version), within))


def keep(store: Store, receipts: Receipts, receipt: Receipt, pages: Pages) -> None:
    """Record a slide whose files are published already; write the pages and documents that differ.

    Raises:
        TargetError: the place cannot be written.
    """
    write_changed(store, receipt.identifier, (*pages, *documents(receipt, Api(receipt.settings.api))))
    receipts.write(receipt)


def _is_same_slide(old: Receipt, new: Receipt) -> bool:
    """Return True if two versions have the same files under the same names, documents apart."""
    return (
        (old.ledger, old.services(), old.settings.api) == (new.ledger, new.services(), new.settings.api)
        and set(document_names(old, ())) == set(document_names(new, ()))
        # Files of their own where others were linked are other files.
        and (old.settings.blank == new.settings.blank or not (old.blank or new.blank))
    )


def _tasks(store: Store, version: Version) -> Iterator[CheckTask]:
    receipt = version.receipt
    names = (*document_names(receipt, ()), MANIFEST_NAME, PAGE_NAME)
    others = frozenset(name.partition("/")[0] for name in names)
    base = 0
    for place, service in version.services.items():
        order = order_files(*service)
        for first in range(0, order.count, _TASK_FILES):
            ordinals = range(first, min(first + _TASK_FILES, order.count))
            yield CheckTask(store.public, receipt.identifier, place, order, ordinals, version.digests, base, others)
        base += order.count
