"""The private folder in which the files of one slide come together, under their final names.

Aliases are hard links. A symbolic link would cost an inode, break where a server is told not to follow links,
and be one more thing that can point outside; a hard link is the file. Where the file system has none, or has
run out of links to one file, the alias is a copy.
"""

import errno
import hashlib
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from slide2iiif.stores.base import Staging
from slide2iiif.stores.refusals import refusal, refusals_of
from slide2iiif.stores.unfinished import SCRATCH

_LINK_REFUSALS = frozenset({errno.EMLINK, errno.EPERM, errno.ENOTSUP, errno.EXDEV, errno.ENOSYS})
_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class FolderStaging:
    """A private folder with the final layout of one slide."""

    folder: Path
    """The files, under their final names."""
    scratch: Path
    """A folder beside them, for pictures on their way between passes."""

    def below(self, place: str) -> "FolderStaging":
        """See `Staging.below`."""
        inner = FolderStaging(self.folder / place, self.scratch / place)
        with refusals_of(self.folder):
            inner.folder.mkdir(parents=True, exist_ok=True)
            inner.scratch.mkdir(parents=True, exist_ok=True)
        return inner

    def put(self, paths: Sequence[str], content: bytes) -> None:
        """Store a file and its aliases. See `Staging.put`."""
        folder = str(self.folder)
        first = f"{folder}/{paths[0]}"
        try:
            _make_folders(folder, paths[0])
            _write_new(first, content)
            for alias in paths[1:]:
                _make_folders(folder, alias)
                link_or_copy(first, f"{folder}/{alias}", content)
        except OSError as error:
            raise refusal(error, self.folder) from None

    def put_shared(self, paths: Sequence[str], content: bytes) -> bool:
        """Link a file to others of the same bytes. See `Staging.put_shared`."""
        folder = str(self.folder)
        stem = f"{self.scratch}/{hashlib.blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()}"
        took_room = False
        try:
            for path in paths:
                _make_folders(folder, path)
                took_room |= _link_shared(stem, f"{folder}/{path}", content)
        except OSError as error:
            raise refusal(error, self.folder) from None
        return took_room


def staging_at(folder: Path) -> FolderStaging:
    """Give the staging that has a folder for its files."""
    return FolderStaging(folder, folder.with_name(folder.name + SCRATCH))


def folder_of(staging: Staging) -> Path:
    """Give the folder of a staging.

    Raises:
        TypeError: it is of another store.
    """
    if not isinstance(staging, FolderStaging):
        raise TypeError(f"staging of another store: {staging!r}")
    return staging.folder


def _make_folders(folder: str, path: str) -> None:
    """Make the folders above a file, from the top: as many calls as there are folders, where all are new."""
    place = path.find("/")
    while place > 0:
        try:  # noqa: SIM105 - three a tile: a context manager would cost as much as the call
            os.mkdir(f"{folder}/{path[:place]}")
        except FileExistsError:
            pass
        place = path.find("/", place + 1)


def _write_new(path: str, content: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        file = os.open(path, flags, 0o644)
    except FileExistsError:
        # A block that is made again puts the same bytes; the file may be linked, so it is not written through.
        os.unlink(path)
        file = os.open(path, flags, 0o644)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(file, view) :]
    finally:
        os.close(file)


def link_or_copy(existing: str, alias: str, content: bytes) -> None:
    """Give a file another name, or copy its content where the file system has no more links to give."""
    try:
        os.link(existing, alias)
    except FileExistsError:
        os.unlink(alias)
        link_or_copy(existing, alias, content)
    except OSError as error:
        if error.errno not in _LINK_REFUSALS:
            raise
        _write_new(alias, content)


def _link_shared(stem: str, path: str, content: bytes) -> bool:
    """Link a file to the original of its content in the scratch folder, which all workers share.

    A file system has an end of links to one file (65,000 on ext4), and then the next original begins.

    Returns:
        Whether an original or a copy was written.
    """
    number = _full_originals.get(stem, 0)
    took_room = False
    while True:
        original = f"{stem}-{number}"
        try:
            os.link(original, path)
        except FileNotFoundError:
            _make_original(original, content)
            took_room = True
        except FileExistsError:
            os.unlink(path)
        except OSError as error:
            if error.errno == errno.EMLINK:
                number += 1
                _full_originals[stem] = number
                continue
            if error.errno not in _LINK_REFUSALS:
                raise
            _write_new(path, content)
            return True
        else:
            return took_room


_full_originals: dict[str, int] = {}
"""How many originals of a content cannot be linked to any more, as far as this process knows."""


def _make_original(path: str, content: bytes) -> None:
    """Write a file under a name of its own first: nobody must link to a half of it."""
    fresh = f"{path}.{uuid.uuid4().hex}"
    _write_new(fresh, content)
    os.rename(fresh, path)
