"""What the slides of a run will take, from a look at each of them: for a run that may find too little room.

Slides are opened to count what they will be, and if that leaves it open, some tiles of each are encoded. A run is
refused only if it cannot fit, whatever its tiles turn out to be; if it may not, that is told and it goes on.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from slide2iiif.disclosure import Wish, disclose, plan_associated
from slide2iiif.engines.base import Engine, Result, Task
from slide2iiif.errors import SourceError, WorkerError
from slide2iiif.estimate import Density, SampleTask, sample, sample_task
from slide2iiif.geometry import Size
from slide2iiif.options import Blank, Options
from slide2iiif.plan import SlidePlan, plan_slide
from slide2iiif.receipts import Receipts
from slide2iiif.render import describe, describe_scanned_area
from slide2iiif.room import (
    RECORD_INODES,
    Step,
    expected_room,
    least_room,
    most_room,
    peak_room,
    published_room,
    record_room,
    scratch_room,
    slide_room,
)
from slide2iiif.sources.base import Description
from slide2iiif.stores.base import Store
from slide2iiif.stores.capacity import Capacity, Room, Verdict, shortage
from slide2iiif.walk import Slide

_ACCURACY = 1.15
"""What bytes that are told from samples may be off by."""

_RUN = Room(24, 400_000)
"""Private folder, lock, staging, state, style and scripts."""

_FOLDER_INODES = 6
"""A folder of slides in the tree, its page and collection; in the private folder its own, and its state in another."""

_LEAST_FOLDER_INODES = 2
"""A folder of slides in the tree, and in the private folder."""


@dataclass(frozen=True, slots=True)
class LookTask:
    """A slide to be opened."""

    number: int
    """Of the slide in its run."""
    path: Path
    """The slide file."""
    crops: bool
    """Whether it is cut down to its scanned area."""
    associated: tuple[str, ...]
    """Names of the pictures that will be published with it."""


@dataclass(frozen=True, slots=True)
class Services:
    """What will be published of a slide."""

    plan: SlidePlan
    """Its levels."""
    pictures: Mapping[str, SlidePlan]
    """Pictures beside them, by name."""

    def room(self, of_service: Callable[[SlidePlan, str], Room], capacity: Capacity) -> Room:
        """Add up what its services take, given what takes each: its plan, and the name of its picture."""
        beside = [of_service(plan, name) for name, plan in self.pictures.items()]
        return slide_room(of_service(self.plan, ""), beside, capacity)


@dataclass(frozen=True, slots=True)
class Appraisal:
    """One run that is about to begin."""

    store: Store
    """Where it will write; not entered."""
    receipts: Receipts
    """What is published there."""
    engine: Engine
    """What runs the work; entered."""
    options: Options
    """What decides the files."""
    page_count: int
    """Files of pages that lie with those of a slide."""
    together: int
    """Slides that are under way at a time."""

    def judge(self, due: Sequence[Slide], capacity: Capacity) -> Verdict:
        """Tell whether there is room for slides."""
        services = self._services(due)
        if not services:
            return Verdict(capacity)
        inodes, size = capacity.left_over()
        left = _with_left_over(capacity, inodes, size)
        links = self.options.blank is Blank.LINK

        def needed(of_service: Callable[[int, SlidePlan, str], Room], *, at_least: bool = False) -> Room:
            rooms = {number: each.room(partial(of_service, number), left) for number, each in services.items()}
            return self._needed(due, services, rooms, left, at_least=at_least)

        def most(_: int, plan: SlidePlan, __: str) -> Room:
            return most_room(plan, left)

        def least(_: int, plan: SlidePlan, __: str) -> Room:
            return least_room(plan, left, links_blank=links)

        upper = needed(most)
        if not shortage(upper, left):
            return Verdict(capacity)
        subject, lower = _subject(due, services), needed(least)
        sureness = "" if lower.inodes == upper.inodes else "at least"
        if shortage(needed(least, at_least=True), left):
            return Verdict(capacity, f"{subject} {shortage(lower, left, about='at least', inodes_about=sureness)}")
        samples = self._samples(due, services)

        def expected(number: int, plan: SlidePlan, name: str) -> Room:
            if (number, name) not in samples:
                return least(number, plan, name)
            return expected_room(plan, samples[number, name], left, links_blank=links)

        likely = needed(expected)
        if needed(expected, at_least=True).size > left.size * _ACCURACY:
            return Verdict(capacity, f"{subject} {shortage(lower.at_size(likely), left, inodes_about=sureness)}")
        doubt = shortage(upper.at_size(likely, _ACCURACY), left, about="up to", inodes_about=sureness and "up to")
        return Verdict(capacity, doubt=doubt and f"{subject} {doubt}")

    def _services(self, due: Sequence[Slide]) -> dict[int, Services]:
        """Plan slides, by number; those that cannot be planned fail in their turn and are left out."""
        crops, associated = self.options.crop_to_bounds, self.options.associated
        tasks = [LookTask(number, slide.path, crops, associated) for number, slide in enumerate(due)]
        found: dict[int, Services] = {}
        for task, looked in self._run_all(look, tasks):
            if looked is None:
                continue
            identifier = due[task.number].identifier
            description, pictures = looked
            try:
                plan = plan_slide(identifier, description, self.options, self.page_count)
                beside = {
                    name: plan_associated(identifier, name, size, self.options) for name, size in pictures.items()
                }
            except SourceError:
                continue
            found[task.number] = Services(plan, beside)
        return dict(sorted(found.items()))

    def _samples(
        self, due: Sequence[Slide], services: Mapping[int, Services]
    ) -> dict[tuple[int, str], dict[int, Density]]:
        """Sample services, by number and name of picture; those that cannot be read are left out."""
        tasks = {
            (number, name): sample_task(due[number].path, plan, self.options, name)
            for number, each in services.items()
            for name, plan in {"": each.plan, **each.pictures}.items()
        }
        keys = {id(task): key for key, task in tasks.items()}
        found = self._run_all(sample_if_readable, list(tasks.values()))
        return {keys[id(task)]: samples for task, samples in found if samples}

    def _run_all(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[tuple[Task, Result]]:
        """Run tasks as far as no worker dies of them: that is for the slide's own turn to tell."""
        try:
            yield from self.engine.run(function, tasks)
        except WorkerError:
            return

    def _needed(
        self,
        due: Sequence[Slide],
        services: Mapping[int, Services],
        rooms: Mapping[int, Room],
        capacity: Capacity,
        *,
        at_least: bool,
    ) -> Room:
        """Give what a run takes; at least, if its slides come one after the other, and nothing but folders beside."""
        steps = []
        for number, each in services.items():
            receipt = self.receipts.read(due[number].identifier)
            old = Room(0, 0)
            records = record_room([each.plan, *each.pictures.values()], capacity)
            if receipt is not None and self.store.holds(receipt.identifier):
                # Its records are written over.
                old = published_room(receipt, self.page_count, capacity).plus(Room(RECORD_INODES, records.size))
            scratch = each.room(lambda plan, name: scratch_room(plan, capacity, is_picture=bool(name)), capacity)
            steps.append(Step(rooms[number].plus(records), scratch, old))
        return peak_room(steps, 1 if at_least else self.together).plus(self._frame(due, capacity, at_least=at_least))

    def _frame(self, due: Sequence[Slide], capacity: Capacity, *, at_least: bool) -> Room:
        """Give what a run takes beside its slides: of folders that are there already, nothing."""
        folders = {parent for slide in due for parent in Path(slide.identifier).parents if parent.parts}
        new = sum(not self.receipts.is_above(str(folder)) for folder in folders)
        new *= _LEAST_FOLDER_INODES if at_least else _FOLDER_INODES
        beside = Room(new, new * capacity.block)
        is_first = not self.receipts.is_above("")
        return beside.plus(_RUN) if is_first and not at_least else beside


def look(task: LookTask) -> tuple[Description, Mapping[str, Size]] | None:
    """Open a slide and tell what it is, and what of the pictures it has; None where it cannot be opened.

    Runs in a worker.
    """
    try:
        description = (describe_scanned_area if task.crops else describe)(task.path)
        pictures = disclose(Wish(task.path, task.associated, ())).associated if task.associated else {}
    except SourceError:
        return None
    return description, pictures


def sample_if_readable(task: SampleTask) -> dict[int, Density] | None:
    """Encode some tiles of a slide; None where they cannot be read. Runs in a worker."""
    try:
        return sample(task)
    except SourceError:
        return None


def _subject(due: Sequence[Slide], services: Mapping[int, Services]) -> str:
    if len(services) > 1:
        return f"the {len(services):,} slides take"
    return f"{due[next(iter(services))].identifier} takes"


def _with_left_over(capacity: Capacity, inodes: int, size: int) -> Capacity:
    """Count what earlier runs have left as room: a rerun goes on from it, or deletes it."""
    return replace(
        capacity,
        inodes=None if capacity.inodes is None else capacity.inodes + inodes,
        size=capacity.size + size,
    )
