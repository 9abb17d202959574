"""TIFF and BigTIFF directories, read without any library: every one of them, whatever order their tags have.

Only the tags that are asked for are read, so that a text that is no text, or a table that nobody needs, cannot fail
a picture. Source: TIFF 6.0, section 2; the BigTIFF design of 2004; TIFF Technical Note 1 (SubIFDs).
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Size, ceil_div
from slide2iiif.sources.unsupported import COPY_AGAIN, system_refusal

_SUB_DIRECTORIES = 330
_MOST_DIRECTORIES = 10_000
_MOST_TAGS = 4_000
_MOST_BYTES = 1 << 28
"""Bytes of the longest value that is read: the places of ten million tiles take a third of it."""
_TYPES = {
    1: "u1",
    2: "S1",
    3: "u2",
    4: "u4",
    5: "u4",
    6: "i1",
    7: "u1",
    8: "i2",
    9: "i4",
    10: "i4",
    11: "f4",
    12: "f8",
    13: "u4",
    16: "u8",
    17: "i8",
    18: "u8",
}
"""Types of values (TIFF 6.0, section 2); a fraction is two numbers."""
_FRACTIONS = (5, 10)


class _Entry(NamedTuple):
    """Value of a tag, not read yet."""

    type: int
    """Number of the type."""
    numbers: int
    """Numbers of that type."""
    place: int
    """First byte of the value in the file."""


class TiffFile:
    """An open TIFF file."""

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            SourceError: it cannot be opened, or is no TIFF.
        """
        self.path = path
        self._descriptor = -1
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            self.length = os.fstat(self._descriptor).st_size
        except OSError as error:
            self.close()
            raise SourceError(system_refusal(error)) from None
        head = self.read(0, 16)
        self.order: Literal["little", "big"] = "little" if head[:2] == b"II" else "big"
        self._is_big = head[2:4] in {b"+\0", b"\0+"}
        self._first = int.from_bytes(head[8:16] if self._is_big else head[4:8], self.order)

    def read(self, place: int, length: int) -> bytes:
        """Read bytes; what lies beyond the end of the file is missing.

        Raises:
            SourceError: the system cannot read them.
        """
        try:
            return os.pread(self._descriptor, length, place)
        except OSError as error:
            raise SourceError(f"byte {place}: {system_refusal(error)}") from None
        except (OverflowError, MemoryError):
            raise SourceError(f"is damaged: {length} bytes at byte {place}; {COPY_AGAIN}") from None

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def directories(self) -> Iterator["Directory"]:
        """Read the chain of directories, each followed by those that hang below it.

        Raises:
            SourceError: the chain leads out of the file, or in a circle.
        """
        seen: set[int] = set()
        number, place = 0, self._first
        while place and number < _MOST_DIRECTORIES:
            directory, following = self._directory(place, number, None, seen)
            yield directory
            for sub, below in enumerate(directory.numbers(_SUB_DIRECTORIES)):
                if below:
                    yield self._directory(int(below), number, sub, seen)[0]
            number, place = number + 1, following
        if not number:
            raise SourceError(f"is truncated or damaged: it has no TIFF directory; {COPY_AGAIN}")

    def _directory(self, place: int, number: int, sub: int | None, seen: set[int]) -> tuple["Directory", int]:
        if place in seen:
            raise SourceError(f"is damaged: its TIFF directories lead in a circle at byte {place}")
        seen.add(place)
        count_bytes, entry_bytes, offset_bytes = (8, 20, 8) if self._is_big else (2, 12, 4)
        count = self._number(place, count_bytes)
        begin = place + count_bytes
        end = begin + count * entry_bytes + offset_bytes
        if end - offset_bytes > self.length or count > _MOST_TAGS:
            raise SourceError(f"is truncated: it has {self.length} bytes and points to byte {end}; {COPY_AGAIN}")
        table = self.read(begin, count * entry_bytes)
        entries: dict[int, _Entry] = {}
        for index in range(count):
            tag, entry = self._entry(
                table[index * entry_bytes : (index + 1) * entry_bytes], begin + index * entry_bytes
            )
            entries.setdefault(tag, entry)
        # A file may end just before the place of the next directory: there is none then.
        following = self._number(end - offset_bytes, offset_bytes) if end <= self.length else 0
        return Directory(self, number, sub, entries), following

    def _entry(self, record: bytes, place: int) -> tuple[int, _Entry]:
        wide = 8 if self._is_big else 4
        tag, kind = int.from_bytes(record[:2], self.order), int.from_bytes(record[2:4], self.order)
        count = int.from_bytes(record[4 : 4 + wide], self.order)
        length = count * _bytes_of(kind)
        if length > wide:
            return tag, _Entry(kind, count, int.from_bytes(record[4 + wide :], self.order))
        return tag, _Entry(kind, count, place + 4 + wide)

    def _number(self, place: int, length: int) -> int:
        found = self.read(place, length)
        if len(found) < length:
            raise SourceError(
                f"is truncated: it has {self.length} bytes and points to byte {place + length}; {COPY_AGAIN}"
            )
        return int.from_bytes(found, self.order)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.close()


