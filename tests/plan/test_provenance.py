"""How tiles come to be is counted as it is decided for each of them."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from slide2iiif.geometry import Region, Size
from slide2iiif.iiif.pyramid import Pyramid, plan_pyramid
from slide2iiif.plan import provenance as origins
from slide2iiif.plan.passes import plan_passes
from slide2iiif.plan.provenance import TileOrigin, count_origins, is_within
from slide2iiif.sources.base import StoredLevel
from slide2iiif.sources.jpeg_tiles import JpegTiles

SIDE = 64
SIDES = st.integers(SIDE + 1, 6 * SIDE)


def level_of(size: Size, lengths: NDArray[np.uint64]) -> StoredLevel:
    tiles = JpegTiles(
        Path("a.svs"), Size(SIDE, SIDE), lengths, lengths, b"", is_rgb=False, sampling=((2, 2), (1, 1), (1, 1))
    )
    return StoredLevel(size, Size(SIDE, SIDE), "jpeg", tiles)


def decide(pyramid: Pyramid, stored: StoredLevel, level: int, *, crops: bool) -> Counter[TileOrigin]:
    """Look at one tile after the other."""
    counts: Counter[TileOrigin] = Counter()
    grid = pyramid.levels[level]
    assert isinstance(stored.jpeg, JpegTiles)
    for row in range(grid.rows):
        for column in range(grid.columns):
            right, bottom = min((column + 1) * SIDE, grid.size.width), min((row + 1) * SIDE, grid.size.height)
            is_whole = right == (column + 1) * SIDE and bottom == (row + 1) * SIDE
            is_there = right <= stored.size.width and bottom <= stored.size.height
            if not is_there or not stored.jpeg.lengths[row, column] or not (is_whole or crops):
                counts[TileOrigin.ENCODED] += 1
            else:
                counts[TileOrigin.COPIED if is_whole else TileOrigin.CROPPED] += 1
    return counts


@given(
    width=SIDES,
    height=SIDES,
    short_x=st.integers(0, 1),
    short_y=st.integers(0, 1),
    crops=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_a_copying_pass_is_counted_tile_by_tile(
    width: int, height: int, short_x: int, short_y: int, *, crops: bool, seed: int
) -> None:
    pyramid = plan_pyramid(Size(2 * width, 2 * height), SIDE)
    stored = Size(width - short_x, height - short_y)
    rows, columns = -(-height // SIDE), -(-width // SIDE)
    lengths = np.random.default_rng(seed).integers(0, 3, (rows, columns), np.uint64)
    full = StoredLevel(pyramid.size, Size(SIDE, SIDE), "lzw")
    levels = (full, level_of(stored, lengths))
    passes = plan_passes(pyramid, levels, copy=True)
    copying = next(each for each in passes if each.copies)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(origins, "can_crop", lambda: crops)
        counted = count_origins(pyramid, copying, levels[1].jpeg, 1)
    assert counted == decide(pyramid, levels[1], 1, crops=crops)
    assert counted.total() == pyramid.levels[1].tile_count


def test_the_last_tile_of_a_level_stored_a_pixel_short_is_not_the_stored_one_though_it_is_whole() -> None:
    pyramid = plan_pyramid(Size(8 * SIDE, 8 * SIDE), SIDE)
    full = StoredLevel(pyramid.size, Size(SIDE, SIDE), "lzw")
    half = level_of(Size(4 * SIDE - 1, 4 * SIDE), np.ones((4, 4), np.uint64))
    copying = next(each for each in plan_passes(pyramid, (full, half), copy=True) if each.copies)
    assert count_origins(pyramid, copying, half.jpeg, 1) == {TileOrigin.COPIED: 12, TileOrigin.ENCODED: 4}
    assert is_within(copying, Region(2 * SIDE, 0, SIDE, SIDE))
    assert not is_within(copying, Region(3 * SIDE, 0, SIDE, SIDE))
