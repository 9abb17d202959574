"""Blocks make every tile exactly once, from inputs that are read once, in little memory."""

from collections import Counter

import pytest

from slide2iiif.geometry import Size
from slide2iiif.iiif.pyramid import Pyramid, Tile, plan_pyramid
from slide2iiif.plan.passes import Pass, block_tiles, input_region, plan_passes
from slide2iiif.sources.base import StoredLevel

SIZES = [(1, 1), (255, 257), (513, 512), (2220, 2967), (17_408, 14_336), (3, 60_000), (60_000, 3), (70_001, 131_071)]
STORED = {"one level": [1], "every second": [1, 4, 16, 64], "all": [1, 2, 4, 8, 16, 32, 64, 128], "odd": [1, 3, 9]}
GRID = [
    (Size(*size), side, kind) for size in SIZES for side in (64, 256, 1000, 4096) for kind in STORED
    if size[0] * size[1] / side**2 < 20_000
]  # fmt: skip


def planned(size: Size, side: int, kind: str) -> tuple[Pyramid, tuple[Pass, ...]]:
    pyramid = plan_pyramid(size, side)
    stored = [StoredLevel(size.reduced(scale), Size(256, 256)) for scale in STORED[kind]]
    return pyramid, plan_passes(pyramid, stored, copy=False)


@pytest.mark.parametrize(("size", "side", "kind"), GRID)
def test_every_tile_below_the_top_is_made_exactly_once(size: Size, side: int, kind: str) -> None:
    pyramid, passes = planned(size, side, kind)
    made: Counter[Tile] = Counter()
    for pass_ in passes:
        for block in pass_.blocks():
            for level in pass_.levels:
                made.update(block_tiles(pyramid, pass_, block, level))
    wanted = [tile for level in pyramid.levels[:-1] for tile in pyramid.tiles(level)]
    assert made == Counter(wanted)


@pytest.mark.parametrize(("size", "side", "kind"), GRID)
def test_the_blocks_of_a_pass_cover_its_input_exactly_once(size: Size, side: int, kind: str) -> None:
    pyramid, passes = planned(size, side, kind)
    for pass_ in passes:
        level = pyramid.levels[pass_.input_level].size
        regions = [input_region(pyramid, pass_, block) for block in pass_.blocks()]
        assert sum(region.size.pixels for region in regions) == level.pixels
        assert len({(region.x, region.y) for region in regions}) == pass_.block_count == len(regions)
        assert all(region.x + region.width <= level.width for region in regions)
        assert all(region.y + region.height <= level.height for region in regions)
        assert min(min(region.size) for region in regions) >= 1


@pytest.mark.parametrize(("size", "side", "kind"), GRID)
def test_no_tile_is_made_from_anything_coarser_than_itself(size: Size, side: int, kind: str) -> None:
    _, passes = planned(size, side, kind)
    for pass_ in passes:
        assert all(level >= pass_.input_level for level in pass_.levels)


@pytest.mark.parametrize(("size", "side", "kind"), GRID)
def test_an_intermediate_image_is_written_before_it_is_read(size: Size, side: int, kind: str) -> None:
    _, passes = planned(size, side, kind)
    intermediates: set[int] = set()
    for pass_ in passes:
        if pass_.stored_level is None:
            assert pass_.input_level in intermediates
        if pass_.intermediate_level is not None:
            intermediates.add(pass_.intermediate_level)


@pytest.mark.parametrize(("size", "side", "kind"), GRID)
def test_the_pictures_of_the_whole_image_are_each_made_once(size: Size, side: int, kind: str) -> None:
    pyramid, passes = planned(size, side, kind)
    made = sorted(level for pass_ in passes for level in pass_.pictures)
    assert made == list(range(pyramid.overview.index, len(pyramid.levels)))
    assert all(pass_.block_count == 1 for pass_ in passes if pass_.pictures)
    assert sum(pass_.makes_thumbnails for pass_ in passes) == 1


@pytest.mark.parametrize(("size", "side", "kind"), GRID)
def test_a_block_never_takes_more_than_some_dozen_megapixels(size: Size, side: int, kind: str) -> None:
    pyramid, passes = planned(size, side, kind)
    for pass_ in passes:
        largest = max(input_region(pyramid, pass_, block).size.pixels for block in pass_.blocks())
        assert largest <= max(8192**2, (2 * side) ** 2)


def test_a_level_that_the_slide_stores_is_made_from_it() -> None:
    _, passes = planned(Size(17_408, 14_336), 256, "every second")
    inputs = {pass_.input_level: pass_.stored_level for pass_ in passes if pass_.stored_level is not None}
    assert {level: inputs[level] for level in (0, 2, 4)} == {0: 0, 2: 1, 4: 2}


def test_a_stored_level_of_another_scale_is_not_used() -> None:
    _, passes = planned(Size(17_408, 14_336), 256, "odd")
    assert {pass_.stored_level for pass_ in passes} <= {0, None}
