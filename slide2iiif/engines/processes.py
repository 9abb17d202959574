"""Worker processes, each on a lane of its own.

A pool loses nearly all its tasks when one worker dies in C code, and cannot tell which task was the cause. A lane is a
thread with one worker of its own, which runs one task at a time: a death is blamed on the task that ran, and no other
is affected.

The first workers are forked, if that is safe: at the beginning of a command this process has one thread and nothing
open, and a fork takes a few milliseconds where a new interpreter takes half a second. Replacements of dead workers, and
all workers of a program that already has threads or slides open, are new interpreters started by loky: an inherited
slide handle silently returns wrong bytes, and libvips hangs.
"""

import contextlib
import pickle
import queue
import resource
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Self

from slide2iiif.engines.base import Deadline, Preload, Result, Task
from slide2iiif.engines.worker import (
    Worker,
    WorkerDiedError,
    WorkerGoneError,
    WorkerOverdueError,
    fork_workers,
    start_worker,
)
from slide2iiif.errors import WorkerError
from slide2iiif.machine import MEGABYTE, too_large, usable_memory
from slide2iiif.options import JOBS, WORKER_MEMORY

_TASKS_PER_LANE = 2
"""Tasks of one run that are submitted for each lane: one that runs and one that waits."""

_MAX_STARTS = 3
"""Number of workers in a row that may die before they begin a task; then the task fails."""

NO_PRELOAD = Preload()
"""No imports before the first task."""

_STOPPED = "the run was stopped"

_SIGNALS_OF_WANT = ("SIGKILL", "SIGABRT", "SIGTRAP")
"""By which the system, the C++ library and GLib end a process that lacks memory."""


class ProcessEngine:
    """Engine that runs tasks in worker processes."""

    def __init__(
        self,
        jobs: int,
        memory: int | None = None,
        preload: Preload = NO_PRELOAD,
    ) -> None:
        """Make an engine. Its processes start when it is entered.

        Args:
            jobs: number of processes.
            memory: memory limit of each in megabytes; None for no limit.
            preload: imports of each worker before its first task.
        """
        self.jobs = jobs
        self._memory = memory
        self._preload = preload
        self._tickets: queue.SimpleQueue[_Ticket[Any, Any] | None] = queue.SimpleQueue()
        self._lanes: list[_Lane] = []
        self._cancelled = threading.Event()
        self._lock = threading.Lock()
        self._ended = False

    def __enter__(self) -> Self:
        """Start the workers.

        Raises:
            WorkerError: the system refuses so many processes.
        """
        _allow_open_files()
        try:
            workers = fork_workers(self.jobs, self._memory, self._preload)
        except OSError as error:
            raise _refusal(error) from None
        start, memory, jobs = self._start_worker, self._memory, self.jobs
        self._lanes = [_Lane(self._tickets, self._cancelled, worker, start, memory, jobs) for worker in workers]
        for lane in self._lanes:
            lane.start()
        return self

    def __exit__(self, *raised: object) -> None:
        """End the workers: after their tasks, or at once if an error is being raised."""
        if raised[0] is not None:
            self.cancel()
        with self._lock:
            # What is put from now on would never be taken.
            self._ended = True
        for _ in self._lanes:
            self._tickets.put(None)
        for lane in self._lanes:
            lane.join()

    def _start_worker(self) -> Worker:
        return start_worker(self._memory, self._preload)

    def is_cancelled(self) -> bool:
        """Return True once the engine was cancelled."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Kill the workers. See `Engine.cancel`."""
        self._cancelled.set()
        for lane in self._lanes:
            lane.kill()

    def call(self, function: Callable[[Task], Result], task: Task, within: Deadline | None = None) -> Result:
        """Run one task. See `Engine.call`."""
        [(_, result)] = self.run(function, [task], within)
        return result

    def run(
        self, function: Callable[[Task], Result], tasks: Iterable[Task], within: Deadline | None = None
    ) -> Iterator[tuple[Task, Result]]:
        """Run tasks on whichever lane is free. See `Engine.run`."""
        with contextlib.closing(self._settled(function, tasks, within)) as tickets:
            for ticket in tickets:
                yield ticket.settle()

    def attempt(
        self, function: Callable[[Task], Result], tasks: Iterable[Task], within: Deadline | None = None
    ) -> Iterator[tuple[Task, Result | WorkerError]]:
        """Run tasks, and yield the error of one whose process was lost. See `Engine.attempt`."""
        with contextlib.closing(self._settled(function, tasks, within)) as tickets:
            for ticket in tickets:
                try:
                    settled: tuple[Task, Result | WorkerError] = ticket.settle()
                except WorkerError as error:
                    if self.is_cancelled():
                        raise
                    settled = ticket.task, error
                yield settled

    def _settled(
        self, function: Callable[[Task], Result], tasks: Iterable[Task], deadline: Deadline | None
    ) -> "Generator[_Ticket[Task, Result], None, None]":
        """Yield tasks that have ended, in any order. When closed, wait for those under way."""
        done: queue.SimpleQueue[_Ticket[Task, Result]] = queue.SimpleQueue()
        under_way = 0
        try:
            for task in tasks:
                self._put(_Ticket(task, pickle.dumps((function, task)), done, deadline, self._memory))
                under_way += 1
                if under_way >= _TASKS_PER_LANE * self.jobs:
                    ticket = done.get()
                    under_way -= 1
                    yield ticket
            while under_way:
                ticket = done.get()
                under_way -= 1
                yield ticket
        except KeyboardInterrupt:
            # Here and now, or what hangs would be waited for below.
            self.cancel()
            raise
        finally:
            # What is still under way must have ended before the caller cleans up after it.
            for _ in range(under_way):
                done.get()

    def _put(self, ticket: "_Ticket[Any, Any]") -> None:
        with self._lock:
            if self._ended:
                raise WorkerError(_STOPPED)
            self._tickets.put(ticket)


