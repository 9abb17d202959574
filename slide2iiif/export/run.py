"""The flow of an export, top to bottom.

```
walk ─► slides ─► source ─► pyramid ─► blocks ─► tiles ─► store ─► publish
        (which)   (open)    (plan,     (work     (bytes)  (put)    (info.json
                             pure)      units)                      last)
```

Slides are opened and read in workers only; this process walks, plans and publishes. Several slides are in
flight at once, each in a thread that mostly waits, so that small slides leave neither a core idle nor the disk.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from slide2iiif import __version__
from slide2iiif.discovery.fingerprint import check_unchanged, take_fingerprint
from slide2iiif.discovery.guard import FolderWatch, ways_to
from slide2iiif.discovery.walk import PassedOver, Slide, Unusable
from slide2iiif.engines.base import Engine
from slide2iiif.errors import Slide2iiifError, SourceError, TargetError
from slide2iiif.export.results import check_not_lost, record_outcome, record_receipt
from slide2iiif.export.summary import Outcome, Status, Summary
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.file_order import order_files
from slide2iiif.options import Icc, Options
from slide2iiif.plan.service import SlidePlan, check_lossless, plan_slide
from slide2iiif.preflight.quick import has_plenty
from slide2iiif.progress import Progress
from slide2iiif.records.digests import digest_of, whole_ledger
from slide2iiif.records.documents import documents, move
from slide2iiif.records.receipt import Receipt, Settings
from slide2iiif.records.receipts import Receipts, current_receipt
from slide2iiif.sources.describe import describe, describe_scanned_area
from slide2iiif.stores.base import Staging, Store
from slide2iiif.tiles.intermediate import handed_on_picture
from slide2iiif.tiles.journal import Journal
from slide2iiif.tiles.render import render
from slide2iiif.tiles.schedule import concurrent_passes, render_tasks, slide_task
from slide2iiif.tiles.tasks import Rendered

if TYPE_CHECKING:
    from slide2iiif.site.gallery import Gallery
    from slide2iiif.sources.describe import Disclosed

Item = TypeVar("Item")

_CHANGED = "had changed while it was read, and was read again"

_PUBLISHED_TOGETHER = 4
"""Slides that may wait for the disk beside those that are worked on. They wait together, which costs it less."""


@dataclass(frozen=True, slots=True)
class Export:
    """One run: everything that its slides share."""

    store: Store
    """Where tiles go; entered."""
    receipts: Receipts
    """What is published."""
    engine: Engine
    """What runs the work; entered."""
    options: Options
    """What decides the files."""
    base_url: str
    """Base of all ids: the URL of the root of the tree."""
    other_base_url: str
    """Base of the ids of the version that the tree is not stored in."""
    progress: Progress
    """Whom to tell."""
    overwrite: bool = False
    """Publish anew what is published and unchanged."""
    gallery: "Gallery | None" = None
    """Pages, manifests and collections; None for a tree without."""
    page_count: int = 0
    """Files of the gallery that lie with those of a slide."""
    _working: threading.Semaphore = field(init=False, repr=False)
    """Keeps slides that are worked on few: each worker holds only a few open."""

    def __post_init__(self) -> None:
        # One slide more than workers: while one is being planned, the others keep every core busy.
        object.__setattr__(self, "_working", threading.Semaphore(self.engine.jobs + 1))

    def slides(self, found: Iterable[Slide | Unusable]) -> Summary:
        """Publish all slides that are found. A slide that fails does not stop the others.

        Raises:
            TargetError: the place cannot be written; slides not yet published are not.
        """
        return self._each(found, self.slide)

    def plans(self, found: Iterable[Slide | Unusable]) -> Summary:
        """Say what `slides` would do, without writing."""
        return self._each(found, self.dry_slide)

    def slide(self, slide: Slide) -> Outcome:
        """Publish one slide: the whole of it or nothing.

        Raises:
            SourceError: it cannot be read.
            TargetError: the place cannot be written.
        """
        begun = time.monotonic()
        fingerprint = take_fingerprint(slide.members)
        receipt = self._published(slide, fingerprint)
        if receipt is not None:
            moved = move(self.store, self.receipts, receipt, self.base_url, self.other_base_url)
            status = Status.REBASED if moved else Status.UNCHANGED
            return Outcome(slide.identifier, status, levels=tuple(receipt.levels), source=slide.source)
        try:
            return self._publish(slide, fingerprint, begun)
        except SourceError:
            fresh = take_fingerprint(slide.members)
            if fresh == fingerprint:
                raise
        # Written to or replaced while it was read, which any error may come from: once more, from the beginning.
        return replace(self._publish(slide, fresh, begun), reason=_CHANGED)

    def _publish(self, slide: Slide, fingerprint: str, begun: float) -> Outcome:
        with ExitStack() as made:
            watch = made.enter_context(FolderWatch(ways_to(slide)))
            slide.check_inside()
            with self._working:
                plan = self._plan(slide)
                disclosed = self._disclosed(slide)
                staging = self._stage(slide, plan, fingerprint, self._plan_associated(slide, disclosed))
                made.enter_context(self._discarded_if_it_fails(staging))
                journal = made.enter_context(Journal(staging.scratch, order_files(plan.pyramid, plan.api)))
                if self.gallery is not None:
                    self.gallery.begin()
                self._render(slide, fingerprint, plan, staging, journal)
                beside = self._render_associated(slide, fingerprint, disclosed, staging, made)
            # Where a link leads by now there are other files, or none.
            check_unchanged(slide.members, fingerprint)
            watch.check()
            check_not_lost(plan, journal.rendered)
            ledger = [journal.ledger, *(each.ledger for _, each in beside)]
            services = [each for each, _ in beside]
            receipt = record_receipt(
                slide,
                fingerprint,
                plan,
                journal.rendered,
                self.options,
                base_urls=(self.base_url, self.other_base_url),
                properties=disclosed.properties if disclosed else {},
                beside=services,
                ledger=digest_of(whole_ledger(ledger)),
            )
            self._put_documents(receipt, plan.api, staging)
            self.receipts.announce(receipt)
            self.store.publish(slide.identifier, staging)
            self.receipts.write(receipt, ledger)
            # The older version, now that the new one is on record: to delete a million files takes a while.
            self.store.drop_replaced(staging)
            if self.gallery is not None:
                self.gallery.changed(slide.identifier)
        return record_outcome(slide, plan, Status.EXPORTED, journal.rendered, time.monotonic() - begun, services)

    def dry_slide(self, slide: Slide) -> Outcome:
        """Say what `slide` would do."""
        begun = time.monotonic()
        receipt = self._published(slide, take_fingerprint(slide.members))
        if receipt is not None:
            return Outcome(slide.identifier, Status.UNCHANGED, levels=tuple(receipt.levels), source=slide.source)
        plan = self._plan(slide)
        from slide2iiif.preflight.sampling import estimate_bytes, sample, sample_task

        [(_, samples)] = self.engine.run(sample, [sample_task(slide.path, plan, self.options)])
        expected = Rendered(plan.origins, estimate_bytes(plan, samples))
        disclosed = self._disclosed(slide)
        beside = self._plan_associated(slide, disclosed)
        return record_outcome(slide, plan, Status.PLANNED, expected, time.monotonic() - begun, beside)

    @contextmanager
    def _discarded_if_it_fails(self, staging: Staging) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.store.discard(staging)
            raise

    def _published(self, slide: Slide, fingerprint: str) -> Receipt | None:
        """Give the receipt if exactly this is published already, by looking at a few small files."""
        if self.overwrite:
            return None
        return current_receipt(self.store, self.receipts, self.options, slide.identifier, fingerprint)

    def _plan(self, slide: Slide) -> SlidePlan:
        [(_, description)] = self.engine.run(
            describe_scanned_area if self.options.crop_to_bounds else describe, [slide.path]
        )
        plan = plan_slide(slide.identifier, description, self.options, self.page_count)
        if self.options.require_lossless:
            check_lossless(plan)
        return plan

    def _stage(self, slide: Slide, plan: SlidePlan, fingerprint: str, beside: list[SlidePlan]) -> Staging:
        """Prepare the place of a slide: the one that a run which was stopped has left, or a new one."""
        # All that decides the files and the steps to them.
        state = repr((__version__, fingerprint, Settings.of(self.options), plan.pyramid, plan.passes, plan.encoding))
        staging = self.store.resume(slide.identifier, state)
        if staging is None:
            self._check_room(slide, [plan, *beside])
            staging = self.store.stage(slide.identifier, state)
        return staging

    def _check_room(self, slide: Slide, services: list[SlidePlan]) -> None:
        capacity = self.store.capacity()
        if capacity is not None and not has_plenty(capacity, [slide]):
            from slide2iiif.preflight.footprint import check_slide_fits

            check_slide_fits(services, self.options, capacity)

    def _render(self, slide: Slide, fingerprint: str, plan: SlidePlan, staging: Staging, journal: Journal) -> None:
        handed_on = [
            handed_on_picture(staging, plan.pyramid, pass_.hands_on)
            for pass_ in plan.passes
            if pass_.hands_on is not None
        ]
        if journal.is_empty or not all(picture.is_there for picture in handed_on):
            journal.begin_anew()
            for picture in handed_on:
                picture.create()
        self.progress.started(slide.identifier, plan.tile_count)
        self.progress.stored(slide.identifier, journal.rendered.tiles)
        task = slide_task(slide.path, fingerprint, plan, self.options, staging)
        for group in concurrent_passes(plan):
            for done, rendered in self.engine.run(render, render_tasks(task, plan, group, journal.is_done)):
                journal.add(done, rendered)
                self.progress.stored(slide.identifier, rendered.tiles)

    def _disclosed(self, slide: Slide) -> "Disclosed | None":
        """Find what a slide has of what may go out besides its levels; None, unless something was asked for."""
        if not self.options.associated and not self.options.properties:
            return None
        from slide2iiif.sources.describe import Wish, disclose

        wish = Wish(slide.path, self.options.associated, self.options.properties)
        [(_, disclosed)] = self.engine.run(disclose, [wish])
        return disclosed

    def _plan_associated(self, slide: Slide, disclosed: "Disclosed | None") -> list[SlidePlan]:
        if disclosed is None:
            return []
        from slide2iiif.plan.slide import plan_associated

        pictures = disclosed.associated.items()
        return [plan_associated(slide.identifier, name, size, self.options) for name, size in pictures]

    def _render_associated(
        self, slide: Slide, fingerprint: str, disclosed: "Disclosed | None", staging: Staging, journals: ExitStack
    ) -> list[tuple[SlidePlan, Journal]]:
        """Make the services of the pictures beside the levels."""
        if disclosed is None:
            return []
        from slide2iiif.plan.slide import associated_path
        from slide2iiif.tiles.associated import PictureTask, hand_on

        beside: list[tuple[SlidePlan, Journal]] = []
        plans = self._plan_associated(slide, disclosed)
        for name, plan in zip(disclosed.associated, plans, strict=True):
            below = staging.below(associated_path(name))
            picture = handed_on_picture(below, plan.pyramid, 0)
            picture.create()
            list(self.engine.run(hand_on, [PictureTask(slide.path, name, picture, self.options.icc is Icc.SRGB)]))
            journal = journals.enter_context(Journal(below.scratch, order_files(plan.pyramid, plan.api)))
            self._render(slide, fingerprint, plan, below, journal)
            beside.append((plan, journal))
        return beside

    def _put_documents(self, receipt: Receipt, api: Api, staging: Staging) -> None:
        files = [] if self.gallery is None else self.gallery.slide_files(receipt)
        with staging.opened() as place:
            for name, content in (*files, *documents(receipt, api)):
                place.put([name], content)

    def _each(self, found: Iterable[Slide | Unusable], work: Callable[[Slide], Outcome]) -> Summary:
        begun = time.monotonic()
        summary = Summary()
        together = in_flight(self.engine)
        for outcome in _in_threads(found, lambda each: self._guard(each, work), together, self.engine.cancel):
            summary.add(outcome)
            self.progress.finished(outcome.identifier, outcome.status, outcome.reason)
        summary.seconds = time.monotonic() - begun
        return summary

    def _guard(self, found: Slide | Unusable, work: Callable[[Slide], Outcome]) -> Outcome:
        if isinstance(found, PassedOver):
            return Outcome(str(found.path), Status.PASSED_OVER, found.reason)
        if isinstance(found, Unusable):
            return Outcome(str(found.path), Status.FAILED, found.reason)
        try:
            return work(found)
        except TargetError:
            raise
        except Slide2iiifError as error:
            return Outcome(found.identifier, Status.FAILED, str(error), source=found.source)
        except Exception as error:
            # A bug of ours, or a library's class that no seam knows yet: it costs this slide and is reported.
            logging.getLogger(__name__).exception("unexpected error in %s", found.identifier)
            reason = f"unexpected {type(error).__name__}: {error} (please report this; -v shows where)"
            return Outcome(found.identifier, Status.FAILED, reason, source=found.source)


def in_flight(engine: Engine) -> int:
    """Give how many slides are under way at a time."""
    return engine.jobs + 1 + _PUBLISHED_TOGETHER if engine.jobs > 1 else 1


def _in_threads(
    items: Iterable[Item], work: Callable[[Item], Outcome], in_flight: int, cancel: Callable[[], None]
) -> Iterator[Outcome]:
    """Do work on a few items at a time, taking the next one when one is done."""
    with ThreadPoolExecutor(in_flight, "slide") as threads:
        running: set[Future[Outcome]] = set()
        try:
            for item in items:
                running.add(threads.submit(work, item))
                if len(running) >= in_flight:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        except BaseException:
            # Before the threads are waited for: they end only when their tasks do.
            cancel()
            raise
