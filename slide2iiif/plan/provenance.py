"""Provenance of the tiles of a level: copied, cropped, encoded or downsampled. Pure: counted before any tile is made.

The law, for the first level that a copying pass makes:

* A tile is copied where the slide stores it and it is as large as the stored one.
* It is cropped where the slide stores it and the image ends within it, if libturbojpeg is installed.
* It is encoded where the slide stores no tile, and where the stored level is a pixel short of the published one,
  since the last column or row of the stored tile then shows other pixels.

All other tiles are encoded at the scale of the input and downsampled at coarser scales.
"""

from collections import Counter
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from slide2iiif.geometry import Region
from slide2iiif.iiif.pyramid import Pyramid
from slide2iiif.imaging.jpeg import can_crop
from slide2iiif.plan.passes import Pass
from slide2iiif.sources.jpeg_strips import JpegStrips
from slide2iiif.sources.jpeg_tiles import JpegTiles


class TileOrigin(StrEnum):
    """Provenance of a tile. The values are stored in receipts and journals."""

    COPIED = "copied"
    """Stored tile: the same DCT coefficients."""
    CROPPED = "cropped"
    """Stored tile, losslessly cropped at the edge of the image."""
    ENCODED = "encoded"
    """Encoded from the pixels of a stored level of the same scale."""
    DOWNSAMPLED = "derived"
    """Encoded from downsampled pixels of a finer level."""
    PLACEHOLDER = "damaged"
    """Background colour, in all or part of the tile, because the slide is damaged there."""


EXACT = frozenset({TileOrigin.COPIED, TileOrigin.CROPPED})
"""Origins of bit-exact tiles: their DCT coefficients are the stored ones."""


def is_within(pass_: Pass, region: Region) -> bool:
    """Return True if the input of a pass covers a region, in pixels of the published level."""
    right, bottom = region.x + region.width, region.y + region.height
    return right <= pass_.stored_size.width and bottom <= pass_.stored_size.height


def count_origins(
    pyramid: Pyramid, pass_: Pass, jpeg: JpegTiles | JpegStrips | None, level: int
) -> Counter[TileOrigin]:
    """Count the tiles of a level by origin, supposing that none is damaged.

    Args:
        pyramid: the published levels.
        pass_: the pass that makes the level.
        jpeg: the stored tiles or strips that the pass reads; None where the slide stores no JPEG.
        level: index of the published level.
    """
    total = pyramid.levels[level].tile_count
    if pass_.stored_level is None or level != pass_.input_level:
        return Counter({TileOrigin.DOWNSAMPLED: total})
    if not pass_.copies or jpeg is None:
        return Counter({TileOrigin.ENCODED: total})
    partial, short = _edges(pyramid, pass_, level)
    stored = np.ones(partial.shape, bool)
    if isinstance(jpeg, JpegTiles):
        stored = jpeg.lengths[: partial.shape[0], : partial.shape[1]] > 0
    there = stored & ~short
    copied = int((there & ~partial).sum())
    cropped = int((there & partial).sum()) if can_crop() else 0
    return +Counter(
        {TileOrigin.COPIED: copied, TileOrigin.CROPPED: cropped, TileOrigin.ENCODED: total - copied - cropped}
    )


def _edges(pyramid: Pyramid, pass_: Pass, level: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the tiles cut by the edge of the image, and those that the stored level does not fill; (rows, columns)."""
    grid = pyramid.levels[level]
    partial, short = np.zeros((2, grid.rows, grid.columns), bool)
    partial[:, -1] |= bool(grid.size.width % pyramid.tile_size)
    partial[-1, :] |= bool(grid.size.height % pyramid.tile_size)
    short[:, -1] = pass_.stored_size.width < grid.size.width
    short[-1, :] |= pass_.stored_size.height < grid.size.height
    return partial, short
