"""Thorough check of the free space for a run, where space may be short: every slide is opened.

Slides are opened to count their files; if that does not decide, some tiles of each are encoded. A run is refused only
if it cannot fit, whatever the content of its tiles; if it may not fit, the user is warned and it goes on.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from slide2iiif.discovery.walk import Slide
from slide2iiif.engines.base import Deadline, Deadlines, Engine, Result, Task
from slide2iiif.errors import SourceError, WorkerError
from slide2iiif.options import Blank, Options
from slide2iiif.plan.service import ServicePlan
from slide2iiif.plan.slide import SlidePlan, plan_slide
from slide2iiif.preflight.footprint import (
    RECORD_INODES,
    Step,
    expected_footprint,
    least_footprint,
    most_footprint,
    peak_footprint,
    published_footprint,
    record_footprint,
    scratch_footprint,
    slide_footprint,
)
from slide2iiif.preflight.sampling import Density, SampleTask, sample, sample_task
from slide2iiif.preflight.space import Footprint, Verdict, shortage
from slide2iiif.records.receipts import Receipts
from slide2iiif.sources.base import Described
from slide2iiif.sources.describe import DescribeTask, describe
from slide2iiif.stores.base import Capacity, Store

_ACCURACY = 1.15
"""Factor by which bytes that are estimated from samples may be too small or too large."""

_RUN_FOOTPRINT = Footprint(24, 400_000)
"""Footprint of a tree without slides: private folder, lock, staging, state, style and scripts."""

_FOLDER_INODES = 6
"""Inodes of a folder of slides: with page and collection in the tree; two folders and a state in the private one."""

_LEAST_FOLDER_INODES = 2
"""Inodes of a folder of slides without pages: one in the tree, one in the private folder."""


Samples = Mapping[tuple[int, str], Mapping[int, Density]]
"""Density of levels, by number of the slide and name of the picture."""


@dataclass(frozen=True, slots=True)
class ThoroughCheck:
    """Check of a run that is about to begin."""

    store: Store
    """Target of the run; not entered."""
    receipts: Receipts
    """Receipts of the target."""
    engine: Engine
    """Engine, already started."""
    options: Options
    """Options that affect the output bytes."""
    page_count: int
    """Number of gallery files among those of a slide."""
    together: int
    """Number of slides in flight."""

    def judge(self, due: Sequence[Slide], capacity: Capacity) -> Verdict:
        """Return the verdict on the free space for some slides."""
        services = self._plans(due)
        if not services:
            return Verdict(capacity)
        left = _with_left_over(capacity, *self.store.left_over())
        footprint = _RunFootprint(self, due, services, left)
        upper = footprint.most()
        if not shortage(upper, left):
            return Verdict(capacity)
        subject, lower = _subject(due, services), footprint.least()
        sureness = "" if lower.inodes == upper.inodes else "at least"
        if shortage(footprint.least(one_by_one=True), left):
            return Verdict(capacity, f"{subject} {shortage(lower, left, about='at least', inodes_about=sureness)}")
        samples = self._samples(due, services)
        likely = footprint.expected(samples)
        if footprint.expected(samples, one_by_one=True).size > left.size * _ACCURACY:
            return Verdict(capacity, f"{subject} {shortage(lower.at_size(likely), left, inodes_about=sureness)}")
        doubt = shortage(upper.at_size(likely, _ACCURACY), left, about="up to", inodes_about=sureness and "up to")
        return Verdict(capacity, doubt=doubt and f"{subject} {doubt}")

    def _plans(self, due: Sequence[Slide]) -> dict[int, SlidePlan]:
        """Plan slides, by number; those that cannot be planned fail in their turn and are left out."""
        options = self.options
        tasks = [DescribeTask(slide.path, options.crop_to_bounds, options.associated) for slide in due]
        numbers = {id(task): number for number, task in enumerate(tasks)}
        found: dict[int, SlidePlan] = {}
        for task, described in self._run_all(describe_if_readable, tasks, self._deadlines.opening):
            if described is None:
                continue
            number = numbers[id(task)]
            with suppress(SourceError):
                found[number] = plan_slide(due[number].identifier, described, options, self.page_count)
        return dict(sorted(found.items()))

    def _samples(self, due: Sequence[Slide], plans: Mapping[int, SlidePlan]) -> Samples:
        """Sample services, by number and name of picture; those that cannot be read are left out."""
        tasks = {
            (number, service.picture): sample_task(due[number].path, service, self.options)
            for number, plan in plans.items()
            for service in plan.services
        }
        keys = {id(task): key for key, task in tasks.items()}
        found = self._run_all(sample_if_readable, list(tasks.values()), self._deadlines.block)
        return {keys[id(task)]: samples for task, samples in found if samples}

    @property
    def _deadlines(self) -> Deadlines:
        return Deadlines(self.options.open_timeout, self.options.block_timeout)

    def _run_all(
        self, function: Callable[[Task], Result], tasks: Sequence[Task], within: Deadline
    ) -> Iterator[tuple[Task, Result]]:
        """Run tasks until a worker dies; the slide fails again later, in its turn, with the message."""
        try:
            yield from self.engine.run(function, tasks, within)
        except WorkerError:
            return


OfService = Callable[[int, ServicePlan], Footprint]
"""Function from the number of a slide and the plan of a service to the footprint of the service."""


@dataclass(frozen=True, slots=True)
class _RunFootprint:
    """Footprint of a run: upper bound, lower bound, and estimate from samples.

    Each includes everything beside the slides, with several slides in flight; or, one by one, only slides and folders:
    a run that does not fit then can never fit.
    """

    run: ThoroughCheck
    """Run to check."""
    due: Sequence[Slide]
    """Slides that will be published."""
    services: Mapping[int, SlidePlan]
    """Plans by number of the slide; those that cannot be planned are left out."""
    capacity: Capacity
    """Free space and units of allocation of the file system."""

    def most(self) -> Footprint:
        """Return the upper bound, for tiles of any content."""
        return self._sum(lambda _, plan: most_footprint(plan, self.capacity))

    def least(self, *, one_by_one: bool = False) -> Footprint:
        """Return the lower bound, for tiles of any content."""
        return self._sum(self._least_of, one_by_one=one_by_one)

    def expected(self, samples: Samples, *, one_by_one: bool = False) -> Footprint:
        """Return the estimate from samples; of services without samples, the lower bound."""

        def expected_of(number: int, plan: ServicePlan) -> Footprint:
            if (number, plan.picture) not in samples:
                return self._least_of(number, plan)
            return expected_footprint(plan, samples[number, plan.picture], self.capacity, links_blank=self._links_blank)

        return self._sum(expected_of, one_by_one=one_by_one)

    @property
    def _links_blank(self) -> bool:
        return self.run.options.blank is Blank.LINK

    def _least_of(self, _number: int, plan: ServicePlan) -> Footprint:
        return least_footprint(plan, self.capacity, links_blank=self._links_blank)

    def _sum(self, of_service: OfService, *, one_by_one: bool = False) -> Footprint:
        steps = [self._step(number, partial(of_service, number)) for number in self.services]
        together = 1 if one_by_one else self.run.together
        return peak_footprint(steps, together).plus(self._frame(folders_only=one_by_one))

    def _step(self, number: int, of_service: Callable[[ServicePlan], Footprint]) -> Step:
        """Return the footprints of the new version of a slide, of its scratch folder, and of its older version."""
        plan, capacity, page_count = self.services[number], self.capacity, self.run.page_count
        records = record_footprint(plan.services, capacity)
        old = Footprint(0, 0)
        receipt = self.run.receipts.read(self.due[number].identifier)
        if receipt is not None and self.run.store.holds(receipt.identifier):
            # Its records are written over.
            old = published_footprint(receipt, page_count, capacity).plus(Footprint(RECORD_INODES, records.size))
        scratch = _footprint_of(
            plan, lambda each: scratch_footprint(each, capacity, is_picture=bool(each.picture)), capacity
        )
        return Step(_footprint_of(plan, of_service, capacity).plus(records), scratch, old)

    def _frame(self, *, folders_only: bool) -> Footprint:
        """Return the footprint of a run beside its slides: new folders, and a new tree."""
        receipts = self.run.receipts
        folders = {parent for slide in self.due for parent in Path(slide.identifier).parents if parent.parts}
        new = sum(not receipts.is_above(str(folder)) for folder in folders)
        new *= _LEAST_FOLDER_INODES if folders_only else _FOLDER_INODES
        beside = Footprint(new, new * self.capacity.block)
        return beside if folders_only or receipts.is_above("") else beside.plus(_RUN_FOOTPRINT)


def _footprint_of(plan: SlidePlan, of_service: Callable[[ServicePlan], Footprint], capacity: Capacity) -> Footprint:
    """Sum the footprints of the services of a slide."""
    return slide_footprint(of_service(plan.levels), [of_service(each) for each in plan.pictures], capacity)


def describe_if_readable(task: DescribeTask) -> Described | None:
    """Open a slide and describe it; None where it cannot be opened. Runs in a worker."""
    try:
        return describe(task)
    except SourceError:
        return None


def sample_if_readable(task: SampleTask) -> dict[int, Density] | None:
    """Encode some tiles of a slide; None where they cannot be read. Runs in a worker."""
    try:
        return sample(task)
    except SourceError:
        return None


def _subject(due: Sequence[Slide], services: Mapping[int, SlidePlan]) -> str:
    if len(services) > 1:
        return f"the {len(services):,} slides take"
    return f"{due[next(iter(services))].identifier} takes"


def _with_left_over(capacity: Capacity, inodes: int, size: int) -> Capacity:
    """Add the staging of earlier runs to the free space: a rerun resumes or deletes it."""
    return replace(
        capacity,
        inodes=None if capacity.inodes is None else capacity.inodes + inodes,
        size=capacity.size + size,
    )
