"""Comparison of stored tiles with what a slide shows, before any of them is published as it is.

Formats differ in what lies between the two: tiles may overlap, be moved, or belong to another image of the same
size. Rather than trust a list of formats, a few tiles of each level are compared with what the slide's own reader
gives for the same place.
"""

import contextlib
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region, Size
from slide2iiif.imaging.jpeg import decode
from slide2iiif.imaging.pixels import Pixels
from slide2iiif.sources.jpeg_strips import Frame, JpegStrips
from slide2iiif.sources.jpeg_tiles import JpegTiles
from slide2iiif.sources.unsupported import system_refusal

_TOLERANCE = 1.0
"""Mean difference of two decoders' roundings, in grey values; a tile of another place differs by tens."""

_BLUR = 8
_BLURRED_TOLERANCE = 3.0
"""Mean difference for averages of squares, where the reader gives pixels moved by a fraction."""


_SQUARE_TOLERANCE = 12.0
"""Most that the average of a square may differ by, for chroma that is upsampled in another way, or pixels moved."""

_WINDOW = 128
"""Side of the part of a tile that is compared, in pixels: a tile of another place differs in any with much to see."""

_SPARE = 3
"""Number of other tiles that are compared where those with most to see are damaged."""

_TRIES = 24
"""Number that is tried for that."""


