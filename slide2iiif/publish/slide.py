"""One slide, from its files to its published service, top to bottom.

```
guard ─► keep? ─► describe ─► plan ─► stage ─► make ─► check ─► publish ─► settle
```

Slides are opened and read in workers only; this process plans and publishes.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Self

from slide2iiif.discovery.fingerprint import ContentTask, digest_content, take_fingerprint
from slide2iiif.discovery.guard import Guarded
from slide2iiif.discovery.walk import Slide
from slide2iiif.engines.base import Deadlines, Engine
from slide2iiif.errors import SourceError
from slide2iiif.plan.slide import SlidePlan, plan_slide
from slide2iiif.progress import Progress
from slide2iiif.publish.results import check_not_lost, record_outcome
from slide2iiif.publish.summary import Outcome, Status
from slide2iiif.publish.tree import Tree
from slide2iiif.sources.describe import DescribeTask, describe
from slide2iiif.stores.base import Staging
from slide2iiif.tiles.journal import Journal
from slide2iiif.tiles.make import Maker
from slide2iiif.tiles.staged import StagingChangedError, check_staged
from slide2iiif.tiles.tasks import Rendered

_CHANGED = "had changed while it was read, and was read again"


@dataclass(frozen=True, slots=True)
class SlideExport:
    """Export of single slides, with everything that the slides of a run share."""

    tree: Tree
    """Tree that they are published into."""
    engine: Engine
    """Engine, already started."""
    progress: Progress
    """Progress reporter."""
    _working: threading.Semaphore = field(init=False, repr=False)
    """Limit of slides in work: each worker holds only a few open."""

    def __post_init__(self) -> None:
        # One slide more than workers: while one is being planned, the others keep every core busy.
        object.__setattr__(self, "_working", threading.Semaphore(self.engine.jobs + 1))

    def of(self, slide: Slide) -> Self:
        """Return the export of one slide, with the settings of its own.

        Raises:
            SourceError: two rules for it disagree.
        """
        tree = self.tree.of(slide)
        if tree is self.tree:
            return self
        own = copy(self)
        object.__setattr__(own, "tree", tree)
        return own

    def slide(self, slide: Slide) -> Outcome:
        """Publish one slide completely, or not at all.

        Raises:
            SourceError: it cannot be read.
            TargetError: the place cannot be written.
        """
        fingerprint = take_fingerprint(slide.members)
        kept = self.tree.keep(slide, fingerprint, lambda: self._content(slide))
        if kept is not None:
            return kept
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
        """Return the outcome that `slide` would have, and do to a tree on trial what it would do."""
        from slide2iiif.publish.expected import expected_outcome

        begun = time.monotonic()
        fingerprint = take_fingerprint(slide.members)
        kept = self.tree.keep(slide, fingerprint, lambda: self._content(slide), dry=True)
        if kept is not None:
            return kept
        plan = self._plan(slide)
        expected = expected_outcome(slide, plan, self.tree.options, self.engine)
        self.tree.expect(slide, fingerprint, plan, Rendered(plan.levels.origins, expected.stored_bytes))
        return replace(expected, seconds=time.monotonic() - begun)

    def _publish(self, slide: Slide, fingerprint: str) -> Outcome:
        with ExitStack() as held:
            guard = held.enter_context(Guarded(slide, fingerprint))
            with self._working:
                plan = self._plan(slide)
                staging, is_resumed = held.enter_context(self.tree.staged(slide, plan, fingerprint))
                journals = list(self._make(slide, plan, fingerprint, staging, held))
                made_of = fingerprint, self._content(slide)
            guard.check()
            rendered, digests = journals[0].rendered, [journal.digests for journal in journals]
            check_not_lost(plan.levels, rendered)
            receipt = self.tree.receipt(slide, made_of, plan, rendered, digests)
            if is_resumed:
                others = self.tree.document_folders(receipt)
                check_staged(plan.services, journals, staging, others, self.engine, self._deadlines.checking)
            is_same = self.tree.publish(receipt, digests, staging, self.engine, self._deadlines.checking)
        self.tree.settle(slide.identifier, staging)
        seconds = sum(each.rendered.seconds for each in journals)
        return replace(record_outcome(slide, plan, Status.EXPORTED, rendered, seconds), is_same=is_same)

    @property
    def _deadlines(self) -> Deadlines:
        return Deadlines(self.tree.options.open_timeout, self.tree.options.block_timeout)

    def _content(self, slide: Slide) -> str:
        return self.engine.call(digest_content, ContentTask(slide.members), self._deadlines.block)

    def _plan(self, slide: Slide) -> SlidePlan:
        options = self.tree.options
        task = DescribeTask(slide.path, options.crop_to_bounds, options.associated, options.properties)
        described = self.engine.call(describe, task, self._deadlines.opening)
        return plan_slide(slide.identifier, described, options, self.tree.page_count)

    def _make(
        self, slide: Slide, plan: SlidePlan, fingerprint: str, staging: Staging, held: ExitStack
    ) -> Iterator[Journal]:
        """Make the tiles of all services; yield the journal of each."""
        if self.tree.gallery is not None:
            self.tree.gallery.begin()
        maker = Maker(slide.path, fingerprint, self.tree.options, self.engine, self._deadlines)
        for service in plan.services:
            place = staging.below(service.place) if service.place else staging
            journal = held.enter_context(Journal(place.scratch, service.order))
            self.progress.started(slide.identifier, service.tile_count)
            maker.continue_tiles(service, place, journal, lambda tiles: self.progress.stored(slide.identifier, tiles))
            yield journal
