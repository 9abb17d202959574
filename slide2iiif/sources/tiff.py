"""What a TIFF file says of itself, which the pixel libraries do not tell: compression, and whether it is whole.

The only module that knows tifffile.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Size, ceil_div
from slide2iiif.imaging.jpeg import can_crop
from slide2iiif.sources.acquisition import Acquisition, read_acquisition
from slide2iiif.sources.base import StoredImage
from slide2iiif.sources.jpeg_strips import JpegStrips, find_strips
from slide2iiif.sources.jpeg_tiles import JpegTiles, find_tiles
from slide2iiif.sources.unsupported import COPY_AGAIN, damaged_directory, is_of_system

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_JPEG = 7
_PHOTOMETRIC_RGB = 2
_PHOTOMETRICS = (1, _PHOTOMETRIC_RGB, 6)
"""Grey, RGB, YCbCr."""
_NDPI_FOCAL_OFFSET = 65424
_SUB_DIRECTORIES, _TILE_WIDTH = 330, 322
_REDUCED = 1
"""Bit of the tag NewSubfileType."""
_MAX_DIRECTORIES = 10_000
_MAX_TAGS = 1_000
_COMPRESSIONS = {
    1: "none",
    5: "lzw",
    7: "jpeg",
    8: "deflate",
    32946: "deflate",
    33003: "jpeg2000",
    33004: "jpeg2000",
    33005: "jpeg2000",
    34712: "jpeg2000",
    50000: "zstd",
    50001: "webp",
}


def is_tiff(head: bytes) -> bool:
    """Tell from the first bytes whether a file is TIFF or BigTIFF."""
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
                image = StoredImage(_COMPRESSIONS.get(number, f"tiff {number}"), _find_jpeg(path, size, page))
                # A thumbnail may have the size of a level; the level is the tiled one.
                if size not in found or (image.jpeg is not None and found[size].jpeg is None):
                    found[size] = image
    except Exception as error:  # noqa: BLE001 - as below; the pixel library reports what matters of it
        if is_of_system(error):
            # That tiles cannot be copied would be the wrong conclusion.
            raise damaged_directory(error) from None
        logging.getLogger(__name__).info("TIFF directories of %s: %r", path, error)
    return found


def acquisition_of(path: Path) -> Acquisition:
    """Read what a TIFF of no scanner's says it is, and whether it is one picture.

    Raises:
        SourceError: it is not, or its directories cannot be read.
    """
    with _readable_directories(path) as pages:
        acquisition = read_acquisition(pages)
    if acquisition.refusal:
        raise SourceError(acquisition.refusal)
    return acquisition


class Directory(NamedTuple):
    """One level of a TIFF that holds its levels itself."""

    page: int
    """Number of the directory in the chain."""
    sub: int | None
    """Number below that, where it hangs there as a SubIFD."""
    size: Size
    """Pixels."""
    tile: Size | None
    """Pixels of a tile; None for strips."""
    image: StoredImage
    """What it stores."""
    stored: NDArray[np.bool_]
    """Which of its tiles are stored at all, shape (rows, columns); one for strips."""


def read_pyramid(path: Path) -> tuple[Acquisition, tuple[Directory, ...]]:
    """Read the levels of a TIFF: the directory of full resolution and, below it or behind it, those reduced from it.

    Raises:
        SourceError: it is not one picture, or its directories cannot be read.
    """
    acquisition = acquisition_of(path)
    with _readable_directories(path) as pages:
        main = pages[acquisition.page]
        found = [_directory(path, main, acquisition.page, None)]
        if main.subifds:
            inner = [_directory(path, page, acquisition.page, sub) for sub, page in enumerate(main.pages)]
        else:
            later = [(number, page) for number, page in enumerate(pages) if number and page.subfiletype & _REDUCED]
            inner = [_directory(path, page, number, None) for number, page in later]
        for each in sorted(inner, key=lambda each: -each.size.pixels):
            if each.tile and _is_reduced(each.size, found[-1].size):
                found.append(each)
    return acquisition, tuple(found)


def _directory(path: Path, page: Any, number: int, sub: int | None) -> Directory:
    size = Size(int(page.imagewidth), int(page.imagelength))
    tile = Size(int(page.tilewidth), int(page.tilelength)) if page.is_tiled else None
    compression = int(page.compression)
    image = StoredImage(_COMPRESSIONS.get(compression, f"tiff {compression}"), _jpeg_tiles(path, page))
    return Directory(number, sub, size, tile, image, _stored_tiles(page, size, tile))


def _stored_tiles(page: Any, size: Size, tile: Size | None) -> NDArray[np.bool_]:
    if tile is None:
        return np.ones((1, 1), bool)
    columns, rows = ceil_div(size.width, tile.width), ceil_div(size.height, tile.height)
    lengths = np.array(page.databytecounts, np.uint64)
    if lengths.size % (rows * columns) or not lengths.size:
        raise SourceError(f"is damaged: its TIFF directory tells of {lengths.size} tiles instead of {rows * columns}")
    # Where colours are stored apart, there is a table for each.
    return np.asarray((lengths.reshape(-1, rows, columns) > 0).all(axis=0))


def _is_reduced(size: Size, larger: Size) -> bool:
    """Tell whether a size is another one's, reduced evenly, ± 1 pixel: a label is of another shape."""
    if size.width >= larger.width or size.height >= larger.height or min(size) < 1:
        return False
    scale = round(larger.width / size.width)
    return all(abs(whole / scale - part) <= 1 for whole, part in zip(larger, size, strict=True))


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
    import tifffile

    length = path.stat().st_size
    end = _end_of_directories(path, length)
    try:
        with tifffile.TiffFile(path) as tiff:
            for page in tiff.pages:
                extents = zip(page.dataoffsets, page.databytecounts, strict=False)
                end = max(end, max((offset + count for offset, count in extents), default=0))
    except Exception as error:  # noqa: BLE001 - tifffile raises a dozen unrelated classes on damaged files
        raise damaged_directory(error) from None
    if end > length:
        raise SourceError(f"is truncated: it has {length} bytes and points to byte {end}; {COPY_AGAIN}")


