"""Which levels and tiles are published."""

import pytest

from slide2iiif.geometry import Region, Size
from slide2iiif.iiif.pyramid import Tile, plan_pyramid


def test_a_slide_has_the_levels_that_its_scanner_left_out_as_well() -> None:
    pyramid = plan_pyramid(Size(46_000, 32_914), 256)

    assert [(level.scale, level.size) for level in pyramid.levels] == [
        (1, (46_000, 32_914)),
        (2, (23_000, 16_457)),
        (4, (11_500, 8_229)),
        (8, (5_750, 4_115)),
        (16, (2_875, 2_058)),
        (32, (1_438, 1_029)),
        (64, (719, 515)),
        (128, (360, 258)),
        (256, (180, 129)),
    ]


@pytest.mark.parametrize(
    ("size", "tile_size", "tiles"),
    [
        (Size(1, 1), 256, [(1, 1)]),
        (Size(256, 256), 256, [(1, 1)]),
        (Size(257, 256), 256, [(2, 1), (1, 1)]),
        (Size(256, 257), 256, [(1, 2), (1, 1)]),
        (Size(513, 512), 256, [(3, 2), (2, 1), (1, 1)]),
        (Size(1, 1000), 256, [(1, 4), (1, 2), (1, 1)]),
        (Size(3, 2), 1, [(3, 2), (2, 1), (1, 1)]),
    ],
)
def test_levels_end_at_the_first_that_is_one_tile(size: Size, tile_size: int, tiles: list[tuple[int, int]]) -> None:
    pyramid = plan_pyramid(size, tile_size)

    assert [(level.columns, level.rows) for level in pyramid.levels] == tiles
    assert pyramid.top is pyramid.levels[-1]
    assert pyramid.tile_count == sum(columns * rows for columns, rows in tiles)


def test_a_tile_in_the_middle_is_as_large_as_its_scale_makes_it() -> None:
    pyramid = plan_pyramid(Size(2220, 2967), 256)

    assert pyramid.region(Tile(1, 2, 3)) == Region(1024, 1536, 512, 512)
    assert pyramid.tile_pixels(Tile(1, 2, 3)) == Size(256, 256)


def test_a_tile_at_the_corner_ends_where_the_image_ends() -> None:
    pyramid = plan_pyramid(Size(2220, 2967), 256)

    assert pyramid.region(Tile(1, 4, 5)) == Region(2048, 2560, 172, 407)
    assert pyramid.tile_pixels(Tile(1, 4, 5)) == Size(86, 204)


@pytest.mark.parametrize("place", [(3, 0), (0, 2), (-1, 0), (0, -1), (3, 2)])
def test_there_is_no_tile_beyond_the_grid(place: tuple[int, int]) -> None:
    pyramid = plan_pyramid(Size(513, 512), 256)

    with pytest.raises(IndexError, match=r"no Tile\(.+\) in a level of 3\u00d72 tiles"):
        pyramid.region(Tile(0, *place))


def test_there_is_no_level_beyond_the_top() -> None:
    with pytest.raises(IndexError):
        plan_pyramid(Size(513, 512), 256).region(Tile(3, 0, 0))


def test_tiles_are_listed_row_by_row() -> None:
    pyramid = plan_pyramid(Size(513, 512), 256)

    assert list(pyramid.tiles(pyramid.levels[0])) == [
        (0, 0, 0),
        (0, 1, 0),
        (0, 2, 0),
        (0, 0, 1),
        (0, 1, 1),
        (0, 2, 1),
    ]


@pytest.mark.parametrize(
    ("size", "tile_size", "overview"),
    [
        pytest.param(Size(1, 1), 256, (1, 1), id="one pixel"),
        pytest.param(Size(2048, 2048), 256, (2048, 2048), id="just within"),
        pytest.param(Size(2049, 10), 256, (1025, 5), id="just beyond"),
        pytest.param(Size(10, 2049), 256, (5, 1025), id="just beyond in height"),
        pytest.param(Size(46_000, 32_914), 256, (1438, 1029), id="a slide"),
        pytest.param(Size(4000, 4000), 4096, (4000, 4000), id="within a large tile"),
        pytest.param(Size(5000, 5000), 4096, (5000, 5000), id="reduced it would be smaller than a tile"),
        pytest.param(Size(10_000, 10_000), 4096, (5000, 5000), id="the same one level up"),
        pytest.param(Size(8192, 8192), 4096, (4096, 4096), id="reduced it is just a tile"),
    ],
)
def test_the_whole_image_is_offered_at_the_finest_level_within_reason(
    size: Size, tile_size: int, overview: tuple[int, int]
) -> None:
    pyramid = plan_pyramid(size, tile_size)

    assert pyramid.overview.size == overview
    assert pyramid.is_limited == (overview != size)


@pytest.mark.parametrize(
    ("size", "tile_size"),
    [(Size(0, 5), 256), (Size(5, 0), 256), (Size(-1, 5), 256), (Size(5, 5), 0), (Size(5, 5), -1)],
)
def test_an_empty_image_or_tile_has_no_pyramid(size: Size, tile_size: int) -> None:
    with pytest.raises(ValueError, match=f"no pyramid for an image of {size} in tiles of {tile_size}"):
        plan_pyramid(size, tile_size)
