"""Every URL that a tree must hold, generated a second time and compared with what the package gives.

`naive_urls` is the second generator.
"""

import itertools

import pytest
from naive_urls import column_starts, naive_all, naive_tile, naive_top, top_exponent

from slide2iiif.geometry import Size
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.paths import alias_count, named_tile_count, pictures, tile_paths
from slide2iiif.iiif.pyramid import Tile, plan_pyramid

SMALL_IMAGES = [
    (1, 1),
    (1, 1000),
    (1000, 1),
    (1, 5000),
    (89, 91),
    (90, 90),
    (255, 257),
    (256, 256),
    (256, 5000),
    (257, 511),
    (200, 5000),
    (5000, 200),
    (512, 512),
    (513, 512),
    (513, 200),
    (1025, 1025),
    (2048, 2049),
    (2220, 2967),
    (4097, 4096),
]
HUGE_IMAGES = [
    (46_000, 32_914),
    (131_071, 70_001),
    (70_001, 131_071),
    (200_000, 3),
    (3, 200_000),
    (65_536, 65_537),
]
TILE_SIZES = [128, 240, 256, 500, 512, 1000, 1024, 4096]
SMALL_GRID = [(*image, tile) for image, tile in itertools.product(SMALL_IMAGES, TILE_SIZES)]
HUGE_GRID = [(*image, tile) for image, tile in itertools.product(HUGE_IMAGES, TILE_SIZES)]


@pytest.mark.parametrize("api", Api)
@pytest.mark.parametrize(("width", "height", "side"), SMALL_GRID)
def test_a_small_tree_holds_exactly_the_urls_of_the_tables(width: int, height: int, side: int, api: Api) -> None:
    pyramid = plan_pyramid(Size(width, height), side)
    held = {path for picture in pictures(pyramid, api) for path in picture.paths}
    for level in pyramid.levels[:-1]:
        for tile in pyramid.tiles(level):
            held.update(tile_paths(pyramid, tile, api))

    assert held == naive_all(width, height, side, api.value)


@pytest.mark.parametrize("api", Api)
@pytest.mark.parametrize(("width", "height", "side"), HUGE_GRID)
def test_the_whole_of_a_huge_slide_is_asked_for_as_in_the_tables(width: int, height: int, side: int, api: Api) -> None:
    held = [path for picture in pictures(plan_pyramid(Size(width, height), side), api) for path in picture.paths]

    assert set(held) == naive_top(width, height, side, api.value)
    assert len(held) == len(set(held))


@pytest.mark.parametrize("api", Api)
@pytest.mark.parametrize(("width", "height", "side"), HUGE_GRID)
def test_every_level_of_a_huge_slide_has_the_tiles_of_the_tables(width: int, height: int, side: int, api: Api) -> None:
    pyramid = plan_pyramid(Size(width, height), side)

    assert len(pyramid.levels) == top_exponent(width, height, side) + 1
    for n, level in enumerate(pyramid.levels[:-1]):
        lefts, tops = column_starts(width, side, 2**n), column_starts(height, side, 2**n)
        assert (level.columns, level.rows) == (len(lefts), len(tops))
        for column, row in itertools.product(sample(level.columns), sample(level.rows)):
            asked, of_finer = asked_at((width, height), side, n, (lefts[column], tops[row]), api.value)
            held = tile_paths(pyramid, Tile(n, column, row), api)
            if asked != of_finer:
                assert set(held) == {f"{path}/0/default.jpg" for path in asked}
                assert len(held) == len(asked)


@pytest.mark.parametrize("api", Api)
@pytest.mark.parametrize(("width", "height", "side"), HUGE_GRID)
def test_a_huge_slide_has_as_many_tile_urls_as_the_tables_say(width: int, height: int, side: int, api: Api) -> None:
    pyramid = plan_pyramid(Size(width, height), side)
    for n, level in enumerate(pyramid.levels[:-1]):
        lefts, tops = column_starts(width, side, 2**n), column_starts(height, side, 2**n)
        asked, of_finer = asked_at((width, height), side, n, (lefts[-1], tops[-1]), api.value)
        if asked != of_finer:
            # Whether a tile is as wide as the image is a question of the level alone.
            each = len(list(naive_tile(width, height, side, 2**n, 0, 0, api.value)))
            assert (
                named_tile_count(pyramid, level, api) + alias_count(pyramid, level, api)
                == len(lefts) * len(tops) * each
            )


def asked_at(
    image: tuple[int, int], side: int, n: int, corner: tuple[int, int], version: str
) -> tuple[list[str], list[str]]:
    """Paths of the tile at a corner, and of the one there at the next finer level.

    They are the same where nothing but a sliver one pixel wide is left: one URL, asked for twice.
    """
    asked = list(naive_tile(*image, side, 2**n, *corner, version))
    return asked, list(naive_tile(*image, side, 2 ** (n - 1), *corner, version)) if n else []


def sample(count: int) -> list[int]:
    """First, second, one in the middle, the last but one and the last."""
    return sorted({0, 1, count // 2, count - 2, count - 1} & set(range(count)))
