"""Processors and memory that may be used: of the computer, of the container that this is in, of a worker process.

A container is a control group with a quota. Of processors it gives time and not their number, so that 64 are seen where
two may be used (man 7 cgroups; `cpu.max` and `memory.max` of version 2, `cpu.cfs_quota_us` and `memory.limit_in_bytes`
of version 1). The limits of all groups above hold as well.

A worker has a memory limit that the operating system enforces (RLIMIT_DATA). A file of a kilobyte can claim an image of
a terabyte. With the limit the allocation fails: the slide fails, or its worker ends, and no other program on the
computer is harmed.
"""

import contextlib
import os
import resource
from collections.abc import Iterator
from pathlib import Path

from slide2iiif.errors import SourceError
from slide2iiif.options import WORKER_MEMORY

MEGABYTE = 1 << 20
_STATUS = Path("/proc/self/status")
_ROOT = Path("/")
_V2 = "cgroup2"


def usable_processors(root: Path = _ROOT) -> int:
    """Return the number of processors that may be used, quotas of containers rounded up; at least one."""
    count = len(os.sched_getaffinity(0))
    for folder in _groups("cpu", root):
        with contextlib.suppress(OSError, ValueError):
            count = min(count, max(1, _quota(folder)))
    return count


def usable_memory(root: Path = _ROOT) -> int | None:
    """Return the bytes that all processes together may take; None where nothing tells."""
    limits: list[int] = []
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = (root / "proc/meminfo").read_text().splitlines()
        limits.append(next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemTotal:")))
    for folder in _groups("memory", root):
        for name in ("memory.max", "memory.limit_in_bytes"):
            # "max" is no number, and version 1 says so with more bytes than there are.
            with contextlib.suppress(OSError, ValueError):
                limits.append(int((folder / name).read_text()))
    return min(limits, default=None)


def _quota(folder: Path) -> int:
    """Read how many processors' time a group gets, rounded up.

    Raises:
        OSError: the group has no quota of this form.
        ValueError: it is not limited.
    """
    version_2 = folder / "cpu.max"
    if version_2.exists():
        quota, period = (int(each) for each in version_2.read_text().split())
    else:
        quota, period = (int((folder / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period"))
    if quota <= 0 or period <= 0:
        raise ValueError(quota)
    return -(-quota // period)


def _groups(controller: str, root: Path) -> Iterator[Path]:
    """List the folders of this process's groups of a controller, and of those above them, as far as they are seen."""
    with contextlib.suppress(OSError, ValueError):
        paths = _paths((root / "proc/self/cgroup").read_text(), controller)
        for line in (root / "proc/self/mountinfo").read_text().splitlines():
            before, _, after = line.partition(" - ")
            kind, _, options = after.split(" ", 2)
            if kind not in paths or (kind != _V2 and controller not in options.split(",")):
                continue
            mount_root, mount = before.split()[3:5]
            # Within a container the group's path may be that of the host, which is not seen there: the mount is it.
            inside = os.path.relpath(paths[kind], mount_root)
            top = root / mount.lstrip("/")
            folder = top if inside.startswith("..") else top / inside
            yield from (each for each in (folder, *folder.parents) if each.is_relative_to(top))


def _paths(text: str, controller: str) -> dict[str, str]:
    """Find the path of the group in version 2 and in version 1, by the type of the file system that shows it."""
    paths = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            paths[_V2] = path
        elif controller in controllers.split(","):
            paths["cgroup"] = path
    return paths


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
