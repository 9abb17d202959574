"""Request paths: nothing is asked for twice, and a path leads back to its tile."""

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from slide2iiif.geometry import Size
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.info import sizes
from slide2iiif.iiif.paths import alias_count, named_tile_count, pictures, tile_of_path, tile_paths
from slide2iiif.iiif.pyramid import Pyramid, Tile, plan_pyramid

bounded = settings(max_examples=150, deadline=None, derandomize=True, database=None)

apis = st.sampled_from(Api)
tile_sizes = st.sampled_from([1, 2, 3, 100, 128, 240, 256, 500, 512, 1000, 1024, 4096])
any_side = st.integers(1, 200_000)
# Close to a multiple of the tile size is where the last column or row is a sliver.
near_sides = st.builds(
    lambda tile, times, more: max(1, tile * times + more), tile_sizes, st.integers(0, 40), st.integers(-3, 3)
)
sides = st.one_of(st.integers(1, 3), near_sides, any_side)
pyramids = st.builds(plan_pyramid, st.builds(Size, sides, sides), tile_sizes)
few_tiles = pyramids.filter(lambda pyramid: pyramid.tile_count <= 600)

SLIVERS = [
    pytest.param(Size(513, 200), 256, Api.V2, id="one column of pixels, one row of tiles"),
    pytest.param(Size(513, 712), 256, Api.V2, id="one column of pixels, the corner tile"),
    pytest.param(Size(1, 712), 256, Api.V2, id="an image one pixel wide"),
    pytest.param(Size(513, 1), 256, Api.V2, id="a last tile of one pixel, 2.1"),
    pytest.param(Size(513, 1), 256, Api.V3, id="a last tile of one pixel, 3.0"),
]


def tiles_below_the_top(pyramid: Pyramid) -> list[Tile]:
    return [tile for level in pyramid.levels[:-1] for tile in pyramid.tiles(level)]


@st.composite
def drawn_tiles(draw: st.DrawFn) -> tuple[Pyramid, Tile]:
    """Draw a tile below the top of a pyramid of any size: often the last column and row."""
    pyramid = draw(pyramids)
    assume(len(pyramid.levels) > 1)
    level = draw(st.sampled_from(pyramid.levels[:-1]))
    column = draw(st.one_of(st.just(level.columns - 1), st.integers(0, level.columns - 1)))
    row = draw(st.one_of(st.just(level.rows - 1), st.integers(0, level.rows - 1)))
    return pyramid, Tile(level.index, column, row)


@bounded
@given(drawn_tiles(), apis)
@example((plan_pyramid(Size(513, 200), 256), Tile(1, 1, 0)), Api.V2)
@example((plan_pyramid(Size(131_071, 70_001), 256), Tile(8, 1, 1)), Api.V3)
def test_a_canonical_path_leads_back_to_its_tile(drawn: tuple[Pyramid, Tile], api: Api) -> None:
    pyramid, tile = drawn
    for path in tile_paths(pyramid, tile, api)[:1]:
        found = tile_of_path(pyramid, path, api)

        assert found is not None
        if found != tile:
            # The same sliver of the last column has one path at two levels: the finer one answers.
            assert found.level < tile.level
            assert tile_paths(pyramid, found, api)[0] == path
            assert pyramid.tile_pixels(found).width == pyramid.tile_pixels(tile).width == 1


@bounded
@given(drawn_tiles(), apis)
def test_a_tile_wider_than_its_scale_is_found_at_its_own_level(drawn: tuple[Pyramid, Tile], api: Api) -> None:
    pyramid, tile = drawn
    assume(pyramid.tile_pixels(tile).width > 1)

    assert tile_of_path(pyramid, tile_paths(pyramid, tile, api)[0], api) == tile


@bounded
@given(drawn_tiles(), apis, st.data())
def test_a_path_that_is_off_by_one_anywhere_belongs_to_no_tile(
    drawn: tuple[Pyramid, Tile], api: Api, data: st.DataObject
) -> None:
    pyramid, tile = drawn
    region, size = pyramid.region(tile), pyramid.tile_pixels(tile)
    numbers = [*region, *size] if api is Api.V3 else [*region, size.width]
    place = data.draw(st.integers(0, len(numbers) - 1))
    numbers[place] += data.draw(st.sampled_from([-1, 1]))
    assume(numbers[place] >= 0)
    x, y, width, height, *pixels = numbers
    size_request = f"{pixels[0]}," if api is Api.V2 else f"{pixels[0]},{pixels[1]}"
    path = f"{x},{y},{width},{height}/{size_request}/0/default.jpg"

    found = tile_of_path(pyramid, path, api)

    assert found is None or path in tile_paths(pyramid, found, api)
    if found is not None:
        assert found != tile


@bounded
@given(drawn_tiles(), apis)
def test_an_alias_is_no_canonical_path(drawn: tuple[Pyramid, Tile], api: Api) -> None:
    pyramid, tile = drawn
    for alias in tile_paths(pyramid, tile, api)[1:]:
        assert tile_of_path(pyramid, alias, api) is None


@bounded
@given(pyramids, apis)
def test_a_picture_of_the_whole_image_is_no_tile_below_the_top(pyramid: Pyramid, api: Api) -> None:
    for picture in pictures(pyramid, api):
        for path in picture.paths:
            assert tile_of_path(pyramid, path, api) is None