@dataclass(frozen=True, slots=True, eq=False)
class Directory:
    """One directory of a TIFF file."""

    file: TiffFile
    """The file, open."""
    index: int
    """Number in the chain."""
    sub: int | None
    """Number below that, where it hangs there as a SubIFD."""
    entries: dict[int, _Entry]
    """Values by tag."""

    def __contains__(self, tag: int) -> bool:
        return tag in self.entries

    def array(self, tag: int) -> NDArray[np.generic]:
        """Read the numbers of a tag; of fractions, numerators and denominators in turn; none where it is missing.

        Raises:
            SourceError: they lie outside the file.
        """
        entry = self.entries.get(tag)
        if entry is None or entry.type not in _TYPES:
            return np.empty(0, np.uint64)
        length = entry.numbers * _bytes_of(entry.type)
        if length > _MOST_BYTES or entry.place + length > self.file.length:
            end = entry.place + length
            raise SourceError(
                f"is truncated or damaged: its TIFF directory points to byte {end} of {self.file.length}; {COPY_AGAIN}"
            )
        order = "<" if self.file.order == "little" else ">"
        return np.frombuffer(self.file.read(entry.place, length), order + _TYPES[entry.type])

    def numbers(self, tag: int) -> tuple[float, ...]:
        """Read the numbers of a tag, fractions divided; none where it is missing or no row of numbers."""
        entry = self.entries.get(tag)
        if entry is None or entry.type not in _TYPES or _TYPES[entry.type] == "S1":
            return ()
        values = self.array(tag).tolist()
        if entry.type in _FRACTIONS:
            return tuple(over / under if under else 0.0 for over, under in zip(values[::2], values[1::2], strict=True))
        return tuple(values)

    def value(self, tag: int, default: int) -> int:
        """Read a whole number of a tag: the first of several, the default where it is missing."""
        found = self.numbers(tag)
        return int(found[0]) if found else default

    def content(self, tag: int) -> bytes:
        """Read the bytes of a tag; none where it is missing."""
        return self.array(tag).tobytes()

    @property
    def size(self) -> Size:
        """Pixels."""
        return Size(self.value(256, 0), self.value(257, 0))

    @property
    def tile(self) -> Size | None:
        """Pixels of a tile; None for strips."""
        if 322 not in self.entries or 323 not in self.entries:  # noqa: PLR2004 - TileWidth, TileLength
            return None
        return Size(self.value(322, 0), self.value(323, 0))

    @property
    def segment(self) -> Size:
        """Pixels of a tile or strip."""
        if self.tile is not None:
            return self.tile
        width, height = self.size
        return Size(width, max(1, min(self.value(278, height), height)))

    @property
    def grid(self) -> Size:
        """Columns and rows of tiles or strips, of one plane."""
        (width, height), segment = self.size, self.segment
        return Size(ceil_div(width, segment.width), ceil_div(height, segment.height))

    @property
    def compression(self) -> int:
        """Number of the compression (TIFF 6.0, tag 259)."""
        return self.value(259, 1)

    @property
    def is_reduced(self) -> bool:
        """True if it says that it is a smaller version of another one (NewSubfileType, SubfileType)."""
        return bool(self.value(254, 0) & 1) or self.value(255, 0) == 2  # noqa: PLR2004 - a reduced picture

    @property
    def is_page(self) -> bool:
        """True if it says that it is a page of several, and no smaller version (NewSubfileType, SubfileType)."""
        return (bool(self.value(254, 0) & 2) or self.value(255, 0) == 3) and not self.is_reduced  # noqa: PLR2004

    @property
    def is_mask(self) -> bool:
        """True if it is a transparency mask (NewSubfileType, PhotometricInterpretation)."""
        return bool(self.value(254, 0) & 4) or self.value(262, 0) == 4  # noqa: PLR2004 - a mask

    @property
    def description(self) -> str:
        """Text of ImageDescription, whatever bytes it is made of."""
        return self.content(270).split(b"\0", 1)[0].decode("utf-8", "replace")


def _bytes_of(kind: int) -> int:
    letters = _TYPES.get(kind)
    return 0 if letters is None else int(letters[1]) * (2 if kind in _FRACTIONS else 1)
