"""The length and digest of every published file of a slide, densely in one binary file.

The law:

* A service's files have ordinals that are pure arithmetic: the tiles of all levels below the top one, finest level
  first, row by row; then the pictures of the whole image, the largest first. A slide's services follow each other.
* The record of the file at ordinal n is the 16 bytes from 16·(n + 1) on: its length, 4 bytes, and the first 12 of its
  SHA-256 (FIPS 180-4), which leaves one chance in 10²⁸ that a change goes unseen. The header takes the place before.
* A record of zeros is of no file: a finer level's tile answers for it.
* Aliases have the bytes of the first path and no record of their own.

So a million tiles take 16 MB on disk and nothing in memory: records are read and written where they lie.
"""

import hashlib
import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

from slide2iiif.stores.base import NotAnObjectError, Objects

RECORD_BYTES = 16
"""What a file costs."""

_RECORD = struct.Struct("<I12s")
"""Length and the digest's first bytes: what is longer is cut off."""
_LENGTH = struct.Struct("<I")
_HEADER = struct.Struct("<8sQ")
_MAGIC = b"s2i-led1"
_CHUNK_RECORDS = 65_536

NO_FILE = bytes(RECORD_BYTES)
"""Record of a tile that has no path of its own."""


def record_of(content: bytes) -> bytes:
    """Give the record of a file."""
    return _RECORD.pack(len(content), hashlib.sha256(content).digest())


class Run(NamedTuple):
    """Records of files whose ordinals follow each other."""

    first: int
    """Ordinal of the first of them."""
    records: bytes
    """The records, one after the other."""


class Recorder:
    """Takes note of files as they are made."""

    def __init__(self) -> None:
        """Begin with none."""
        self._runs: list[tuple[int, list[bytes]]] = []
        self._next = -1

    def add(self, ordinal: int, content: bytes) -> None:
        """Take the length and digest of a file."""
        if ordinal != self._next:
            self._runs.append((ordinal, []))
        self._runs[-1][1].append(record_of(content))
        self._next = ordinal + 1

    def runs(self) -> tuple[Run, ...]:
        """Give what was noted, neighbours together: a row of tiles of a block."""
        return tuple(Run(first, b"".join(records)) for first, records in self._runs)


def length_of(record: bytes) -> int:
    """Give the length of the file that a record is of, in bytes."""
    (length,) = _LENGTH.unpack_from(record)
    return int(length)


class DigestFile:
    """The ledger of one service while its files are made: an open file that grows hole by hole."""

    def __init__(self, path: Path, count: int) -> None:
        """Open the file, or make it, for so many records.

        Raises:
            OSError: it cannot be made.
        """
        self.count = count
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        os.truncate(self._file, RECORD_BYTES * count)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def write(self, runs: Iterable[Run]) -> None:
        """Put records in their places.

        Raises:
            OSError: no room.
        """
        for first, records in runs:
            view, place = memoryview(records), RECORD_BYTES * first
            while view:
                written = os.pwrite(self._file, view, place)
                view, place = view[written:], place + written

    def records(self) -> Iterator[bytes]:
        """All records, some at a time."""
        size = RECORD_BYTES * _CHUNK_RECORDS
        for place in range(0, RECORD_BYTES * self.count, size):
            yield os.pread(self._file, min(size, RECORD_BYTES * self.count - place), place)

    def close(self) -> None:
        """Close the file; twice does no harm."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def digest_stream(parts: Sequence[DigestFile]) -> Iterator[bytes]:
    """Give the content of a slide's ledger, some at a time: header, then the records of its services in order."""
    yield _HEADER.pack(_MAGIC, sum(part.count for part in parts))
    for part in parts:
        yield from part.records()


def digest_of(content: Iterable[bytes]) -> str:
    """Give the digest that a receipt has of its ledger, in hexadecimal."""
    digest = hashlib.sha256()
    for piece in content:
        digest.update(piece)
    return digest.hexdigest()


def digests_size(count: int) -> int:
    """Give the size of a ledger of so many records."""
    return RECORD_BYTES * (count + 1)


@dataclass(frozen=True, slots=True)
class Digests:
    """Digests of a published slide. A value: it travels to workers."""

    private: Objects
    """Private side of the tree."""
    name: str
    """Object that has the records."""

    def is_whole(self, count: int, digest: str) -> bool:
        """Return True if these are the records of so many files that a receipt means.

        Raises:
            UnreadableObjectError: they cannot be read.
        """
        header = self._read(0, _HEADER.size)
        return header == _HEADER.pack(_MAGIC, count) and digest_of(self._pieces()) == digest

    def read(self, first: int, count: int) -> bytes:
        """Read records; fewer where the object is cut or absent.

        Raises:
            UnreadableObjectError: they cannot be read.
        """
        return self._read(RECORD_BYTES * (first + 1), RECORD_BYTES * count)

    def _read(self, start: int, length: int) -> bytes:
        try:
            return self.private.read_range(self.name, start, length) or b""
        except NotAnObjectError:
            return b""

    def _pieces(self) -> Iterator[bytes]:
        place = 0
        while piece := self._read(place, RECORD_BYTES * _CHUNK_RECORDS):
            yield piece
            place += len(piece)
