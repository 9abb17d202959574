"""Every URL that a tree must hold, generated a second time and compared with what the package gives.

The generator below is naive: it follows the tables of what level 0 demands and of what viewers were seen to
ask for, word by word. It shares nothing with the package but the notion of an image in tiles.

One difference is meant: a 2.1 tree always has `full/max`. Section 4.2 of 2.1 lets it mean `full` where no
limit is declared, and a host that serves 3.0 by rewriting needs the file.
"""

import itertools
import math
from collections.abc import Iterable, Iterator

import pytest

from slide2iiif.geometry import Size
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.uris import alias_count, named_tile_count, pictures, tile_paths
from slide2iiif.pyramid import Tile, plan_pyramid

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


def top_exponent(width: int, height: int, side: int) -> int:
    """Find the n of the table: the smallest for which the whole image fits in one tile."""
    n = 0
    while math.ceil(width / 2**n) > side or math.ceil(height / 2**n) > side:
        n += 1
    return n


def column_starts(length: int, side: int, scale: int) -> range:
    """Where the columns of a width, or the rows of a height, begin."""
    return range(0, length, side * scale)


def spell(width: int, height: int, version: str) -> str:
    return f"{width}," if version == "2" else f"{width},{height}"


def naive_tile(width: int, height: int, side: int, scale: int, x: int, y: int, version: str) -> Iterator[str]:
    """One tile, with the rows of the table that hold for any tile."""
    w, h = min(side * scale, width - x), min(side * scale, height - y)
    ws, hs = math.ceil(w / scale), math.ceil(h / scale)
    one_tile = (w, h) == (width, height)
    for region in [f"{x},{y},{w},{h}", "full"][: 2 if one_tile else 1]:
        yield f"{region}/{spell(ws, hs, version)}"
        if version == "2" and ws == width:
            yield f"{region}/full"
            yield f"{region}/max"
    if version == "3" and one_tile and scale == 1:
        yield "full/max"


def naive_whole_levels(width: int, height: int, side: int) -> list[tuple[int, int]]:
    """Sizes at which the whole image is offered: the smallest levels up to 2,048 pixels or a larger tile."""
    longer = max(width, height)
    offered: list[tuple[int, int]] = []
    for n in range(top_exponent(width, height, side), -1, -1):
        within = math.ceil(longer / 2**n) <= max(2048, side)
        # A declared limit must hold a tile, so one level more may be needed.
        too_small = bool(offered) and max(offered[-1]) < side
        if within or too_small:
            offered.append((math.ceil(width / 2**n), math.ceil(height / 2**n)))
    return offered


def naive_whole(width: int, height: int, side: int, version: str) -> Iterator[str]:
    """Give the rows of the table that speak of the whole image."""
    offered = naive_whole_levels(width, height, side)
    limited = (width, height) not in offered
    if version == "2" and not limited:
        yield "full/full"
    if version == "3" or limited:
        yield "full/max"
    for w, h in offered:
        yield f"full/{w},"
        yield f"full/{w},{h}"
    yield "full/90,"
    if side >= 512:
        n = top_exponent(width, height, side)
        for k in (1, 2, 3, 4, 5):
            w, h = math.ceil(width / 2 ** (n + k)), math.ceil(height / 2 ** (n + k))
            yield f"0,0,{width},{height}/{spell(w, h, version)}"


def naive_top(width: int, height: int, side: int, version: str) -> set[str]:
    """Everything that is asked of the whole image, tiles included."""
    scale = 2 ** top_exponent(width, height, side)
    tile = naive_tile(width, height, side, scale, 0, 0, version)
    return completed([*tile, *naive_whole(width, height, side, version)], version)


def completed(paths: Iterable[str], version: str) -> set[str]:
    """Add the one difference that is meant, and what every URL ends in."""
    return {f"{path}/0/default.jpg" for path in (*paths, *(["full/max"] if version == "2" else []))}


@pytest.mark.parametrize("api", Api)
@pytest.mark.parametrize(("width", "height", "side"), SMALL_GRID)
def test_a_small_tree_holds_exactly_the_urls_of_the_tables(width: int, height: int, side: int, api: Api) -> None:
    pyramid = plan_pyramid(Size(width, height), side)
    held = {path for picture in pictures(pyramid, api) for path in picture.paths}
    for level in pyramid.levels[:-1]:
        for tile in pyramid.tiles(level):
            held.update(tile_paths(pyramid, tile, api))

    asked = set(naive_top(width, height, side, api.value))
    for n in range(top_exponent(width, height, side)):
        for y in column_starts(height, side, 2**n):
            for x in column_starts(width, side, 2**n):
                tiles = naive_tile(width, height, side, 2**n, x, y, api.value)
                asked.update(f"{path}/0/default.jpg" for path in tiles)

    assert held == asked


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
