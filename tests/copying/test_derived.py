"""Levels between stored ones: as good as a box filter of the stored level, in place, and without seams."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from slide2iiif.geometry import Region
from slide2iiif.options import Options
from slide2iiif.plan.service import plan_service
from slide2iiif.samples.coding import encode_ycbcr
from slide2iiif.sources.describe import DescribeTask, describe
from tests.copying.conftest import (
    APERIO,
    LARGE,
    Pixels,
    Published,
    StoredLevel,
    decode,
    publish,
    stored_levels,
)

_MOST_TILES = 100
"""Tiles of a level that are compared, spread evenly."""

Levels = NDArray[np.float32]


class Derived(NamedTuple):
    """A derived level, and where it comes from."""

    level: int
    scale: int
    """To the stored level that it comes from."""
    source: StoredLevel


def derived_levels(published: Published, stored: list[StoredLevel]) -> list[Derived]:
    """List the levels below the top that are made of a finer one, with the nearest finer stored level."""
    found, last = [], 0
    for level in range(len(published.record["levels"]) - 1):
        if published.counts(level).keys() == {"derived"}:
            size = published.level_size(last)
            [source] = [each for each in stored if all(abs(a - b) <= 1 for a, b in zip(each.size, size, strict=True))]
            found.append(Derived(level, 1 << (level - last), source))
        else:
            last = level
    return found


def stored_pixels(source: StoredLevel, region: Region) -> Pixels:
    """Stitch a region of a stored level."""
    tile = source.tile
    picture = np.empty((region.height, region.width, 3), np.uint8)
    for row in range(region.y // tile.height, -(-(region.y + region.height) // tile.height)):
        for column in range(region.x // tile.width, -(-(region.x + region.width) // tile.width)):
            x, y = column * tile.width - region.x, row * tile.height - region.y
            pixels = decode_kept(source.read(column, row))[max(0, -y) :, max(0, -x) :]
            x, y = max(0, x), max(0, y)
            height, width = min(len(pixels), region.height - y), min(pixels.shape[1], region.width - x)
            picture[y : y + height, x : x + width] = pixels[:height, :width]
    return picture


decode_kept = functools.lru_cache(maxsize=400)(decode.__wrapped__)


def box(pixels: Pixels, scale: int) -> Levels:
    """Average squares; at the right and bottom, what there is of them."""
    height, width, _ = pixels.shape
    rows, columns = np.arange(0, height, scale), np.arange(0, width, scale)
    sums = np.add.reduceat(np.add.reduceat(pixels.astype(np.float32), rows, axis=0), columns, axis=1)
    counts = np.outer(np.diff([*rows, height]), np.diff([*columns, width]))
    result: Levels = (sums / counts[..., None]).astype(np.float32)
    return result


def expected(derived: Derived, region: Region) -> Levels:
    """Box filter of the stored pixels below a region of a derived level."""
    x, y = region.x * derived.scale, region.y * derived.scale
    width = min(region.width * derived.scale, derived.source.size.width - x)
    height = min(region.height * derived.scale, derived.source.size.height - y)
    pixels = stored_pixels(derived.source, Region(x, y, width, height))
    return box(pixels, derived.scale)[: region.height, : region.width]


def psnr(first: NDArray[np.generic], second: Levels) -> float:
    assert first.shape == second.shape
    error = float(np.mean((first.astype(np.float32) - second) ** 2))
    return 99.0 if error == 0 else min(99.0, 10 * float(np.log10(255**2 / error)))


def compared(published: Published, derived: Derived) -> list[tuple[int, int]]:
    places = list(published.grid(derived.level))
    return places[:: 1 + len(places) // _MOST_TILES]


@pytest.fixture(scope="session")
def fine(slide_of: Callable[[str], Path], private: Path) -> Callable[[str, str], Published]:
    """Give a slide exported at quality 95."""
    return functools.cache(
        lambda name, subsampling: publish(slide_of(name), private, quality=95, subsampling=subsampling)
    )


Likenesses = dict[int, list[tuple[float, float]]]


@pytest.fixture(scope="session")
def likenesses_of(
    slide_of: Callable[[str], Path], fine: Callable[[str, str], Published]
) -> Callable[[str, str], Likenesses]:
    return functools.cache(lambda name, subsampling: likenesses(slide_of(name), fine(name, subsampling)))


def likenesses(path: Path, published: Published) -> Likenesses:
    """Compare tiles of each derived level: in dB, the published one and the best that its compression can do."""
    subsampling = published.receipt.settings.subsampling
    found: Likenesses = {}
    for derived in derived_levels(published, stored_levels(path)):
        for place in compared(published, derived):
            wanted = expected(derived, published.region(derived.level, *place))
            ideal = encode_ycbcr(wanted.round().clip(0, 255).astype(np.uint8), 95, subsampling)
            pair = psnr(decode(published.tile(derived.level, *place)), wanted), psnr(decode(ideal), wanted)
            found.setdefault(derived.level, []).append(pair)
    return found


@pytest.mark.parametrize(("subsampling", "mean", "least"), [("420", 40, 36), ("444", 45, 36)])
def test_derived_tiles_of_a_stained_section_are_like_a_box_filter(
    subsampling: str, mean: float, least: float, likenesses_of: Callable[[str, str], Likenesses]
) -> None:
    found = likenesses_of(LARGE, subsampling)
    assert found.keys() == {1, 3, 5, 6}
    every = [published for pairs in found.values() for published, _ in pairs]
    assert np.mean(every) >= mean
    assert min(every) >= least


@pytest.mark.parametrize("subsampling", ["420", "444"])
@pytest.mark.parametrize("name", [APERIO, LARGE, "422.svs"])
def test_derived_tiles_are_as_good_as_the_same_compression_of_a_box_filter(
    name: str, subsampling: str, likenesses_of: Callable[[str, str], Likenesses]
) -> None:
    # On a busy slide the compression alone costs more than 36 dB leave: then nobody could do better.
    found = likenesses_of(name, subsampling)
    losses = [ideal - published for pairs in found.values() for published, ideal in pairs]
    assert found
    assert max(losses) < 1.5
    assert np.mean(losses) < 0.75


@pytest.mark.parametrize("name", [APERIO, LARGE, "422.svs"])
def test_derived_tiles_are_best_where_they_are(
    name: str, slide_of: Callable[[str], Path], fine: Callable[[str, str], Published]
) -> None:
    published = fine(name, "444")
    for derived in derived_levels(published, stored_levels(slide_of(name))):
        places = sorted(published.grid(derived.level), key=lambda place: -len(published.tile(derived.level, *place)))
        region = published.region(derived.level, *places[0])
        tile, wanted = decode(published.tile(derived.level, *places[0])), expected(derived, region)
        moved = {
            (across, down): psnr(
                tile[1 + down : region.height - 1 + down, 1 + across : region.width - 1 + across], wanted[1:-1, 1:-1]
            )
            for across in (-1, 0, 1)
            for down in (-1, 0, 1)
        }
        best = max(moved, key=lambda offset: moved[offset])
        assert best == (0, 0)
        assert moved[0, 0] > sorted(moved.values())[-2] + 3


def test_there_are_no_seams_between_blocks(slides: Path, fine: Callable[[str, str], Published]) -> None:
    published, looked_at = fine(LARGE, "444"), 0
    plan = plan_service("slide", describe(DescribeTask(slides / LARGE)).description, Options())
    for derived in derived_levels(published, stored_levels(slides / LARGE)):
        [pass_] = [each for each in plan.passes if derived.level in each.levels]
        block = pass_.side >> (derived.level - pass_.input_level)
        size = published.level_size(derived.level)
        if min(size) <= block:
            continue
        area = Region(0, 0, min(size.width, 2304), min(size.height, 2304))
        error = np.abs(stitched(published, derived.level, area).astype(np.float32) - expected(derived, area)).mean(
            axis=2
        )
        for axis, side in ((0, area.width), (1, area.height)):
            lines = error.mean(axis=axis)
            looked_at += check_lines(lines, block, published.tile_size, side)
    assert looked_at >= 4


def check_lines(lines: Levels, block: int, tile: int, side: int) -> int:
    """Compare columns or rows beside the borders of blocks with those beside other tiles, and with all.

    Returns:
        How many borders there are.
    """
    borders = set(range(block, side, block))
    others = set(range(tile, side, tile)) - borders
    at_blocks = np.mean([lines[place - 1 : place + 1].mean() for place in borders])
    at_tiles = np.mean([lines[place - 1 : place + 1].mean() for place in others])
    assert at_blocks < 1.2 * at_tiles
    assert at_blocks < 1.2 * lines.mean()
    return len(borders)


def stitched(published: Published, level: int, area: Region) -> Pixels:
    side = published.tile_size
    picture = np.empty((area.height, area.width, 3), np.uint8)
    for row in range(-(-area.height // side)):
        for column in range(-(-area.width // side)):
            part = picture[row * side : (row + 1) * side, column * side : (column + 1) * side]
            part[:] = decode(published.tile(level, column, row))[: part.shape[0], : part.shape[1]]
    return picture
