"""Private objects of a tree in a bucket, with a copy of the small ones on this computer.

To ask a bucket for the receipt of each slide takes a request each. So names and versions are listed once, 1,000 a
request; a record whose version is the one of the copy is not asked for at all, and the others are fetched once, many at
a time. What is written goes to the bucket first: the copy never knows more than the place. It may be deleted at any
time; a computer that has none fetches what it needs.
"""

import functools
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from slide2iiif.stores.base import Entry, Head, NotAnObjectError
from slide2iiif.stores.bucket.address import Address
from slide2iiif.stores.bucket.listing import entries_below
from slide2iiif.stores.bucket.objects import BucketObjects
from slide2iiif.system_errors import as_target_errors

_KEPT_BYTES = 64 << 10
"""Largest object that is kept here. Digests of a slide are larger, and rarely asked for."""
_FETCHED_TOGETHER = 64
"""Requests under way while many records are fetched."""
_BUSY_SECONDS = 60.0
_ASKED_SINGLY = 4
"""Objects that are asked for one by one before all are listed: a command that only looks for one needs no list."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (name TEXT PRIMARY KEY, size INTEGER, version TEXT, content BLOB) WITHOUT ROWID
"""
_FOUND = "CREATE TEMP TABLE IF NOT EXISTS found (name TEXT PRIMARY KEY, size INTEGER, version TEXT)"
_NAME = "records.sqlite"


@dataclass(frozen=True, slots=True)
class MirroredObjects:
    """Private objects below an address. See `Objects`. A value: workers, who read large objects only, get it too."""

    address: Address
    """Place of the objects."""
    cache: Path
    """Local folder of the copy."""

    def read(self, name: str) -> bytes | None:
        """See `Objects.read`."""
        return self._mirror.read(name)

    def read_range(self, name: str, start: int, length: int) -> bytes | None:
        """See `Objects.read_range`. Straight from the bucket: it is asked of large objects."""
        return BucketObjects(self.address).read_range(name, start, length)

    def head(self, name: str) -> Head | None:
        """See `Objects.head`."""
        return self._mirror.head(name)

    def list(self, folder: str) -> Iterator[Entry]:
        """See `Objects.list`."""
        return iter(self._mirror.entries(folder))

    def is_folder(self, name: str) -> bool:
        """See `Objects.is_folder`."""
        return bool(self._mirror.entries(name, limit=1))

    def write(
        self, name: str, content: bytes | Iterable[bytes], *, durable: bool = False, secret: bool = False
    ) -> None:
        """See `Objects.write`."""
        del durable, secret
        self._mirror.write(name, content)

    def copy(self, existing: str, name: str) -> None:
        """See `Objects.copy`."""
        BucketObjects(self.address).copy(existing, name)
        self._mirror.forget(name)

    def delete(self, name: str) -> None:
        """See `Objects.delete`."""
        self._mirror.delete(name)

    def fetch(self, folder: str, ending: str) -> None:
        """Fetch the small objects below a folder, those with a certain ending, that the copy lacks: many at a time.

        Raises:
            UnreadableObjectError: one cannot be read.
        """
        self._mirror.fetch(folder, ending)

    def refresh(self) -> None:
        """List the objects anew, as another run may have changed them.

        Raises:
            UnreadableObjectError: they cannot be listed.
        """
        self._mirror.refresh()

    def is_current(self, name: str) -> bool:
        """Return True if the objects have been listed, and one of them is still that of the list."""
        return self._mirror.is_current(name)

    @property
    def _mirror(self) -> "_Mirror":
        return _open_mirror(self.address, self.cache)


