"""Everything in this process, one task after the other: for tests and debugging."""

from collections.abc import Callable, Iterable, Iterator
from typing import Self

from slide2iiif.engines.base import Result, Task


class SerialEngine:
    """Runs each task where it is asked for."""

    jobs = 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        """Nothing to end."""

    def run(self, function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[tuple[Task, Result]]:
        """Run tasks in order. See `Engine.run`."""
        for task in tasks:
            yield task, function(task)

    def attempt(self, function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[tuple[Task, Result]]:
        """Run tasks in order: there is no process that could die but this one. See `Engine.attempt`."""
        return self.run(function, tasks)

    def cancel(self) -> None:
        """Nothing runs elsewhere."""
