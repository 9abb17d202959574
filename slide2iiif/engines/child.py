"""A worker process from inside: made ready, given tasks, gone when its parent is."""

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

from slide2iiif.memory_limit import limit_memory

NUMBER_BYTES = 8
"""Length of the number of the task that a worker has begun, in the memory that it shares with its parent."""

SIGNALS = {signal.SIGINT, signal.SIGTERM}
"""What a user stops a run with; answered by the parent."""

_WATCH_SECONDS = 0.5
"""How often a worker looks whether its parent still lives."""

_PR_SET_PDEATHSIG = 1

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 32 << 20
"""Arrays up to this size, some of the pixels of a block, come from memory that a worker keeps; glibc's limit."""

_GARBAGE_THRESHOLD = 50_000
"""Objects more than at the last collection that call for the next one; at Python's 700 they cost 3 % of an export."""


def serve(
    connection: Connection,
    other_end: Connection,
    parent: int,
    begun: int,
    memory: int | None,
    preload: Callable[[], None] | None,
) -> None:
    """Work on tasks until the other end is closed.

    Args:
        connection: where tasks come from.
        other_end: the parent's end of it.
        parent: its process id.
        begun: descriptor that takes the number of the task that is begun.
        memory: megabytes to take; None for no limit.
        preload: imports before the first task comes; None where the first task brings its own.
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
    """Note that a task is begun, do it, and give whether it succeeded with the result or the error.

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
    """Tell whether an error arrives as what it is: some break whoever unpickles them."""
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
    """Make a process of loky a worker; what it has begun goes to the parent's descriptor."""
    from joblib.externals.loky import process_executor

    # loky ends workers whose memory has grown by 300 MB, and warns. A decoded image may take more, and is let go.
    process_executor._USE_PSUTIL = False  # noqa: SLF001
    own: int | None = None
    with contextlib.suppress(OSError):
        # The parent's descriptor. Without /proc a death is blamed after a few starts more.
        own = os.open(f"/proc/{parent}/fd/{begun}", os.O_WRONLY | os.O_CLOEXEC)
    _prepare(parent, own, memory)


_begun: int | None = None
"""In a worker: the descriptor that takes the number of the task it has begun."""


def _prepare(parent: int, begun: int | None, memory: int | None) -> None:
    """Make this process a worker: signals are for the parent, and it does not outlive it."""
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
