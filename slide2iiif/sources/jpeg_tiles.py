"""The JPEG tiles that a slide stores, as published streams: nothing is decoded.

A stored tile may be abbreviated (its tables are elsewhere in the file), may carry application data, and may not
say what its samples mean. `JpegTiles.read` gives a complete stream with the tables in place and a colour marker:
JFIF where samples are YCbCr or grey, Adobe where they are RGB. Comments and application segments are dropped;
the coefficients are the scanner's own.

Sources: ITU-T T.81, annex B (marker segments); TIFF Technical Note 2 (JPEGTables); T.871 (JFIF); T.872, section
6.5.3 (the Adobe marker).
"""

import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region, Size, touched
from slide2iiif.sources.unsupported import system_refusal

_SOI = b"\xff\xd8"
_EOI = b"\xff\xd9"
_SCAN_HEAD = 5
"""Bytes of the start of a scan up to the number of its components (T.81, section B.2.3)."""
_find_end = re.compile(_EOI).search
"""As `bytes.find`, in a third of its time."""
JFIF = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
ADOBE_RGB = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"

_DHT, _SOF0, _SOF1, _SOS, _DQT, _DRI = 0xC4, 0xC0, 0xC1, 0xDA, 0xDB, 0xDD
_APP0, _APP15, _COM = 0xE0, 0xEF, 0xFE
_TABLES = frozenset({_DHT, _DQT, _DRI})
_FRAMES = frozenset({_SOF0, _SOF1})
"""Sequential frames with Huffman coding, which every decoder knows."""
_EIGHT_BITS = 8
_SHORTEST_SCAN = 10
"""Bytes of the start of a scan of one component (T.81, section B.2.3)."""
_MORE_SCANS = "it is more than one scan from the first marker to the last"
_COMPONENTS = (1, 3)
"""Grey, and YCbCr or RGB; CMYK cannot be published."""