def _end_of_directories(path: Path, length: int) -> int:
    """Follow the chain of directories and give where the furthest ends, or where it leads out of the file.

    Raises:
        SourceError: the chain leads back to where it was, which others would follow for ever.
    """
    with path.open("rb") as file:
        head = file.read(16)
        order: Literal["little", "big"] = "little" if head[:2] == b"II" else "big"
        big = head[2:4] in {b"+\0", b"\0+"}
        count_bytes, entry_bytes, offset_bytes = (8, 20, 8) if big else (2, 12, 4)
        offset = int.from_bytes(head[8:16] if big else head[4:8], order)
        end, seen = 0, set[int]()
        while offset and len(seen) < _MAX_DIRECTORIES:
            if offset in seen:
                raise SourceError(f"is damaged: its TIFF directories lead in a circle at byte {offset}")
            seen.add(offset)
            end = max(end, offset + count_bytes)
            if end > length:
                break
            file.seek(offset)
            entries = int.from_bytes(file.read(count_bytes), order)
            end = max(end, offset + count_bytes + entries * entry_bytes + offset_bytes)
            if end > length:
                break
            file.seek(offset + count_bytes + entries * entry_bytes)
            offset = int.from_bytes(file.read(offset_bytes), order)
        return end


def is_tiled(path: Path) -> bool:
    """Tell whether the first directory is in tiles, without any library."""
    return _TILE_WIDTH in _first_tags(path)


def holds_levels(path: Path) -> bool:
    """Tell whether levels hang below the first directory (TIFF Technical Note 1), without any library."""
    return _first_tags(path) >= {_TILE_WIDTH, _SUB_DIRECTORIES}


def _first_tags(path: Path) -> frozenset[int]:
    """Read the numbers of the tags of the first directory; none where it is damaged, or out of order (TIFF 6.0, 2)."""
    with path.open("rb") as file:
        head = file.read(16)
        order: Literal["little", "big"] = "little" if head[:2] == b"II" else "big"
        big = head[2:4] in {b"+\0", b"\0+"}
        count_bytes, entry_bytes = (8, 20) if big else (2, 12)
        try:
            file.seek(int.from_bytes(head[8:16] if big else head[4:8], order))
        except (OSError, OverflowError, ValueError):
            return frozenset()
        count = min(int.from_bytes(file.read(count_bytes), order), _MAX_TAGS)
        entries = file.read(count * entry_bytes)
    tags = [int.from_bytes(entries[start : start + 2], order) for start in range(0, len(entries), entry_bytes)]
    return frozenset(tags) if tags == sorted(tags) else frozenset()


@contextmanager
def _readable_directories(path: Path) -> Iterator[Any]:
    """Give the directories, all of them read.

    Raises:
        SourceError: they cannot be read.
    """
    import tifffile

    try:
        _end_of_directories(path, path.stat().st_size)
        with tifffile.TiffFile(path) as tiff:
            yield list(tiff.pages)
    except SourceError:
        raise
    except Exception as error:  # noqa: BLE001 - tifffile raises a dozen unrelated classes on damaged files
        raise damaged_directory(error) from None
