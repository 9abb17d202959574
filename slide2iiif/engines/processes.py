"""Worker processes of loky, each on a lane of its own.

A pool that shares a queue loses nearly all its tasks when one worker dies in C code, and cannot say whose fault
it was. A lane is one worker with its own short queue, so a death ends one task, the one it was running, and no
other: what stood behind it runs on the lane's next worker.

loky starts fresh interpreters. Nothing is forked: an inherited file handle of a slide gives wrong bytes without
a word, and libvips hangs.
"""

import contextlib
import logging
import os
import queue
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Self

from joblib.externals.loky import ProcessPoolExecutor, process_executor
from joblib.externals.loky.process_executor import BrokenProcessPool

from slide2iiif.engines.base import Result, Task
from slide2iiif.errors import WorkerError

if TYPE_CHECKING:
    from concurrent.futures import Future

_QUEUED = 2
"""Tasks given to a lane at once: one runs and one waits, so that a worker never waits for us."""

_WATCH_SECONDS = 0.5
"""How often a worker looks whether its parent still lives."""

_KEEP_SECONDS = 600
"""How long an idle worker is kept."""

_STOPPED = "the run was stopped"


class ProcessEngine:
    """Runs tasks in worker processes."""

    def __init__(self, jobs: int) -> None:
        """Take the number of processes; they start when the engine is entered."""
        self.jobs = jobs
        self._lanes = [_Lane() for _ in range(jobs)]
        self._places: queue.SimpleQueue[_Lane | None] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        for lane in self._lanes:
            lane.start()
        for _ in range(_QUEUED):
            for lane in self._lanes:
                self._places.put(lane)
        return self

    def __exit__(self, *raised: object) -> None:
        """End the workers: in order, or at once if an error is on its way out."""
        if raised[0] is not None:
            self.cancel()
        for lane in self._lanes:
            lane.stop()

    def cancel(self) -> None:
        """Kill the workers. See `Engine.cancel`."""
        self._places.put(None)
        for lane in self._lanes:
            lane.kill()

    def run(self, function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[tuple[Task, Result]]:
        """Run tasks on whichever lane is free. See `Engine.run`."""
        run = _Run[Task, Result](self._places)
        try:
            for task in tasks:
                run.submit(function, task)
                yield from run.finished(wait=False)
            while run.under_way:
                yield from run.finished(wait=True)
        finally:
            run.drain()


@dataclass(slots=True, eq=False)
class _Ticket(Generic[Task, Result]):
    """A task on its way."""

    function: Callable[[Task], Result]
    task: Task
    done: Callable[["_Ticket[Task, Result]"], None]
    result: Result | None = None
    error: BaseException | None = None


class _Run(Generic[Task, Result]):
    """The tasks of one call: which are under way, and which are done."""

    def __init__(self, places: "queue.SimpleQueue[_Lane | None]") -> None:
        self._places = places
        self._done: queue.SimpleQueue[_Ticket[Task, Result]] = queue.SimpleQueue()
        self.under_way = 0

    def submit(self, function: Callable[[Task], Result], task: Task) -> None:
        """Give a task to the first lane that has a place."""
        lane = self._places.get()
        if lane is None:
            # Cancelled: leave the mark for the next who asks.
            self._places.put(None)
            raise WorkerError(_STOPPED)

        def done(ticket: _Ticket[Task, Result]) -> None:
            # The place is free at once, whether or not this run's caller is ready for the result; otherwise
            # runs that wait for places could wait for each other.
            self._places.put(lane)
            self._done.put(ticket)

        self.under_way += 1
        lane.submit(_Ticket(function, task, done))

    def finished(self, *, wait: bool) -> Iterator[tuple[Task, Result]]:
        """Give what is done; with `wait`, at least one."""
        while self.under_way:
            try:
                ticket = self._done.get(block=wait)
            except queue.Empty:
                return
            self.under_way -= 1
            if ticket.error is not None:
                raise ticket.error
            yield ticket.task, ticket.result  # type: ignore[misc]
            wait = False

    def drain(self) -> None:
        """Wait for what is still under way, so that nothing writes any more once the caller cleans up."""
        while self.under_way:
            self._done.get()
            self.under_way -= 1


class _Lane:
    """One worker process and the tasks given to it, the running one first."""

    def __init__(self) -> None:
        self._executor: Any = None
        self._tickets: deque[_Ticket[Any, Any]] = deque()
        self._lock = threading.RLock()
        self._killed = False

    def start(self) -> None:
        """Start the worker, and let it import what every task needs while the slides are looked for."""
        with self._lock:
            self._executor = ProcessPoolExecutor(
                max_workers=1, timeout=_KEEP_SECONDS, initializer=_start_worker, initargs=(os.getpid(),)
            )
            self._executor.submit(_warm_up)

    def submit(self, ticket: _Ticket[Any, Any]) -> None:
        """Queue a task."""
        with self._lock:
            self._tickets.append(ticket)
            if self._killed:
                self._fail_all()
            else:
                self._send(ticket)

    def stop(self) -> None:
        """Wait until the worker has ended."""
        self._executor.shutdown(wait=True, kill_workers=self._killed)

    def kill(self) -> None:
        """End the worker at once; its tasks fail."""
        with self._lock:
            self._killed = True
            self._fail_all()
        self._executor.shutdown(wait=False, kill_workers=True)

    def _send(self, ticket: _Ticket[Any, Any]) -> None:
        try:
            future: Future[Any] = self._executor.submit(ticket.function, ticket.task)
        except BrokenProcessPool:
            if ticket is not self._tickets[0]:
                return  # The worker died on a task before this one, whose callback is on its way.
            self.start()
            future = self._executor.submit(ticket.function, ticket.task)
        future.add_done_callback(lambda done: self._finish(ticket, done))

    def _finish(self, ticket: _Ticket[Any, Any], future: "Future[Any]") -> None:
        with self._lock:
            if ticket not in self._tickets:
                return
            error = future.exception()
            if isinstance(error, BrokenProcessPool):
                self._replace_worker(error)
                return
            self._tickets.remove(ticket)
        ticket.error = error
        ticket.result = None if error else future.result()
        ticket.done(ticket)

    def _replace_worker(self, error: BrokenProcessPool) -> None:
        """Blame the task that ran, and give the others to a new worker."""
        culprit = self._tickets.popleft()
        culprit.error = WorkerError(_explain(error))
        self.start()
        for ticket in self._tickets:
            self._send(ticket)
        culprit.done(culprit)

    def _fail_all(self) -> None:
        while self._tickets:
            ticket = self._tickets.popleft()
            ticket.error = WorkerError(_STOPPED)
            ticket.done(ticket)


def _explain(error: BrokenProcessPool) -> str:
    """Say how a worker died, from loky's message, which names the signal or the exit code."""
    text = str(error)
    cause = text.rpartition("exit codes of the workers are ")[2].strip(" {}.") if "exit codes" in text else ""
    return f"the process that worked on it died ({cause or 'no reason known'})"


def _start_worker(parent: int) -> None:
    # Ctrl-C is for the parent, which ends its workers in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # loky ends workers whose memory has grown by 300 MB, and warns. A decoded image may take more, and is let go.
    process_executor._USE_PSUTIL = False  # noqa: SLF001
    logging.basicConfig(level=logging.CRITICAL)
    threading.Thread(target=_watch_parent, args=(parent,), daemon=True).start()


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os._exit(1)


def _warm_up() -> None:
    with contextlib.suppress(ImportError):
        import openslide  # noqa: F401

    import slide2iiif.render  # noqa: F401
