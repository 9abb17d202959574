"""One worker process: give it a task, get the result or learn how it died."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

Task = TypeVar("Task")
Result = TypeVar("Result")

_WATCH_SECONDS = 0.5
"""How often a worker looks whether its parent still lives."""

_END_SECONDS = 5.0
"""How long a worker may take to end when it is told to."""

_NOT_TO_FORK = ("pyvips", "joblib")
"""Libraries that start threads of their own when they are loaded."""


class WorkerDiedError(Exception):
    """The process ended while it worked; the message says how."""


class Worker(Protocol):
    """A process that works on one task at a time."""

    def call(self, function: Callable[[Task], Result], task: Task) -> Result:
        """Run a module's function on a task there.

        Raises:
            WorkerDiedError: the process died.
            Exception: what the function raised.
        """
        ...

    def kill(self) -> None:
        """End the process at once, from any thread."""
        ...

    def stop(self) -> None:
        """End the process when it has nothing to do."""
        ...


def fork_workers(count: int) -> "list[ForkedWorker | None]":
    """Fork workers, or give None for each where this process must not be forked."""
    # Threads of a library would not exist in the child, and its locks might be held for ever.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if threading.active_count() > 1 or any(name in sys.modules for name in _NOT_TO_FORK):
        return [None] * count
    _preload()
    return [ForkedWorker() for _ in range(count)]


def start_worker() -> "FreshWorker":
    """Start a worker in a fresh interpreter."""
    return FreshWorker()


class ForkedWorker:
    """A child of this process."""

    def __init__(self) -> None:
        context = get_context("fork")
        self._ours, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(
            target=_serve, args=(theirs, self._ours, os.getpid()), daemon=True, name="slide2iiif worker"
        )
        self._process.start()
        theirs.close()

    def call(self, function: Callable[[Task], Result], task: Task) -> Result:
        """Run a task. See `Worker.call`."""
        try:
            self._ours.send((function, task))
            succeeded, outcome = self._ours.recv()
        except (EOFError, OSError):
            self._process.join(_END_SECONDS)
            raise WorkerDiedError(describe_exit(self._process.exitcode)) from None
        if not succeeded:
            raise outcome
        result: Result = outcome
        return result

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


class FreshWorker:
    """A process of loky, which starts a fresh interpreter."""

    def __init__(self) -> None:
        from joblib.externals.loky import ProcessPoolExecutor

        self._executor = ProcessPoolExecutor(max_workers=1, initializer=_start_fresh, initargs=(os.getpid(),))
        self._killed = threading.Event()

    def call(self, function: Callable[[Task], Result], task: Task) -> Result:
        """Run a task. See `Worker.call`."""
        from joblib.externals.loky.process_executor import BrokenProcessPool, ShutdownExecutorError

        try:
            result: Result = self._executor.submit(function, task).result()
        except (BrokenProcessPool, ShutdownExecutorError) as error:
            self._executor.shutdown(wait=False, kill_workers=True)
            raise WorkerDiedError("killed" if self._killed.is_set() else _cause(str(error))) from None
        return result

    def kill(self) -> None:
        """Kill the process."""
        self._killed.set()
        self._executor.shutdown(wait=False, kill_workers=True)

    def stop(self) -> None:
        """Let the process end."""
        self._executor.shutdown(wait=True)


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
    _, found, codes = text.rpartition("exit codes of the workers are ")
    return codes.strip(" {}.") if found else "no reason known"


def _preload() -> None:
    """Import what tasks need, so that every worker has it; nothing is opened."""
    import openslide
    import simplejpeg
    import tifffile

    import slide2iiif.render

    del openslide, simplejpeg, tifffile, slide2iiif


def _serve(connection: Connection, other_end: Connection, parent: int) -> None:
    """Work on tasks until the other end is closed."""
    # Held open here as well, it would hide that the parent has gone.
    other_end.close()
    _prepare(parent)
    while True:
        try:
            function, task = connection.recv()
        except (EOFError, OSError):
            os._exit(0)
        try:
            reply = (True, function(task))
        except Exception as error:  # noqa: BLE001 - raised where the task came from
            reply = (False, error)
        _send(connection, reply)


def _send(connection: Connection, reply: tuple[bool, Any]) -> None:
    try:
        connection.send(reply)
    except (BrokenPipeError, ConnectionResetError):
        os._exit(0)
    except Exception as error:  # noqa: BLE001 - what cannot be pickled is told in words
        connection.send((False, RuntimeError(f"{reply[1]!r} cannot be sent: {error}")))


def _start_fresh(parent: int) -> None:
    from joblib.externals.loky import process_executor

    # loky ends workers whose memory has grown by 300 MB, and warns. A decoded image may take more, and is let go.
    process_executor._USE_PSUTIL = False  # noqa: SLF001
    _prepare(parent)


def _prepare(parent: int) -> None:
    """Make this process a worker: signals are for the parent, and it does not outlive it."""
    import logging

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # The libraries below log what is also told as an error.
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    threading.Thread(target=_watch_parent, args=(parent,), daemon=True).start()


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os._exit(1)