@dataclass(slots=True, eq=False)
class _Ticket(Generic[Task, Result]):
    """A submitted task. The thread that submits it also pickles it and unpickles the reply.

    The worker would wait while its lane did that, so a lane only passes bytes on.
    """

    task: Task
    packed: bytes
    done: "queue.SimpleQueue[_Ticket[Task, Result]]"
    deadline: Deadline | None
    megabytes: int | None
    reply: bytes = b""
    error: BaseException | None = None

    @property
    def seconds(self) -> float | None:
        """Time limit of the task; None for no limit."""
        return None if self.deadline is None else self.deadline.seconds

    def settle(self) -> tuple[Task, Result]:
        """Return task and result, or raise the error."""
        if self.error is not None:
            raise self.error
        succeeded, outcome = pickle.loads(self.reply)  # noqa: S301 - from our own worker, through our own pipe
        if succeeded:
            return self.task, outcome
        if isinstance(outcome, MemoryError):
            raise WorkerError(too_large(megabytes=self.megabytes))
        raise outcome


class _Lane(threading.Thread):
    """A thread that passes tasks to its worker, one at a time."""

    def __init__(
        self,
        tickets: "queue.SimpleQueue[_Ticket[Any, Any] | None]",
        cancelled: threading.Event,
        worker: Worker | None,
        start: Callable[[], Worker],
        memory: int | None,
        jobs: int,
    ) -> None:
        """Make a lane.

        Args:
            tickets: tasks of all lanes.
            cancelled: set once the engine was cancelled.
            worker: the worker, if there is one already.
            start: starts another one.
            memory: megabytes that each worker may take.
            jobs: number of lanes.
        """
        super().__init__(name="lane", daemon=True)
        self._tickets = tickets
        self._cancelled = cancelled
        self._worker = worker
        self._start_worker = start
        self._memory = memory
        self._jobs = jobs
        self._lock = threading.Lock()

    def run(self) -> None:
        """Run tasks until the queue is closed."""
        while (ticket := self._tickets.get()) is not None:
            self._work_on(ticket)
            ticket.done.put(ticket)
        if self._worker is not None:
            self._worker.stop()

    def kill(self) -> None:
        """End the worker at once, from another thread; the task that it runs fails."""
        with self._lock:
            if self._worker is not None:
                self._worker.kill()

    def _work_on(self, ticket: _Ticket[Any, Any]) -> None:
        try:
            ticket.reply = self._call(ticket)
        except (WorkerDiedError, WorkerGoneError) as death:
            died = f"the process that worked on it died: {death}{self._advice(str(death))}"
            ticket.error = WorkerError(_STOPPED if self._cancelled.is_set() else died)
        except WorkerOverdueError:
            ticket.error = WorkerError(_STOPPED if self._cancelled.is_set() else _timeout_message(ticket.deadline))
        except BaseException as error:  # noqa: BLE001 - whatever went wrong belongs to whoever asked for the task
            ticket.error = error

    def _advice(self, death: str) -> str:
        """Return advice for a process that may have been ended for want of memory; empty for other deaths.

        One that is killed has not come upon its own limit, which a library is told of, but upon that of all processes
        together, if they can come upon that at all.
        """
        if death not in _SIGNALS_OF_WANT:
            return ""
        memory, taken = usable_memory(), self._jobs * (self._memory or 0) * MEGABYTE
        if memory is not None and memory < taken:
            size = f"{memory / MEGABYTE:,.0f} MB are there for {self._jobs} processes of {self._memory} MB"
            return f" (out of memory? {size}: fewer {JOBS.name}, or a larger limit of the container, may help)"
        return f" (out of memory? {WORKER_MEMORY.name} raises its limit)"

    def _call(self, ticket: _Ticket[Any, Any]) -> bytes:
        for start in range(1, _MAX_STARTS + 1):
            worker = self._living_worker()
            try:
                return worker.call(ticket.packed, ticket.seconds)
            except (WorkerDiedError, WorkerOverdueError):
                self._worker = None
                raise
            except WorkerGoneError:
                self._worker = None
                if start == _MAX_STARTS:
                    raise
        raise AssertionError

    def _living_worker(self) -> Worker:
        with self._lock:
            if self._cancelled.is_set():
                raise WorkerError(_STOPPED)
            if self._worker is None:
                try:
                    self._worker = self._start_worker()
                except OSError as error:
                    raise _refusal(error) from None
            return self._worker


def _timeout_message(deadline: Deadline | None) -> str:
    if deadline is None:
        return "took too long"
    return f"{deadline.subject} took longer than {deadline.seconds:g} s; if it is sound, raise {deadline.option}"


def _refusal(error: OSError) -> WorkerError:
    return WorkerError(f"no worker process can be started: {error.strerror}; lower --jobs")


def _allow_open_files() -> None:
    """Raise the soft limit of open files to the hard one: each worker costs a few, and a thousand is usual."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
