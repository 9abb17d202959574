"""Contract of an engine: it runs tasks, which are values, and returns their results."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, Self, TypeVar

from slide2iiif.errors import WorkerError
from slide2iiif.options import BLOCK_TIMEOUT, OPEN_TIMEOUT

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Deadline:
    """Time that a task may take before its process is ended."""

    seconds: float
    """Seconds from the beginning of the task."""
    subject: str
    """Subject of the timeout message, as the beginning of a sentence."""
    option: str
    """Command line option that raises the limit."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Time limits of the tasks of a run."""

    open_seconds: float = OPEN_TIMEOUT.default
    """Limit for opening a slide."""
    block_seconds: float = BLOCK_TIMEOUT.default
    """Limit for anything else: a block, or some files to check."""

    @property
    def opening(self) -> Deadline:
        """Limit of a task that opens a slide."""
        return Deadline(self.open_seconds, "opening it", OPEN_TIMEOUT.name)

    @property
    def block(self) -> Deadline:
        """Limit of a task that makes tiles."""
        return Deadline(self.block_seconds, "a block of it", BLOCK_TIMEOUT.name)

    @property
    def checking(self) -> Deadline:
        """Limit of a task that checks published files."""
        return Deadline(self.block_seconds, "checking some of its files", BLOCK_TIMEOUT.name)


def _nothing() -> None:
    """Import nothing."""


@dataclass(frozen=True, slots=True)
class Preload:
    """Imports of a worker before its first task. Functions of a module, which new interpreters can import."""

    shared: Callable[[], None] = _nothing
    """Imports that are safe before a fork: they start no threads and leave nothing open."""
    own: Callable[[], None] = _nothing
    """Imports that each worker must run itself."""

    def __call__(self) -> None:
        """Import both parts."""
        self.shared()
        self.own()


class Engine(Protocol):
    """Runner of tasks for several slides at once. Used in a `with` statement, from any number of threads.

    Enter it before a slide, a store or a client of a bucket is opened, so that its workers can be forked.
    """

    @property
    def jobs(self) -> int:
        """Number of tasks that run at the same time."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *raised: object) -> None: ...

    def call(self, function: Callable[[Task], Result], task: Task, within: Deadline | None = None) -> Result:
        """Run one task and return its result.

        Raises:
            WorkerError: the process that ran it died or passed its deadline.
            Exception: what the function raised.
        """
        ...

    def run(
        self, function: Callable[[Task], Result], tasks: Iterable[Task], within: Deadline | None = None
    ) -> Iterator[tuple[Task, Result]]:
        """Run a module's function on each task; yield task and result as each is done, in any order.

        Tasks are taken from the iterable as needed, so it may be long.

        Args:
            function: runs in the worker; importable there.
            tasks: its argument, one after the other.
            within: time limit of each task; None for no limit.

        Raises:
            WorkerError: the process that ran a task died or passed its deadline; other tasks are not affected.
            Exception: what the function raised, after the tasks that run have ended.
        """
        ...

    def attempt(
        self, function: Callable[[Task], Result], tasks: Iterable[Task], within: Deadline | None = None
    ) -> Iterator[tuple[Task, Result | WorkerError]]:
        """Run tasks as `run` does, but yield the error of a task whose process died or passed its deadline.

        Raises:
            WorkerError: the engine was cancelled.
            Exception: what the function raised, after the tasks that run have ended.
        """
        ...

    def cancel(self) -> None:
        """Stop all tasks at once, from any thread: every `run` under way raises WorkerError."""
        ...

    def is_cancelled(self) -> bool:
        """Return True once the engine was cancelled."""
        ...
