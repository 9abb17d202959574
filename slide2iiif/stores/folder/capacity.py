"""Free space of the file system of a folder, and its units of allocation."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from slide2iiif.stores.base import Capacity
from slide2iiif.stores.folder.mounts import type_of
from slide2iiif.system_errors import as_target_errors

_SECTOR_BYTES = 512
"""Unit of `st_blocks` (man 2 stat)."""


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
        counts_names=type_of(place) == "tmpfs",
    )


def count_files(top: Path) -> tuple[int, int]:
    """Count inodes and bytes of a folder and all in it: hard links once, what cannot be asked not at all."""
    seen: set[int] = set()
    size = 0
    waiting = [str(top)]
    while waiting:
        folder = waiting.pop()
        for path in (folder, *_entries(folder, waiting)):
            try:
                status = os.lstat(path)
            except OSError:
                continue
            if status.st_ino not in seen:
                seen.add(status.st_ino)
                size += status.st_blocks * _SECTOR_BYTES
    return len(seen), size


def _entries(folder: str, folders: list[str]) -> Iterator[str]:
    """Yield paths of the files of a folder, and append those of the folders in it; none that cannot be listed."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
            else:
                yield entry.path
