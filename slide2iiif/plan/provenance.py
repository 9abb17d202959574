"""How the tiles of a level come to be: copied, cropped, encoded or derived. Pure: the plan counts what the work does.

The law, for the first level that a copying pass makes:

* A tile is copied where the slide stores it and it is as large as the stored one.
* It is cropped where the slide stores it and the image ends within it, if the library for that is there.
* It is encoded where the slide stores nothing, and where the stored level is a pixel short of the published one:
  the stored tile then shows something else in its last column or row.

A tile of the input's own scale is encoded, one of a coarser scale is derived.
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
    """How a tile came to be."""

    COPIED = "copied"
    """It is the stored tile: the same coefficients."""
    CROPPED = "cropped"
    """It is the stored tile, cut at the edge of the image without decoding."""
    ENCODED = "encoded"
    """It was encoded from the pixels of a stored level of its own scale."""
    DOWNSAMPLED = "derived"
    """It was encoded from reduced pixels of a finer level."""
    PLACEHOLDER = "damaged"
    """It is background, the whole of it or a part, because the slide is damaged there."""


EXACT = frozenset({TileOrigin.COPIED, TileOrigin.CROPPED})
"""What is bit-exact: the coefficients are the stored ones."""


def is_within(pass_: Pass, region: Region) -> bool:
    """Tell whether the stored level that a pass reads covers a region, in pixels of the published level."""
    right, bottom = region.x + region.width, region.y + region.height
    return right <= pass_.stored_size.width and bottom <= pass_.stored_size.height


def count_origins(
    pyramid: Pyramid, pass_: Pass, jpeg: JpegTiles | JpegStrips | None, level: int
) -> Counter[TileOrigin]:
    """Count how the tiles of a level that a pass makes will come to be, if none is damaged.

    Args:
        pyramid: the published levels.
        pass_: makes the level.
        jpeg: the stored tiles or strips that the pass reads, where the slide stores JPEG.
        level: the published level.
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
    """Tell whether the image ends in each tile, and whether the stored level ends before; shapes (rows, columns)."""
    grid = pyramid.levels[level]
    partial, short = np.zeros((2, grid.rows, grid.columns), bool)
    partial[:, -1] |= bool(grid.size.width % pyramid.tile_size)
    partial[-1, :] |= bool(grid.size.height % pyramid.tile_size)
    short[:, -1] = pass_.stored_size.width < grid.size.width
    short[-1, :] |= pass_.stored_size.height < grid.size.height
    return partial, short
