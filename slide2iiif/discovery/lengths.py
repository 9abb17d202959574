"""Lengths of paths: a slide whose place no file system can take fails by name, before anything is written for it."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from slide2iiif.discovery.found import Slide, Unusable

_INNER = 128
"""Bytes that a path goes on below the folder of a slide: `/associated/…/`, region, size, rotation and file name."""

MAX_FOLDERS = 256
"""Folders, one in the other, that a slide may lie in: every page links to all above it."""

_ADVICE = "shorten its path, or name it by --identifier hash or a table"

_USUAL = 4095, 255
"""Longest path and name, in bytes, where a file system does not say."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A folder below which every slide has one of its own."""

    name: str
    """Its name for the user."""
    length: int
    """Bytes of its path."""
    longest_path: int
    """Bytes that a path may have (man 3 pathconf)."""
    longest_name: int
    """Bytes that one name of it may have."""

    def refusal(self, identifier: str) -> str:
        """Return why a slide cannot lie there; empty if it can."""
        needed = self.length + 1 + len(identifier) + _INNER
        if needed > self.longest_path:
            what, has, limit = "paths", needed, self.longest_path
        elif (longest := max(map(len, identifier.split("/")))) > self.longest_name:
            what, has, limit = "a name", longest, self.longest_name
        else:
            return ""
        return (
            f"{what} of {has:,} bytes in {self.name}, as bytes beyond A-Z, a-z and 0-9 take three each, and {limit:,} "
            f"are possible: {_ADVICE}"
        )


def fitting(found: Iterable[Slide | Unusable], dest: Path, private: Path) -> Iterator[Slide | Unusable]:
    """Pass on what is found; a slide whose identifier is too long for the tree or the private folder is unusable.

    Args:
        found: slides with the identifiers that they are to be published under.
        dest: the tree, which need not be there yet.
        private: the private folder, which need not be there yet.
    """
    places = [_place("DEST", dest), _place("the private folder", private / "receipts")]
    for each in found:
        reason = "" if isinstance(each, Unusable) else _refusal(each.identifier, places)
        yield Unusable(each.path, reason) if reason else each


def _refusal(identifier: str, places: Iterable[_Place]) -> str:
    folders = identifier.count("/")
    if folders > MAX_FOLDERS:
        return f"would lie in {folders:,} folders, one in the other, and {MAX_FOLDERS} are possible: {_ADVICE}"
    reason = next(filter(None, (place.refusal(identifier) for place in places)), "")
    return f"would need {reason}" if reason else ""


def _place(name: str, folder: Path) -> _Place:
    path = Path.cwd() / folder
    there = next(each for each in (path, *path.parents) if each.is_dir())
    try:
        # The last byte of the longest path is its end.
        limits = os.pathconf(there, "PC_PATH_MAX") - 1, os.pathconf(there, "PC_NAME_MAX")
    except OSError:
        limits = _USUAL
    return _Place(name, len(os.fsencode(path)), *limits)
