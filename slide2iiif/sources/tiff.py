"""Directories of TIFF slides that OpenSlide reads: compression, places of JPEG tiles, completeness of the file.

The only module that knows tifffile.
"""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Size, ceil_div
from slide2iiif.imaging.jpeg import can_crop
from slide2iiif.sources.base import StoredImage
from slide2iiif.sources.codecs import name_of
from slide2iiif.sources.jpeg_strips import JpegStrips, find_strips
from slide2iiif.sources.jpeg_tiles import JpegTiles, find_tiles
from slide2iiif.sources.tiff_tags import Directory, TiffFile
from slide2iiif.sources.tile_table import TileTable
from slide2iiif.sources.unsupported import COPY_AGAIN, damaged_directory, is_of_system

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_JPEG = 7
_PHOTOMETRIC_RGB = 2
_PHOTOMETRICS = (1, _PHOTOMETRIC_RGB, 6)
"""Grey, RGB, YCbCr."""
_NDPI_FOCAL_OFFSET = 65424
_PLACES = ((324, 325), (273, 279))
"""Tags of places and lengths of tiles, and of strips."""


def is_tiff(head: bytes) -> bool:
    """Return True if the first bytes are those of TIFF or BigTIFF."""
    return head[:4] in _MAGIC


def read_images(path: Path) -> Mapping[Size, StoredImage]:
    """Read the directories of a TIFF file, by image size; as far as they are not damaged.

    Raises:
        SourceError: the system does not let them be read.
    """
    import tifffile

    found: dict[Size, StoredImage] = {}
    try:
        with tifffile.TiffFile(path) as tiff:
            pages: Iterable[Any] = tiff.pages
            for page in pages:
                size = Size(int(page.imagewidth), int(page.imagelength))
                number = int(page.compression)
                image = StoredImage(name_of(number), _find_jpeg(path, size, page), _table(page))
                # A thumbnail may have the size of a level; the level is the tiled one.
                if size not in found or (image.jpeg is not None and found[size].jpeg is None):
                    found[size] = image
    except Exception as error:  # noqa: BLE001 - as below; the pixel library reports what matters of it
        if is_of_system(error):
            # That tiles cannot be copied would be the wrong conclusion.
            raise damaged_directory(error) from None
        logging.getLogger(__name__).info("TIFF directories of %s: %r", path, error)
    return found


def _table(page: Any) -> TileTable | None:
    """Return the tiles that a directory lacks; None where it is whole, or in strips."""
    if not page.is_tiled or 0 not in page.databytecounts:
        return None
    tile = Size(int(page.tilewidth), int(page.tilelength))
    columns, rows = ceil_div(int(page.imagewidth), tile.width), ceil_div(int(page.imagelength), tile.height)
    lengths = np.array(page.databytecounts, np.uint64)
    if lengths.size % (columns * rows):
        return None
    return TileTable(tile, (lengths.reshape(-1, rows, columns) == 0).any(axis=0))


def _find_jpeg(path: Path, size: Size, page: Any) -> JpegTiles | JpegStrips | None:
    if page.is_ndpi and page.is_tiled and page.compression == _JPEG:
        offset = page.tags.get(_NDPI_FOCAL_OFFSET)
        # Other focal planes have directories of the same size; the middle one is what is shown.
        is_shown = offset is None or offset.value == 0
        return find_strips(path, size, page) if is_shown and can_crop() else None
    return _jpeg_tiles(path, page)


def _jpeg_tiles(path: Path, page: Any) -> JpegTiles | None:
    if not page.is_tiled or page.compression != _JPEG or page.planarconfig != 1 or page.tiledepth > 1:
        return None
    tile = Size(int(page.tilewidth), int(page.tilelength))
    columns, rows = ceil_div(int(page.imagewidth), tile.width), ceil_div(int(page.imagelength), tile.height)
    if page.photometric not in _PHOTOMETRICS or len(page.dataoffsets) != columns * rows:
        return None
    return find_tiles(
        path,
        tile,
        np.array(page.dataoffsets, np.uint64).reshape(rows, columns),
        np.array(page.databytecounts, np.uint64).reshape(rows, columns),
        tables=page.jpegtables or b"",
        is_rgb=page.photometric == _PHOTOMETRIC_RGB,
    )


def check_whole(path: Path) -> None:
    """Check that all directories and all pixel data that they point to lie inside the file.

    The readers open truncated files and leave out levels, or make up pixels, without a word.

    Raises:
        SourceError: the file is truncated or its directories are damaged.
    """
    with TiffFile(path) as file:
        for directory in file.directories():
            end = max((_end_of_data(directory, *tags) for tags in _PLACES), default=0)
            if end > file.length:
                raise SourceError(f"is truncated: it has {file.length} bytes and points to byte {end}; {COPY_AGAIN}")


def _end_of_data(directory: Directory, offsets: int, lengths: int) -> int:
    begin = directory.array(offsets).astype(np.uint64)
    length = directory.array(lengths).astype(np.uint64)
    count = min(begin.size, length.size)
    return int((begin[:count] + length[:count]).max(initial=0))
