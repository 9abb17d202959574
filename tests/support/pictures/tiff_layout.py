"""TIFF directories of any samples: strips and tiles, planes together and apart, byte orders, compressions, predictors.

Source: TIFF 6.0, sections 3, 13 to 15; TIFF Technical Note 3 (predictor of floating samples).
"""

import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from formats.tiff_files import Directory, Value
from numpy.typing import NDArray
from pictures.lzw import literal_codes
from pictures.samples import Sample

NONE, LZW, DEFLATE = 1, 5, 8
TILE, STRIP_ROWS = 64, 32


class Layout(NamedTuple):
    """How numbers lie in a file."""

    tiled: bool = False
    """Tiles instead of strips."""
    apart: bool = False
    """Each band a plane of its own."""
    order: str = "<"
    """Of bytes."""
    big: bool = False
    """BigTIFF."""
    compression: int = NONE
    """As the tag has it."""
    predicted: bool = False
    """Differences of neighbours are stored."""

    @property
    def name(self) -> str:
        """As cells are named."""
        words = ["tiles" if self.tiled else "strips"]
        words += ["apart"] if self.apart else []
        words += ["mm" if self.order == ">" else "ii"]
        words += ["big"] if self.big else []
        words += [{NONE: "", LZW: "lzw", DEFLATE: "deflate"}[self.compression]] if self.compression != NONE else []
        words += ["predicted"] if self.predicted else []
        return "-".join(words)


def lay_out(
    stored: NDArray[Any], sample: Sample, layout: Layout, tags: dict[int, Value], inner: tuple[Directory, ...] = ()
) -> Directory:
    """Return a directory of numbers, shape (height, width, bands)."""
    height, width, bands = stored.shape
    planes = [stored[..., band : band + 1] for band in range(bands)] if layout.apart else [stored]
    segments = [_encode(part, sample, layout) for plane in planes for part in _parts(plane, layout)]
    own: dict[int, Value] = {256: width, 257: height, 258: (sample.bits,) * bands, 259: layout.compression, 277: bands}
    own |= {284: 2 if layout.apart else 1}
    own |= {322: TILE, 323: TILE} if layout.tiled else {278: STRIP_ROWS}
    own |= {339: (sample.format,) * bands} if sample.format != 1 else {}
    own |= {317: 3 if sample.format == 3 else 2} if layout.predicted else {}
    return Directory({**own, **tags}, segments, inner)


def _parts(plane: NDArray[Any], layout: Layout) -> Iterator[NDArray[Any]]:
    """Cut a plane; what tiles have beyond its edges is black, so that it shows where it is not cut off."""
    height, width, _ = plane.shape
    if not layout.tiled:
        yield from (plane[y : y + STRIP_ROWS] for y in range(0, height, STRIP_ROWS))
        return
    filled = np.pad(plane, ((0, -height % TILE), (0, -width % TILE), (0, 0)))
    for y in range(0, height, TILE):
        yield from (filled[y : y + TILE, x : x + TILE] for x in range(0, width, TILE))


def _encode(part: NDArray[Any], sample: Sample, layout: Layout) -> bytes:
    if layout.predicted and sample.format == 3:
        raw = _float_differences(part)
    elif layout.predicted:
        unsigned = part.view(f"u{part.dtype.itemsize}")
        raw = sample.pack(np.concatenate([unsigned[:, :1], np.diff(unsigned, axis=1)], axis=1), layout.order)
    else:
        raw = sample.pack(part, layout.order)
    if layout.compression == DEFLATE:
        return zlib.compress(raw, 1)
    return literal_codes(raw) if layout.compression == LZW else raw


def _float_differences(part: NDArray[Any]) -> bytes:
    """Return rows as planes of bytes, the highest first whatever the byte order, and their differences."""
    height, width, bands = part.shape
    size = part.dtype.itemsize
    planes = part.astype(part.dtype.newbyteorder(">")).view(np.uint8).reshape(height, width * bands, size)
    rows = planes.transpose(0, 2, 1).reshape(height, -1)
    differences = rows.copy()
    differences[:, bands:] -= rows[:, :-bands]
    return differences.tobytes()
