"""Memory limit of a worker process, enforced by the operating system (RLIMIT_DATA).

A file of a kilobyte can claim an image of a terabyte. With the limit the allocation fails: the slide fails, or its
worker ends, and no other program on the computer is harmed.
"""

import contextlib
import resource
from pathlib import Path

from slide2iiif.errors import SourceError
from slide2iiif.options import WORKER_MEMORY

MEGABYTE = 1 << 20
_STATUS = Path("/proc/self/status")


def limit_memory(megabytes: int | None) -> None:
    """Limit the private memory of this process; shared memory and mapped files do not count.

    Args:
        megabytes: limit, in units of 1,048,576 bytes; None for no limit.
    """
    if megabytes is None:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = megabytes * MEGABYTE
    if hard not in {resource.RLIM_INFINITY, -1}:
        wanted = min(wanted, hard)
    # Where the system knows no such limit, a task that needs too much ends as it always did.
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))


def memory_left() -> int | None:
    """Return the bytes that this process may still allocate; None where it has no limit."""
    soft, _ = resource.getrlimit(resource.RLIMIT_DATA)
    if soft in {resource.RLIM_INFINITY, -1}:
        return None
    return max(0, soft - _used())


def check_memory(needed: int) -> None:
    """Check that an allocation fits in the memory limit of this process.

    Args:
        needed: estimated bytes.

    Raises:
        SourceError: it does not fit.
    """
    left = memory_left()
    if left is not None and needed > left:
        raise SourceError(too_large(needed))


def too_large(needed: int | None = None, megabytes: int | None = None) -> str:
    """Write the message of a slide that does not fit in memory, with the way out.

    Args:
        needed: estimated bytes; None where unknown.
        megabytes: the limit; None for the limit of this process.
    """
    limit = megabytes or _limit()
    size = "" if needed is None else f", some {needed // MEGABYTE:,} MB for its pixels alone"
    allowed = "a worker may take" if limit is None else f"the {limit:,} MB that a worker may take"
    return (
        f"needs more memory than {allowed}{size}: convert it to tiled TIFF, which is read in parts, "
        f"or raise {WORKER_MEMORY.name} if it is sound"
    )


def _limit() -> int | None:
    """Return the limit of this process in megabytes; None where there is none."""
    soft, _ = resource.getrlimit(resource.RLIMIT_DATA)
    return None if soft in {resource.RLIM_INFINITY, -1} else soft // MEGABYTE


def _used() -> int:
    """Return the bytes of private memory in use: VmData (man 5 proc_pid_status)."""
    try:
        lines = _STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:")), 0)
