"""The law at the top of `slide2iiif.iiif.pyramid`, for any image and any tile size."""

from collections.abc import Iterable

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from slide2iiif.geometry import Region, Size
from slide2iiif.iiif.pyramid import WHOLE_IMAGE_LIMIT, Pyramid, Tile, plan_pyramid

bounded = settings(max_examples=150, deadline=None, derandomize=True, database=None)

sides = st.one_of(st.integers(1, 600), st.integers(1, 300_000))
sizes = st.builds(Size, sides, sides)
tile_sizes = st.one_of(st.sampled_from([1, 128, 240, 256, 500, 512, 1000, 1024, 4096]), st.integers(1, 5000))
pyramids = st.builds(plan_pyramid, sizes, tile_sizes)
small_pyramids = st.builds(plan_pyramid, st.builds(Size, st.integers(1, 40), st.integers(1, 40)), st.integers(1, 12))


def spans(regions: Iterable[Region], *, horizontal: bool) -> list[tuple[int, int]]:
    """First pixel and the one past the last, along one axis."""
    if horizontal:
        return [(region.x, region.x + region.width) for region in regions]
    return [(region.y, region.y + region.height) for region in regions]


def is_a_partition(intervals: list[tuple[int, int]], length: int) -> bool:
    """Whether the intervals follow each other from 0 to the length without gap, overlap or empty one."""
    ends = [0, *(end for _, end in intervals)]
    return (
        ends[-1] == length
        and all(start == end for (start, _), end in zip(intervals, ends, strict=False))
        and all(start < end for start, end in intervals)
    )


@bounded
@given(pyramids)
@example(plan_pyramid(Size(1, 1), 1))
@example(plan_pyramid(Size(131_071, 70_001), 256))
def test_scale_factors_double_without_a_gap_and_end_at_the_first_single_tile(pyramid: Pyramid) -> None:
    whole, side = pyramid.size, pyramid.tile_size
    fits = [
        exponent for exponent in range(20) if -(-max(whole) // 2**exponent) <= side
    ]  # 2**19 reduces the largest image drawn here to one pixel

    assert [level.index for level in pyramid.levels] == list(range(len(pyramid.levels)))
    assert [level.scale for level in pyramid.levels] == [2**exponent for exponent in range(fits[0] + 1)]
    assert (pyramid.top.columns, pyramid.top.rows) == (1, 1)


@bounded
@given(pyramids)
def test_a_level_is_the_image_divided_by_its_scale_and_rounded_up(pyramid: Pyramid) -> None:
    for level in pyramid.levels:
        for side, whole in zip(level.size, pyramid.size, strict=True):
            assert (side - 1) * level.scale < whole <= side * level.scale


@bounded
@given(pyramids)
@example(plan_pyramid(Size(513, 512), 256))
def test_tile_columns_and_rows_cover_the_full_image_once_at_every_level(pyramid: Pyramid) -> None:
    # A tile is the product of its column and its row, so two partitions of the sides partition the image.
    for level in pyramid.levels:
        if level.columns + level.rows > 3000:
            continue
        across = [pyramid.region(Tile(level.index, column, 0)) for column in range(level.columns)]
        down = [pyramid.region(Tile(level.index, 0, row)) for row in range(level.rows)]
        assert is_a_partition(spans(across, horizontal=True), pyramid.size.width)
        assert is_a_partition(spans(down, horizontal=False), pyramid.size.height)


@bounded
@given(pyramids, st.data())
def test_a_region_is_the_product_of_its_column_and_its_row(pyramid: Pyramid, data: st.DataObject) -> None:
    level = data.draw(st.sampled_from(pyramid.levels))
    column = data.draw(st.integers(0, level.columns - 1))
    row = data.draw(st.integers(0, level.rows - 1))

    region = pyramid.region(Tile(level.index, column, row))
    of_column = pyramid.region(Tile(level.index, column, 0))
    of_row = pyramid.region(Tile(level.index, 0, row))

    assert region == (of_column.x, of_row.y, of_column.width, of_row.height)


@bounded
@given(pyramids)
def test_tile_pixels_add_up_to_the_level_and_no_tile_is_larger_than_the_tile_size(pyramid: Pyramid) -> None:
    for level in pyramid.levels:
        if level.columns + level.rows > 3000:
            continue
        widths = [pyramid.tile_pixels(Tile(level.index, column, 0)).width for column in range(level.columns)]
        heights = [pyramid.tile_pixels(Tile(level.index, 0, row)).height for row in range(level.rows)]
        assert (sum(widths), sum(heights)) == level.size
        assert set(widths[:-1]) <= {pyramid.tile_size}
        assert set(heights[:-1]) <= {pyramid.tile_size}
        assert max(widths[-1], heights[-1]) <= pyramid.tile_size


@bounded
@given(small_pyramids)
def test_every_pixel_of_a_small_level_lies_in_exactly_one_tile(pyramid: Pyramid) -> None:
    for level in pyramid.levels:
        seen: list[tuple[int, int]] = []
        for tile in pyramid.tiles(level):
            left, top = tile.column * pyramid.tile_size, tile.row * pyramid.tile_size
            width, height = pyramid.tile_pixels(tile)
            seen += [(x, y) for y in range(top, top + height) for x in range(left, left + width)]
        assert sorted(seen) == [(x, y) for x in range(level.size.width) for y in range(level.size.height)]


@bounded
@given(small_pyramids)
def test_listing_tiles_gives_as_many_as_counting_them_row_by_row(pyramid: Pyramid) -> None:
    listed = [tile for level in pyramid.levels for tile in pyramid.tiles(level)]

    assert len(listed) == len(set(listed)) == pyramid.tile_count
    assert listed == sorted(listed, key=lambda tile: (tile.level, tile.row, tile.column))
    assert pyramid.tile_count == sum(level.tile_count for level in pyramid.levels)


@bounded
@given(pyramids)
@example(plan_pyramid(Size(5000, 5000), 4096))
@example(plan_pyramid(Size(8193, 8193), 4096))
@example(plan_pyramid(Size(2049, 10), 256))
def test_a_declared_limit_holds_a_tile_and_is_the_finest_that_stays_within_reason(pyramid: Pyramid) -> None:
    limit = max(WHOLE_IMAGE_LIMIT, pyramid.tile_size)
    side = pyramid.overview.size.longer_side

    assert pyramid.is_limited == (pyramid.overview.size != pyramid.size)
    if pyramid.is_limited:
        finer = pyramid.levels[pyramid.overview.index - 1].size.longer_side
        # Never smaller than a tile, and the next finer level would be beyond the limit.
        assert side >= pyramid.tile_size
        assert finer > limit
    else:
        assert side <= 2 * limit


@bounded
@given(pyramids)
def test_an_image_within_the_limit_is_offered_whole(pyramid: Pyramid) -> None:
    assume(pyramid.size.longer_side <= WHOLE_IMAGE_LIMIT)
    assert not pyramid.is_limited
    assert pyramid.overview is pyramid.levels[0]
