"""Files below a folder as named objects. No link is followed."""

import contextlib
import errno
import os
import stat
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from slide2iiif.stores.base import Entry, Head, NotAnObjectError, UnreadableObjectError
from slide2iiif.stores.folder.aliases import link_or_copy
from slide2iiif.stores.folder.atomic import move_file, remove_empty, write_pieces_atomically
from slide2iiif.stores.folder.links import check_no_link, find_link, link_refusal
from slide2iiif.system_errors import as_target_errors, target_error

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NOT_THERE = frozenset({errno.ENOENT, errno.ENOTDIR})
"""Errors that mean that there is no file."""
_NO_FILE = frozenset({errno.ELOOP, errno.EISDIR, errno.ENXIO, errno.ESPIPE})
"""Errors that mean that something else is in its place."""


@dataclass(frozen=True, slots=True)
class FolderObjects:
    """Objects of one side of a tree. See `Objects`."""

    root: Path
    """Folder of all of them."""
    spare: Path
    """Folder of the same file system, for files that are being written."""

    def read(self, name: str) -> bytes | None:
        """Read a file. See `Objects.read`."""
        with contextlib.suppress(NotAnObjectError):
            return self._read_file(name)
        return None

    def read_range(self, name: str, start: int, length: int) -> bytes | None:
        """Read a part of a file with one call. See `Objects.read_range`."""
        try:
            file = os.open(f"{self.root}/{name}", _FLAGS)
        except OSError as error:
            if error.errno in _NOT_THERE:
                return None
            raise self._refused(error, name) from None
        try:
            return os.pread(file, length, start)
        except OSError as error:
            raise self._refused(error, name) from None
        finally:
            os.close(file)

    def _read_file(self, name: str) -> bytes | None:
        try:
            with open(os.open(f"{self.root}/{name}", _FLAGS), "rb") as file:
                return file.read()
        except OSError as error:
            if error.errno in _NOT_THERE:
                return None
            raise self._refused(error, name) from None

    def head(self, name: str) -> Head | None:
        """Return size and version of a file. See `Objects.head`."""
        try:
            status = os.lstat(f"{self.root}/{name}")
        except OSError as error:
            if error.errno in _NOT_THERE:
                return None
            raise self._refused(error, name) from None
        if not stat.S_ISREG(status.st_mode):
            return None
        return Head(status.st_size, f"{status.st_ino}-{status.st_ctime_ns}")

    def list(self, folder: str) -> Iterator[Entry]:
        """List a folder. See `Objects.list`."""
        try:
            with os.scandir(f"{self.root}/{folder}" if folder else self.root) as found:
                for entry in found:
                    yield Entry(entry.name, entry.is_dir(follow_symlinks=False))
        except OSError as error:
            if error.errno not in _NOT_THERE:
                raise self._refused(error, folder) from None

    def is_folder(self, name: str) -> bool:
        """Return True for a folder that no link leads to. See `Objects.is_folder`."""
        path = self.root / name
        return path.is_dir() and find_link(self.root, path) is None

    def write(
        self, name: str, content: bytes | Iterable[bytes], *, durable: bool = False, secret: bool = False
    ) -> None:
        """Write a file under another name, then rename it. See `Objects.write`."""
        self._make_way(name)
        pieces = [content] if isinstance(content, bytes) else content
        write_pieces_atomically(self.root / name, pieces, self.spare, sync=durable, mode=0o600 if secret else 0o666)

    def copy(self, existing: str, name: str) -> None:
        """Link a file, or copy it where the file system has no more links. See `Objects.copy`."""
        self._make_way(name)
        fresh = self.spare / uuid.uuid4().hex
        with as_target_errors(self.root / name):
            link_or_copy(f"{self.root}/{existing}", str(fresh), (self.root / existing).read_bytes())
            move_file(fresh, self.root / name)

    def delete(self, name: str) -> None:
        """Unlink a file. See `Objects.delete`."""
        path = self.root / name
        check_no_link(self.root, path.parent)
        try:
            path.unlink(missing_ok=True)
        except NotADirectoryError:
            return
        except OSError as error:
            raise target_error(error, path) from None
        remove_empty(path.parent, self.root)

    def _make_way(self, name: str) -> None:
        """Make the folders above a file; refuse a link or file among them, and a folder in the place of the file."""
        place = self.root
        for part in ("", *name.split("/")[:-1]):
            place = place / part
            with as_target_errors(place):
                if not os.path.lexists(place):
                    place.mkdir(parents=not part, exist_ok=True)
                mode = place.lstat().st_mode
            if stat.S_ISLNK(mode) and part:
                raise NotAnObjectError(link_refusal(place))
            if not stat.S_ISDIR(mode) and part:
                raise NotAnObjectError(f"{place} is in the way: it is no folder; move it away, then run again")
        target = self.root / name
        if target.is_dir() and not target.is_symlink():
            raise NotAnObjectError(f"{target} is in the way: it is a folder; move it away, then run again")

    def _refused(self, error: OSError, name: str) -> NotAnObjectError | UnreadableObjectError:
        path = self.root / name
        if error.errno in _NO_FILE:
            return NotAnObjectError(f"{path} is no file; move it away, then run again")
        return UnreadableObjectError(str(target_error(error, path)), error.strerror or "")
