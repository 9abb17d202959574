"""Engine without processes: one task after the other, for tests and debugging."""

from collections.abc import Callable, Iterable, Iterator
from typing import Self

from slide2iiif.engines.base import Deadline, Result, Task
from slide2iiif.errors import WorkerError


class SerialEngine:
    """Engine that runs each task in the calling thread, without deadlines."""

    jobs = 1
    _cancelled = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        """End nothing: there are no processes."""

    def call(self, function: Callable[[Task], Result], task: Task, within: Deadline | None = None) -> Result:
        """Run one task. See `Engine.call`."""
        [(_, result)] = self.run(function, [task], within)
        return result

    def run(
        self, function: Callable[[Task], Result], tasks: Iterable[Task], within: Deadline | None = None
    ) -> Iterator[tuple[Task, Result]]:
        """Run tasks in order. See `Engine.run`."""
        del within
        for task in tasks:
            if self._cancelled:
                raise WorkerError("the run was stopped")
            yield task, function(task)

    def attempt(
        self, function: Callable[[Task], Result], tasks: Iterable[Task], within: Deadline | None = None
    ) -> Iterator[tuple[Task, Result]]:
        """Run tasks in order; no other process can die. See `Engine.attempt`."""
        return self.run(function, tasks, within)

    def cancel(self) -> None:
        """Begin no further task."""
        self._cancelled = True

    def is_cancelled(self) -> bool:
        """Return True once the engine was cancelled."""
        return self._cancelled
