"""Slides in every format that is known, made small: exported whole, and held against the reader's own pixels."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import openslide
import pytest
import pyvips
import tifffile
from formats.cases import MADE, REFUSED, Case
from numpy.typing import NDArray

from slide2iiif.geometry import Region, Size
from slide2iiif.sources import open_source
from tests.copying.conftest import ADOBE_RGB, EOI, SOI, Published, StoredLevel, decode, publish
from tests.copying.test_exactness import Exact, check_coefficients, check_pixels

Pixels = NDArray[np.uint8]
COPIED = {"copied", "cropped"}
ROUNDING, ENCODED = 1.0, 3.0
"""Mean differences that decoders come to, and that one encoding at quality 95 leaves, in grey values."""


@pytest.fixture(scope="session")
def published_of(
    slide_of: Callable[[Case], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Case], Published]:
    """Give what a slide is published as; it is exported once."""
    private = tmp_path_factory.mktemp("private")
    return functools.cache(lambda case: publish(slide_of(case), private, quality=95, subsampling="444", check="strict"))


def name_of(case: Case) -> str:
    return f"{case.format}, {case.variant}"


each_made = pytest.mark.parametrize("case", MADE, ids=name_of)


@functools.lru_cache(maxsize=2)
def shown(path: Path, size: Size) -> Pixels:
    """Give the slide as another program shows it: OpenSlide, or libvips where OpenSlide does not open it."""
    try:
        with openslide.OpenSlide(path) as slide:
            assert slide.dimensions == size
            pixels = np.asarray(slide.read_region((0, 0), 0, size))
            colour = slide.properties.get("openslide.background-color", "FFFFFF")
            background = np.array(list(bytes.fromhex(colour)))
    except openslide.OpenSlideError:
        whole: Pixels = pyvips.Image.new_from_file(str(path), fail_on="warning").colourspace("srgb").numpy()
        return whole
    return np.where(pixels[..., 3:] == 255, pixels[..., :3], background).astype(np.uint8)


def stitched(published: Published, level: int) -> Pixels:
    """Put the tiles of a level together."""
    size = published.level_size(level)
    whole = np.zeros((size.height, size.width, 3), np.uint8)
    for column, row in published.grid(level):
        x, y, width, height = published.region(level, column, row)
        whole[y : y + height, x : x + width] = decode(tile_of(published, level, column, row))
    return whole


def tile_of(published: Published, level: int, column: int, row: int) -> bytes:
    if level == len(published.record["levels"]) - 1:
        return published.files[f"full/{published.level_size(level).width},/0/default.jpg"]
    return published.tile(level, column, row)


@each_made
def test_full_resolution_is_what_the_reader_shows(case: Case, slide_of: Any, published_of: Any) -> None:
    published = published_of(case)
    assert published.record["status"] == "exported", published.record["reason"]
    expected = shown(slide_of(case), published.size).astype(int)
    assert expected.std() > 20
    difference = np.abs(stitched(published, 0) - expected)
    allowed = ROUNDING if published.counts(0).keys() <= COPIED else ENCODED
    assert difference.mean() < allowed
    # Nowhere is anything missing, moved or black: the mean of every square of 64 pixels is right.
    side = 64
    height, width = (side * (length // side) for length in difference.shape[:2])
    squares = difference[:height, :width].reshape(height // side, side, width // side, side, 3).mean(axis=(1, 3, 4))
    assert squares.max() < 8


@each_made
def test_every_coarser_level_is_the_picture_reduced(case: Case, slide_of: Any, published_of: Any) -> None:
    published = published_of(case)
    full = shown(slide_of(case), published.size).astype(float)
    for level in range(1, len(published.record["levels"])):
        scale = 1 << level
        height, width = (side // scale for side in full.shape[:2])
        reduced = full[: height * scale, : width * scale].reshape(height, scale, width, scale, 3).mean(axis=(1, 3))
        difference = np.abs(stitched(published, level)[:height, :width] - reduced)
        # Dots of a few pixels fall in and out of squares; a picture of another place differs by tens.
        assert difference.mean() < 6, level


def stored_grids(path: Path) -> Iterator[StoredLevel]:
    """Give the tiled JPEG directories of a TIFF, those below others included, as an outsider reads them."""
    data = path.read_bytes()
    with tifffile.TiffFile(path) as tiff:
        chain: Any = tiff.pages
        for page in [*chain, *(inner for outer in chain if outer.subifds for inner in outer.pages)]:
            if page.is_tiled and page.compression == 7:
                yield _grid(data, page)


def _grid(data: bytes, page: Any) -> StoredLevel:
    across = -(-page.imagewidth // page.tilewidth)
    places = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    tables, colour = (page.jpegtables or SOI + EOI)[2:-2], ADOBE_RGB if page.photometric == 2 else b""

    def read(column: int, row: int) -> bytes:
        offset, length = places[row * across + column]
        stream = data[offset : offset + length]
        return SOI + colour + tables + stream[2:] if length else b""

    return StoredLevel(Size(page.imagewidth, page.imagelength), Size(page.tilewidth, page.tilelength), read)


def exact_tiles(path: Path, published: Published) -> Iterator[Exact]:
    """Pair every copied or cropped tile with the stored one of its place."""
    grids = list(stored_grids(path))
    for level in published.copied_levels():
        size, side = published.level_size(level), published.tile_size
        [grid] = [
            each
            for each in grids
            if all(-1 <= a - b < side and -(-a // side) == -(-b // side) for a, b in zip(each.size, size, strict=True))
        ]
        for column, row in published.grid(level):
            region = published.region(level, column, row)
            is_whole = region.x + region.width <= grid.size.width and region.y + region.height <= grid.size.height
            if is_whole and (stored := grid.read(column, row)):
                within = Region(0, 0, *region.size)
                yield Exact(level, region, tile_of(published, level, column, row), stored, within)


@each_made
def test_every_copied_tile_has_the_stored_coefficients(case: Case, slide_of: Any, published_of: Any) -> None:
    published = published_of(case)
    count = 0
    for tile in exact_tiles(slide_of(case), published) if published.copied_levels() else ():
        check_coefficients(tile)
        check_pixels(tile)
        count += 1
    assert count == published.record["bit_exact_tiles"]


@pytest.mark.parametrize("case", REFUSED, ids=name_of)
def test_what_is_not_one_picture_is_refused_and_nothing_of_it_is_published(
    case: Case, slide_of: Callable[[Case], Path], tmp_path: Path
) -> None:
    published = publish(slide_of(case), tmp_path)
    assert published.record["status"] == "failed"
    assert published.record["reason"].startswith("holds ")
    assert not published.files


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("name", ["rgb.ome.tiff", "deflate.ome.tiff", "endian.tif", "philips.tiff", "area.scn"])
def test_a_truncated_slide_is_never_published(
    name: str, share: float, slide_of: Callable[[Case], Path], tmp_path: Path
) -> None:
    [case] = [case for case in MADE if case.name == name]
    content = slide_of(case).read_bytes()
    cut = tmp_path / name
    cut.write_bytes(content[: int(len(content) * share)])
    published = publish(cut, tmp_path / "private")
    assert published.record["status"] == "failed"
    assert "unexpected" not in published.record["reason"]


def test_the_size_of_a_pixel_comes_from_the_description_where_tags_lack_it(slide_of: Callable[[Case], Path]) -> None:
    found = {}
    for case in MADE:
        if case.name in {"rgb.ome.tiff", "histech.tif", "endian.tif"}:
            with open_source(slide_of(case)) as source:
                found[case.name] = source.description.microns_per_pixel
    assert found == pytest.approx({"rgb.ome.tiff": 0.25, "histech.tif": 0.2431, "endian.tif": 0.5})


@pytest.mark.parametrize(
    ("name", "options", "note"),
    [
        ("420.tif", {"tile_size": 512}, "stores tiles of 256×256: with --tile-size 256 they are copied"),
        ("240.tif", {"tile_size": 256}, "stores tiles of 240×240: with --tile-size 240 they are copied"),
        ("oblong.tif", {}, "stores tiles of 512×256: they are not square"),
        ("420.tif", {}, ""),
        ("420.tif", {"tile_size": 512, "recompress": True}, ""),
        ("deflate.tif", {"tile_size": 256}, ""),
    ],
)
def test_what_a_tile_size_gives_up_is_said_in_the_summary(
    name: str, options: dict[str, Any], note: str, slide_of: Callable[[Case], Path], tmp_path: Path
) -> None:
    [case] = [case for case in MADE if case.name == name]
    published = publish(slide_of(case), tmp_path, **options)
    assert published.record["note"].endswith(note)
    assert bool(published.record["note"]) == bool(note)
    assert bool(published.record["bit_exact_tiles"]) == (name == "420.tif" and not options)
