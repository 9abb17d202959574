"""What the made slides show, and how it is coded: levels of one picture, cut into tiles or strips."""

import functools
import zlib
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import simplejpeg
from formats.tiff_files import Directory, Value
from numpy.typing import NDArray
from PIL import Image

from slide2iiif.samples.coding import abbreviate, encode_rgb

Pixels = NDArray[np.uint8]
"""Shape (height, width, 3)."""


@functools.cache
def picture(width: int, height: int) -> Pixels:
    """Soft bands with a dot here and there: nothing is symmetric, no tile is like another, and JPEG keeps it well."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    bands = (140 + 80 * np.sin(x / 41), 130 + 80 * np.sin(y / 57 + 1), 150 + 70 * np.sin((x + 2 * y) / 93))
    pixels = np.stack(bands, axis=-1).astype(np.uint8)
    pixels[(x % 97 < 9) & (y % 61 < 7)] = (90, 40, 120)
    pixels.flags.writeable = False
    return pixels


def reduced(pixels: Pixels, scale: int, *, up: bool = False) -> Pixels:
    """Average squares; an incomplete one at the edge is left out, or counts with `up`."""
    height, width, _ = pixels.shape
    if not up:
        pixels = pixels[: height // scale * scale, : width // scale * scale]
    return np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).reduce(scale))


def without(pixels: Pixels, tile: tuple[int, int], missing: frozenset[int]) -> Pixels:
    """Leave tiles white that are not to be stored."""
    pixels = pixels.copy()
    across = -(-pixels.shape[1] // tile[0])
    for number in missing:
        row, column = divmod(number, across)
        pixels[row * tile[1] : (row + 1) * tile[1], column * tile[0] : (column + 1) * tile[0]] = 255
    return pixels


class Coding(NamedTuple):
    """How the tiles of a directory are compressed."""

    compression: int = 7
    """As the TIFF tag has it: 7 JPEG, 8 Deflate, 1 none."""
    sampling: str = "420"
    """Of JPEG."""
    is_rgb: bool = False
    """Whether the samples of JPEG are red, green and blue."""
    shared_tables: bool = False
    """Whether the tables of JPEG are in the directory."""
    quality: int = 90
    """Of JPEG."""

    def encode(self, pixels: Pixels) -> bytes:
        """Encode a tile."""
        pixels = np.ascontiguousarray(pixels)
        if self.compression != 7:
            return zlib.compress(pixels.tobytes()) if self.compression == 8 else pixels.tobytes()
        stream = self._stream(pixels)
        return abbreviate(stream)[1] if self.shared_tables else stream

    def _stream(self, pixels: Pixels) -> bytes:
        if pixels.ndim == 2:
            return bytes(simplejpeg.encode_jpeg(pixels[..., None], self.quality, "GRAY", "Gray"))
        if self.is_rgb:
            return encode_rgb(pixels, self.quality)
        return bytes(simplejpeg.encode_jpeg(pixels, self.quality, "RGB", self.sampling))

    def tags(self, pixels: NDArray[Any]) -> dict[int, Value]:
        """What a directory says of such tiles."""
        bands = 1 if pixels.ndim == 2 else 3
        tags: dict[int, Value] = {
            258: (8 * pixels.dtype.itemsize,) * bands,
            259: self.compression,
            262: 1 if bands == 1 else 2,
            277: bands,
            284: 1,
        }
        if self.compression == 7 and bands == 3 and not self.is_rgb:
            tags[262] = 6
            tags[530] = {"420": (2, 2), "422": (2, 1), "444": (1, 1)}[self.sampling]
        if self.compression == 7 and self.shared_tables:
            tags[347] = abbreviate(self._stream(np.zeros((16, 16, 3)[: pixels.ndim], np.uint8)))[0]
        return tags


JPEG = Coding()


def tiles(pixels: NDArray[Any], width: int, height: int) -> Iterator[NDArray[Any]]:
    """Cut a picture into tiles, those at the edges filled up."""
    for y in range(0, pixels.shape[0], height):
        for x in range(0, pixels.shape[1], width):
            tile = pixels[y : y + height, x : x + width]
            lacking = [(0, height - tile.shape[0]), (0, width - tile.shape[1]), (0, 0)]
            yield np.pad(tile, lacking[: pixels.ndim], mode="edge")


def tiled(
    pixels: NDArray[Any],
    tile: tuple[int, int] = (256, 256),
    coding: Coding = JPEG,
    *,
    missing: frozenset[int] = frozenset(),
    inner: tuple[Directory, ...] = (),
    tags: Mapping[int, Value] = MappingProxyType({}),
) -> Directory:
    """Make a directory of tiles."""
    width, height = tile
    segments = [
        b"" if number in missing else coding.encode(each) for number, each in enumerate(tiles(pixels, width, height))
    ]
    own: dict[int, Value] = {256: pixels.shape[1], 257: pixels.shape[0], 322: width, 323: height}
    return Directory({**own, **coding.tags(pixels), **tags}, segments, inner)


def stripped(
    pixels: NDArray[Any], rows: int, coding: Coding = JPEG, tags: Mapping[int, Value] = MappingProxyType({})
) -> Directory:
    """Make a directory of strips."""
    segments = [coding.encode(pixels[y : y + rows]) for y in range(0, pixels.shape[0], rows)]
    own: dict[int, Value] = {256: pixels.shape[1], 257: pixels.shape[0], 278: rows}
    return Directory({**own, **coding.tags(pixels), **tags}, segments)


def per_centimetre(mpp: float) -> dict[int, Value]:
    """Tags for the size of a pixel in µm."""
    return {282: 10_000 / mpp, 283: 10_000 / mpp, 296: 3}
