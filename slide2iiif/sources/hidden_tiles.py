"""Stored tiles that a reader may not show as they are: over places that a finer level lacks, or beside scanned areas.

Aperio's are known to be corrupt there, and OpenSlide makes them from the finer level. Whether readers of other formats
have such a rule is not written down, so these tiles are compared one by one, or rendered.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from slide2iiif.geometry import Region, Size
from slide2iiif.imaging.pixels import Pixels
from slide2iiif.sources.crosscheck import is_tile_shown
from slide2iiif.sources.jpeg_tiles import JpegTiles

_MOST_COMPARED = 128
"""Tiles of a level that are compared: some 2 ms each. Those beyond are rendered."""
_SLACK = 0.5
"""Part of a pixel that places of areas may be off by, as they are in pixels of full resolution."""


def beside_areas(tiles: JpegTiles, size: Size, areas: Sequence[Region], downsample: float) -> NDArray[np.bool_]:
    """Return which tiles are not wholly inside a scanned area, in the shape of the table; none without areas.

    Args:
        tiles: of a level.
        size: of that level.
        areas: in pixels of full resolution.
        downsample: pixels of full resolution for one of the level.
    """
    if not areas:
        return np.zeros(tiles.lengths.shape, np.bool_)
    rows, columns = tiles.lengths.shape
    inside = np.zeros((rows, columns), np.bool_)
    for area in areas:
        x, y, width, height = (side / downsample for side in area)
        across = _inside(columns, tiles.tile.width, size.width, x, x + width)
        inside |= np.outer(_inside(rows, tiles.tile.height, size.height, y, y + height), across)
    return ~inside


def without_hidden(
    tiles: JpegTiles, doubtful: NDArray[np.bool_], size: Size, read: Callable[[Region], Pixels], *, is_aligned: bool
) -> JpegTiles:
    """Return tiles of which those in doubt count as not stored, unless they are what a reader shows.

    Args:
        tiles: of a level.
        doubtful: those in doubt, in the shape of the table.
        size: of that level.
        read: gives the reader's pixels of a region of the level.
        is_aligned: whether those are the stored ones, or moved by a fraction of a pixel.

    Raises:
        SourceError: the system does not let the slide be read.
    """
    rows, columns = (-(-side // tile) for side, tile in zip(size[::-1], tiles.tile[::-1], strict=True))
    places = [
        (row, column)
        for row, column in np.argwhere(doubtful & (tiles.lengths > 0)).tolist()
        if row < rows and column < columns
    ]
    hidden = np.zeros(tiles.lengths.shape, np.bool_)
    for number, (row, column) in enumerate(places):
        is_compared = number < _MOST_COMPARED
        hidden[row, column] = not (
            is_compared and is_tile_shown(tiles, (column, row), size, read, is_aligned=is_aligned)
        )
    return tiles.without(hidden)


def _inside(count: int, side: int, end: int, first: float, last: float) -> NDArray[np.bool_]:
    """Return which tiles of a row or column begin and end between two places; the last ends with the level."""
    begins = np.arange(count) * side
    ends = np.minimum(begins + side, end)
    return np.asarray((begins >= first - _SLACK) & (ends <= last + _SLACK))
