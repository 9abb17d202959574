"""Listing of a prefix of a bucket, kept in a local file: name, size and MD5 of each object, found by name.

A request lists 1,000 objects, so ten million tiles are 10,000 requests and no memory: the listing is an SQLite file,
which workers read.
"""

import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from slide2iiif.stores.base import Entry, Head

_MD5 = re.compile(r"[0-9a-f]{32}", re.ASCII)
_AFTER_SLASH = "0"
"""Character that follows the slash: names below a folder lie between the two."""
_LAST = "\U0010ffff"
"""Behind every name."""
_SCHEMA = "CREATE TABLE objects (name TEXT PRIMARY KEY, size INTEGER, version TEXT) WITHOUT ROWID"


class Known(NamedTuple):
    """Facts of an object that cost no request."""

    size: int
    """Length in bytes."""
    md5: bytes
    """MD5 of the content (RFC 1321); empty where the place's version tag is something else."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A listing in a file. A value, which can be sent to workers."""

    path: Path
    """The file."""

    def opened(self) -> "OpenListing":
        """Open the listing for reading. Use it in a `with` statement, in one thread."""
        return OpenListing(self.path)


class OpenListing:
    """A listing that is open for reading."""

    def __init__(self, path: Path) -> None:
        """Open the file of a listing."""
        self._database = sqlite3.connect(f"file:{_quoted(path)}?mode=ro&immutable=1", uri=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def head(self, name: str) -> Head | None:
        """Return size and version of an object; None if it was not there."""
        row = self._database.execute("SELECT size, version FROM objects WHERE name = ?", (name,)).fetchone()
        return None if row is None else Head(*row)

    def known(self, name: str) -> Known | None:
        """Return size and MD5 of an object; None if it was not there."""
        head = self.head(name)
        return None if head is None else Known(head.size, md5_of(head.version))

    def names(self, folder: str = "") -> Iterator[str]:
        """Yield the names of all objects below a folder."""
        query = "SELECT name FROM objects WHERE name > ? AND name < ? ORDER BY name"
        rows = self._database.execute(
            query, (f"{folder}/", f"{folder}{_AFTER_SLASH}") if folder else ("", "\U0010ffff")
        )
        yield from (name for (name,) in rows)

    def entries(self, folder: str) -> Iterator[Entry]:
        """Yield the entries directly below a folder; one look for each, however many lie below them."""
        yield from entries_below(self._database, folder)


def entries_below(database: sqlite3.Connection, folder: str) -> Iterator[Entry]:
    """Yield the entries directly below a folder, from a table of objects by name."""
    prefix = f"{folder}/" if folder else ""
    last = f"{folder}{_AFTER_SLASH}" if folder else _LAST
    query = "SELECT name FROM objects WHERE name {} ? AND name < ? ORDER BY name LIMIT 1"
    behind, place = ">", prefix
    while row := database.execute(query.format(behind), (place, last)).fetchone():
        name, slash, _ = row[0].removeprefix(prefix).partition("/")
        yield Entry(name, is_folder=bool(slash))
        behind, place = (">=", f"{prefix}{name}{_AFTER_SLASH}") if slash else (">", row[0])


def write_listing(path: Path, found: Iterable[tuple[str, Head]]) -> Listing:
    """Write a listing of objects, with their sizes and versions, to a new file."""
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        # It is made anew if this computer fails: nothing is synced.
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA synchronous = OFF")
        database.execute(_SCHEMA)
        database.execute("BEGIN")
        rows = ((name, head.size, head.version) for name, head in found)
        database.executemany("INSERT OR REPLACE INTO objects VALUES (?, ?, ?)", rows)
        database.execute("COMMIT")
    return Listing(path)


def md5_of(version: str) -> bytes:
    """Return the MD5 that a version tag is; empty for one of another kind, as of an upload in parts."""
    return bytes.fromhex(version) if _MD5.fullmatch(version) else b""


def _quoted(path: Path) -> str:
    return str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
