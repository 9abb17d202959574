"""What an engine must do: run tasks, which are values, and hand back what they give."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

from slide2iiif.errors import WorkerError
from slide2iiif.options import BLOCK_TIMEOUT, OPEN_TIMEOUT

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Deadline:
    """How long a task may take before its process is ended."""

    seconds: float
    """From its beginning."""
    what: str
    """What takes so long, as the beginning of a sentence."""
    option: str
    """What raises it."""


class Engine(Protocol):
    """Runs tasks for several slides at once. Used in a `with` statement, from any number of threads."""

    @property
    def jobs(self) -> int:
        """How many tasks run at the same time."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *raised: object) -> None: ...

    def run(self, function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[tuple[Task, Result]]:
        """Run a module's function on each task, and give task and result as each is done, in any order.

        Tasks are taken from the iterable as they are needed, so it may be long.

        Raises:
            WorkerError: the process that ran a task died or passed its deadline; tasks of others are not harmed.
            Exception: what the function raised, after the tasks that run have ended.
        """
        ...

    def attempt(
        self, function: Callable[[Task], Result], tasks: Iterable[Task]
    ) -> Iterator[tuple[Task, Result | WorkerError]]:
        """Run tasks as `run` does; one whose process died or passed its deadline gives the error and ends nothing.

        Raises:
            WorkerError: the engine was cancelled.
            Exception: what the function raised, after the tasks that run have ended.
        """
        ...

    def cancel(self) -> None:
        """Stop all tasks at once, from any thread: every `run` under way raises WorkerError."""
        ...


_OPENING = frozenset({"describe", "describe_scanned_area", "disclose", "inspect_slide", "look"})
"""Names of tasks that open a slide. By names: their modules are loaded only where they are needed."""
_CHECKING = frozenset({"check_files"})
"""Names of tasks that look at what is published."""


def deadline_of(
    function: Callable[..., object],
    open_timeout: int = OPEN_TIMEOUT.default,
    block_timeout: int = BLOCK_TIMEOUT.default,
) -> Deadline:
    """Give how long a task of a function may take.

    Args:
        function: what runs in the worker.
        open_timeout: seconds for opening a slide.
        block_timeout: seconds for anything else: a block, or some files that are checked.
    """
    if function.__name__ in _OPENING:
        return Deadline(open_timeout, "opening it", OPEN_TIMEOUT.name)
    what = "checking some of its files" if function.__name__ in _CHECKING else "a block of it"
    return Deadline(block_timeout, what, BLOCK_TIMEOUT.name)
