"""One worker process: give it a task, get the result or learn how it died."""

import contextlib
import ctypes
import gc
import os
import pickle
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import wait
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future
    from multiprocessing.process import BaseProcess

Task = TypeVar("Task")
Result = TypeVar("Result")

_WATCH_SECONDS = 0.5
"""How often a worker looks whether its parent still lives."""

_END_SECONDS = 5.0
"""How long a worker may take to end when it is told to."""

_START_PATIENCE = 10
"""How many times its task's deadline a worker may take to begin it, as one that has to be started does."""

_PR_SET_PDEATHSIG = 1

_NUMBER_BYTES = 8

_SIGNALS = {signal.SIGINT, signal.SIGTERM}

_NOT_TO_FORK = ("pyvips", "joblib")
"""Libraries that start threads of their own when they are loaded."""


_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 32 << 20
"""Arrays up to this size, some of the pixels of a block, come from memory that a worker keeps; glibc's limit."""


_GARBAGE_THRESHOLD = 50_000
"""Objects more than at the last collection that call for the next one; at Python's 700 they cost 3 % of an export."""


class WorkerDiedError(Exception):
    """The process ended while it worked; the message says how."""


class WorkerGoneError(Exception):
    """The process ended before it took a task, which is not to blame; the message says how."""


class WorkerOverdueError(Exception):
    """The process was ended because its task took too long."""


class Worker(Protocol):
    """A process that works on one task at a time."""

    def call(self, function: Callable[[Task], Result], task: Task, seconds: float | None = None) -> Result:
        """Run a module's function on a task there, for so many seconds at most.

        Raises:
            WorkerOverdueError: it took longer, and the process was ended.
            WorkerDiedError: the process died.
            WorkerGoneError: the process was dead already.
            Exception: what the function raised.
        """
        ...

    def kill(self) -> None:
        """End the process at once, from any thread."""
        ...

    def stop(self) -> None:
        """End the process when it has nothing to do."""
        ...


def fork_first_worker() -> "ForkedWorker | None":
    """Fork a worker that loads what tasks need by itself, or give None where this process must not be forked.

    For the very beginning of a command: the worker loads what opens slides while this process loads the rest.
    """
    [worker] = _fork(1, loads=True)
    return worker


def fork_workers(count: int) -> "Sequence[ForkedWorker | None]":
    """Fork workers that have what renders loaded, or give None for each where this process must not be forked."""
    load_renderer()
    return _fork(count, loads=False)


def _fork(count: int, *, loads: bool) -> "Sequence[ForkedWorker | None]":
    # Threads of a library would not exist in the child, and its locks might be held for ever.
    if threading.active_count() > 1 or any(name in sys.modules for name in _NOT_TO_FORK):
        return [None] * count
    with signals_held():
        return [ForkedWorker(loads=loads) for _ in range(count)]


def start_worker() -> "FreshWorker":
    """Start a worker in a fresh interpreter."""
    return FreshWorker()


class _Begun:
    """Number of the task that a worker has begun last, in memory that it shares with its parent."""

    def __init__(self) -> None:
        self.descriptor = os.memfd_create("slide2iiif-begun")
        self._sent = 0

    def next(self) -> int:
        """Give the number of the next task."""
        self._sent += 1
        return self._sent

    def is_last(self) -> bool:
        """Tell whether the worker has begun the task that was sent last; if not, it is not to blame for a death."""
        return int.from_bytes(os.pread(self.descriptor, _NUMBER_BYTES, 0)) == self._sent

    def close(self) -> None:
        """Give the memory back."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


class ForkedWorker:
    """A child of this process."""

    def __init__(self, *, loads: bool = False) -> None:
        """Fork it; with `loads` it loads what tasks need before it takes one."""
        self._begun = _Begun()
        context = get_context("fork")
        self._ours, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(
            target=_serve,
            args=(theirs, self._ours, os.getpid(), self._begun.descriptor, loads),
            daemon=True,
            name="slide2iiif worker",
        )
        self._process.start()
        theirs.close()

    def call(self, function: Callable[[Task], Result], task: Task, seconds: float | None = None) -> Result:
        """Run a task. See `Worker.call`."""
        try:
            self._ours.send((self._begun.next(), function, task))
            if seconds is not None and not _is_done(self._ours.poll, self._begun, seconds):
                self.kill()
                self._end()
                raise WorkerOverdueError
            succeeded, outcome = self._ours.recv()
        except (EOFError, OSError):
            raise self._end() from None
        if not succeeded:
            raise outcome
        result: Result = outcome
        return result

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
        """Let the child end."""
        self._ours.close()
        self._process.join(_END_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._begun.close()


class FreshWorker:
    """A process of loky, which starts a fresh interpreter."""

    def __init__(self) -> None:
        from joblib.externals.loky import ProcessPoolExecutor

        self._killed = threading.Event()
        self._begun = _Begun()
        # Empty, not absent: a worker that crashes is explained by us, and not by a dump of its stack.
        env = {"PYTHONFAULTHANDLER": os.environ.get("PYTHONFAULTHANDLER", "")}
        self._executor = ProcessPoolExecutor(
            max_workers=1, initializer=_start_fresh, initargs=(os.getpid(), self._begun.descriptor), env=env
        )
        with signals_held():
            self._executor.submit(preload)

    def call(self, function: Callable[[Task], Result], task: Task, seconds: float | None = None) -> Result:
        """Run a task. See `Worker.call`."""
        from joblib.externals.loky.process_executor import BrokenProcessPool, ShutdownExecutorError

        try:
            future = self._executor.submit(_work, self._begun.next(), function, task)
            if seconds is not None and not _is_done(lambda patience: _settles(future, patience), self._begun, seconds):
                self.kill()
                self._end("")
                raise WorkerOverdueError
            succeeded, outcome = future.result()
        except (BrokenProcessPool, ShutdownExecutorError) as error:
            raise self._end(str(error)) from None
        if not succeeded:
            raise outcome
        result: Result = outcome
        return result

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
        """Let the process end."""
        self._executor.shutdown(wait=True)
        self._begun.close()


def _is_done(wait: Callable[[float], bool], begun: _Begun, seconds: float) -> bool:
    """Wait for a task that may take so long from its beginning; a worker that is just starting gets more."""
    for _ in range(_START_PATIENCE):
        if wait(seconds):
            return True
        if begun.is_last():
            return False
    return False


def _settles(future: "Future[Any]", seconds: float) -> bool:
    return bool(wait([future], seconds).done)


@contextlib.contextmanager
def signals_held() -> Iterator[None]:
    """Hold signals back until the end of the block.

    Processes started inside would answer them as their parent does, before they are workers; and an import may
    swallow the exception that a handler raises, or take it for its own failure.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def describe_exit(code: int | None) -> str:
    """Say how a process ended, from its exit code: negative for a signal."""
    if code is None:
        return "it does not answer"
    if code >= 0:
        return f"exit code {code}"
    hint = " (out of memory?)" if -code == signal.SIGKILL else ""
    return f"{signal.Signals(-code).name}{hint}"


