"""Room that files and folders take, against what a file system has left: as it counts, not as their bytes do."""

from dataclasses import dataclass
from typing import NamedTuple

from slide2iiif.stores.base import Capacity


class Footprint(NamedTuple):
    """Inodes and bytes."""

    inodes: int
    size: int
    """Bytes, as they are given out."""

    def plus(self, other: "Footprint") -> "Footprint":
        """Add another one."""
        return Footprint(self.inodes + other.inodes, self.size + other.size)

    def less(self, other: "Footprint") -> "Footprint":
        """Take another one away; what is left may be less than nothing."""
        return Footprint(self.inodes - other.inodes, self.size - other.size)

    def at_size(self, other: "Footprint", factor: float = 1.0) -> "Footprint":
        """Give as many inodes with the bytes of another one, times a factor."""
        return Footprint(self.inodes, round(other.size * factor))


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether there is room for something."""

    capacity: Capacity | None
    """What is there; None where nothing is known."""
    refusal: str = ""
    """What it takes and what there is, if it cannot fit."""
    doubt: str = ""
    """The same if it may or may not."""


def shortage(needed: Footprint, capacity: Capacity, *, about: str = "about", inodes_about: str = "") -> str:
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


def amount(size: int) -> str:
    """Spell a number of bytes."""
    return f"{size / 1e6:,.1f} MB" if size < 10**9 else f"{size / 1e9:,.2f} GB"
