"""Guard of a slide while it is read: its files must stay what they are, and its folders where they are.

Files are compared by their fingerprint. A folder that is moved away, replaced by a link that leads out of the source,
and moved back, looks as before to whoever comes later: its files have not changed. The system tells of such moves while
they happen (man 7 inotify), apart from those that other hosts make in a file system of the network.
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
"""Events of what is watched itself, not of what is in it: others may come and go there."""
_EVENT = struct.Struct("iIII")
_BUFFER_BYTES = 4096


class Guarded:
    """A slide while it is read. Use in a `with` statement around all that reads it."""

    def __init__(self, slide: Slide, fingerprint: str) -> None:
        """Take the slide, and the fingerprint that its files must keep."""
        self.slide = slide
        self.fingerprint = fingerprint
        self._watch = FolderWatch(ways_to(slide))

    def __enter__(self) -> Self:
        """Begin to watch.

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
        """Check that the slide is the one that it was, and has been all the time.

        Raises:
            SourceError: a file has changed, or a folder was moved, deleted or unmounted.
        """
        # Where a link leads by now there are other files, or none.
        check_unchanged(self.slide.members, self.fingerprint)
        self._watch.check()


class FolderWatch:
    """Takes note of exchanges from when it is entered. Where the system has no watch to give, nothing is seen."""

    def __init__(self, folders: Iterable[Path]) -> None:
        """Name the folders, and links, that must stay where they are."""
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
        """Check that all are where they were, and have been all the time.

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
    """Give the folders, and links to some, on the way from the source root to a slide's files: by name, and really."""
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
    """Give a folder and those above it that are below a root; none where it is not below that."""
    return [place for place in (folder, *folder.parents) if place != root and place.is_relative_to(root)]


@functools.cache
def _libc() -> ctypes.CDLL | None:
    """Give the library of the system, where it knows of watches."""
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "inotify_init1") else None
