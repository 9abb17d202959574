"""Translation of OSError at the target into TargetError, with advice for the user."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from slide2iiif.errors import TargetError

PRIVATE: Final = ".slide2iiif"
"""Name of the folder in a tree that holds its unpublished records."""


@contextmanager
def as_target_errors(place: Path) -> Iterator[None]:
    """Translate an OSError inside the `with` block into TargetError.

    Raises:
        TargetError: the file system refused an operation below `place`.
    """
    try:
        yield
    except OSError as error:
        raise target_error(error, place) from None


def target_error(error: OSError, place: Path) -> TargetError:
    """Return the TargetError of an OSError: the place, the reason and the way out."""
    if PRIVATE in place.parts:
        # Names in there mean nothing to the user; the name of the tree does.
        place = Path(*place.parts[: place.parts.index(PRIVATE)])
    advice = {
        errno.ENOSPC: _full(place),
        errno.EDQUOT: "the quota is used up, of bytes or of files; free some of it, then run again",
        errno.EROFS: "the file system is mounted read-only; mount it to be written, or choose another folder",
        errno.EACCES: "no permission to read and write there; change its mode, or run as its owner",
        errno.EPERM: "no permission to read and write there; change its mode, or run as its owner",
        errno.EIO: "the disk or the network behind it fails (input/output error); see the system's log, then run again",
        errno.ENOTDIR: "a part of the path is not a folder; move it away, then run again",
        errno.EEXIST: "something that is not a folder has this name; move it away, then run again",
        errno.EMFILE: "too many open files; raise the limit (ulimit -n) or lower --jobs",
        errno.ENFILE: "too many open files in the whole system; end other programs, then run again",
        errno.ENAMETOOLONG: "the name is too long for this file system",
    }.get(error.errno or 0)
    if advice is None:
        advice = f"{os.strerror(error.errno) if error.errno else error}; put that right, then run again"
    return TargetError(f"{place}: {advice}")


def _full(place: Path) -> str:
    try:
        while not place.exists():
            place = place.parent
        out_of_inodes = os.statvfs(place).f_favail == 0
    except OSError:
        out_of_inodes = False
    if out_of_inodes:
        return "no inodes left (files, not bytes, are used up); free some, or use a file system made with more"
    return "no space left; free some, then run again"
