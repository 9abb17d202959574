"""Export of many slides: a few at a time, each failing alone.

Several slides are in flight at once, each in a thread that mostly waits, so that small slides keep all cores and the
disk busy.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TypeVar

from slide2iiif.discovery.walk import PassedOver, Slide, Unusable
from slide2iiif.engines.base import Engine
from slide2iiif.errors import Slide2iiifError, TargetError
from slide2iiif.publish.slide import SlideExport
from slide2iiif.publish.summary import Outcome, Status, Summary

Item = TypeVar("Item")

_PUBLISHED_TOGETHER = 4
"""Slides that may wait for the disk, beside those in work. One sync serves all that wait at the same time."""


@dataclass(frozen=True, slots=True)
class Export(SlideExport):
    """One run over many slides."""

    def slides(self, found: Iterable[Slide | Unusable]) -> Summary:
        """Publish all slides that are found. A slide that fails does not stop the others.

        Raises:
            TargetError: the place cannot be written; the slides that are left are not published.
        """
        return self._each(found, lambda slide: self.of(slide).slide(slide))

    def plans(self, found: Iterable[Slide | Unusable]) -> Summary:
        """Return the results that `slides` would have. The store must be one on trial."""
        return self._each(found, lambda slide: self.of(slide).dry_slide(slide))

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
    """Return the number of slides that are in flight at a time."""
    return engine.jobs + 1 + _PUBLISHED_TOGETHER if engine.jobs > 1 else 1


def _in_threads(
    items: Iterable[Item], work: Callable[[Item], Outcome], in_flight: int, cancel: Callable[[], None]
) -> Iterator[Outcome]:
    """Run work on a few items at a time; take the next item when one is done."""
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
