"""Durability across power cuts: staged files reach the disk before they are published.

One `syncfs` for all files of a slide costs half as much as an `fsync` of each (man 2 syncfs). It waits for everything
that was written to the file system before it began, so slides that are ready at the same time share one.
"""

import ctypes
import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path

_NO_FOLDER_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EBADF})
"""Errors of file systems that have nothing to sync in a folder."""


class FileSystemSync:
    """Sync of a file system, shared by threads that wait at the same time."""

    def __init__(self, folder: Path) -> None:
        """Open a folder of the file system, and keep it open.

        The system reports a failed write once for each open descriptor, and only failures since it was opened.

        Raises:
            OSError: it cannot be opened.
        """
        self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._turn = threading.Condition()
        self._begun = self._done = 0
        self._error: OSError | None = None

    def sync(self) -> None:
        """Wait until everything written so far is on the disk.

        Raises:
            OSError: something could not be written, by this program or another.
        """
        with self._turn:
            # One that has begun may have passed by what we wrote last.
            wanted = self._begun + 1
            self._turn.wait_for(lambda: self._done >= wanted or self._begun == self._done)
            is_ours = self._done < wanted
            self._begun += is_ours
        if is_ours:
            try:
                _wait_aside(lambda: _sync_file_system(self._folder))
            except OSError as error:
                self._error = error
            with self._turn:
                self._done = self._begun
                self._turn.notify_all()
        if self._error is not None:
            # It is told once, and what else was lost is not known: nothing is published from now on.
            raise OSError(self._error.errno, self._error.strerror)

    def close(self) -> None:
        """Close the folder."""
        os.close(self._folder)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk.

    Raises:
        OSError: they cannot be written.
    """
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _wait_aside(lambda: os.fsync(opened))
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(opened)


def sync_file(file: int) -> None:
    """Wait until the content of an open file is on the disk.

    Raises:
        OSError: it cannot be written.
    """
    _wait_aside(lambda: os.fsync(file))


def _wait_aside(wait: Callable[[], None]) -> None:
    """Wait for the disk in another thread, so that the main thread can answer signals meanwhile.

    Raises:
        OSError: the error of the call.
    """
    if threading.current_thread() is not threading.main_thread():
        wait()
        return
    failures: list[OSError] = []

    def work() -> None:
        try:
            wait()
        except OSError as error:
            failures.append(error)

    waiting = threading.Thread(target=work, name="disk", daemon=True)
    waiting.start()
    waiting.join()
    if failures:
        raise failures[0]


def _sync_file_system(folder: int) -> None:
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        os.sync()
    elif syncfs(folder) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
