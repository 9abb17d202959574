"""Private folder in which the files of one slide are collected, under their final names.

Aliases are hard links. A symbolic link would cost an inode, break where a server does not follow links, and could
point outside; a hard link is the file. Where the file system has none, or no more for one file, the alias is a copy.
"""

import errno
import hashlib
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from slide2iiif.stores.base import Staging
from slide2iiif.stores.folder.aliases import LINK_REFUSALS, link_or_copy, write_new
from slide2iiif.stores.folder.objects import FolderObjects
from slide2iiif.stores.folder.resume import SCRATCH
from slide2iiif.system_errors import as_target_errors, target_error

_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class FolderStaging:
    """A private folder with the final layout of one slide."""

    folder: Path
    """The files, under their final names."""
    scratch: Path
    """A folder beside them, for intermediate images between passes."""

    def below(self, place: str) -> "FolderStaging":
        """See `Staging.below`."""
        inner = FolderStaging(self.folder / place, self.scratch / place)
        with as_target_errors(self.folder):
            inner.folder.mkdir(parents=True, exist_ok=True)
            inner.scratch.mkdir(parents=True, exist_ok=True)
        return inner

    @property
    def staged(self) -> FolderObjects:
        """Files of the folder. See `Staging.staged`."""
        return FolderObjects(self.folder, self.scratch)

    def read(self, path: str) -> bytes | None:
        """Read a file. See `Staging.read`."""
        try:
            return (self.folder / path).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise target_error(error, self.folder) from None

    def opened(self) -> "FolderFiles":
        """Hold the folder open. See `Staging.opened`."""
        return FolderFiles(self)


class FolderFiles:
    """The folder of a staging, held open: see `Files`.

    Names are resolved relative to its descriptor: the path from the root is not walked again for every folder and file
    (a tenth of their cost on a tmpfs), and they stay inside the folder even if its own name is replaced.
    """

    def __init__(self, staging: FolderStaging) -> None:
        """Open the folder.

        Raises:
            TargetError: it cannot be opened.
        """
        self._folder = staging.folder
        self._scratch = staging.scratch
        with as_target_errors(self._folder):
            self._place = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        os.close(self._place)

    def put(self, paths: Sequence[str], content: bytes) -> None:
        """Store a file and its aliases. See `Files.put`."""
        first = paths[0]
        try:
            _make_folders(first, self._place)
            write_new(first, content, self._place)
            for alias in paths[1:]:
                _make_folders(alias, self._place)
                link_or_copy(first, alias, content, self._place)
        except OSError as error:
            raise target_error(error, self._folder) from None

    def put_shared(self, paths: Sequence[str], content: bytes) -> bool:
        """Link a file to others of the same bytes. See `Files.put_shared`."""
        stem = f"{self._scratch}/{hashlib.blake2b(content, digest_size=_DIGEST_BYTES).hexdigest()}"
        is_stored = False
        try:
            for path in paths:
                _make_folders(path, self._place)
                is_stored |= _link_shared(stem, path, content, self._place)
        except OSError as error:
            raise target_error(error, self._folder) from None
        return is_stored


def staging_at(folder: Path) -> FolderStaging:
    """Return the staging of a folder."""
    return FolderStaging(folder, folder.with_name(folder.name + SCRATCH))


def folder_of(staging: Staging) -> Path:
    """Return the folder of a staging.

    Raises:
        TypeError: it is of another store.
    """
    if not isinstance(staging, FolderStaging):
        raise TypeError(f"staging of another store: {staging!r}")
    return staging.folder


def _make_folders(path: str, place: int) -> None:
    """Make the folders above a file from the top: one call a folder, where all are new.

    Args:
        path: of the file, below the place.
        place: descriptor of a folder.
    """
    end = path.find("/")
    while end > 0:
        try:  # noqa: SIM105 - three a tile: a context manager would cost as much as the call
            os.mkdir(path[:end], dir_fd=place)
        except FileExistsError:
            pass
        end = path.find("/", end + 1)


def _link_shared(stem: str, path: str, content: bytes, place: int) -> bool:
    """Link a file to the original of its content in the scratch folder, which all workers share.

    The number of links to one file is limited (65,000 on ext4); after that a new original is written.

    Args:
        stem: common beginning of the absolute paths of the originals.
        path: of the file, below the place.
        content: its bytes.
        place: descriptor of a folder.

    Returns:
        True if an original or a copy was written.
    """
    number = _full_originals.get(stem, 0)
    is_stored = False
    while True:
        original = f"{stem}-{number}"
        try:
            os.link(original, path, dst_dir_fd=place)
        except FileNotFoundError:
            _make_original(original, content)
            is_stored = True
        except FileExistsError:
            os.unlink(path, dir_fd=place)
        except OSError as error:
            if error.errno == errno.EMLINK:
                number += 1
                _full_originals[stem] = number
                continue
            if error.errno not in LINK_REFUSALS:
                raise
            write_new(path, content, place)
            return True
        else:
            return is_stored


_full_originals: dict[str, int] = {}
"""Number of originals of a content that have reached the limit of links, as far as this process knows."""


def _make_original(path: str, content: bytes) -> None:
    """Write a file under a temporary name first, so that an incomplete one is never linked."""
    fresh = f"{path}.{uuid.uuid4().hex}"
    write_new(fresh, content)
    os.rename(fresh, path)
