"""One slide, from its files to its published service, top to bottom.

```
guard ─► current? ─► describe ─► plan ─► stage ─► make ─► check ─► publish ─► record
```

Slides are opened and read in workers only; this process plans and publishes.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from slide2iiif.discovery.fingerprint import take_fingerprint
from slide2iiif.discovery.guard import Guarded
from slide2iiif.discovery.walk import Slide
from slide2iiif.engines.base import Deadlines, Engine
from slide2iiif.errors import SourceError
from slide2iiif.options import Options
from slide2iiif.plan.slide import SlidePlan, plan_slide
from slide2iiif.preflight.quick import check_room
from slide2iiif.progress import Progress
from slide2iiif.publish.kept import bring_up_to_date, is_there, keep
from slide2iiif.publish.results import (
    check_not_lost,
    expected_outcome,
    record_outcome,
    record_receipt,
    unchanged_outcome,
)
from slide2iiif.publish.summary import Outcome, Status
from slide2iiif.records.documents import document_names, put_documents
from slide2iiif.records.receipts import Receipts, staging_state
from slide2iiif.records.version import Version, current_version, publish
from slide2iiif.sources.describe import DescribeTask, describe
from slide2iiif.stores.base import Staging, Store
from slide2iiif.tiles.journal import Journal
from slide2iiif.tiles.make import Maker
from slide2iiif.tiles.staged import StagingChangedError, check_staged

if TYPE_CHECKING:
    from slide2iiif.site.gallery import Gallery

_CHANGED = "had changed while it was read, and was read again"


@dataclass(frozen=True, slots=True)
class SlideExport:
    """Export of single slides, with everything that the slides of a run share."""

    store: Store
    """Place of the tree; entered."""
    receipts: Receipts
    """Receipts of the tree."""
    engine: Engine
    """Engine, already started."""
    options: Options
    """Options that affect the output bytes."""
    base_url: str
    """Base of all ids: the URL of the root of the tree."""
    other_base_url: str
    """Base of the ids of the version that the tree is not stored in."""
    progress: Progress
    """Progress reporter."""
    overwrite: bool = False
    """True to publish unchanged slides anew."""
    gallery: "Gallery | None" = None
    """Pages, manifests and collections; None for a tree without."""
    page_count: int = 0
    """Number of gallery files among those of a slide."""
    _working: threading.Semaphore = field(init=False, repr=False)
    """Limit of slides in work: each worker holds only a few open."""

    def __post_init__(self) -> None:
        # One slide more than workers: while one is being planned, the others keep every core busy.
        object.__setattr__(self, "_working", threading.Semaphore(self.engine.jobs + 1))

    def slide(self, slide: Slide) -> Outcome:
        """Publish one slide completely, or not at all.

        Raises:
            SourceError: it cannot be read.
            TargetError: the place cannot be written.
        """
        fingerprint = take_fingerprint(slide.members)
        version = self._current(slide, fingerprint)
        if version is not None:
            urls = self.base_url, self.other_base_url
            moved = bring_up_to_date(self.store, self.receipts, version, self.options, urls, self.gallery)
            return unchanged_outcome(
                slide, version.receipt, Status.REBASED if moved else Status.UNCHANGED, self.options
            )
        try:
            return self._publish(slide, fingerprint)
        except StagingChangedError:
            # It is discarded by now: nothing is resumed this time.
            return self._publish(slide, fingerprint)
        except SourceError:
            fresh = take_fingerprint(slide.members)
            if fresh == fingerprint:
                raise
        # Written to or replaced while it was read, which any error may come from: once more, from the beginning.
        return replace(self._publish(slide, fresh), reason=_CHANGED)

    def dry_slide(self, slide: Slide) -> Outcome:
        """Return the outcome that `slide` would have, without writing."""
        begun = time.monotonic()
        version = self._current(slide, take_fingerprint(slide.members))
        if version is not None:
            return unchanged_outcome(slide, version.receipt, Status.UNCHANGED, self.options)
        plan = self._plan(slide)
        from slide2iiif.preflight.sampling import estimate_bytes, sample, sample_task

        task = sample_task(slide.path, plan.levels, self.options)
        samples = self.engine.call(sample, task, self._deadlines.block)
        stored_bytes = estimate_bytes(plan.levels, samples)
        return expected_outcome(slide, plan, stored_bytes, time.monotonic() - begun)

    def _publish(self, slide: Slide, fingerprint: str) -> Outcome:
        with ExitStack() as held:
            guard = held.enter_context(Guarded(slide, fingerprint))
            with self._working:
                plan = self._plan(slide)
                staging, is_resumed = held.enter_context(self._staged(slide, plan, fingerprint))
                journals = list(self._make(slide, plan, fingerprint, staging, held))
            guard.check()
            rendered = journals[0].rendered
            check_not_lost(plan.levels, rendered)
            digests = [journal.digests for journal in journals]
            base_urls = self.base_url, self.other_base_url
            receipt = record_receipt(slide, fingerprint, plan, rendered, self.options, base_urls, digests)
            pages = [] if self.gallery is None else self.gallery.slide_files(receipt)
            if is_resumed:
                others = frozenset(name.partition("/")[0] for name in document_names(receipt, pages))
                within = self._deadlines.checking
                check_staged(plan.services, journals, staging, others, self.engine, within)
            is_same = is_there(self.store, self.receipts, receipt, self.engine, self._deadlines.checking)
            if is_same:
                keep(self.store, self.receipts, receipt, pages)
            else:
                put_documents(receipt, pages, staging)
                publish(self.receipts, receipt, digests, self.store, staging)
        # The older version, now that the new one is on record: to delete a million files takes a while.
        self.store.drop(staging)
        if self.gallery is not None:
            self.gallery.changed(slide.identifier)
        seconds = sum(each.rendered.seconds for each in journals)
        return replace(record_outcome(slide, plan, Status.EXPORTED, rendered, seconds), is_same=is_same)

    def _current(self, slide: Slide, fingerprint: str) -> Version | None:
        """Return the version if the slide is published already with these options; None if it must be made."""
        if self.overwrite:
            return None
        return current_version(self.store, self.receipts, self.options, slide.identifier, fingerprint)

    @property
    def _deadlines(self) -> Deadlines:
        return Deadlines(self.options.open_timeout, self.options.block_timeout)

    def _plan(self, slide: Slide) -> SlidePlan:
        options = self.options
        task = DescribeTask(slide.path, options.crop_to_bounds, options.associated, options.properties)
        described = self.engine.call(describe, task, self._deadlines.opening)
        return plan_slide(slide.identifier, described, options, self.page_count)

    @contextmanager
    def _staged(self, slide: Slide, plan: SlidePlan, fingerprint: str) -> Iterator[tuple[Staging, bool]]:
        """Resume the staging of an interrupted run, True, or prepare a new one; discard it if the slide fails."""
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

    def _make(
        self, slide: Slide, plan: SlidePlan, fingerprint: str, staging: Staging, held: ExitStack
    ) -> Iterator[Journal]:
        """Make the tiles of all services; yield the journal of each."""
        if self.gallery is not None:
            self.gallery.begin()
        maker = Maker(slide.path, fingerprint, self.options, self.engine, self._deadlines)
        for service in plan.services:
            place = staging.below(service.place) if service.place else staging
            journal = held.enter_context(Journal(place.scratch, service.order))
            self.progress.started(slide.identifier, service.tile_count)
            maker.continue_tiles(service, place, journal, lambda tiles: self.progress.stored(slide.identifier, tiles))
            yield journal
