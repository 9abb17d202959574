"""Worker process, the parent's side: it is sent a task, and returns the result or is reported dead."""

import contextlib
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import wait
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, Protocol

from slide2iiif.engines.base import Preload
from slide2iiif.engines.child import NUMBER_BYTES, SIGNALS, serve, start_fresh, work

if TYPE_CHECKING:
    from concurrent.futures import Future
    from multiprocessing.process import BaseProcess

_END_SECONDS = 5.0
"""Time for a worker to end after it was asked to."""

_START_SECONDS = 60.0
"""Time from the start of a worker to its first task."""

_POLL_SECONDS = 0.25
"""Interval at which a starting worker is polled."""

_NOT_STARTED = f"it did not start within {_START_SECONDS:g} s"

_IMPORTING = threading.Lock()
"""Held while joblib is imported."""

_UNSAFE_TO_FORK = ("pyvips", "joblib")
"""Libraries that start threads when they are imported."""


class WorkerDiedError(Exception):
    """The process ended during a task. The message has its signal or exit code."""


class WorkerGoneError(Exception):
    """The process ended before it began the task, which is not to blame. The message has its signal or exit code."""


class WorkerOverdueError(Exception):
    """The process was ended because its task took too long."""


class Worker(Protocol):
    """A process that runs one task at a time."""

    def call(self, packed: bytes, seconds: float | None = None) -> bytes:
        """Run a task in the process.

        Args:
            packed: a module's function and the task, pickled: see `child.work`.
            seconds: time limit, from the beginning of the task; None for no limit.

        Returns:
            The reply, pickled.

        Raises:
            WorkerOverdueError: it took longer, and the process was ended.
            WorkerDiedError: the process died.
            WorkerGoneError: the process was dead already.
        """
        ...

    def kill(self) -> None:
        """End the process at once, from any thread."""
        ...

    def stop(self) -> None:
        """End the process, which has no task."""
        ...


def fork_workers(count: int, memory: int | None, preload: Preload) -> "Sequence[ForkedWorker | None]":
    """Fork workers that share the first part of the imports; None for each if this process must not be forked.

    The second part is imported by the first worker at once, and by the others when they need it: in many runs they
    never do.

    Args:
        count: number of workers.
        memory: memory limit of each in megabytes; None for no limit.
        preload: imports.
    """
    with signals_held():
        preload.shared()
        # Threads of a library would not exist in the child, and its locks might be held for ever.
        if _count_threads() > 1 or any(name in sys.modules for name in _UNSAFE_TO_FORK):
            return [None] * count
        return [ForkedWorker(memory, None if number else preload.own) for number in range(count)]


def _count_threads() -> int:
    """Count the threads of this process, those too that a library has started and Python knows nothing of."""
    try:
        return len(os.listdir("/proc/self/task"))  # noqa: PTH208 - names are enough
    except OSError:
        return threading.active_count()


def start_worker(memory: int | None, preload: Preload) -> "FreshWorker":
    """Start a worker in a new interpreter, with a memory limit in megabytes."""
    return FreshWorker(memory, preload)


