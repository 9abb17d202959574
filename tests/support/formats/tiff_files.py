"""TIFF of any kind, from directories given as values: either byte order, BigTIFF, SubIFDs, missing tiles, strips.

Source: TIFF 6.0, sections 2, 3 and 15; TIFF Technical Note 1 (SubIFDs); the BigTIFF design.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Value = int | float | str | bytes | tuple[int, ...]
"""Whole numbers; a float is a RATIONAL, a text ASCII, bytes are BYTE."""

SHORT, LONG, RATIONAL, ASCII, BYTE, UNDEFINED, LONG8 = 3, 4, 5, 2, 1, 7, 16
_LETTERS = {SHORT: "H", LONG: "I", RATIONAL: "I", LONG8: "Q"}
_WIDE = {254, 256, 257, 278, 322, 323}
"""Tags whose numbers may pass 65,535."""
_UNDEFINED_TAGS = {347, 34675}
SUB_IFDS = 330


@dataclass(frozen=True)
class Directory:
    """One image of a file."""

    tags: Mapping[int, Value]
    """What it says of itself, apart from where its data is."""
    segments: Sequence[bytes]
    """Its tiles or strips, row by row; an empty one is not stored."""
    inner: Sequence["Directory"] = field(default=())
    """Coarser levels that hang below it as SubIFDs."""

    @property
    def is_tiled(self) -> bool:
        return 322 in self.tags


def write_tiff(path: Path, directories: Sequence[Directory], *, big: bool = False, order: str = "<") -> Path:
    """Write a file: data first, then directories."""
    writer = _Writer(order, big=big)
    first = writer.put_chain(directories)
    magic = b"II" if order == "<" else b"MM"
    if big:
        header = struct.pack(f"{order}2sHHHQ", magic, 43, 8, 0, first)
    else:
        header = struct.pack(f"{order}2sHI", magic, 42, first)
    path.write_bytes(header + bytes(writer.data[len(header) :]))
    return path


class _Writer:
    def __init__(self, order: str, *, big: bool) -> None:
        self.big, self.order = big, order
        self.data = bytearray(16)

    def put_chain(self, directories: Sequence[Directory]) -> int:
        """Write directories, the last one first, for each to know the next."""
        following = 0
        for directory in reversed(directories):
            following = self._put(directory, following)
        return following

    def _put(self, directory: Directory, following: int) -> int:
        places = [(self._append(segment) if segment else 0, len(segment)) for segment in directory.segments]
        offsets, counts = zip(*places, strict=True)
        wide = LONG8 if self.big else LONG
        entries: dict[int, tuple[int, Value]] = {}
        for tag, value in directory.tags.items():
            entries[tag] = (_type_of(tag, value), value)
        entries[324 if directory.is_tiled else 273] = (wide, offsets)
        entries[325 if directory.is_tiled else 279] = (LONG, counts)
        if directory.inner:
            entries[SUB_IFDS] = (wide, tuple(self._put(each, 0) for each in directory.inner))
        return self._put_entries(entries, following)

    def _put_entries(self, entries: Mapping[int, tuple[int, Value]], following: int) -> int:
        word, count, room = ("Q", "Q", 8) if self.big else ("I", "H", 4)
        table = struct.pack(f"{self.order}{count}", len(entries))
        for tag, (kind, value) in sorted(entries.items()):
            number, raw = self._encode(kind, value)
            if len(raw) > room:
                raw = struct.pack(f"{self.order}{word}", self._append(raw))
            table += struct.pack(f"{self.order}HH{word}", tag, kind, number) + raw.ljust(room, b"\0")
        return self._append(table + struct.pack(f"{self.order}{word}", following))

    def _encode(self, kind: int, value: Value) -> tuple[int, bytes]:
        if isinstance(value, str):
            value = value.encode() + b"\0"
        if isinstance(value, bytes):
            return len(value), value
        if isinstance(value, float):
            return 1, struct.pack(f"{self.order}II", round(value * 1000), 1000)
        numbers = value if isinstance(value, tuple) else (value,)
        return len(numbers), struct.pack(f"{self.order}{len(numbers)}{_LETTERS[kind]}", *numbers)

    def _append(self, data: bytes) -> int:
        self.data += bytes(len(self.data) % 2)
        place = len(self.data)
        self.data += data
        return place


def _type_of(tag: int, value: Value) -> int:
    if isinstance(value, float):
        return RATIONAL
    if isinstance(value, str):
        return ASCII
    if isinstance(value, bytes):
        return UNDEFINED if tag in _UNDEFINED_TAGS else BYTE
    return LONG if tag in _WIDE else SHORT