def _cause(text: str) -> str:
    """Find the signal or the exit code in loky's message."""
    codes = re.search(r"exit codes of the workers are \{([^}]*)\}", text)
    return codes[1] if codes else "no reason known"


def preload() -> None:
    """Import what tasks need, so that a worker has it before its first one; nothing is opened."""
    load_renderer()
    import openslide
    import tifffile

    del openslide, tifffile


def load_renderer() -> None:
    """Import what makes tiles of stored JPEG; what opens slides is loaded where one is opened.

    Nothing here multiplies matrices: numpy's library for that must not start a thread for each core, which spin.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import simplejpeg

    import slide2iiif.render

    del simplejpeg, slide2iiif


def _serve(connection: Connection, other_end: Connection, parent: int, begun: int, loads: bool) -> None:  # noqa: FBT001
    """Work on tasks until the other end is closed."""
    # Held open here as well, it would hide that the parent has gone.
    other_end.close()
    _prepare(parent, begun)
    if loads:
        preload()
    while True:
        try:
            number, function, task = connection.recv()
        except (EOFError, OSError):
            os._exit(0)
        _send(connection, _work(number, function, task))


def _work(number: int, function: Callable[[Any], Any], task: Any) -> tuple[bool, Any]:
    """Note that a task is begun, do it, and give whether it succeeded with the result or the error."""
    if _begun is not None:
        os.pwrite(_begun, number.to_bytes(_NUMBER_BYTES), 0)
    try:
        return True, function(task)
    except BaseException as error:  # noqa: BLE001 - raised where the task came from
        return False, error if _can_travel(error) else RuntimeError(f"{type(error).__name__}: {error}")


def _can_travel(error: BaseException) -> bool:
    """Tell whether an error arrives as what it is: some break whoever unpickles them."""
    try:
        return isinstance(error, Exception) and type(pickle.loads(pickle.dumps(error))) is type(error)  # noqa: S301
    except Exception:  # noqa: BLE001 - pickling runs code of the class, which may raise anything
        return False


def _send(connection: Connection, reply: tuple[bool, Any]) -> None:
    try:
        connection.send(reply)
    except (BrokenPipeError, ConnectionResetError):
        os._exit(0)
    except Exception as error:  # noqa: BLE001 - what cannot be pickled is told in words
        connection.send((False, RuntimeError(f"{reply[1]!r} cannot be sent: {error}")))


def _start_fresh(parent: int, begun: int) -> None:
    from joblib.externals.loky import process_executor

    # loky ends workers whose memory has grown by 300 MB, and warns. A decoded image may take more, and is let go.
    process_executor._USE_PSUTIL = False  # noqa: SLF001
    own: int | None = None
    with contextlib.suppress(OSError):
        # The parent's descriptor. Without /proc a death is blamed after a few starts more.
        own = os.open(f"/proc/{parent}/fd/{begun}", os.O_WRONLY | os.O_CLOEXEC)
    _prepare(parent, own)


_begun: int | None = None
"""In a worker: the descriptor that takes the number of the task it has begun."""


def _prepare(parent: int, begun: int | None) -> None:
    """Make this process a worker: signals are for the parent, and it does not outlive it."""
    import logging

    global _begun  # noqa: PLW0603 - a worker is prepared once, and a task brings nothing but itself
    _begun = begun
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    # The libraries below log what is also told as an error.
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    _keep_memory()
    # What is loaded stays; and tiles come and go without cycles, so there is little for a collection to find.
    gc.freeze()
    gc.set_threshold(_GARBAGE_THRESHOLD)
    _die_with(parent)
    threading.Thread(target=_watch_parent, args=(parent,), daemon=True).start()


def _keep_memory() -> None:
    """Keep freed memory for the next block: given back and asked for again, every page costs a fault."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES)
        mallopt(_M_TRIM_THRESHOLD, 4 * _KEPT_BYTES)


def _die_with(parent: int) -> None:
    """Let the system kill this process when its parent ends, whatever it is busy with then (man 2 prctl)."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os._exit(1)