class _LastTask:
    """Number of the last task that a worker has begun, in memory shared with its parent."""

    def __init__(self) -> None:
        self.descriptor = os.memfd_create("slide2iiif-begun")
        self._sent = 0

    def next(self) -> int:
        """Return the number of the next task."""
        self._sent += 1
        return self._sent

    def is_last(self) -> bool:
        """Return True if the worker has begun the last task; otherwise the task is not to blame for a death."""
        return int.from_bytes(os.pread(self.descriptor, NUMBER_BYTES, 0)) == self._sent

    def close(self) -> None:
        """Release the memory."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


class ForkedWorker:
    """A child of this process."""

    def __init__(self, memory: int | None, preload: Callable[[], None] | None) -> None:
        """Fork the child, with a memory limit in megabytes and imports to run before its first task."""
        self._begun = _LastTask()
        context = get_context("fork")
        self._ours, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(
            target=serve,
            args=(theirs, self._ours, os.getpid(), self._begun.descriptor, memory, preload),
            daemon=True,
            name="slide2iiif worker",
        )
        self._process.start()
        theirs.close()

    def call(self, packed: bytes, seconds: float | None = None) -> bytes:
        """Run a task. See `Worker.call`."""
        try:
            self._ours.send_bytes(self._begun.next().to_bytes(NUMBER_BYTES) + packed)
            if seconds is not None and not _is_done(self._ours.poll, self._begun, seconds):
                is_begun = self._begun.is_last()
                self.kill()
                self._end()
                raise WorkerOverdueError if is_begun else WorkerGoneError(_NOT_STARTED)
            return self._ours.recv_bytes()
        except (EOFError, OSError):
            raise self._end() from None

    def _end(self) -> WorkerDiedError | WorkerGoneError:
        self._process.join(_END_SECONDS)
        self._ours.close()
        kind = WorkerDiedError if self._begun.is_last() else WorkerGoneError
        self._begun.close()
        return kind(describe_exit(self._process.exitcode))

    def kill(self) -> None:
        """Kill the child."""
        self._process.kill()

    def stop(self) -> None:
        """End the child; kill it if it does not end in time."""
        self._ours.close()
        self._process.join(_END_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._begun.close()


class FreshWorker:
    """A process of loky, in a new interpreter."""

    def __init__(self, memory: int | None, preload: Preload) -> None:
        """Start the process, with a memory limit in megabytes and imports to run before its first task."""
        # Its modules import each other: two lanes that begin at the same time would find them half made.
        with _IMPORTING:
            from joblib.externals.loky import ProcessPoolExecutor

        self._killed = threading.Event()
        self._begun = _LastTask()
        # Empty, not absent: a worker that crashes is explained by us, and not by a dump of its stack.
        env = {"PYTHONFAULTHANDLER": os.environ.get("PYTHONFAULTHANDLER", "")}
        self._executor = ProcessPoolExecutor(
            max_workers=1, initializer=start_fresh, initargs=(os.getpid(), self._begun.descriptor, memory), env=env
        )
        with signals_held():
            self._executor.submit(preload)

    def call(self, packed: bytes, seconds: float | None = None) -> bytes:
        """Run a task. See `Worker.call`."""
        from joblib.externals.loky.process_executor import BrokenProcessPool, ShutdownExecutorError

        try:
            future = self._executor.submit(work, self._begun.next(), packed)
            if seconds is not None and not _is_done(lambda timeout: _settles(future, timeout), self._begun, seconds):
                is_begun = self._begun.is_last()
                self.kill()
                self._end("")
                raise WorkerOverdueError if is_begun else WorkerGoneError(_NOT_STARTED)
            reply: bytes = future.result()
        except (BrokenProcessPool, ShutdownExecutorError) as error:
            raise self._end(str(error)) from None
        return reply

    def _end(self, text: str) -> WorkerDiedError | WorkerGoneError:
        # loky tells of the end of a process before it has ended it, and hides its manager when asked to end.
        manager = self._executor._executor_manager_thread  # noqa: SLF001
        self._executor.shutdown(wait=False, kill_workers=True)
        if manager is not None:
            manager.join(_END_SECONDS)
        kind = WorkerDiedError if self._begun.is_last() else WorkerGoneError
        self._begun.close()
        return kind("killed" if self._killed.is_set() else _cause(text))

    def kill(self) -> None:
        """Kill the process."""
        self._killed.set()
        for pid in list(self._executor._processes):  # noqa: SLF001 - loky would look for its children first
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        """End the process and wait for it."""
        self._executor.shutdown(wait=True)
        self._begun.close()


def _is_done(wait: Callable[[float], bool], begun: _LastTask, seconds: float) -> bool:
    """Wait for a task with a time limit from its beginning; a worker that is still starting gets extra time."""
    latest = time.monotonic() + _START_SECONDS
    while not begun.is_last():
        if wait(_POLL_SECONDS):
            return True
        if time.monotonic() > latest:
            return False
    return wait(seconds)


def _settles(future: "Future[Any]", seconds: float) -> bool:
    return bool(wait([future], seconds).done)


@contextlib.contextmanager
def signals_held() -> Iterator[None]:
    """Block the signals of `SIGNALS` until the end of the `with` block.

    Processes started inside would handle them as their parent does, before they are prepared as workers; and an import
    may swallow the exception that a handler raises, or treat it as its own failure.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def describe_exit(code: int | None) -> str:
    """Format the cause of the end of a process from its exit code, which is negative for a signal."""
    if code is None:
        return "it does not answer"
    if code >= 0:
        return f"exit code {code}"
    return signal.Signals(-code).name


def _cause(text: str) -> str:
    """Find the signal or the exit code in loky's message."""
    codes = re.search(r"exit codes of the workers are \{([^}]*)\}", text)
    if not codes:
        return "no reason known"
    signals = re.findall(r"\((-\d+)\)", codes[1])
    return describe_exit(int(signals[0])) if len(signals) == 1 else codes[1]
