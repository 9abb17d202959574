"""Generic tiled TIFF, as image libraries write it, with or without a pyramid."""

from pathlib import Path
from typing import Literal

from slide2iiif.geometry import Size
from slide2iiif.samples.coding import Coding, JpegCoding, Lossless, LosslessCoding
from slide2iiif.samples.levels import Slide, level_size
from slide2iiif.samples.pages import level_page, put_strip
from slide2iiif.samples.tiff import Compression, Tag, TiffFile, Value

Codec = Literal["jpeg", "deflate", "lzw", "none"]
"""Compressions of the tiles."""

_LOSSLESS: dict[Codec, Lossless] = {
    "deflate": Compression.DEFLATE,
    "lzw": Compression.LZW,
    "none": Compression.NONE,
}
_CENTIMETRE = 3
_MICRONS_PER_CENTIMETRE = 10_000


def write_generic_tiff(
    path: Path,
    size: Size,
    *,
    tile_size: int = 256,
    compression: Codec = "jpeg",
    pyramidal: bool = True,
    colours: Literal["rgb", "gray"] = "rgb",
    quality: int = 80,
    mpp: float | None = None,
    seed: int = 0,
    bigtiff: bool | None = None,
) -> None:
    """Write painted tissue as a tiled TIFF.

    Args:
        path: the file to make or replace.
        size: full resolution in pixels.
        tile_size: side of a tile in pixels, a multiple of 16.
        compression: compression of the tiles.
        pyramidal: True to add levels at 1:2, 1:4 … until one fits in a tile.
        colours: `gray` for the green channel alone, as one band.
        quality: of JPEG tiles, 1 to 100.
        mpp: microns per pixel; None leaves it out.
        seed: seed of the tissue; another seed is another slide.
        bigtiff: True for BigTIFF, False for classic TIFF; None for BigTIFF from 4 GiB on.

    Raises:
        OSError: the file cannot be written; nothing is left of it.
        ValueError: invalid sizes.
    """
    if tile_size % 16:
        raise ValueError(f"a TIFF has no tiles of {tile_size} pixels: not a multiple of 16")
    coding = _coding(compression, quality)
    slide = Slide(size, _halvings(size, tile_size) if pyramidal else (1,), tile_size, seed)
    bands = slice(1, 2) if colours == "gray" else slice(0, 3)
    pages = [
        level_page(level, tile_size, coding, _tags(index, mpp), bands.stop - bands.start)
        for index, level in enumerate(slide.level_sizes)
    ]
    with TiffFile(path, big=bigtiff) as file:
        for strip in slide.strips():
            put_strip(file, pages[strip.level], strip.pixels[..., bands], coding, tile_size)
        file.finish(pages)


def _coding(compression: Codec, quality: int) -> Coding:
    if compression == "jpeg":
        return JpegCoding(quality)
    return LosslessCoding(_LOSSLESS[compression])


def _halvings(size: Size, tile_size: int) -> tuple[int, ...]:
    """List the scale factors until the image fits in a tile; no level is smaller than one pixel."""
    scales = [1]
    while level_size(size, scales[-1]).longer_side > tile_size and min(size) >= 2 * scales[-1]:
        scales.append(2 * scales[-1])
    return tuple(scales)


def _tags(index: int, mpp: float | None) -> dict[Tag, Value]:
    tags: dict[Tag, Value] = {Tag.NEW_SUBFILE_TYPE: 1 if index else 0}
    if mpp is not None and index == 0:
        resolution = round(_MICRONS_PER_CENTIMETRE / mpp * 1000), 1000
        tags |= {Tag.X_RESOLUTION: resolution, Tag.Y_RESOLUTION: resolution, Tag.RESOLUTION_UNIT: _CENTIMETRE}
    return tags