@dataclass(frozen=True, slots=True, eq=False)
class JpegTiles:
    """Places of the JPEG tiles of a stored level, and the parts that they leave out. A value: workers read by it."""

    path: Path
    """The file."""
    tile: Size
    """Pixels of every stored tile; those at the right and bottom edge are filled up."""
    offsets: NDArray[np.uint64]
    """Place of each tile in the file, in bytes, shape (rows, columns)."""
    lengths: NDArray[np.uint64]
    """Bytes of each tile, shape (rows, columns); 0 where the slide stores none."""
    tables: bytes
    """Table segments that the tiles leave out."""
    is_rgb: bool
    """True if the samples are RGB, which no decoder would guess."""
    sampling: tuple[tuple[int, int], ...]
    """Sampling factors of the components, of most tiles."""
    usual_head: bytes = b""
    """Bytes that tiles usually begin with, the start of a scan of all components included."""
    usual_published: bytes = b""
    """Bytes published in their place, without that start."""
    profile: bytes = b""
    """Segment of a colour profile that is published in every tile."""
    first_column: int = 0
    """Column of the level that the table begins with."""
    first_row: int = 0
    """Row of the level that the table begins with."""

    def publishes(self, tile_size: int) -> bool:
        """Return True if stored tiles can be published unchanged at a tile size."""
        return self.tile == (tile_size, tile_size)

    @property
    def has_doubtful_colours(self) -> bool:
        """True if the file says RGB of samples that look like YCbCr: nobody stores green more coarsely than red."""
        return self.is_rgb and len(set(self.sampling)) > 1

    @property
    def _scan_components(self) -> bytes:
        """Number of components in the start of a scan of all of them (T.81, section B.2.3)."""
        return b"\1" if len(self.sampling) == 1 else b"\3"

    @property
    def _colour_marker(self) -> bytes:
        return ADOBE_RGB if self.is_rgb else JFIF

    def with_profile(self, segment: bytes) -> "JpegTiles":
        """Return tiles that are published with the segment of a colour profile."""
        place = len(_SOI + self._colour_marker)
        published = self.usual_published[:place] + segment + self.usual_published[place:]
        return replace(self, profile=segment, usual_published=published)

    @property
    def is_complete(self) -> bool:
        """True if every tile is stored."""
        return bool(self.lengths.all())

    def without(self, hidden: NDArray[np.bool_]) -> "JpegTiles":
        """Return tiles of which some count as not stored.

        Args:
            hidden: those, in the shape of the table.
        """
        return replace(self, lengths=np.where(hidden, np.uint64(0), self.lengths)) if hidden.any() else self

    @property
    def stored_bytes(self) -> int:
        """Bytes of all tiles as they are published."""
        return int(self.lengths.sum()) + len(self.tables) * self.lengths.size

    def window(self, region: Region) -> "JpegTiles":
        """Return the part of the table that a region of the level needs, for it to travel light."""
        columns, rows = touched(region, self.tile)
        part = np.s_[rows.start : rows.stop, columns.start : columns.stop]
        return replace(
            self,
            offsets=self.offsets[part].copy(),
            lengths=self.lengths[part].copy(),
            first_column=columns.start,
            first_row=rows.start,
        )

    def is_stored(self, column: int, row: int) -> bool:
        """Return True if the slide stores this tile of the level at all."""
        return self.lengths.item(row - self.first_row, column - self.first_column) > 0

    def read(self, file: int, column: int, row: int) -> bytes:
        """Read a tile of the level as a complete stream.

        Args:
            file: descriptor of the open file.
            column: of the level, inside the table.
            row: of the level, inside the table.

        Raises:
            SourceError: the tile is not whole, or not what the level says.
        """
        place = (row - self.first_row, column - self.first_column)
        offset, length = self.offsets.item(place), self.lengths.item(place)
        stored = _read(file, offset, length)
        if len(stored) < length:
            raise SourceError(f"is truncated: tile {column}, {row} ends at byte {offset + length}")
        try:
            return self._complete(stored)
        except DamagedTileError as error:
            raise SourceError(f"tile {column}, {row} at byte {offset} is damaged: {error}") from None

    def read_stored(self, file: int, column: int, row: int) -> bytes:
        """Read a tile of the level as the slide has it, whatever it is.

        Raises:
            SourceError: the file cannot be read.
        """
        place = (row - self.first_row, column - self.first_column)
        return _read(file, self.offsets.item(place), self.lengths.item(place))

    def _complete(self, stored: bytes) -> bytes:
        if stored.startswith(self.usual_head) and self.usual_head:
            # Nearly all tiles of a level begin alike: one comparison instead of a dozen segments.
            scan, published = len(self.usual_head) - _SCAN_HEAD, self.usual_published
        else:
            head = parse_head(stored)
            scan, published = head.scan, self._publish_head(head)
            if stored[scan + _SCAN_HEAD - 1 : scan + _SCAN_HEAD] != bytes((len(head.sampling),)):
                raise DamagedTileError(_MORE_SCANS)
        end = stored.rfind(_EOI)
        # Padding to an even length is all that may follow; anything else is the middle of a torn stream.
        if end < scan + _SHORTEST_SCAN or stored[end + len(_EOI) :].strip(b"\0\xff"):
            raise DamagedTileError("it does not end with the end-of-image marker")
        # Between scans there may be comments again, and behind the image's end whatever its maker left there.
        if _find_end(stored, scan, end):
            raise DamagedTileError(_MORE_SCANS)
        return b"".join((published, memoryview(stored)[scan:end], _EOI))

    def _publish_head(self, head: "Head") -> bytes:
        if head.size != self.tile:
            raise DamagedTileError(f"it says {head.size} pixels where the level says {self.tile}")
        # Each tile is an image of its own: chroma may be sampled otherwise than in the next one.
        if len(head.sampling) != len(self.sampling):
            raise DamagedTileError(f"it has {len(head.sampling)} components and not {len(self.sampling)}")
        return b"".join((_SOI, self._colour_marker, self.profile, self.tables, *head.segments))


def find_tiles(
    path: Path,
    tile: Size,
    offsets: NDArray[np.uint64],
    lengths: NDArray[np.uint64],
    *,
    tables: bytes,
    is_rgb: bool,
) -> JpegTiles | None:
    """Return the tiles of a level, if they are of a kind that can be published; one that is whole tells.

    Args:
        path: the file.
        tile: pixels of a tile.
        offsets: shape (rows, columns).
        lengths: shape (rows, columns).
        tables: a tables-only stream, or nothing.
        is_rgb: whether the file says that samples are RGB.
    """
    for place in _examples(lengths):
        try:
            with path.open("rb") as file:
                stream = _read(file.fileno(), int(offsets.flat[place]), int(lengths.flat[place]))
            head = parse_head(stream)
            shared = shared_tables(tables)
        except (SourceError, DamagedTileError) as error:
            logging.getLogger(__name__).info("tile %d of a level of %s cannot be copied: %s", place, path, error)
            continue
        if head.size == tile and len(head.sampling) in _COMPONENTS:
            tiles = JpegTiles(path, tile, offsets, lengths, shared, is_rgb and len(head.sampling) > 1, head.sampling)
            usual = stream[: head.scan + _SCAN_HEAD]
            if usual.endswith(tiles._scan_components):  # noqa: SLF001 - a factory
                return replace(tiles, usual_head=usual, usual_published=tiles._publish_head(head))  # noqa: SLF001
            return tiles
    return None


