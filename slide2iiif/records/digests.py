"""Length and digest of every published file of a slide, in one compact binary file.

The layout:

* A service's files have ordinals that are pure arithmetic: the tiles of all levels below the top one, finest level
  first, row by row; then the pictures of the whole image, the largest first. A slide's services follow each other.
* The record of the file at ordinal n is the 16 bytes from 16·(n + 1) on: its length, 4 bytes, and the first 12 of its
  SHA-256 (FIPS 180-4), which leaves one chance in 10²⁸ that a change goes unseen. The header has the first 16 bytes.
* A record of zeros stands for a tile without a path of its own: a tile of a finer level has the same URL.
* Aliases have the bytes of the first path and no record of their own.

So a million tiles take 16 MB on disk and nothing in memory: records are read and written in place.
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
"""Size of the record of a file."""

_RECORD = struct.Struct("<I12s")
"""Length, and the first 12 bytes of the digest."""
_LENGTH = struct.Struct("<I")
_HEADER = struct.Struct("<8sQ")
_MAGIC = b"s2i-led1"
_CHUNK_RECORDS = 65_536

NO_FILE = bytes(RECORD_BYTES)
"""Record of a tile that has no path of its own."""


def record_of(content: bytes) -> bytes:
    """Return the record of a file with this content."""
    return _RECORD.pack(len(content), hashlib.sha256(content).digest())


class Run(NamedTuple):
    """Records of files with consecutive ordinals."""

    first: int
    """Ordinal of the first file."""
    records: bytes
    """Records in the order of their ordinals."""


class Recorder:
    """Collector of the records of files as they are made."""

    def __init__(self) -> None:
        """Begin without records."""
        self._runs: list[tuple[int, list[bytes]]] = []
        self._next = -1

    def add(self, ordinal: int, content: bytes) -> None:
        """Add the length and digest of a file."""
        if ordinal != self._next:
            self._runs.append((ordinal, []))
        self._runs[-1][1].append(record_of(content))
        self._next = ordinal + 1

    def runs(self) -> tuple[Run, ...]:
        """Return the records, joined where ordinals are consecutive: a row of tiles of a block."""
        return tuple(Run(first, b"".join(records)) for first, records in self._runs)


def length_of(record: bytes) -> int:
    """Return the length of the recorded file in bytes."""
    (length,) = _LENGTH.unpack_from(record)
    return int(length)


@dataclass(frozen=True, slots=True)
class DigestSlice:
    """Records of some files of a service. A value, which can be sent to workers."""

    first: int
    """Ordinal of the first of them."""
    records: bytes
    """The records, one after the other."""

    def read(self, first: int, count: int) -> bytes:
        """Return records, from an ordinal on."""
        start = RECORD_BYTES * (first - self.first)
        return self.records[start : start + RECORD_BYTES * count]


class DigestFile:
    """Digests of one service while its files are made: an open sparse file that fills in any order."""

    def __init__(self, path: Path, count: int) -> None:
        """Open the file, or create it, for this number of records.

        Raises:
            OSError: it cannot be created.
        """
        self.count = count
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        os.truncate(self._file, RECORD_BYTES * count)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def write(self, runs: Iterable[Run]) -> None:
        """Write records in their places.

        Raises:
            OSError: they cannot be written.
        """
        for first, records in runs:
            view, place = memoryview(records), RECORD_BYTES * first
            while view:
                written = os.pwrite(self._file, view, place)
                view, place = view[written:], place + written

    def read(self, first: int, count: int) -> DigestSlice:
        """Read records, from an ordinal on.

        Raises:
            OSError: the file cannot be read.
        """
        return DigestSlice(first, os.pread(self._file, RECORD_BYTES * count, RECORD_BYTES * first))

    def records(self) -> Iterator[bytes]:
        """Yield all records, in chunks."""
        size = RECORD_BYTES * _CHUNK_RECORDS
        for place in range(0, RECORD_BYTES * self.count, size):
            yield os.pread(self._file, min(size, RECORD_BYTES * self.count - place), place)

    def close(self) -> None:
        """Close the file; closing twice is allowed."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def digest_stream(parts: Sequence[DigestFile]) -> Iterator[bytes]:
    """Yield the digests of a slide as one file, in chunks: header, then the records of its services in order."""
    yield _HEADER.pack(_MAGIC, sum(part.count for part in parts))
    for part in parts:
        yield from part.records()


def digest_of(content: Iterable[bytes]) -> str:
    """Return the SHA-256 of a content in hexadecimal, as receipts have it of the digests of a slide."""
    digest = hashlib.sha256()
    for piece in content:
        digest.update(piece)
    return digest.hexdigest()


def digests_size(count: int) -> int:
    """Return the size of a file with this number of records in bytes."""
    return RECORD_BYTES * (count + 1)


@dataclass(frozen=True, slots=True)
class Digests:
    """Digests of a published slide. A value, which can be sent to workers."""

    private: Objects
    """Private objects of the tree."""
    name: str
    """Name of the object with the records."""

    def is_whole(self, count: int, digest: str) -> bool:
        """Return True if the object has this number of records and this digest, as a receipt says.

        Raises:
            UnreadableObjectError: they cannot be read.
        """
        header = self._read(0, _HEADER.size)
        return header == _HEADER.pack(_MAGIC, count) and digest_of(self.content()) == digest

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

    def content(self) -> Iterator[bytes]:
        """Yield the whole object in pieces.

        Raises:
            UnreadableObjectError: it cannot be read.
        """
        place = 0
        while piece := self._read(place, RECORD_BYTES * _CHUNK_RECORDS):
            yield piece
            place += len(piece)
