"""What a file system has room for, and what files and folders take of it: as it counts, and not as their bytes do."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from slide2iiif.stores.refusals import refusals_of

_SECTOR_BYTES = 512
"""Unit of `st_blocks` (man 2 stat)."""

_MOUNTS = Path("/proc/self/mountinfo")


class Room(NamedTuple):
    """Inodes and bytes."""

    inodes: int
    size: int
    """Bytes, as they are given out."""

    def plus(self, other: "Room") -> "Room":
        """Add another one."""
        return Room(self.inodes + other.inodes, self.size + other.size)

    def less(self, other: "Room") -> "Room":
        """Take another one away; what is left may be less than nothing."""
        return Room(self.inodes - other.inodes, self.size - other.size)

    def at_size(self, other: "Room", factor: float = 1.0) -> "Room":
        """Give as many inodes with the bytes of another one, times a factor."""
        return Room(self.inodes, round(other.size * factor))


@dataclass(frozen=True, slots=True)
class Capacity:
    """What is left of a file system, and how it counts."""

    place: Path
    """Folder that was asked about, as its owner knows it."""
    inodes: int | None
    """Inodes left; None where the file system makes them as it goes."""
    size: int
    """Bytes left."""
    block: int = 4096
    """Bytes that it gives out at a time: a file takes a whole number of them."""
    folder: int = 4096
    """Bytes that a small folder takes."""
    counts_names: bool = False
    """Whether every name of a file counts as an inode, links too."""
    staged: Path | None = None
    """Folder of what earlier runs have left there; it is gone on from, or deleted."""

    def rounded(self, size: int) -> int:
        """Give the bytes that a file of so many takes."""
        return -(-size // self.block) * self.block

    def left_over(self) -> tuple[int, int]:
        """Count the inodes and bytes of what earlier runs have left; that takes as long as there are files."""
        seen: set[int] = set()
        size = 0
        for folder, _, names in os.walk(self.staged) if self.staged else ():
            # Vanishing files are no concern: this is a count.
            for path in (folder, *(f"{folder}/{name}" for name in names)):
                try:
                    status = os.lstat(path)
                except FileNotFoundError:
                    continue
                if status.st_ino not in seen:
                    seen.add(status.st_ino)
                    size += status.st_blocks * _SECTOR_BYTES
        return len(seen), size


def capacity_of(folder: Path, staged: Path | None = None) -> Capacity:
    """Ask the file system of a folder, or of the nearest one above that there is.

    Raises:
        TargetError: it does not answer.
    """
    place = folder.absolute()
    with refusals_of(folder):
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
        staged=staged,
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether there is room for something."""

    capacity: Capacity | None
    """What is there; None where nothing is known."""
    refusal: str = ""
    """What it takes and what there is, if it cannot fit."""
    doubt: str = ""
    """The same if it may or may not."""


def shortage(needed: Room, capacity: Capacity, *, about: str = "about", inodes_about: str = "") -> str:
    """Say what is missing for something, and what to do; empty if nothing is.

    Args:
        needed: what it takes.
        capacity: what is there.
        about: how sure the bytes are: `about`, `at least` or `up to`.
        inodes_about: how sure the inodes are; empty for exactly.
    """
    missing = []
    sureness = f"{inodes_about} " if inodes_about else ""
    if capacity.inodes is not None and needed.inodes > capacity.inodes:
        missing.append(
            f"{sureness}{needed.inodes:,} inodes (files and folders), and {capacity.inodes:,} are left: "
            "free some, choose larger tiles (--tile-size), or use a file system made with more"
        )
    if needed.size > capacity.size:
        missing.append(
            f"{about} {amount(needed.size)}, and {amount(capacity.size)} are left: free some, or choose another DEST"
        )
    return "; and ".join(missing)


def _type_of(device: int) -> str:
    """Give the type of a mounted file system; empty where the system does not tell (man 5 proc)."""
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


def amount(size: int) -> str:
    """Spell a number of bytes."""
    return f"{size / 1e6:,.1f} MB" if size < 10**9 else f"{size / 1e9:,.2f} GB"