def _examples(lengths: NDArray[np.uint64]) -> Iterator[int]:
    """Pick a few tiles to learn from: the first, and others for where it is damaged."""
    stored = np.flatnonzero(lengths)
    if len(stored):
        yield int(stored[0])
        yield int(lengths.argmax())
        yield int(stored[len(stored) // 2])
        yield int(stored[-1])


def _read(file: int, offset: int, length: int) -> bytes:
    """Read a part of a file; what lies beyond its end is missing.

    Raises:
        SourceError: the system cannot, or the numbers are not those of a file.
    """
    try:
        return os.pread(file, length, offset)
    except OSError as error:
        raise SourceError(f"byte {offset}: {system_refusal(error)}") from None
    except (OverflowError, MemoryError):
        raise SourceError(f"is damaged: a tile of {length} bytes at byte {offset}") from None


class DamagedTileError(Exception):
    """A stream that is not a whole JPEG image of the expected kind."""


class Head(NamedTuple):
    """Segments before the coefficients of a stream."""

    segments: tuple[bytes, ...]
    """Table and frame segments in their order, markers included."""
    scan: int
    """Place of the start-of-scan marker."""
    size: Size
    """Pixels."""
    sampling: tuple[tuple[int, int], ...]
    """Horizontal and vertical sampling factors of each component."""


def parse_head(stream: bytes) -> Head:
    """Read the segments before the scan, leaving out comments and application data.

    Raises:
        DamagedTileError: not a sequential 8-bit JPEG stream.
    """
    if stream[:2] != _SOI:
        raise DamagedTileError("it does not begin with the start-of-image marker")
    segments: list[bytes] = []
    frame = b""
    place = 2
    while True:
        if stream[place : place + 1] != b"\xff" or place + 4 > len(stream):
            raise DamagedTileError("its header is not a row of segments")
        marker = stream[place + 1]
        if marker == _SOS:
            break
        end = place + 2 + int.from_bytes(stream[place + 2 : place + 4])
        if marker in _FRAMES:
            frame = stream[place + 4 : end]
            segments.append(stream[place:end])
        elif marker in _TABLES:
            segments.append(stream[place:end])
        elif not (_APP0 <= marker <= _APP15 or marker == _COM):
            raise DamagedTileError(f"it has a segment FF{marker:02X}, which a sequential image has not")
        place = end
    return Head(tuple(segments), place, *_parse_frame(frame))


def left_out(stream: bytes) -> Iterator[tuple[str, bytes]]:
    """List the comments and application data of a stream that are not published, by name (`COM`, `APP1`)."""
    place = 2
    while stream[place : place + 1] == b"\xff" and place + 4 <= len(stream) and stream[place + 1] != _SOS:
        marker = stream[place + 1]
        end = place + 2 + int.from_bytes(stream[place + 2 : place + 4])
        if marker == _COM or _APP0 <= marker <= _APP15:
            yield ("COM" if marker == _COM else f"APP{marker - _APP0}"), stream[place + 4 : end]
        place = end


def _parse_frame(frame: bytes) -> tuple[Size, tuple[tuple[int, int], ...]]:
    if len(frame) < 6 or frame[0] != _EIGHT_BITS or len(frame) != 6 + 3 * frame[5]:  # noqa: PLR2004 - T.81, B.2.2
        raise DamagedTileError("it has no frame of 8 bits a sample")
    size = Size(int.from_bytes(frame[3:5]), int.from_bytes(frame[1:3]))
    return size, tuple((byte >> 4, byte & 15) for byte in frame[7::3])


def resize_frame(segments: tuple[bytes, ...], size: Size) -> Iterator[bytes]:
    """List segments, the frame header with another size (T.81, section B.2.2)."""
    for segment in segments:
        if segment[1] in _FRAMES:
            yield segment[:5] + size.height.to_bytes(2) + size.width.to_bytes(2) + segment[9:]
        else:
            yield segment


def shared_tables(stream: bytes) -> bytes:
    """Return the table segments of a tables-only stream, such as the TIFF tag JPEGTables.

    Raises:
        DamagedTileError: not such a stream.
    """
    if not stream:
        return b""
    if stream[:2] != _SOI or stream[-2:] != _EOI:
        raise DamagedTileError("the shared tables are damaged")
    found: list[bytes] = []
    place = 2
    while place < len(stream) - 2:
        end = place + 2 + int.from_bytes(stream[place + 2 : place + 4])
        if stream[place] != 0xFF or end > len(stream) - 2:  # noqa: PLR2004 - every marker begins with it
            raise DamagedTileError("the shared tables are damaged")
        if stream[place + 1] in _TABLES:
            found.append(stream[place:end])
        place = end
    return b"".join(found)