@bounded
@given(pyramids, apis, st.text(alphabet="0123456789,/fulmaxdetjpg.\n٣ ", max_size=40))
def test_a_stranger_is_no_tile(pyramid: Pyramid, api: Api, path: str) -> None:
    found = tile_of_path(pyramid, path, api)
    assert found is None or tile_paths(pyramid, found, api)[0] == path


@bounded
@given(few_tiles, apis)
@example(plan_pyramid(Size(1, 1000), 256), Api.V2)
@example(plan_pyramid(Size(200, 5000), 256), Api.V2)
def test_two_tiles_share_a_path_only_where_the_same_sliver_is_asked_for(pyramid: Pyramid, api: Api) -> None:
    owners: dict[str, Tile] = {}
    for tile in tiles_below_the_top(pyramid):
        for path in tile_paths(pyramid, tile, api):
            owner = owners.setdefault(path, tile)
            if owner != tile:
                assert owner.level != tile.level
                assert pyramid.region(owner) == pyramid.region(tile)
                assert pyramid.tile_pixels(owner).width == pyramid.tile_pixels(tile).width == 1


@pytest.mark.parametrize(("size", "tile_size", "api"), SLIVERS)
def test_no_two_tiles_share_a_path(size: Size, tile_size: int, api: Api) -> None:
    pyramid = plan_pyramid(size, tile_size)
    paths = [path for tile in tiles_below_the_top(pyramid) for path in tile_paths(pyramid, tile, api)]

    assert len(paths) == len(set(paths))


@bounded
@given(few_tiles, apis)
@example(plan_pyramid(Size(1, 1), 256), Api.V2)
@example(plan_pyramid(Size(1, 1000), 1), Api.V2)
def test_pictures_share_no_path_with_each_other_or_with_a_tile(pyramid: Pyramid, api: Api) -> None:
    of_pictures = [path for picture in pictures(pyramid, api) for path in picture.paths]
    of_tiles = {path for tile in tiles_below_the_top(pyramid) for path in tile_paths(pyramid, tile, api)}

    assert len(of_pictures) == len(set(of_pictures))
    assert of_tiles.isdisjoint(of_pictures)


@bounded
@given(few_tiles, apis)
@example(plan_pyramid(Size(256, 5000), 256), Api.V2)
@example(plan_pyramid(Size(1, 5000), 256), Api.V2)
def test_counting_aliases_agrees_with_listing_them(pyramid: Pyramid, api: Api) -> None:
    for level in pyramid.levels[:-1]:
        listed = [len(tile_paths(pyramid, tile, api)) for tile in pyramid.tiles(level)]
        named = [count for count in listed if count]
        assert named_tile_count(pyramid, level, api) == len(named)
        assert alias_count(pyramid, level, api) == sum(listed) - len(named)
    assert alias_count(pyramid, pyramid.top, api) == 0


@bounded
@given(pyramids, apis)
def test_every_path_is_an_image_request_that_level_0_can_answer(pyramid: Pyramid, api: Api) -> None:
    for picture in pictures(pyramid, api):
        assert picture.size.width >= 1
        assert picture.size.height >= 1
        for path in picture.paths:
            region, size, rotation, name = path.split("/")
            assert region in {"full", f"0,0,{pyramid.size.width},{pyramid.size.height}"}
            assert (rotation, name) == ("0", "default.jpg")
            assert size in {"full", "max"} or size.split(",")[0].isdigit()


@bounded
@given(pyramids, apis)
def test_pictures_descend_and_none_is_listed_twice_or_larger_than_the_image(pyramid: Pyramid, api: Api) -> None:
    offered = [picture.size for picture in pictures(pyramid, api)]

    assert offered == sorted(set(offered), reverse=True)
    assert all(size.width <= pyramid.size.width and size.height <= pyramid.size.height for size in offered)
    assert all(picture.paths for picture in pictures(pyramid, api))


@bounded
@given(pyramids, apis)
def test_the_path_of_a_picture_that_names_two_numbers_gets_exactly_that_size(pyramid: Pyramid, api: Api) -> None:
    for picture in pictures(pyramid, api):
        for path in picture.paths:
            width, _, height = path.split("/")[1].partition(",")
            if height:
                assert (int(width), int(height)) == picture.size


@bounded
@given(pyramids, apis)
def test_a_picture_asked_for_by_width_has_that_width_unless_the_image_is_narrower(pyramid: Pyramid, api: Api) -> None:
    for picture in pictures(pyramid, api):
        for path in picture.paths:
            width, comma, _ = path.split("/")[1].partition(",")
            if comma:
                assert picture.size.width == min(int(width), pyramid.overview.size.width)


@bounded
@given(pyramids, apis)
@example(plan_pyramid(Size(1, 1), 4096), Api.V3)
@example(plan_pyramid(Size(46_000, 32_914), 256), Api.V2)
def test_sizes_ascend_over_neighbouring_levels_and_each_is_a_picture(pyramid: Pyramid, api: Api) -> None:
    listed = [Size(entry["width"], entry["height"]) for entry in sizes(pyramid)]
    ends = [level.size for level in pyramid.levels[-len(listed) :]]
    paths = {path: picture.size for picture in pictures(pyramid, api) for path in picture.paths}

    assert listed == ends[::-1]
    assert listed[0] == pyramid.top.size
    assert listed[-1] == pyramid.overview.size
    for size in listed:
        assert paths[f"full/{size.width},{size.height}/0/default.jpg"] == size
        assert paths[f"full/{size.width},/0/default.jpg"].width == size.width
