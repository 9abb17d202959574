"""JPEG levels that are one image with restart markers (Hamamatsu NDPI), cut into tiles without decoding.

The file says where each restart interval begins: a strip of some columns and one row of blocks. Intervals do not
depend on each other, so those of any rectangle, numbered anew, with the level's own tables and a frame header of the
rectangle's size, are a JPEG image; and a lossless crop takes tiles out of it. Source: ITU-T T.81, sections B.2.1
(restart markers), E.1.4 and F.2.1.3.
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region, Size, ceil_div, touched
from slide2iiif.sources.jpeg_tiles import JFIF, DamagedTileError, parse_head, resize_frame
from slide2iiif.sources.unsupported import system_refusal

_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_RESTART_NUMBERS = 8
_BLOCK = 8


class Frame(NamedTuple):
    """A part of a level as an image of its own."""

    stream: bytes
    """A complete JPEG stream."""
    region: Region
    """Part of the level that it shows."""


@dataclass(frozen=True, slots=True, eq=False)
class JpegStrips:
    """Places of the restart intervals of a level. A value: workers read by it."""

    path: Path
    """The file."""
    size: Size
    """Pixels of the level."""
    strip: Size
    """Pixels of an interval."""
    offsets: NDArray[np.uint64]
    """Place of each interval in the file, in bytes, shape (rows, columns)."""
    lengths: NDArray[np.uint64]
    """Bytes of each interval, its closing marker included, shape (rows, columns)."""
    segments: tuple[bytes, ...]
    """Table and frame segments of the level."""
    scan: bytes
    """Its start-of-scan segment."""
    sampling: tuple[tuple[int, int], ...]
    """Sampling factors of the components."""
    profile: bytes = b""
    """Segment of a colour profile that is published in every tile."""
    first_column: int = 0
    """Column that the table begins with."""
    first_row: int = 0
    """Row that the table begins with."""

    def publishes(self, tile_size: int) -> bool:
        """Return True if tiles of a size can be cut out without decoding: at borders of blocks only."""
        return all(tile_size % (_BLOCK * max(factors)) == 0 for factors in zip(*self.sampling, strict=True))

    def with_profile(self, segment: bytes) -> "JpegStrips":
        """Return strips whose tiles are published with the segment of a colour profile."""
        return replace(self, profile=segment)

    @property
    def is_complete(self) -> bool:
        """True if every pixel is stored."""
        return bool(self.lengths.all())

    @property
    def stored_bytes(self) -> int:
        """Bytes of all intervals."""
        return int(self.lengths.sum())

    def window(self, region: Region) -> "JpegStrips":
        """Return the part of the table that a region needs, for it to travel light."""
        columns, rows = touched(region, self.strip)
        top, left = self.first_row, self.first_column
        part = np.s_[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        return replace(
            self,
            offsets=self.offsets[part].copy(),
            lengths=self.lengths[part].copy(),
            first_column=columns.start,
            first_row=rows.start,
        )

    def read(self, file: int) -> Frame:
        """Read all intervals of the table as one image.

        Args:
            file: descriptor of the open file.

        Raises:
            SourceError: an interval is not whole.
        """
        rows, columns = self.offsets.shape
        x, y = self.first_column * self.strip.width, self.first_row * self.strip.height
        width = min(columns * self.strip.width, self.size.width - x)
        height = min(rows * self.strip.height, self.size.height - y)
        parts = [_SOI, JFIF, self.profile, *resize_frame(self.segments, Size(width, height)), self.scan]
        for number, (offset, length) in enumerate(zip(self.offsets.flat, self.lengths.flat, strict=True)):
            if number:
                parts.append(bytes((0xFF, 0xD0 + (number - 1) % _RESTART_NUMBERS)))
            parts.append(_read_interval(file, int(offset), int(length)))
        parts.append(_EOI)
        return Frame(b"".join(parts), Region(x, y, width, height))


def find_strips(path: Path, size: Size, page: Any) -> JpegStrips | None:
    """Return the intervals of an NDPI directory, as tifffile gives it; None where they cannot be cut."""
    strip = Size(int(page.tilewidth), int(page.tilelength))
    columns, rows = ceil_div(size.width, strip.width), ceil_div(size.height, strip.height)
    header = page.jpegheader
    if not header or len(page.dataoffsets) != columns * rows:
        return None
    try:
        head = parse_head(header)
    except DamagedTileError:
        return None
    # An interval that is not as wide as whole blocks could not stand beside another.
    if columns > 1 and strip.width % (_BLOCK * max(across for across, _ in head.sampling)):
        return None
    return JpegStrips(
        path=path,
        size=size,
        strip=strip,
        offsets=np.array(page.dataoffsets, np.uint64).reshape(rows, columns),
        lengths=np.array(page.databytecounts, np.uint64).reshape(rows, columns),
        segments=head.segments,
        scan=header[head.scan :],
        sampling=head.sampling,
    )


def _read_interval(file: int, offset: int, length: int) -> bytes:
    """Read the entropy-coded bytes of an interval, without the restart or end marker behind them."""
    try:
        stored = os.pread(file, length, offset)
    except OSError as error:
        raise SourceError(f"byte {offset}: {system_refusal(error)}") from None
    if not length or len(stored) < length:
        raise SourceError(f"is truncated: a strip of {length} bytes at byte {offset} is not whole")
    end = len(stored)
    while end >= 2 and stored[end - 1] == 0:  # noqa: PLR2004 - padding to an even place
        end -= 1
    marker = stored[end - 2 : end]
    if len(marker) < len(_EOI) or marker[0] != 0xFF or not (0xD0 <= marker[1] <= 0xD7 or marker == _EOI):  # noqa: PLR2004
        raise SourceError(f"is damaged: the strip at byte {offset} does not end with a marker")
    return stored[: end - 2]
