"""Worker process, its own side: it is prepared, receives tasks, and ends with its parent."""

import contextlib
import ctypes
import gc
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

from slide2iiif.machine import limit_memory

NUMBER_BYTES = 8
"""Length of a task number, in messages and in the memory that a worker shares with its parent."""

SIGNALS = {signal.SIGINT, signal.SIGTERM}
"""Signals that stop a run; only the parent handles them."""

_WATCH_SECONDS = 0.5
"""Interval at which a worker checks that its parent is alive."""

_PR_SET_PDEATHSIG = 1

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 32 << 20
"""Largest array, a part of a block's pixels, whose memory a worker keeps for the next one; glibc's limit."""

_GARBAGE_THRESHOLD = 50_000
"""New objects before the next garbage collection; Python's own 700 cost 3 % of an export."""


def serve(
    connection: Connection,
    other_end: Connection,
    parent: int,
    begun: int,
    memory: int | None,
    preload: Callable[[], None] | None,
) -> None:
    """Run tasks until the parent closes the connection.

    Args:
        connection: pipe on which tasks arrive.
        other_end: the parent's end of it.
        parent: process id of the parent.
        begun: descriptor of the shared memory for the number of the task under way.
        memory: memory limit in megabytes; None for no limit.
        preload: imports before the first task; None to import with the first task.
    """
    # Held open here as well, it would hide that the parent has gone.
    other_end.close()
    _prepare(parent, begun, memory)
    if preload is not None:
        preload()
    while True:
        try:
            message = connection.recv_bytes()
        except (EOFError, OSError):
            os._exit(0)
        reply = work(int.from_bytes(message[:NUMBER_BYTES]), message[NUMBER_BYTES:])
        try:
            connection.send_bytes(reply)
        except (BrokenPipeError, ConnectionResetError):
            os._exit(0)


def work(number: int, packed: bytes) -> bytes:
    """Run a task, after its number is noted in the shared memory; return its result or its error.

    Args:
        number: of the task.
        packed: a function and the task, pickled.

    Returns:
        A flag and the result or error, pickled.
    """
    if _begun is not None:
        os.pwrite(_begun, number.to_bytes(NUMBER_BYTES), 0)
    try:
        function, task = pickle.loads(packed)  # noqa: S301 - from our own parent, through our own pipe
        return _pack_reply(True, function(task))
    except BaseException as error:  # noqa: BLE001 - raised where the task came from
        return _pack_reply(False, error if _can_travel(error) else RuntimeError(f"{type(error).__name__}: {error}"))


def _can_travel(error: BaseException) -> bool:
    """Return True if an error survives pickling; some raise when they are unpickled."""
    try:
        return isinstance(error, Exception) and type(pickle.loads(pickle.dumps(error))) is type(error)  # noqa: S301
    except Exception:  # noqa: BLE001 - pickling runs code of the class, which may raise anything
        return False


def _pack_reply(succeeded: bool, outcome: object) -> bytes:  # noqa: FBT001 - the two halves of a reply
    try:
        return pickle.dumps((succeeded, outcome))
    except Exception as error:  # noqa: BLE001 - what cannot be pickled is told in words
        return pickle.dumps((False, RuntimeError(f"{outcome!r} cannot be sent: {error}")))


def start_fresh(parent: int, begun: int, memory: int | None) -> None:
    """Prepare a process of loky as a worker, with the parent's descriptor for its task numbers."""
    from joblib.externals.loky import process_executor

    # loky ends workers whose memory has grown by 300 MB, and warns. A decoded image may take more, and is let go.
    process_executor._USE_PSUTIL = False  # noqa: SLF001
    own: int | None = None
    with contextlib.suppress(OSError):
        # The parent's descriptor. Without /proc a death is blamed after a few starts more.
        own = os.open(f"/proc/{parent}/fd/{begun}", os.O_WRONLY | os.O_CLOEXEC)
    _prepare(parent, own, memory)


_begun: int | None = None
"""Descriptor, in a worker, of the shared memory for the number of the task under way."""


def _prepare(parent: int, begun: int | None, memory: int | None) -> None:
    """Prepare this process as a worker: it leaves signals to its parent, and does not outlive it."""
    import logging

    global _begun  # noqa: PLW0603 - a worker is prepared once, and a task brings nothing but itself
    _begun = begun
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    # The libraries below log what is also told as an error.
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    _keep_memory()
    limit_memory(memory)
    # What is loaded stays; and tiles come and go without cycles, so there is little for a collection to find.
    gc.freeze()
    gc.set_threshold(_GARBAGE_THRESHOLD)
    _die_with(parent)
    threading.Thread(target=_watch_parent, args=(parent,), daemon=True).start()


def _keep_memory() -> None:
    """Keep freed memory for the next block; returned to the system, each page of it would fault again."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES)
        mallopt(_M_TRIM_THRESHOLD, 4 * _KEPT_BYTES)


def _die_with(parent: int) -> None:
    """Let the system kill this process when its parent ends, even in the middle of a call (man 2 prctl)."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os._exit(1)
