"""Lock of a tree: one exporter at a time; the message to a second one names the holder.

A lock belongs to the open file, not to the file itself: it ends with its process, and never has to be removed by hand.
`flock` comes first (man 2 flock). Where a file system has no such locks, those of `fcntl` are taken (man 2 fcntl),
which some file systems have that lack the others.
"""

import errno
import fcntl
import os
import socket
from datetime import UTC, datetime
from pathlib import Path

from slide2iiif.errors import TargetBusyError, TargetError
from slide2iiif.system_errors import target_error

_NO_LOCKS = frozenset({errno.EBADF, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.ENOSYS, errno.EINVAL})
"""Errors of file systems without such locks, or without locks of folders."""

_HELD = frozenset({errno.EAGAIN, errno.EACCES})
"""Errors of `fcntl` when another process holds the lock."""

_NO_LOCK_YET = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
"""Errors when there is no lock file, or something else in its place, which taking the lock reports."""

_NOTE_BYTES = 300


class TreeLock:
    """The lock of a tree: of its private folder, and of its root, which a run with another private folder may use."""

    def __init__(self, root: Path, private: Path) -> None:
        """Take the lock.

        Args:
            root: of the tree.
            private: folder of the unpublished records.

        Raises:
            TargetBusyError: another process holds it.
            TargetError: the file system has no locks.
            OSError: the files cannot be opened or written.
        """
        self._root = root
        self._open: list[int] = []
        try:
            self._take(private / "lock")
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Release the lock; releasing twice is allowed."""
        while self._open:
            os.close(self._open.pop())

    def _take(self, file: Path) -> None:
        tree = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._open.append(tree)
        lock = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        self._open.append(lock)
        if os.fstat(lock).st_nlink > 1:
            # Written to, it would change under its other names, wherever they are.
            raise TargetError(f"{file} has other names, by hard links: remove it, then run again")
        try:
            _lock_file(lock, self._root)
            _lock_folder(tree)
        except BlockingIOError:
            raise TargetBusyError(f"{self._root} is in use by {_holder(lock)}; wait for it to end") from None
        note = f"process {os.getpid()} on {socket.gethostname()} since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n"
        # Written over, then cut: whoever looks meanwhile finds a holder.
        os.pwrite(lock, note.encode(), 0)
        os.ftruncate(lock, len(note.encode()))


def check_free(root: Path, private: Path) -> None:
    """Check that no other process holds a tree, before work that is done before locking. Changes nothing.

    Raises:
        TargetBusyError: another process holds it.
        TargetError: it cannot be asked.
    """
    try:
        lock = os.open(private / "lock", os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in _NO_LOCK_YET:
            return
        raise target_error(error, root) from None
    try:
        _lock_file(lock, root)
    except BlockingIOError:
        raise TargetBusyError(f"{root} is in use by {_holder(lock)}; wait for it to end") from None
    finally:
        os.close(lock)


def _holder(lock: int) -> str:
    """Read the holder of a lock from the note in the lock file."""
    note = os.pread(lock, _NOTE_BYTES, 0).decode(errors="replace").partition("\n")[0].strip()
    return note or "another process"


def _lock_file(file: int, root: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        _lock_record(file, root)


def _lock_record(file: int, root: Path) -> None:
    """Lock a file with `fcntl`, where the file system has no `flock`.

    Raises:
        BlockingIOError: another process holds it.
        TargetError: the file system does not support this lock either.
    """
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD:
            raise BlockingIOError(error.errno, error.strerror) from None
        if error.errno not in _NO_LOCKS:
            raise
        raise TargetError(
            f"{root}: the file system has no locks ({error.strerror}), so nothing keeps a second run from writing "
            "there; mount it with locks, or publish into a local folder and copy the tree"
        ) from None


def _lock_folder(folder: int) -> None:
    """Lock an open folder where the file system supports it; on NFS only the lock of the private folder is taken.

    Raises:
        BlockingIOError: another process holds it.
    """
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise


def lock_holder(private: Path) -> str | None:
    """Return the holder of a tree, without touching its lock, which could fail a starting run. None if it is free."""
    try:
        file = os.open(private / "lock", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        status = os.fstat(file)
        place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
        locks = Path("/proc/locks").read_text(encoding="ascii").splitlines()
        is_held = any(place in line.split() and "WRITE" in line for line in locks)
        return _holder(file) if is_held else None
    except OSError:
        return None
    finally:
        os.close(file)
