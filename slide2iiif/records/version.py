"""The version of a slide that is published, while a run replaces it by another, or has ended in between.

Before a slide is replaced, its new receipt is announced: it lies in the place of the old one, without a fingerprint,
and the old one and the digests of the new files lie beside it. So both versions are known at every moment, whatever
ends the run: the swap that is refused, a kill, a power cut. The tree itself tells which of them is there: they differ
in the services of the slide, or in a file, or in a document.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from slide2iiif.errors import Slide2iiifError
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.file_order import order_files
from slide2iiif.iiif.info import DOCUMENT_NAME, read_info
from slide2iiif.iiif.pyramid import Pyramid
from slide2iiif.options import Options
from slide2iiif.records.digests import NO_FILE, RECORD_BYTES, DigestFile, Digests
from slide2iiif.records.documents import documents, is_published
from slide2iiif.records.equivalence import is_made_as
from slide2iiif.records.file_check import is_recorded
from slide2iiif.records.receipt import Receipt, Settings
from slide2iiif.records.receipts import Receipts
from slide2iiif.stores.base import Objects, Staging, Store, UnreadableObjectError

_MOST_COMPARED = 16
"""Files that are looked at, of those in which two versions differ: some may be missing or damaged."""
_CHUNK_RECORDS = 65_536


@dataclass(frozen=True, slots=True)
class Version:
    """Version of a slide: its receipt, and the digests of its files."""

    receipt: Receipt
    digests: Digests
    is_settled: bool = True
    """False if the records know another version as well, which a run was about to replace, or to put in its place."""

    @property
    def services(self) -> dict[str, tuple[Pyramid, Api]]:
        """Pyramid and version of the API of each service, by its path below the slide, with a trailing slash."""
        api = Api(self.receipt.settings.api)
        return {place: (pyramid, api) for place, pyramid in self.receipt.services()}

    @property
    def ordinal_count(self) -> int:
        """Number of records."""
        return self.receipt.file_count

    def paths_at(self, ordinal: int) -> list[str]:
        """Return the paths of a file below the slide."""
        base = 0
        for place, service in self.services.items():
            order = order_files(*service)
            if ordinal < base + order.count:
                return [place + path for path in order.paths_at(ordinal - base)]
            base += order.count
        raise ValueError(ordinal)


def recorded_version(public: Objects, receipts: Receipts, identifier: str) -> Version | None:
    """Return the version of a slide that the records speak of, the one that is published where they know two.

    None where there is no receipt. What is recorded need not be there, nor its digests be whole.

    Raises:
        TargetError: a receipt cannot be read.
    """
    receipt = receipts.read(identifier)
    if receipt is None:
        return None
    if receipt.fingerprint:
        return Version(receipt, receipts.digests(identifier))
    found = _choose(public, [*_known_versions(receipts, receipt)])
    return found or Version(receipt, receipts.digests(identifier))


def published_receipt(store: Store, receipts: Receipts, identifier: str) -> Receipt | None:
    """Return the receipt of the version of a slide that is published; None where none of a known one is.

    Raises:
        TargetError: a receipt cannot be read.
    """
    version = recorded_version(store.public, receipts, identifier)
    return version.receipt if version is not None and is_published(store, version.receipt) else None


def current_version(
    store: Store, receipts: Receipts, options: Options, identifier: str, fingerprint: str
) -> Version | None:
    """Return the version of a slide that is published from this source with these options; None if it must be made.

    Only a few small files are read.
    """
    version = recorded_version(store.public, receipts, identifier)
    if version is None:
        return None
    receipt = version.receipt
    is_current = (
        # A run that ended in between may have put files of the new version over those of the old one.
        (version.is_settled or store.atomic_publish)
        and receipt.fingerprint == fingerprint
        and is_made_as(receipt, Settings.of(options))
        and (receipt.is_lossless or not options.require_lossless)
        and receipts.has_digests(receipt)
        and (store.trusts_records or store.holds(identifier))
    )
    return version if is_current else None


def settle(store: Store, receipts: Receipts, identifier: str) -> None:
    """Record the version of a slide that is published, where a run has ended while it replaced one by another.

    Args:
        store: the tree; entered.
        receipts: receipts of the tree.
        identifier: of the slide.

    Raises:
        TargetError: the records cannot be read or written.
    """
    announced = receipts.read(identifier)
    if announced is None or announced.fingerprint or not store.atomic_publish:
        # Where a slide is not published in one step, files of both versions may be there: it is to be made anew.
        return
    version = _choose(store.public, [*_known_versions(receipts, announced)])
    if version is not None:
        receipts.settle(version.receipt, version.digests)


def publish(
    receipts: Receipts, receipt: Receipt, digests: Sequence[DigestFile], store: Store, staging: Staging
) -> None:
    """Publish a staged slide, and record it.

    Raises:
        TargetError: the place cannot be written. The version that is published is on record, the old one mostly.
    """
    settle(store, receipts, receipt.identifier)
    receipts.announce(receipt, digests)
    try:
        store.publish(receipt.identifier, staging)
    except Slide2iiifError:
        # The error is the one to tell; what cannot be settled now is settled by whoever comes next.
        with suppress(Slide2iiifError):
            settle(store, receipts, receipt.identifier)
        raise
    receipts.write(receipt, digests)


def _known_versions(receipts: Receipts, announced: Receipt) -> Iterator[Version]:
    """Yield the announced version and the one before it, as far as their digests are whole."""
    for receipt in (announced, receipts.previous(announced.identifier)):
        if receipt is None:
            continue
        for digests in (receipts.digests(receipt.identifier), receipts.coming_digests(receipt.identifier)):
            with suppress(UnreadableObjectError):
                if digests.is_whole(receipt.file_count, receipt.ledger):
                    yield Version(receipt, digests, is_settled=False)
                    break


def _choose(public: Objects, known: Sequence[Version]) -> Version | None:
    """Return the one of the known versions that is published; None if none of them is."""
    places = {place for version in known for place in version.services}
    found = {place: _service_at(public, known[0].receipt.identifier + "/" + place) for place in places}
    fitting = [version for version in known if all(found[place] == version.services.get(place) for place in places)]
    if len(fitting) <= 1:
        return next(iter(fitting), None)
    for is_of in (_has_files, _has_documents):
        marks = [is_of(public, version, other) for version, other in zip(fitting, reversed(fitting), strict=True)]
        if marks[0] != marks[1]:
            return fitting[marks.index(max(marks))]
    return fitting[0]


def _service_at(public: Objects, folder: str) -> tuple[Pyramid, Api] | None:
    with suppress(UnreadableObjectError):
        return read_info(public.read(f"{folder}{DOCUMENT_NAME}") or b"")
    return None


def _has_files(public: Objects, version: Version, other: Version) -> int:
    """Count the files that a version has and the other has not, among some in which they differ."""
    return sum(
        is_recorded(public, f"{version.receipt.identifier}/{version.paths_at(ordinal)[0]}", record)
        for ordinal, record in islice(_differing(version, other), _MOST_COMPARED)
    )


def _differing(version: Version, other: Version) -> Iterator[tuple[int, bytes]]:
    """Yield ordinal and record of the files that are others in another version with the same services."""
    for first in range(0, version.ordinal_count, _CHUNK_RECORDS):
        ours, theirs = (each.digests.read(first, _CHUNK_RECORDS) for each in (version, other))
        if ours == theirs:
            continue
        for start in range(0, len(ours), RECORD_BYTES):
            record = ours[start : start + RECORD_BYTES]
            if record not in {theirs[start : start + RECORD_BYTES], NO_FILE}:
                yield first + start // RECORD_BYTES, record


def _has_documents(public: Objects, version: Version, _other: Version) -> int:
    """Count the documents of a version that are there."""
    receipt = version.receipt
    written = documents(receipt, Api(receipt.settings.api))
    return sum(_content(public, f"{receipt.identifier}/{name}") == content for name, content in written)


def _content(public: Objects, name: str) -> bytes | None:
    with suppress(UnreadableObjectError):
        return public.read(name)
    return None
