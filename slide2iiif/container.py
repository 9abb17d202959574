"""The processors and the memory that this process may use: of the computer, or of the container that it runs in.

A container is a control group with a quota. Of processors it gives time and not their number, so that 64 are seen where
two may be used (man 7 cgroups; `cpu.max` and `memory.max` of version 2, `cpu.cfs_quota_us` and `memory.limit_in_bytes`
of version 1). The limits of all groups above hold as well.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_ROOT = Path("/")
_V2 = "cgroup2"


def usable_processors(root: Path = _ROOT) -> int:
    """Return the number of processors that may be used, quotas of containers rounded up; at least one."""
    count = len(os.sched_getaffinity(0))
    for folder in _groups("cpu", root):
        with suppress(OSError, ValueError):
            count = min(count, max(1, _quota(folder)))
    return count


def usable_memory(root: Path = _ROOT) -> int | None:
    """Return the bytes that all processes together may take; None where nothing tells."""
    limits: list[int] = []
    with suppress(OSError, ValueError, StopIteration):
        lines = (root / "proc/meminfo").read_text().splitlines()
        limits.append(next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemTotal:")))
    for folder in _groups("memory", root):
        for name in ("memory.max", "memory.limit_in_bytes"):
            # "max" is no number, and version 1 says so with more bytes than there are.
            with suppress(OSError, ValueError):
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
    with suppress(OSError, ValueError):
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
