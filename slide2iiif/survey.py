"""Whether a run fits, before its first write: what its slides will take, against what the file system has left.

That costs the start next to nothing where there is plenty of room: then the sizes of the slide files tell enough.
Where there is not, slides are opened to count what they will be, and if that still leaves it open, some tiles of each
are encoded. A long run is looked at as far as its first slides; each slide that follows is looked at by itself before
anything of it is written.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

from slide2iiif.engines.base import Engine, Result, Task
from slide2iiif.errors import SourceError, TargetError, WorkerError
from slide2iiif.estimate import Density, SampleTask, sample
from slide2iiif.fingerprints import take_fingerprint
from slide2iiif.options import Blank, Options
from slide2iiif.plan import SlidePlan, plan_slide
from slide2iiif.receipts import Receipts
from slide2iiif.render import describe, describe_scanned_area
from slide2iiif.room import (
    RECORD_INODES,
    Room,
    Step,
    expected_room,
    least_room,
    most_room,
    peak_room,
    published_room,
    record_room,
    scratch_room,
    shortage,
)
from slide2iiif.sources.base import Description
from slide2iiif.stores.base import Store
from slide2iiif.stores.capacity import Capacity
from slide2iiif.upkeep import current_receipt
from slide2iiif.walk import Slide, Unusable

SURVEYED = 256
"""Slides that are looked at together, the first ones of a run."""

_PLENTY = 8
"""Bytes that a byte of a slide file takes at most, encoded, with the blocks of its folders; a coarse guess."""

_PLENTY_BYTES_AN_INODE = 1024
"""Bytes of a slide file for which an inode is taken at most; as coarse."""

_PLENTY_OF_SLIDE = Room(20_000, 64_000_000)
"""What is allowed for each slide, however small its file is: some say much in few bytes."""

_RUN = Room(24, 400_000)
"""Private folder, lock, staging, state, style and scripts."""

_FOLDER_INODES = 6
"""A folder of slides in the tree, its page and collection; in the private folder its own, and its state in another."""


@dataclass(frozen=True, slots=True)
class LookTask:
    """A slide to be opened."""

    number: int
    """Of the slide in its run."""
    path: Path
    """The slide file."""
    crops: bool
    """Whether it is cut down to its scanned area."""


@dataclass(frozen=True, slots=True)
class Survey:
    """One run that is about to begin: nothing is written, and nothing is held."""

    store: Store
    """Where it will write; not entered."""
    receipts: Receipts
    """What is published there."""
    engine: Engine
    """What runs the work; entered."""
    options: Options
    """What decides the files."""
    overwrite: bool = False
    """Whether what is unchanged is published anew."""
    page_count: int = 0
    """Files of pages that lie with those of a slide."""
    together: int = 1
    """Slides that are under way at a time."""

    def of(self, found: Iterator[Slide | Unusable]) -> Iterator[Slide | Unusable]:
        """Look at a run, and pass on what it has found.

        Raises:
            TargetError: it does not fit.
        """
        first = list(islice(found, SURVEYED))
        self.check(each for each in first if isinstance(each, Slide))
        return chain(first, found)

    def check(self, slides: Iterable[Slide]) -> None:
        """Refuse a run that cannot fit.

        Raises:
            TargetError: what it takes, what there is, and what to do.
        """
        capacity = self.store.capacity()
        if capacity is None:
            return
        due = [slide for slide in slides if self._is_due(slide)]
        if not due or not shortage(_plenty(due), capacity):
            return
        plans = self._plans(due)
        inodes, size = capacity.left_over()
        left = _with_left_over(capacity, inodes, size)
        most = {number: most_room(plan, left) for number, plan in plans.items()}
        if not shortage(self._needed(due, plans, most, left), left):
            return
        links = self.options.blank is Blank.LINK
        least = {number: least_room(plan, left, links_blank=links) for number, plan in plans.items()}
        about = "at least"
        missing = shortage(self._needed(due, plans, least, left), left, about=about)
        if not missing:
            samples = self._samples(due, plans)
            expected = {
                number: expected_room(plan, samples[number], left, links_blank=links) if number in samples else room
                for (number, plan), room in zip(plans.items(), least.values(), strict=True)
            }
            about = "about"
            missing = shortage(self._needed(due, plans, expected, left), left, about=about)
        if missing:
            what = f"the {len(plans):,} slides take" if len(plans) > 1 else f"{due[next(iter(plans))].identifier} takes"
            raise TargetError(f"{capacity.place}: nothing was written, as {what} {missing}")

    def _is_due(self, slide: Slide) -> bool:
        """Tell whether a slide will be published; one that cannot be asked fails in its turn."""
        try:
            fingerprint = take_fingerprint(slide.members)
        except SourceError:
            return False
        return self.overwrite or not current_receipt(
            self.store, self.receipts, self.options, slide.identifier, fingerprint
        )

    def _plans(self, due: Sequence[Slide]) -> dict[int, SlidePlan]:
        """Plan slides, by number; those that cannot be planned fail in their turn and are left out."""
        tasks = [LookTask(number, slide.path, self.options.crop_to_bounds) for number, slide in enumerate(due)]
        plans: dict[int, SlidePlan] = {}
        for task, description in self._run_all(look, tasks):
            if description is not None:
                try:
                    plans[task.number] = plan_slide(
                        due[task.number].identifier, description, self.options, self.page_count
                    )
                except SourceError:
                    continue
        return dict(sorted(plans.items()))

    def _samples(self, due: Sequence[Slide], plans: Mapping[int, SlidePlan]) -> dict[int, dict[int, Density]]:
        links = self.options.blank is Blank.LINK
        tasks = {
            number: SampleTask(
                due[number].path,
                plan.pyramid,
                plan.passes,
                plan.encoding,
                links_blank=links,
                crops=self.options.crop_to_bounds,
            )
            for number, plan in plans.items()
        }
        numbers = {id(task): number for number, task in tasks.items()}
        found = self._run_all(sample_if_readable, list(tasks.values()))
        return {numbers[id(task)]: samples for task, samples in found if samples}

    def _run_all(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[tuple[Task, Result]]:
        """Run tasks as far as no worker dies of them: that is for the slide's own turn to tell."""
        try:
            yield from self.engine.run(function, tasks)
        except WorkerError:
            return

    def _needed(
        self, due: Sequence[Slide], plans: Mapping[int, SlidePlan], rooms: Mapping[int, Room], capacity: Capacity
    ) -> Room:
        steps = []
        for number, plan in plans.items():
            receipt = self.receipts.read(due[number].identifier)
            old = Room(0, 0)
            records = record_room([plan], capacity)
            if receipt is not None and self.store.holds(receipt.identifier):
                # Its records are written over.
                old = published_room(receipt, self.page_count, capacity).plus(Room(RECORD_INODES, records.size))
            steps.append(Step(rooms[number].plus(records), scratch_room(plan, capacity), old))
        return peak_room(steps, self.together).plus(self._frame(due, capacity))

    def _frame(self, due: Sequence[Slide], capacity: Capacity) -> Room:
        """Give what a run takes beside its slides: of folders that are there already, nothing."""
        folders = {parent for slide in due for parent in Path(slide.identifier).parents if parent.parts}
        new = sum(not self.receipts.is_above(str(folder)) for folder in folders)
        beside = Room(_FOLDER_INODES * new, _FOLDER_INODES * new * capacity.block)
        return beside if self.receipts.is_above("") else beside.plus(_RUN)


def look(task: LookTask) -> Description | None:
    """Open a slide and tell what it is; None where it cannot be opened. Runs in a worker."""
    try:
        return (describe_scanned_area if task.crops else describe)(task.path)
    except SourceError:
        return None


def sample_if_readable(task: SampleTask) -> dict[int, Density] | None:
    """Encode some tiles of a slide; None where they cannot be read. Runs in a worker."""
    try:
        return sample(task)
    except SourceError:
        return None


def _plenty(due: Sequence[Slide]) -> Room:
    """Give what slides do not take, judged by the sizes of their files."""
    total = Room(0, 0)
    for slide in due:
        size = sum(member.stat().st_size for member in slide.members if member.exists())
        total = total.plus(_PLENTY_OF_SLIDE).plus(Room(size // _PLENTY_BYTES_AN_INODE, size * _PLENTY))
    return total


def _with_left_over(capacity: Capacity, inodes: int, size: int) -> Capacity:
    """Count what earlier runs have left as room: a rerun goes on from it, or deletes it."""
    return replace(
        capacity,
        inodes=None if capacity.inodes is None else capacity.inodes + inodes,
        size=capacity.size + size,
    )
