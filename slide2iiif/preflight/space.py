"""Footprint of files and folders against the free space of a file system, in its units of allocation."""

from dataclasses import dataclass
from typing import NamedTuple

from slide2iiif.stores.base import Capacity


class Footprint(NamedTuple):
    """Inodes and allocated bytes."""

    inodes: int
    size: int
    """Allocated bytes: whole blocks."""

    def plus(self, other: "Footprint") -> "Footprint":
        """Add another footprint."""
        return Footprint(self.inodes + other.inodes, self.size + other.size)

    def less(self, other: "Footprint") -> "Footprint":
        """Return the difference to another footprint, which may be negative."""
        return Footprint(self.inodes - other.inodes, self.size - other.size)

    def at_size(self, other: "Footprint", factor: float = 1.0) -> "Footprint":
        """Return these inodes with the bytes of another footprint, times a factor."""
        return Footprint(self.inodes, round(other.size * factor))


@dataclass(frozen=True, slots=True)
class Verdict:
    """Result of a check of free space."""

    capacity: Capacity | None
    """Free space; None where it is unknown."""
    refusal: str = ""
    """Message with needed and free space if it cannot fit; else empty."""
    doubt: str = ""
    """Message with needed and free space if it may not fit; else empty."""


def shortage(needed: Footprint, capacity: Capacity, *, about: str = "about", inodes_about: str = "") -> str:
    """Format the message about missing inodes or bytes, with the remedy; empty if there are enough.

    Args:
        needed: needed footprint.
        capacity: free space.
        about: qualifier of the bytes: `about`, `at least` or `up to`.
        inodes_about: qualifier of the inodes; empty if they are exact.
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
    """Format a number of bytes in MB or GB."""
    return f"{size / 1e6:,.1f} MB" if size < 10**9 else f"{size / 1e9:,.2f} GB"
