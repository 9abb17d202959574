"""Worker processes of loky, each on a lane of its own.

A pool that shares a queue loses nearly all its tasks when one worker dies in C code, and cannot say whose fault
it was. A lane is one worker with its own short queue, and the worker notes in shared memory which task it has
begun. So a death ends one task, the one that ran, and no other: what stood behind it runs on the lane's next
worker. A worker that dies while it starts or idles takes no task with it, unless that happens again and again.

loky starts fresh interpreters. Nothing is forked: an inherited file handle of a slide gives wrong bytes without
a word, and libvips hangs.
"""

import contextlib
import itertools
import logging
import os
import pickle
import queue
import re
import resource
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

_FALSE_STARTS = 3
"""How many workers in a row may die before they begin a task; then the task at the head is given up."""

_END_SECONDS = 1.5
"""How long a killed worker is waited for."""

_NUMBER_BYTES = 8

_STOPPED = "the run was stopped"


class ProcessEngine:
    """Runs tasks in worker processes."""

    def __init__(self, jobs: int) -> None:
        """Take the number of processes; they start when the engine is entered."""
        self.jobs = jobs
        self._lanes = [_Lane() for _ in range(jobs)]
        self._places: queue.SimpleQueue[_Lane | None] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        """Start the workers.

        Raises:
            WorkerError: the system refuses so many processes.
        """
        _allow_open_files()
        try:
            for lane in self._lanes:
                lane.start()
        except BaseException as error:
            self.__exit__(error)
            raise
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
        for lane in self._lanes:
            lane.settle()

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
    number: int = 0
    """Which task of its lane it is, counted anew each time it is sent."""
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
        self._begun: int | None = None
        self._manager: threading.Thread | None = None
        self._numbers = itertools.count(1)
        self._false_starts = 0
        self._tickets: deque[_Ticket[Any, Any]] = deque()
        self._lock = threading.RLock()
        self._killed = False

    def start(self) -> None:
        """Start the worker, and let it import what every task needs while the slides are looked for.

        Raises:
            WorkerError: the system refuses another process.
        """
        with self._lock:
            try:
                if self._begun is None:
                    self._begun = os.memfd_create("slide2iiif-begun")
                self._executor = ProcessPoolExecutor(
                    max_workers=1,
                    timeout=_KEEP_SECONDS,
                    initializer=_start_worker,
                    initargs=(os.getpid(), self._begun),
                    # Empty, not absent: a worker that crashes is explained by us, and not by a dump of its stack.
                    env={"PYTHONFAULTHANDLER": os.environ.get("PYTHONFAULTHANDLER", "")},
                )
                with _without_interrupts():
                    self._executor.submit(_warm_up)
            except OSError as error:
                raise WorkerError(f"no worker process can be started: {error.strerror}; lower --jobs") from None

    def submit(self, ticket: _Ticket[Any, Any]) -> None:
        """Queue a task."""
        with self._lock:
            if self._killed:
                _fail(ticket, WorkerError(_STOPPED))
                return
            self._tickets.append(ticket)
            self._send(ticket)

    def stop(self) -> None:
        """Wait until the worker has ended."""
        if self._executor is not None and not self._killed:
            self._executor.shutdown(wait=True)
        with self._lock:
            if self._begun is not None:
                os.close(self._begun)
                self._begun = None

    def kill(self) -> None:
        """End the worker at once."""
        with self._lock:
            if self._executor is not None and not self._killed:
                self._manager = self._executor._executor_manager_thread  # noqa: SLF001 - it ends after the worker
                self._executor.shutdown(wait=False, kill_workers=True)
            self._killed = True

    def settle(self) -> None:
        """Fail the tasks of a killed worker once it is dead: then nothing of them is written any more."""
        if self._manager is not None:
            self._manager.join(_END_SECONDS)
        with self._lock:
            self._fail_all(WorkerError(_STOPPED))

    def _send(self, ticket: _Ticket[Any, Any]) -> None:
        number = ticket.number = next(self._numbers)
        try:
            future: Future[Any] = self._executor.submit(_run_task, number, ticket.function, ticket.task)
        except BrokenProcessPool:
            if ticket is self._tickets[0]:
                self._restart()
            return  # Otherwise the worker died on a task before this one, whose callback is on its way.
        except OSError as error:
            self._fail_all(WorkerError(f"no worker process can be started: {error.strerror}; lower --jobs"))
            return
        future.add_done_callback(lambda done: self._finish(ticket, number, done))

    def _finish(self, ticket: _Ticket[Any, Any], number: int, future: "Future[Any]") -> None:
        with self._lock:
            # A dead worker fails all that it was sent; what has been sent again since is not meant.
            if self._killed or ticket.number != number or ticket not in self._tickets:
                return
            error = future.exception()
            if isinstance(error, BrokenProcessPool):
                self._replace_worker(error)
                return
            self._false_starts = 0
            self._tickets.remove(ticket)
        ticket.error = error
        ticket.result = None if error else future.result()
        ticket.done(ticket)

    def _replace_worker(self, error: BrokenProcessPool) -> None:
        """Blame the task that ran, if any, and give the others to a new worker."""
        self._false_starts += 1
        if self._last_begun() == self._tickets[0].number or self._false_starts >= _FALSE_STARTS:
            self._false_starts = 0
            _fail(self._tickets.popleft(), WorkerError(_explain(error)))
        self._restart()

    def _last_begun(self) -> int:
        return 0 if self._begun is None else int.from_bytes(os.pread(self._begun, _NUMBER_BYTES, 0))

    def _restart(self) -> None:
        """Start a new worker and send it all that waits."""
        try:
            self.start()
        except WorkerError as error:
            self._fail_all(error)
            return
        for ticket in list(self._tickets):
            self._send(ticket)

    def _fail_all(self, error: WorkerError) -> None:
        while self._tickets:
            _fail(self._tickets.popleft(), error)


