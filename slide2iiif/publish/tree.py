"""Tree that a run publishes into: what it holds already, and how one more slide comes into it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from slide2iiif.discovery.fingerprint import size_of
from slide2iiif.discovery.walk import Slide
from slide2iiif.engines.base import Deadline, Engine
from slide2iiif.options import Options
from slide2iiif.plan.slide import SlidePlan
from slide2iiif.preflight.quick import check_room
from slide2iiif.publish.kept import bring_up_to_date, is_there, keep
from slide2iiif.publish.replaced import note_replaced, put_on_trial
from slide2iiif.publish.results import record_receipt, unchanged_outcome
from slide2iiif.publish.slide_settings import SlideSettings, SlideValues
from slide2iiif.publish.summary import Outcome, Status
from slide2iiif.records.digests import DigestFile
from slide2iiif.records.documents import document_names, put_documents
from slide2iiif.records.receipt import Receipt
from slide2iiif.records.receipts import Receipts, staging_state
from slide2iiif.records.version import Version, current_version, publish
from slide2iiif.stores.base import Staging, Store
from slide2iiif.stores.tally import Tally
from slide2iiif.tiles.tasks import Rendered

if TYPE_CHECKING:
    from slide2iiif.site.gallery import Gallery

ContentDigest = Callable[[], str]
"""Function that returns the digest of the content of a slide's files."""


