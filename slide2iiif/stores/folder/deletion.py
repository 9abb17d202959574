"""Deletion of folders of any depth and any number of files.

Nothing is recursive, no list of the files is kept, and names are resolved from open folders: what somebody has put into
a tree may be deeper than a stack, and its path longer than the system takes. What lies very deep is moved up first, so
that few folders are open at a time.
"""

import contextlib
import errno
import math
import os
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

_STOP_SECONDS = 1.0
"""Time for deleting files once a run was stopped."""
_DEEPEST = 12
"""Most folders that are open at a time; tiles lie four or six deep."""
_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CONCURRENT_CHANGES = frozenset({errno.ENOENT, errno.ENOTEMPTY})
"""Errors when another process makes or deletes files at the same time."""


class DeleteDeadline:
    """Time limit of a deletion: none, until the run is told to stop."""

    def __init__(self, is_stopped: Callable[[], bool] = lambda: False) -> None:
        """Set the limit by a function that returns True once the run was told to stop."""
        self._is_stopped = is_stopped
        self._end = math.inf

    def is_over(self) -> bool:
        """Return True if the rest is to be left."""
        now = time.monotonic()
        if self._end == math.inf and self._is_stopped():
            self._end = now + _STOP_SECONDS
        return now > self._end


def delete_tree(folder: str | Path, deadline: DeleteDeadline | None = None, *, is_shared: bool = False) -> None:
    """Delete a folder and everything in it; follow no link.

    Args:
        folder: the folder.
        deadline: time limit; the rest is left when it is over.
        is_shared: another process may be at work in it; what it makes or deletes at the same time is no error.

    Raises:
        OSError: something cannot be deleted, or the folder is not there.
    """
    path = os.fspath(folder)
    deletion = _Deletion(path, deadline or DeleteDeadline(), is_shared=is_shared)
    while deletion.empty():
        # What was moved up meanwhile may not have been seen.
        pass
    if not deletion.is_over:
        with deletion.tolerant():
            os.rmdir(path)


class _Deletion:
    """Deletion of one folder."""

    def __init__(self, path: str, deadline: DeleteDeadline, *, is_shared: bool) -> None:
        self._path = path
        self._deadline = deadline
        self._ignored = _CONCURRENT_CHANGES if is_shared else frozenset[int]()
        self._has_moved = False
        self.is_over = False

    def empty(self) -> bool:
        """Delete everything in the folder; return True if there may be more in it."""
        self._has_moved = False
        with self.tolerant():
            self._empty(os.open(self._path, _FLAGS))
        return self._has_moved and not self.is_over

    def _empty(self, top: int) -> None:
        waiting: list[_Open] = [_Open("", top)]
        try:
            while waiting:
                place = waiting[-1]
                entry = next(place.entries, None)
                if self._deadline.is_over():
                    self.is_over = True
                    return
                if entry is None:
                    waiting.pop().close()
                    if waiting:
                        with self.tolerant():
                            os.rmdir(place.name, dir_fd=waiting[-1].file)
                elif not entry.is_dir(follow_symlinks=False):
                    with self.tolerant():
                        os.unlink(entry.name, dir_fd=place.file)
                elif len(waiting) < _DEEPEST:
                    with self.tolerant():
                        waiting.append(_Open(entry.name, os.open(entry.name, _FLAGS, dir_fd=place.file)))
                else:
                    self._move_up(entry.name, place.file, top)
        finally:
            for place in waiting:
                place.close()

    def _move_up(self, name: str, place: int, top: int) -> None:
        with self.tolerant():
            os.rename(name, uuid.uuid4().hex, src_dir_fd=place, dst_dir_fd=top)
            self._has_moved = True

    @contextlib.contextmanager
    def tolerant(self) -> Iterator[None]:
        """Ignore errors that another process may have caused."""
        try:
            yield
        except OSError as error:
            if error.errno not in self._ignored:
                raise


class _Open:
    """Folder that is being emptied."""

    def __init__(self, name: str, file: int) -> None:
        self.name = name
        self.file = file
        self.entries = os.scandir(file)

    def close(self) -> None:
        """Close the folder."""
        self.entries.close()
        os.close(self.file)
