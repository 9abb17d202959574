"""Laws of the ordinals: every file has one, and every ordinal is of one file."""

from hypothesis import given
from hypothesis import strategies as st

from slide2iiif.geometry import Size
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.file_order import FileOrder, order_files
from slide2iiif.iiif.paths import tile_paths
from slide2iiif.iiif.pyramid import plan_pyramid


@st.composite
def orders(draw: st.DrawFn) -> FileOrder:
    tile_size = draw(st.sampled_from([64, 100, 256, 512]))
    side = st.integers(1, 12 * tile_size)
    return order_files(plan_pyramid(Size(draw(side), draw(side)), tile_size), draw(st.sampled_from(list(Api))))


@given(orders())
def test_ordinals_of_all_files_are_all_numbers_from_0_on(order: FileOrder) -> None:
    tiles = [tile for level in order.pyramid.levels[:-1] for tile in order.pyramid.tiles(level)]
    assert [order.of_tile(tile) for tile in tiles] == list(range(order.tile_count))
    assert [order.tile_at(ordinal) for ordinal in range(order.tile_count)] == tiles
    ordinals = [order.of_picture(picture.size) for picture in order.pictures]
    assert ordinals == list(range(order.tile_count, order.count))


@given(orders())
def test_every_path_belongs_to_one_ordinal(order: FileOrder) -> None:
    paths = [path for ordinal in range(order.count) for path in order.paths_at(ordinal)]
    assert len(paths) == len(set(paths))
    tiles = (tile for level in order.pyramid.levels[:-1] for tile in order.pyramid.tiles(level))
    expected = {path for tile in tiles for path in tile_paths(order.pyramid, tile, order.api)}
    assert set(paths) == expected | {path for picture in order.pictures for path in picture.paths}