def _fail(ticket: _Ticket[Any, Any], error: WorkerError) -> None:
    # One error each: threads that raise the same object would share its traceback.
    ticket.error = WorkerError(str(error))
    ticket.done(ticket)


def _explain(error: BrokenProcessPool) -> str:
    """Say how a worker died, from loky's message, which names the signal or the exit code."""
    cause = re.search(r"exit codes of the workers are \{([^}]*)\}", str(error))
    return f"the process that worked on it died ({cause[1] if cause else 'no reason known'})"


def _allow_open_files() -> None:
    """Raise the soft limit of open files to the hard one: a worker costs eight, a thousand is a usual limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """Block Ctrl-C in processes started inside: it is for the parent, which ends its workers in order."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_begun: int | None = None
"""In a worker: descriptor of the memory that takes the number of the task it has begun."""


def _start_worker(parent: int, begun: int) -> None:
    global _begun  # noqa: PLW0603 - a worker is started once, and this is how loky hands it anything
    with contextlib.suppress(OSError):
        # The parent's own descriptor. Without /proc a death is blamed after a few starts more.
        _begun = os.open(f"/proc/{parent}/fd/{begun}", os.O_WRONLY | os.O_CLOEXEC)
    # One that is started again after a long idle time comes without the block.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # loky ends workers whose memory has grown by 300 MB, and warns. A decoded image may take more, and is let go.
    process_executor._USE_PSUTIL = False  # noqa: SLF001
    logging.basicConfig(level=logging.CRITICAL)
    threading.Thread(target=_watch_parent, args=(parent,), daemon=True).start()


def _run_task(number: int, function: Callable[[Task], Result], task: Task) -> Result:
    if _begun is not None:
        os.pwrite(_begun, number.to_bytes(_NUMBER_BYTES), 0)
    try:
        return function(task)
    except BaseException as error:
        if isinstance(error, Exception) and _survives_pickling(error):
            raise
        # Sent as it is, it would break the worker or the pool, and its words would be lost.
        raise RuntimeError(f"{type(error).__name__}: {error}") from None


def _survives_pickling(error: Exception) -> bool:
    try:
        return type(pickle.loads(pickle.dumps(error))) is type(error)  # noqa: S301 - our own bytes
    except Exception:  # noqa: BLE001 - pickling runs code of the class, which may raise anything
        return False


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os._exit(1)


def _warm_up() -> None:
    with contextlib.suppress(ImportError):
        import openslide  # noqa: F401

    import slide2iiif.render  # noqa: F401