def is_shown(tiles: JpegTiles, size: Size, read: Callable[[Region], Pixels], *, is_aligned: bool) -> bool:
    """Return True if tiles are what a reader shows.

    Args:
        tiles: of one level.
        size: of that level, as the reader says.
        read: gives the reader's pixels of a region of the level.
        is_aligned: whether those pixels are the stored ones, or moved by a fraction of one: OpenSlide takes places
            in full-resolution pixels, which a level of 1/2.0003 has no whole number for.
    """
    columns, rows = -(-size.width // tiles.tile.width), -(-size.height // tiles.tile.height)
    if not tiles.lengths[:rows, :columns].any():
        return False
    blur, tolerance = (1, _TOLERANCE) if is_aligned else (_BLUR, _BLURRED_TOLERANCE)

    def differences(places: Iterable[tuple[int, int]]) -> Iterator[float]:
        for place in dict.fromkeys(places):
            # Damaged just there, which is found again, and told, when the tile is to be published.
            with contextlib.suppress(SourceError):
                yield _difference(tiles, place, size, read, blur)

    try:
        compared = list(differences(_telling_places(tiles, size)))
        if not compared:
            compared = list(itertools.islice(differences(_other_places(tiles, size)), _SPARE))
    except OSError as error:
        raise SourceError(system_refusal(error)) from None
    return bool(compared) and max(compared) <= tolerance


def are_strips_shown(strips: JpegStrips, read: Callable[[Region], Pixels], *, is_aligned: bool) -> bool:
    """Return True if restart intervals are what a reader shows: the longest of all, and of the last row.

    Args:
        strips: of one level.
        read: gives the reader's pixels of a region of the level.
        is_aligned: whether those pixels are the stored ones, or moved by a fraction of one.

    Raises:
        SourceError: the system does not let the slide be read.
    """
    blur, tolerance = (1, _TOLERANCE) if is_aligned else (_BLUR, _BLURRED_TOLERANCE)
    row, column = np.unravel_index(int(strips.lengths.argmax()), strips.lengths.shape)
    last = len(strips.lengths) - 1
    for place in {(int(column), int(row)), (int(strips.lengths[last].argmax()), last)}:
        try:
            difference = _strip_difference(strips, place, read, blur)
        except SourceError:
            # Damaged just there, which is found again, and told, when the tile is to be published.
            continue
        except OSError as error:
            raise SourceError(system_refusal(error)) from None
        if difference > tolerance:
            return False
    return True


def _strip_difference(strips: JpegStrips, place: tuple[int, int], read: Callable[[Region], Pixels], blur: int) -> float:
    x, y = place[0] * strips.strip.width, place[1] * strips.strip.height
    width, height = min(strips.strip.width, strips.size.width - x), min(strips.strip.height, strips.size.height - y)
    frame = _read_frame(strips.window(Region(x, y, width, height)))
    difference = _averages(decode(frame.stream, frame.region.size), blur) - _averages(read(frame.region), blur)
    return float(np.abs(difference).mean())


def is_tile_shown(
    tiles: JpegTiles, place: tuple[int, int], size: Size, read: Callable[[Region], Pixels], *, is_aligned: bool
) -> bool:
    """Return True if one tile is what a reader shows everywhere: no square of it differs.

    Args:
        tiles: of one level.
        place: column and row of the tile.
        size: of the level, as the reader says.
        read: gives the reader's pixels of a region of the level.
        is_aligned: whether those pixels are the stored ones, or moved by a fraction of one.
    """
    column, row = place
    x, y = column * tiles.tile.width, row * tiles.tile.height
    width, height = min(tiles.tile.width, size.width - x), min(tiles.tile.height, size.height - y)
    try:
        ours = decode(_read_tile(tiles.path, tiles, column, row), tiles.tile)[:height, :width]
        theirs = read(Region(x, y, width, height))
    except SourceError:
        # Damaged just there, which is found again, and told, when the tile is to be published.
        return True
    except OSError as error:
        raise SourceError(system_refusal(error)) from None
    side = min(width, height, _BLUR if is_aligned else 2 * _BLUR)
    difference = _averages(ours, side) - _averages(theirs, side)
    return float(np.abs(difference).max()) <= _SQUARE_TOLERANCE


def _telling_places(tiles: JpegTiles, size: Size) -> Iterator[tuple[int, int]]:
    """Pick tiles with much to see: the longest stream of all, and of the furthest row and column that have any."""
    columns, rows = -(-size.width // tiles.tile.width), -(-size.height // tiles.tile.height)
    lengths = tiles.lengths[:rows, :columns]
    row, column = np.unravel_index(int(lengths.argmax()), lengths.shape)
    yield int(column), int(row)
    furthest_row = int(np.flatnonzero(lengths.any(axis=1))[-1])
    yield int(lengths[furthest_row].argmax()), furthest_row
    furthest_column = int(np.flatnonzero(lengths.any(axis=0))[-1])
    yield furthest_column, int(lengths[:, furthest_column].argmax())


def _other_places(tiles: JpegTiles, size: Size) -> Iterator[tuple[int, int]]:
    """Pick stored tiles all over the level, for where the telling ones are damaged."""
    columns, rows = -(-size.width // tiles.tile.width), -(-size.height // tiles.tile.height)
    stored = np.flatnonzero(tiles.lengths[:rows, :columns])
    for place in stored[:: max(1, len(stored) // _TRIES)]:
        row, column = divmod(int(place), min(columns, tiles.lengths.shape[1]))
        yield column, row


def _difference(
    tiles: JpegTiles, place: tuple[int, int], size: Size, read: Callable[[Region], Pixels], blur: int
) -> float:
    column, row = place
    x, y = column * tiles.tile.width, row * tiles.tile.height
    width, height = min(tiles.tile.width, size.width - x), min(tiles.tile.height, size.height - y)
    ours = decode(_read_tile(tiles.path, tiles, column, row), tiles.tile)[:height, :width]
    left, top = _telling_corner(ours)
    ours = ours[top : top + _WINDOW, left : left + _WINDOW]
    region = Region(x + left, y + top, ours.shape[1], ours.shape[0])
    difference = _averages(ours, blur) - _averages(read(region), blur)
    return float(np.abs(difference).mean())


def _telling_corner(pixels: Pixels) -> tuple[int, int]:
    """Find the window of a tile with most to see; its left and top are multiples of its side."""
    height, width, _ = pixels.shape
    corners = itertools.product(range(0, width, _WINDOW), range(0, height, _WINDOW))
    # Of every fourth pixel's green: whether there is something does not take more.
    return max(corners, key=lambda c: float(pixels[c[1] : c[1] + _WINDOW : 4, c[0] : c[0] + _WINDOW : 4, 1].std()))


def _averages(pixels: Pixels, side: int) -> NDArray[np.float32]:
    """Average squares, leaving out what is not whole at the right and bottom."""
    height, width = max(1, pixels.shape[0] // side), max(1, pixels.shape[1] // side)
    whole = pixels[: height * side, : width * side].astype(np.float32)
    if side == 1 or whole.shape[:2] != (height * side, width * side):
        return whole
    means: NDArray[np.float32] = whole.reshape(height, side, width, side, 3).mean(axis=(1, 3))
    return means


def _read_frame(strips: JpegStrips) -> Frame:
    file = os.open(strips.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return strips.read(file)
    finally:
        os.close(file)


def _read_tile(path: Path, tiles: JpegTiles, column: int, row: int) -> bytes:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return tiles.read(file, column, row)
    finally:
        os.close(file)
