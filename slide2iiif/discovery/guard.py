"""Guard of a slide while it is read, against changed files and swapped folders (a symlink race).

Files are compared by their fingerprint. A folder that is moved away, replaced by a link that leads out of the source,
and moved back leaves no trace afterwards: its files have not changed. The system reports such moves while they happen
(man 7 inotify), except those by other hosts on a network file system.
"""

import ctypes
import functools
import os
import struct
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import Self

from slide2iiif.discovery.fingerprint import check_unchanged
from slide2iiif.discovery.walk import Slide
from slide2iiif.errors import SourceError

_MOVE_SELF, _DELETE_SELF, _DONT_FOLLOW = 0x800, 0x400, 0x0200_0000
"""Events of the watched folder itself, not of its entries, which may change."""
_EVENT = struct.Struct("iIII")
_BUFFER_BYTES = 4096


class Guarded:
    """Guard of one slide. Use in a `with` statement around everything that reads it."""

    def __init__(self, slide: Slide, fingerprint: str) -> None:
        """Make a guard of a slide and the fingerprint that its files must keep."""
        self.slide = slide
        self.fingerprint = fingerprint
        self._watch = FolderWatch(ways_to(slide))

    def __enter__(self) -> Self:
        """Start the watch.

        Raises:
            SourceError: a file of the slide is not in the source any more.
        """
        self._watch.__enter__()
        try:
            self.slide.check_inside()
        except SourceError:
            self._watch.__exit__()
            raise
        return self

    def __exit__(self, *raised: object) -> None:
        self._watch.__exit__(*raised)

    def check(self) -> None:
        """Check that neither the files of the slide nor its folders have changed since the start.

        Raises:
            SourceError: a file has changed, or a folder was moved, deleted or unmounted.
        """
        # Where a link leads by now there are other files, or none.
        check_unchanged(self.slide.members, self.fingerprint)
        self._watch.check()


class FolderWatch:
    """Watch for moved folders, from when it is entered. Where the system has no inotify, it detects nothing."""

    def __init__(self, folders: Iterable[Path]) -> None:
        """Make a watch of folders, and links, that must not move."""
        self._folders = sorted(folders)
        self._watched: dict[int, Path] = {}
        self._file = -1

    def __enter__(self) -> Self:
        libc = _libc()
        if libc is None or not self._folders:
            return self
        self._file = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        for folder in self._folders if self._file >= 0 else ():
            events = _MOVE_SELF | _DELETE_SELF | _DONT_FOLLOW
            watch = libc.inotify_add_watch(self._file, os.fsencode(folder), events)
            if watch >= 0:
                self._watched[watch] = folder
        return self

    def __exit__(self, *raised: object) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def check(self) -> None:
        """Check that none has moved since the start.

        Raises:
            SourceError: one was moved, deleted or unmounted.
        """
        try:
            events = os.read(self._file, _BUFFER_BYTES) if self._file >= 0 else b""
        except BlockingIOError:
            return
        if len(events) < _EVENT.size:
            return
        watch, _, _, _ = _EVENT.unpack_from(events)
        name = self._watched[watch].name if watch in self._watched else "a folder"
        raise SourceError(f"{name}, a folder on the way to it, was exchanged while it was read: run again")


def ways_to(slide: Slide) -> frozenset[Path]:
    """Return the folders, and links to folders, from the source root to the files of a slide, as named and resolved."""
    if not slide.allowed:
        return frozenset()
    root = slide.path
    for _ in PurePath(slide.source).parts:
        root = root.parent
    folders = {member.parent for member in slide.members}
    named = {way for folder in folders for way in _between(root, folder)}
    real = (_between(slide.allowed[0], Path(os.path.realpath(folder))) for folder in folders)
    return frozenset(named.union(*real))


def _between(root: Path, folder: Path) -> list[Path]:
    """Return a folder and those above it, up to a root; none if it is not below the root."""
    return [place for place in (folder, *folder.parents) if place != root and place.is_relative_to(root)]


@functools.cache
def _libc() -> ctypes.CDLL | None:
    """Load the C library; None if it has no inotify."""
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "inotify_init1") else None
