"""Atomic changes of a tree: a reader sees the whole of each or nothing."""

import contextlib
import ctypes
import errno
import os
import shutil
import uuid
from collections.abc import Iterable
from pathlib import Path

from slide2iiif.stores.folder.deletion import delete_tree
from slide2iiif.stores.folder.durability import sync_file
from slide2iiif.system_errors import target_error

_DOCUMENTS = "info*.json"
"""Pattern of the names of a service's documents."""
_RENAME_EXCHANGE = 2
_AT_FDCWD = -100
_NO_EXCHANGE = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EPERM})
"""Errors of systems and file systems that cannot swap (man 2 rename), and of containers that forbid it."""


def write_pieces_atomically(
    path: Path, pieces: Iterable[bytes], staging: Path, *, sync: bool = False, mode: int = 0o666
) -> None:
    """Write a file so that a reader sees the old content or the new one.

    Args:
        path: the file; its folder is made where missing.
        pieces: its content, in order.
        staging: a folder of the same file system, for the new file before it has its name.
        sync: let the content reach the disk before the name leads to it.
        mode: permissions of the file, less those that the umask takes.

    Raises:
        TargetError: it cannot be written.
    """
    fresh = staging / uuid.uuid4().hex
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "wb") as file:
            file.writelines(pieces)
            if sync:
                file.flush()
                sync_file(file.fileno())
        path.parent.mkdir(parents=True, exist_ok=True)
        move_file(fresh, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            # The first error is the one to tell; what is left here the next run deletes.
            fresh.unlink(missing_ok=True)
        raise target_error(error, path) from None


def move_file(fresh: Path, path: Path) -> None:
    """Rename a file in place of another, in one step also where another file system is mounted on its folder.

    Raises:
        OSError: it cannot be renamed, or not be copied to the other file system first.
    """
    try:
        fresh.replace(path)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = path.with_name(f".{uuid.uuid4().hex}")
        try:
            shutil.copy2(fresh, beside)
            beside.replace(path)
        except OSError:
            beside.unlink(missing_ok=True)
            raise
        fresh.unlink()


def exchange(fresh: Path, old: Path) -> None:
    """Swap two folders in one step; in two where the file system cannot.

    Raises:
        OSError: neither has changed its place.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    swap = getattr(libc, "renameat2", None)
    if swap is not None:
        if swap(_AT_FDCWD, os.fsencode(fresh), _AT_FDCWD, os.fsencode(old), _RENAME_EXCHANGE) == 0:
            return
        number = ctypes.get_errno()
        # A disk that fails must not be tried again in steps that can be torn apart.
        if number not in _NO_EXCHANGE:
            raise OSError(number, os.strerror(number))
    aside = fresh.with_name(f"{fresh.name}.old")
    old.rename(aside)
    try:
        fresh.rename(old)
    except OSError:
        aside.rename(old)
        raise
    aside.rename(fresh)


def replace_in_steps(fresh: Path, old: Path) -> None:
    """Put a folder in the place of one that cannot be renamed: of the lower layer of an overlay.

    The old one is deleted first, its documents before everything else, so nothing is announced that is not there; for
    that time the slide is missing.

    Raises:
        OSError: the old one cannot be deleted, or the new one not be renamed.
    """
    delete_in_place(old)
    fresh.rename(old)


def delete_in_place(folder: Path) -> None:
    """Delete the folder of a slide that cannot be moved away, its documents before everything else.

    Raises:
        OSError: something cannot be deleted.
    """
    # Those of pictures beside the levels lie two folders deeper.
    for pattern in (_DOCUMENTS, f"*/*/{_DOCUMENTS}"):
        for document in list(folder.glob(pattern)):
            document.unlink(missing_ok=True)
    delete_tree(folder)


def remove_empty(folder: Path, root: Path) -> None:
    """Remove a folder and those above it, up to a root, as long as they are empty."""
    while folder != root:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