class _Mirror:
    """Copy of the small private objects of a tree, in this process."""

    def __init__(self, address: Address, cache: Path) -> None:
        self._objects = BucketObjects(address)
        self._lock = threading.RLock()
        self._is_listed = False
        self._asked = 0
        with as_target_errors(cache):
            cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._database = _open_database(cache / _NAME)

    def refresh(self) -> None:
        """List the objects; forget copies of what has changed."""
        with self._lock, self._database as database:
            database.execute(
                "CREATE TEMP TABLE IF NOT EXISTS found (name TEXT PRIMARY KEY, size INTEGER, version TEXT)"
            )
            database.execute("DELETE FROM found")
            rows = ((name, head.size, head.version) for name, head in self._objects.below(""))
            database.executemany("INSERT OR REPLACE INTO found VALUES (?, ?, ?)", rows)
            database.execute("DELETE FROM objects WHERE name NOT IN (SELECT name FROM found)")
            database.execute(
                "INSERT INTO objects SELECT name, size, version, NULL FROM found WHERE true ON CONFLICT (name) DO "
                "UPDATE SET size = excluded.size, version = excluded.version, content = NULL "
                "WHERE objects.version != excluded.version"
            )
            self._is_listed = True

    def is_current(self, name: str) -> bool:
        """Return True if an object, asked for now, has the version that was listed."""
        if not self._is_listed:
            return False
        head = self.head(name)
        return head is not None and head == self._objects.head(name)

    def read(self, name: str) -> bytes | None:
        """Return the content of an object; None where there is none."""
        if self._asks_singly():
            return self._objects.read(name)
        row = self._row(name)
        if row is None:
            return None
        size, content = row
        return content if content is not None else self._fetch(name, size)

    def head(self, name: str) -> Head | None:
        """Return size and version of an object."""
        if self._asks_singly():
            return self._objects.head(name)
        with self._lock:
            row = self._database.execute("SELECT size, version FROM objects WHERE name = ?", (name,)).fetchone()
        return None if row is None else Head(*row)

    def entries(self, folder: str, limit: int | None = None) -> list[Entry]:
        """List the entries directly below a folder."""
        if limit is not None and self._asks_singly():
            return [Entry("", is_folder=True)] if self._objects.is_folder(folder) else []
        self._list_once()
        with self._lock:
            found = entries_below(self._database, folder)
            return list(found) if limit is None else [entry for entry, _ in zip(found, range(limit), strict=False)]

    def write(self, name: str, content: bytes | Iterable[bytes]) -> None:
        """Write an object: to the bucket, and then to the copy."""
        if self.head(name) is None and self.entries(name, limit=1):
            raise NotAnObjectError(f"{name}: is no object")
        pieces = [content] if isinstance(content, bytes) else content
        kept, size = _Kept(), 0
        version = self._objects.put(name, content if isinstance(content, bytes) else kept.of(pieces))
        whole = content if isinstance(content, bytes) else kept.content
        size = len(content) if isinstance(content, bytes) else kept.size
        with self._lock, self._database as database:
            row = (name, size, version, whole if whole is not None and len(whole) <= _KEPT_BYTES else None)
            database.execute("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)", row)

    def delete(self, name: str) -> None:
        """Delete an object."""
        if self.head(name) is not None:
            self._objects.delete(name)
            self.forget(name, is_gone=True)

    def forget(self, name: str, *, is_gone: bool = False) -> None:
        """Forget the copy of an object that has changed or is gone."""
        with self._lock, self._database as database:
            database.execute("DELETE FROM objects WHERE name = ?", (name,))
            head = None if is_gone else self._objects.head(name)
            if head is not None:
                database.execute("INSERT INTO objects VALUES (?, ?, ?, NULL)", (name, *head))

    def fetch(self, folder: str, ending: str) -> None:
        """Fetch the small objects below a folder, those with an ending, that are not here."""
        self._list_once()
        with self._lock:
            query = "SELECT name, size FROM objects WHERE name > ? AND name < ? AND content IS NULL AND size <= ?"
            found = self._database.execute(query, (f"{folder}/", f"{folder}0", _KEPT_BYTES))
            lacking = [row for row in found if row[0].endswith(ending)]
        if lacking:
            with ThreadPoolExecutor(_FETCHED_TOGETHER, "fetch") as threads:
                for _ in threads.map(lambda row: self._fetch(*row), lacking):
                    pass

    def _fetch(self, name: str, size: int) -> bytes | None:
        content = self._objects.read(name)
        if content is not None and size <= _KEPT_BYTES:
            with self._lock, self._database as database:
                database.execute("UPDATE objects SET content = ? WHERE name = ?", (content, name))
        return content

    def _asks_singly(self) -> bool:
        """Return True if an object is to be asked for by itself: the first few, before all are listed."""
        with self._lock:
            if self._is_listed:
                return False
            self._asked += 1
            if self._asked > _ASKED_SINGLY:
                self.refresh()
        return not self._is_listed

    def _row(self, name: str) -> tuple[int, bytes | None] | None:
        with self._lock:
            row = self._database.execute("SELECT size, content FROM objects WHERE name = ?", (name,)).fetchone()
        return None if row is None else (row[0], row[1])

    def _list_once(self) -> None:
        with self._lock:
            if not self._is_listed:
                self.refresh()


class _Kept:
    """Pieces of a content that is written, kept as long as they are few."""

    def __init__(self) -> None:
        self.size = 0
        self.content: bytes | None = b""

    def of(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the pieces, and keep them."""
        for piece in pieces:
            self.size += len(piece)
            self.content = self.content + piece if self.content is not None and self.size <= _KEPT_BYTES else None
            yield piece


def _open_database(path: Path) -> sqlite3.Connection:
    """Open the file of a copy; one that is damaged is made anew."""
    for _ in range(2):
        database = sqlite3.connect(path, timeout=_BUSY_SECONDS, check_same_thread=False)
        try:
            database.execute("PRAGMA synchronous = OFF")
            database.execute(_SCHEMA)
        except sqlite3.DatabaseError:
            database.close()
            path.unlink(missing_ok=True)
        else:
            return database
    raise AssertionError(f"{path} cannot be made")


@functools.lru_cache(maxsize=16)
def _open_mirror(address: Address, cache: Path) -> _Mirror:
    """Return the copy of this process: the same one for each call."""
    return _Mirror(address, cache)
