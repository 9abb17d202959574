"""How much memory a worker may take: a limit that the system holds it to, whatever a slide makes a library ask for.

A file of a kilobyte can claim a picture of a terabyte. Under the limit the library that asks for it gets nothing: its
slide fails, or its worker ends, and no other program on the computer has to.
"""

import contextlib
import resource
from pathlib import Path

from slide2iiif.errors import SourceError
from slide2iiif.options import WORKER_MEMORY

MEGABYTE = 1 << 20
_STATUS = Path("/proc/self/status")


def limit_memory(megabytes: int | None) -> None:
    """Let this process have no more memory of its own; what it shares with others, and maps of files, not counted.

    Args:
        megabytes: of 1,048,576 bytes; None for no limit.
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
    """Give how many bytes more this process may take; None where nothing limits it."""
    soft, _ = resource.getrlimit(resource.RLIMIT_DATA)
    if soft in {resource.RLIM_INFINITY, -1}:
        return None
    return max(0, soft - _taken())


def check_memory(needed: int) -> None:
    """Refuse what this process cannot take into memory, before it tries.

    Args:
        needed: bytes, at about.

    Raises:
        SourceError: it is too much.
    """
    left = memory_left()
    if left is not None and needed > left:
        raise SourceError(too_large(needed))


def too_large(needed: int | None = None, megabytes: int | None = None) -> str:
    """Say that a slide does not fit into memory, and what to do about it.

    Args:
        needed: bytes that it takes, at about, where that is known.
        megabytes: the limit; None for that of this process.
    """
    limit = megabytes or _limit()
    size = "" if needed is None else f", some {needed // MEGABYTE:,} MB for its pixels alone"
    allowed = "a worker may take" if limit is None else f"the {limit:,} MB that a worker may take"
    return (
        f"needs more memory than {allowed}{size}: convert it to tiled TIFF, which is read in parts, "
        f"or raise {WORKER_MEMORY.name} if it is sound"
    )


def _limit() -> int | None:
    """Give the limit of this process in megabytes; None where there is none."""
    soft, _ = resource.getrlimit(resource.RLIMIT_DATA)
    return None if soft in {resource.RLIM_INFINITY, -1} else soft // MEGABYTE


def _taken() -> int:
    """Bytes of memory of its own that this process has (man 5 proc_pid_status)."""
    try:
        lines = _STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:")), 0)
