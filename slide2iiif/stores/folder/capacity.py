"""Free space of the file system of a folder, and its units of allocation."""

import os
from pathlib import Path

from slide2iiif.stores.base import Capacity
from slide2iiif.system_errors import as_target_errors

_SECTOR_BYTES = 512
"""Unit of `st_blocks` (man 2 stat)."""
_MOUNTS = Path("/proc/self/mountinfo")


def capacity_of(folder: Path) -> Capacity:
    """Return the free space of a folder's file system; of a missing folder, that of the nearest one above.

    Raises:
        TargetError: it does not answer.
    """
    place = folder.absolute()
    with as_target_errors(folder):
        while not place.exists():
            place = place.parent
        left, status = os.statvfs(place), place.stat()
    return Capacity(
        place=folder,
        # Some file systems say that they have none at all.
        inodes=left.f_favail if left.f_files else None,
        size=left.f_bavail * left.f_frsize,
        block=left.f_frsize,
        folder=min(status.st_blocks * _SECTOR_BYTES, left.f_frsize),
        counts_names=_type_of(status.st_dev) == "tmpfs",
    )


def count_files(top: Path) -> tuple[int, int]:
    """Count inodes and bytes of a folder and everything in it: hard links once, vanishing names not at all."""
    seen: set[int] = set()
    size = 0
    for folder, _, names in os.walk(top):
        for path in (folder, *(f"{folder}/{name}" for name in names)):
            try:
                status = os.lstat(path)
            except FileNotFoundError:
                continue
            if status.st_ino not in seen:
                seen.add(status.st_ino)
                size += status.st_blocks * _SECTOR_BYTES
    return len(seen), size


def _type_of(device: int) -> str:
    """Return the type of a mounted file system; empty where it is unknown (man 5 proc)."""
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        fields, _, rest = line.partition(" - ")
        if fields.split()[2] == wanted:
            return rest.split()[0]
    return ""
