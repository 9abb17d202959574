"""New files, and second names for them: hard links, or copies where the file system has no more links."""

import errno
import os

LINK_REFUSALS = frozenset({errno.EMLINK, errno.EPERM, errno.ENOTSUP, errno.EXDEV, errno.ENOSYS})
"""Errors of file systems without links, or without another link to one file."""


def write_new(path: str, content: bytes, place: int | None = None) -> None:
    """Write a new file in place of whatever has its name, below the folder of a descriptor.

    Raises:
        OSError: it cannot be written.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        file = os.open(path, flags, 0o644, dir_fd=place)
    except FileExistsError:
        # A block that is made again puts the same bytes; the file may be linked, so it is not written through.
        os.unlink(path, dir_fd=place)
        file = os.open(path, flags, 0o644, dir_fd=place)
    try:
        written = os.write(file, content)
        while written < len(content):
            written += os.write(file, memoryview(content)[written:])
    finally:
        os.close(file)


def link_or_copy(existing: str, alias: str, content: bytes, place: int | None = None) -> None:
    """Link a file to another name, or copy its content where the file system allows no more links.

    Args:
        existing: path of the file.
        alias: its other path.
        content: its bytes.
        place: descriptor of the folder that paths are below; None if they are not below any.
    """
    try:
        os.link(existing, alias, src_dir_fd=place, dst_dir_fd=place)
    except FileExistsError:
        os.unlink(alias, dir_fd=place)
        link_or_copy(existing, alias, content, place)
    except OSError as error:
        if error.errno not in LINK_REFUSALS:
            raise
        write_new(alias, content, place)
