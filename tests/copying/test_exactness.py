"""Every copied and cropped tile is the stored one, to the last coefficient, on every slide that can be copied."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import openslide
import pytest

from slide2iiif.geometry import Region
from tests.copying.conftest import (
    APERIO,
    DQT,
    LARGE,
    MADE,
    NDPI,
    REAL,
    Jpeg,
    Published,
    StoredLevel,
    decode,
    parse,
    planes,
    publish,
    stored_levels,
)

NAMES = (*REAL, *MADE)
_EVERY = 37
"""Which of the inner tiles of the largest slide are looked at closely; of its border, all are."""


class Exact(NamedTuple):
    """A published tile, and the stored one that it is or is a part of."""

    level: int
    region: Region
    stream: bytes
    stored: bytes
    within: Region
    """Where in the stored one it is."""


def exact_tiles(published: Published, stored: list[StoredLevel]) -> list[Exact]:
    """List all copied and cropped tiles; those of a level that is stored a pixel short are encoded at its end."""
    found = []
    for level in published.copied_levels():
        size = published.level_size(level)
        [source] = [each for each in stored if all(abs(a - b) <= 1 for a, b in zip(each.size, size, strict=True))]
        for column, row in published.grid(level):
            region = published.region(level, column, row)
            if region.x + region.width <= source.size.width and region.y + region.height <= source.size.height:
                found.append(Exact(level, region, published.tile(level, column, row), *source.containing(region)))
    return found


def looked_at(tiles: list[Exact], published: Published) -> Iterator[Exact]:
    """Leave out most inner tiles of a large slide."""
    for number, tile in enumerate(tiles):
        width, height = published.level_size(tile.level)
        x, y, across, down = tile.region
        is_border = x == 0 or y == 0 or x + across == width or y + down == height
        if len(tiles) < 1000 or is_border or number % _EVERY == 0:
            yield tile


@pytest.fixture(scope="session")
def exact_of(slide_of: Callable[[str], Path], published_of: Callable[[str], Published]) -> Callable[[str], list[Exact]]:
    return lambda name: exact_tiles(published_of(name), stored_levels(slide_of(name)))


@pytest.mark.parametrize("name", NAMES)
def test_as_many_tiles_are_exact_as_the_summary_says(
    name: str, exact_of: Callable[[str], list[Exact]], published_of: Callable[[str], Published]
) -> None:
    published = published_of(name)
    assert (published.record["status"], published.exit_code) == ("exported", 0)
    assert len(exact_of(name)) == published.record["bit_exact_tiles"] > 0


@pytest.mark.parametrize("name", [name for name in NAMES if name != NDPI])
def test_a_whole_tile_has_the_stored_scan_tables_and_frame_byte_for_byte(
    name: str, exact_of: Callable[[str], list[Exact]]
) -> None:
    whole = 0
    for tile in exact_of(name):
        ours, its = parse(tile.stream), parse(tile.stored)
        if ours.size == its.size:
            whole += 1
            assert decisive(ours) == decisive(its), tile[:2]
    assert whole > 5


def decisive(jpeg: Jpeg) -> tuple[object, ...]:
    return jpeg.scan, jpeg.scan_header, jpeg.tables, jpeg.frame


@pytest.mark.parametrize("name", NAMES)
def test_every_tile_has_the_stored_coefficients(
    name: str, exact_of: Callable[[str], list[Exact]], published_of: Callable[[str], Published]
) -> None:
    for tile in looked_at(exact_of(name), published_of(name)):
        check_coefficients(tile)


def check_coefficients(tile: Exact) -> None:
    ours, its = parse(tile.stream), parse(tile.stored)
    assert ours.size == tile.region.size
    assert ours.sampling == its.sampling
    assert quantisation(ours) == quantisation(its)
    across, down = (max(factors) for factors in zip(*its.sampling, strict=True))
    x, y = tile.within[:2]
    for (horizontal, vertical), mine, stored in zip(
        its.sampling, planes(tile.stream), planes(tile.stored), strict=True
    ):
        left, top = x * horizontal // across, y * vertical // down
        height, width = mine.shape
        assert width * across // horizontal >= ours.size.width
        assert np.array_equal(mine, stored[top : top + height, left : left + width]), tile[:2]


def quantisation(jpeg: Jpeg) -> list[bytes]:
    """Give the quantisation table of each component."""
    return [jpeg.tables[DQT, number] for number in jpeg.frame[8::3]]


@pytest.mark.parametrize("name", NAMES)
def test_every_tile_decodes_to_the_stored_pixels_up_to_the_border(
    name: str, exact_of: Callable[[str], list[Exact]], published_of: Callable[[str], Published]
) -> None:
    for tile in looked_at(exact_of(name), published_of(name)):
        check_pixels(tile)


def check_pixels(tile: Exact) -> None:
    x, y, width, height = tile.within
    inside = beside_no_cut(tile)
    stored = decode(tile.stored)[y : y + height, x : x + width]
    assert np.array_equal(decode(tile.stream)[inside], stored[inside]), tile[:2]


def beside_no_cut(tile: Exact) -> tuple[slice, slice]:
    """Leave out the last pixels at a cut where chroma is reduced.

    To show them, a decoder mixes the chroma of both sides of the cut; the coefficients are the same.
    """
    its = parse(tile.stored)
    across, down = (max(factors) for factors in zip(*its.sampling, strict=True))
    width, height = tile.region.size
    is_cut_right, is_cut_below = width < its.size.width and across > 1, height < its.size.height and down > 1
    return slice(0, height - is_cut_below), slice(0, width - is_cut_right)


@pytest.mark.parametrize("name", NAMES)
def test_every_tile_decodes_to_what_openslide_shows(
    name: str,
    slide_of: Callable[[str], Path],
    exact_of: Callable[[str], list[Exact]],
    published_of: Callable[[str], Published],
) -> None:
    published = published_of(name)
    with openslide.OpenSlide(slide_of(name)) as slide:
        for tile in looked_at(exact_of(name), published):
            size = published.level_size(tile.level)
            [index] = [
                index
                for index, dimensions in enumerate(slide.level_dimensions)
                if all(abs(a - b) <= 1 for a, b in zip(dimensions, size, strict=True))
            ]
            scale = slide.level_downsamples[index]
            if not scale.is_integer():
                continue  # OpenSlide would give pixels that are moved by a part of one.
            place = (round(tile.region.x * scale), round(tile.region.y * scale))
            shown = np.asarray(slide.read_region(place, index, tile.region.size))
            assert (shown[..., 3] == 255).all()
            inside = beside_no_cut(tile)
            assert np.array_equal(shown[..., :3][inside], decode(tile.stream)[inside]), tile[:2]


@pytest.mark.parametrize("tile_size", [200, 256, 512, 1024])
def test_strips_are_cut_exactly_into_tiles_of_any_size_in_whole_blocks(
    slides: Path, private: Path, tile_size: int
) -> None:
    published = publish(slides / NDPI, private, tile_size=tile_size)
    tiles = exact_tiles(published, stored_levels(slides / NDPI))
    assert sum(published.counts(0).values()) == published.counts(0)["copied"] + published.counts(0).get("cropped", 0)
    assert len(tiles) == published.record["bit_exact_tiles"]
    for tile in tiles:
        check_coefficients(tile)
        check_pixels(tile)


def test_strips_are_not_cut_within_blocks(slides: Path, private: Path) -> None:
    published = publish(slides / NDPI, private, tile_size=250)
    assert published.record["status"] == "exported"
    assert published.record["bit_exact_tiles"] == 0


@pytest.mark.parametrize("name", [APERIO, LARGE])
def test_the_tiles_of_a_border_are_cut_to_the_image(name: str, published_of: Callable[[str], Published]) -> None:
    published = published_of(name)
    for level in published.copied_levels():
        for column, row in published.grid(level):
            assert parse(published.tile(level, column, row)).size == published.region(level, column, row).size
