"""TIFF files written in one pass: data first, directories last.

In this order tiles of all levels can be written as they are made, and the choice between classic TIFF and BigTIFF
can wait until the size is known. (tifffile writes JPEG tiles only where imagecodecs is installed.)

Source: TIFF 6.0, section 2 and 15; TIFF Technical Note 2 for JPEG; the BigTIFF design.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from types import TracebackType
from typing import Self

from slide2iiif.geometry import Size

CLASSIC_LIMIT = 1 << 32
"""Size in bytes that the 32-bit offsets of a classic TIFF can address."""

_HEADER_BYTES = 16
"""Length of a BigTIFF header in bytes; that of a classic TIFF is shorter."""

Value = int | bytes | tuple[int, ...]
"""Value of a tag: integers, or raw bytes. Texts are ASCII; their NUL is added when they are written."""


class Tag(IntEnum):
    """The tags that sample slides use."""

    NEW_SUBFILE_TYPE = 254
    IMAGE_WIDTH = 256
    IMAGE_LENGTH = 257
    BITS_PER_SAMPLE = 258
    COMPRESSION = 259
    PHOTOMETRIC = 262
    IMAGE_DESCRIPTION = 270
    STRIP_OFFSETS = 273
    SAMPLES_PER_PIXEL = 277
    ROWS_PER_STRIP = 278
    STRIP_BYTE_COUNTS = 279
    X_RESOLUTION = 282
    Y_RESOLUTION = 283
    PLANAR_CONFIGURATION = 284
    RESOLUTION_UNIT = 296
    SOFTWARE = 305
    DATE_TIME = 306
    ARTIST = 315
    HOST_COMPUTER = 316
    TILE_WIDTH = 322
    TILE_LENGTH = 323
    TILE_OFFSETS = 324
    TILE_BYTE_COUNTS = 325
    JPEG_TABLES = 347
    YCBCR_SUBSAMPLING = 530
    XMP = 700
    COPYRIGHT = 33432
    ICC_PROFILE = 34675


class Compression(IntEnum):
    """Values of the tag Compression."""

    NONE = 1
    LZW = 5
    JPEG = 7
    DEFLATE = 8


class Photometric(IntEnum):
    """Values of the tag PhotometricInterpretation."""

    BLACK_IS_ZERO = 1
    RGB = 2
    YCBCR = 6


class _Type(IntEnum):
    """TIFF field types."""

    ASCII = 2
    SHORT = 3
    LONG = 4
    RATIONAL = 5
    UNDEFINED = 7
    LONG8 = 16


_NUMBERS = {_Type.SHORT: "H", _Type.LONG: "I", _Type.LONG8: "Q", _Type.RATIONAL: "I"}
_TYPES = {
    Tag.NEW_SUBFILE_TYPE: _Type.LONG,
    Tag.IMAGE_WIDTH: _Type.LONG,
    Tag.IMAGE_LENGTH: _Type.LONG,
    Tag.ROWS_PER_STRIP: _Type.LONG,
    **dict.fromkeys(
        (Tag.IMAGE_DESCRIPTION, Tag.SOFTWARE, Tag.DATE_TIME, Tag.ARTIST, Tag.HOST_COMPUTER, Tag.COPYRIGHT), _Type.ASCII
    ),
    Tag.XMP: _Type.UNDEFINED,
    Tag.X_RESOLUTION: _Type.RATIONAL,
    Tag.Y_RESOLUTION: _Type.RATIONAL,
    Tag.JPEG_TABLES: _Type.UNDEFINED,
    Tag.ICC_PROFILE: _Type.UNDEFINED,
}
"""Types of the tags that are not SHORT."""


@dataclass(slots=True)
class Page:
    """One image of a file: a level or an associated image."""

    size: Size
    """Pixels of the image."""
    tags: Mapping[Tag, Value]
    """Tags besides those of size, tiles and data; may be replaced until the file is closed."""
    tile_size: int | None = None
    """Side of a tile in pixels; None for an image of a single strip."""
    offsets: list[int] = field(default_factory=list)
    """Offsets of the tiles in the file in bytes, row by row."""
    byte_counts: list[int] = field(default_factory=list)
    """Lengths of the tiles in bytes."""

    def fields(self) -> dict[Tag, Value]:
        """Return all tags, with those of size, tiles and data."""
        places: dict[Tag, Value]
        if self.tile_size is None:
            places = {
                Tag.ROWS_PER_STRIP: self.size.height,
                Tag.STRIP_OFFSETS: tuple(self.offsets),
                Tag.STRIP_BYTE_COUNTS: tuple(self.byte_counts),
            }
        else:
            places = {
                Tag.TILE_WIDTH: self.tile_size,
                Tag.TILE_LENGTH: self.tile_size,
                Tag.TILE_OFFSETS: tuple(self.offsets),
                Tag.TILE_BYTE_COUNTS: tuple(self.byte_counts),
            }
        size: dict[Tag, Value] = {Tag.IMAGE_WIDTH: self.size.width, Tag.IMAGE_LENGTH: self.size.height}
        return {**size, **self.tags, **places}


class TiffFile:
    """A TIFF that is being written: complete when the `with` block ends, deleted if the block raises.

    Args:
        path: the file to make or replace.
        big: True for BigTIFF, False for classic TIFF; None for BigTIFF where the file is too long for a classic one.

    Raises:
        OSError: the file cannot be written.
        ValueError: the data is too long for a classic TIFF, and `big` is False.
    """

    def __init__(self, path: Path, *, big: bool | None = None) -> None:
        self._path = path
        self._big = big
        self._file = path.open("wb")
        self._end = self._file.write(bytes(_HEADER_BYTES))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if kind is not None:
            self._path.unlink(missing_ok=True)

    def put(self, page: Page, data: bytes) -> None:
        """Append the next tile of a page, or its strip."""
        page.offsets.append(self._end)
        page.byte_counts.append(len(data))
        self._end += self._file.write(data)

    def finish(self, pages: list[Page]) -> None:
        """Write the directories of all pages in this order, and the header."""
        start = self._end + self._end % 2
        big = self._big
        if big is None:
            big = start + len(b"".join(_directories(pages, start, big=True))) >= CLASSIC_LIMIT
        try:
            directories = _directories(pages, start, big=big)
        except struct.error as error:
            raise ValueError(f"{self._path} is too long for a classic TIFF") from error
        self._file.write(bytes(start - self._end))
        self._file.writelines(directories)
        self._file.seek(0)
        self._file.write(
            struct.pack("<2sHHHQ", b"II", 43, 8, 0, start) if big else struct.pack("<2sHI", b"II", 42, start)
        )


def _directories(pages: list[Page], start: int, *, big: bool) -> list[bytes]:
    """Return the directories, each with the offset of the next one; the last has 0."""
    directories: list[bytes] = []
    for index, page in enumerate(pages):
        directory = _directory(page, start, big=big, last=index == len(pages) - 1)
        directories.append(directory)
        start += len(directory)
    return directories


def _directory(page: Page, start: int, *, big: bool, last: bool) -> bytes:
    """Return one directory followed by the values that do not fit in it; of even length."""
    fields = sorted(page.fields().items())
    word, count, inline = ("Q", "Q", 8) if big else ("I", "H", 4)
    table = struct.calcsize(f"<{count}{word}") + len(fields) * (4 + 2 * inline)
    entries, values = [struct.pack(f"<{count}", len(fields))], bytearray()
    for tag, value in fields:
        kind, number, raw = _encode(tag, value, big=big)
        if len(raw) > inline:
            offset = start + table + len(values)
            values += raw + bytes(len(raw) % 2)
            raw = struct.pack(f"<{word}", offset)
        entries.append(struct.pack(f"<HH{word}", tag, kind, number) + raw.ljust(inline, b"\0"))
    following = start + table + len(values)
    entries.append(struct.pack(f"<{word}", 0 if last else following))
    return b"".join(entries) + bytes(values)


def _encode(tag: Tag, value: Value, *, big: bool) -> tuple[_Type, int, bytes]:
    """Return field type, count and bytes of a value."""
    if tag in {Tag.TILE_OFFSETS, Tag.TILE_BYTE_COUNTS, Tag.STRIP_OFFSETS, Tag.STRIP_BYTE_COUNTS}:
        kind = _Type.LONG8 if big else _Type.LONG
    else:
        kind = _TYPES.get(tag, _Type.SHORT)
    if isinstance(value, bytes):
        raw = value + b"\0" if kind is _Type.ASCII else value
        return kind, len(raw), raw
    numbers = value if isinstance(value, tuple) else (value,)
    count = len(numbers) // 2 if kind is _Type.RATIONAL else len(numbers)
    return kind, count, struct.pack(f"<{len(numbers)}{_NUMBERS[kind]}", *numbers)