@dataclass(frozen=True, slots=True)
class Tree:
    """Place, records and pages of a tree, with the options and URLs of a run."""

    store: Store
    """Place of the tree; entered."""
    receipts: Receipts
    """Receipts of the tree."""
    options: Options
    """Options that affect the output bytes."""
    base_url: str
    """Base of all ids: the URL of the root of the tree."""
    other_base_url: str
    """Base of the ids of the version that the tree is not stored in."""
    overwrite: bool = False
    """True to publish unchanged slides anew."""
    gallery: "Gallery | None" = None
    """Pages, manifests and collections; None for a tree without."""
    page_count: int = 0
    """Number of gallery files among those of a slide."""
    settings: SlideSettings | None = None
    """Settings of single slides; None where all have the options of the tree."""
    tally: Tally | None = None
    """Count of the files that are written."""
    values: SlideValues | None = None
    """Settings of the slide that this is for; None for those of the tree."""

    def of(self, slide: Slide) -> "Tree":
        """Return the tree with the settings of one slide.

        Raises:
            SourceError: two rules for it disagree.
        """
        values = self.settings.of(slide) if self.settings is not None else None
        if values is None:
            return self
        return replace(self, options=values.options, values=values)

    def keep(self, slide: Slide, fingerprint: str, digest: ContentDigest, *, dry: bool = False) -> Outcome | None:
        """Keep a slide that is published from these files with these options; return None if it must be made.

        Args:
            slide: the slide.
            fingerprint: fingerprint of its files.
            digest: reads the content of its files.
            dry: True to say what would be done; the tree is one on trial.

        Raises:
            TargetError: its documents cannot be written.
        """
        if self.overwrite:
            return None
        version = current_version(self.store, self.receipts, self.options, slide.identifier, fingerprint)
        if version is None:
            version = self._restored(slide, fingerprint, digest)
            if version is None:
                return None
            self.receipts.write(version.receipt)
        receipt = version.receipt
        kept = self._corrected(receipt)
        if kept != receipt:
            version = replace(version, receipt=kept)
            if version.is_settled:
                self.receipts.write(kept)
        urls = self.base_url, self.other_base_url
        is_moved = bring_up_to_date(self.store, self.receipts, version, self.options, urls, self.gallery)
        if kept.words != receipt.words and self.gallery is not None:
            self.gallery.renamed(self.receipts.read(slide.identifier) or kept)
        moved = Status.REBASABLE if dry else Status.REBASED
        return unchanged_outcome(slide, version.receipt, moved if is_moved else Status.UNCHANGED, self.options)

    def _corrected(self, receipt: Receipt) -> Receipt:
        if self.values is None:
            return receipt
        return replace(receipt, own=dict(self.values.own), words=dict(self.values.words))

    def _restored(self, slide: Slide, fingerprint: str, digest: ContentDigest) -> Version | None:
        """Return the version of a slide whose files have another fingerprint and the content that is published."""
        receipt = self.receipts.read(slide.identifier)
        if receipt is None or not receipt.content or receipt.content_size != size_of(slide.members):
            return None
        version = current_version(
            self.store, self.receipts, self.options, slide.identifier, receipt.fingerprint or fingerprint
        )
        if version is None or digest() != version.receipt.content:
            return None
        return replace(version, receipt=replace(version.receipt, fingerprint=fingerprint))

    @contextmanager
    def staged(self, slide: Slide, plan: SlidePlan, fingerprint: str) -> Iterator[tuple[Staging, bool]]:
        """Resume the staging of an interrupted run, True, or prepare a new one; discard it if the slide fails.

        Raises:
            SourceError: the slide does not fit.
            TargetError: the place cannot be written.
        """
        state = staging_state(fingerprint, self.options, plan.levels.steps)
        staging = self.store.resume(slide.identifier, state)
        is_resumed = staging is not None
        if staging is None:
            check_room(self.store, slide, plan.services, self.options)
            staging = self.store.stage(slide.identifier, state)
        try:
            yield staging, is_resumed
        except BaseException:
            self.store.discard(staging)
            raise

    def receipt(
        self,
        slide: Slide,
        made_of: tuple[str, str],
        plan: SlidePlan,
        rendered: Rendered,
        digests: Sequence[DigestFile],
    ) -> Receipt:
        """Return the receipt of a slide whose tiles are staged; `made_of` is fingerprint and content of its files."""
        fingerprint, content = made_of
        base_urls = self.base_url, self.other_base_url
        receipt = record_receipt(slide, fingerprint, plan, rendered, self.options, base_urls, digests)
        return self._corrected(replace(receipt, content=content, content_size=size_of(slide.members)))

    def document_folders(self, receipt: Receipt) -> frozenset[str]:
        """Return the names, at the top of a slide, of all that is put beside its tiles."""
        return frozenset(name.partition("/")[0] for name in document_names(receipt, self._pages(receipt)))

    def publish(
        self, receipt: Receipt, digests: Sequence[DigestFile], staging: Staging, engine: Engine, within: Deadline
    ) -> bool:
        """Publish a slide whose tiles are staged: documents, the slide in one step, its record.

        Args:
            receipt: its receipt.
            digests: digests of its services.
            staging: its files.
            engine: engine, already started.
            within: time limit of a check of some published files.

        Returns:
            True if the same files were published already, and are left as they are.

        Raises:
            TargetError: the place cannot be written.
        """
        pages = self._pages(receipt)
        is_same = is_there(self.store, self.receipts, receipt, engine, within)
        if is_same:
            keep(self.store, self.receipts, receipt, pages)
        else:
            put_documents(receipt, pages, staging)
            note_replaced(self.tally, self.store, self.receipts.read(receipt.identifier), receipt, pages)
            publish(self.receipts, receipt, digests, self.store, staging)
        return is_same

    def expect(self, slide: Slide, fingerprint: str, plan: SlidePlan, rendered: Rendered) -> None:
        """Put the documents of a slide that would be published into a tree on trial."""
        if self.gallery is not None:
            self.gallery.begin()
            self.gallery.changed(slide.identifier)
        receipt = self.receipt(slide, (fingerprint, ""), plan, rendered, ())
        put_on_trial(self.store, self.receipts.read(slide.identifier), receipt, self._pages(receipt))
        self.receipts.write(receipt)

    def settle(self, identifier: str, staging: Staging) -> None:
        """Delete the older version of a slide, now that the new one is on record: a million files take a while."""
        self.store.drop(staging)
        if self.gallery is not None:
            self.gallery.changed(identifier)

    def _pages(self, receipt: Receipt) -> list[tuple[str, bytes]]:
        return [] if self.gallery is None else self.gallery.slide_files(receipt)
