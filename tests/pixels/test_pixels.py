"""The pixels of published tiles, against OpenSlide or Pillow and a resampling of their own.

A level that the slide stores is compared with that level; any other with the box average of the nearest finer one
that is stored. Nothing of the package takes part in the comparison.

At quality 95 JPEG itself stays below 36 dB on some tiles that are full of grain, however they are made. There a
tile must be as good as the reference is after the same encoder, all but half a decibel.
"""

import itertools
import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import openslide
import pytest
from commands import RealTree
from numpy.typing import NDArray
from PIL import Image
from simplejpeg import decode_jpeg, encode_jpeg

Pixels = NDArray[np.uint8]

SLIDES = [
    "aperio/CMU-1-Small-Region.svs",
    "aperio/P37-CRC01-he.svs",
    "aperio/tcga-cr-7395-01a-01-ts1.svs",
    "dicom/cmu-1-small-region/level-0-frames-0-30.dcm",
    "hamamatsu/test3-DAPI-2-387.ndpi",
    "images/6976x5074.jpg",
    "images/starfish-progressive.jpg",
    "images/world.jp2",
    "tiff/boxes.tiff",
    "tiff/gray-lzw.tif",
]
MEAN_DB, LEAST_DB = 40.0, 36.0
TOLERANCE_DB = 0.5
SAME_DB = 99.0
"""Stands for pixels that are equal."""
SHIFTS = list(itertools.product((-1, 0, 1), repeat=2))


class Reference:
    """A slide as others read it."""

    def __init__(self, path: Path) -> None:
        try:
            self._slide: Any = openslide.OpenSlide(path)
        except openslide.OpenSlideUnsupportedFormatError:
            with Image.open(path) as image:
                self._slide = None
                self._pixels = np.asarray(image.convert("RGB"))
            self.sizes = [(self._pixels.shape[1], self._pixels.shape[0])]
        else:
            self.sizes = list(self._slide.level_dimensions)

    def read(self, level: int, x: int, y: int, width: int, height: int) -> Pixels:
        """Give pixels of a stored level, shape (height, width, 3); what lies outside is left out."""
        columns, rows = self.sizes[level]
        width, height = min(width, columns - x), min(height, rows - y)
        if self._slide is None:
            return self._pixels[y : y + height, x : x + width]
        downsample = self._slide.level_downsamples[level]
        if not float(downsample).is_integer():
            # OpenSlide takes places in full-resolution pixels, so only the corner is sure to be one of this level's.
            return self._read(level, (0, 0), (x + width, y + height))[y:, x:]
        return self._read(level, (round(x * downsample), round(y * downsample)), (width, height))

    def _read(self, level: int, place: tuple[int, int], size: tuple[int, int]) -> Pixels:
        region = self._slide.read_region(place, level, size)
        colour = "#" + self._slide.properties.get("openslide.background-color", "FFFFFF")
        under = Image.new("RGBA", region.size, colour)
        return np.asarray(Image.alpha_composite(under, region).convert("RGB"))


class Compared(NamedTuple):
    """One tile against its reference."""

    level: int
    path: str
    db: float
    limit_db: float
    """What the encoder leaves of the reference itself."""
    best_shift: tuple[int, int]


def box_average(pixels: Pixels, scale: int) -> NDArray[np.float64]:
    """Average squares of pixels; at the right and bottom edge, what is there of them."""
    height, width, _ = pixels.shape
    rows, columns = np.arange(0, height, scale), np.arange(0, width, scale)
    sums = np.add.reduceat(np.add.reduceat(pixels, rows, axis=0, dtype=np.uint32), columns, axis=1)
    counts = np.outer(np.diff([*rows, height]), np.diff([*columns, width]))
    return np.asarray(sums / counts[..., np.newaxis])


def decibels(first: NDArray[Any], second: NDArray[Any]) -> float:
    error = float(np.mean((first.astype(np.float64) - second) ** 2))
    return SAME_DB if error == 0 else min(SAME_DB, 10 * math.log10(255**2 / error))


def encoded(expected: NDArray[np.float64]) -> Pixels:
    """Give what is left of a picture after JPEG at quality 95, colours in full."""
    pixels = np.ascontiguousarray(np.round(expected).astype(np.uint8))
    return np.asarray(decode_jpeg(encode_jpeg(pixels, quality=95, colorsubsampling="444")))


def best_shift(tile: Pixels, expected: NDArray[np.float64]) -> tuple[int, int]:
    """Give the shift of the tile, of at most a pixel each way, at which it is most like the expected picture."""
    height, width, _ = tile.shape
    if min(height, width) < 8:
        return 0, 0
    inner = expected[1:-1, 1:-1].astype(np.float32)
    errors = {
        (dx, dy): float(np.mean((tile[1 + dy : height - 1 + dy, 1 + dx : width - 1 + dx] - inner) ** 2))
        for dx, dy in SHIFTS
    }
    # Where a picture is all one colour, every shift is as good.
    return min(errors, key=lambda shift: (round(errors[shift], 2), shift != (0, 0)))


def compare(real: RealTree, name: str) -> list[Compared]:
    """Compare a sample of tiles on every level: corners, edges and inside."""
    folder = real.dest / name
    document = json.loads((folder / "info.json").read_bytes())
    width, height = document["width"], document["height"]
    [tiles] = document["tiles"]
    side = tiles["width"]
    reference = Reference(real.slides / name)
    found: list[Compared] = []
    for level, scale in enumerate(tiles["scaleFactors"]):
        columns, rows = math.ceil(width / (side * scale)), math.ceil(height / (side * scale))
        for column, row in itertools.product(some(columns), some(rows)):
            x, y = column * side * scale, row * side * scale
            w, h = min(side * scale, width - x), min(side * scale, height - y)
            path = f"{x},{y},{w},{h}/{math.ceil(w / scale)},/0/default.jpg"
            tile = decode_jpeg((folder / path).read_bytes())
            expected = expected_pixels(reference, (width, height), scale, (column * side, row * side), tile.shape)
            part = tile[: expected.shape[0], : expected.shape[1]]
            limit = decibels(encoded(expected), expected)
            found.append(Compared(level, path, decibels(part, expected), limit, best_shift(part, expected)))
    return found


def some(count: int) -> list[int]:
    return sorted({0, count // 2, count - 1})


def expected_pixels(
    reference: Reference, size: tuple[int, int], scale: int, corner: tuple[int, int], shape: tuple[int, ...]
) -> NDArray[np.float64]:
    """Give what a tile should show, at a place of its level and of a shape (height, width, bands)."""
    stored, stored_scale = nearest_stored(reference, size, scale)
    step = scale // stored_scale
    region = (corner[0] * step, corner[1] * step, shape[1] * step, shape[0] * step)
    return box_average(reference.read(stored, *region), step)


def nearest_stored(reference: Reference, size: tuple[int, int], scale: int) -> tuple[int, int]:
    """Find the coarsest stored level that is not coarser than a scale, and is a published one: index and scale."""
    candidates = {
        step: index
        for step in (2**n for n in range(int(math.log2(scale)), -1, -1))
        for index, stored in reversed(list(enumerate(reference.sizes)))
        if all(abs(math.ceil(full / step) - each) <= 1 for full, each in zip(size, stored, strict=True))
    }
    step = max(candidates)
    return candidates[step], step


@pytest.fixture(scope="session")
def measured(real_tree: RealTree) -> dict[str, list[Compared]]:
    return {name: compare(real_tree, name) for name in SLIDES}


@pytest.mark.parametrize("name", SLIDES)
def test_tiles_are_as_good_as_promised(measured: dict[str, list[Compared]], name: str) -> None:
    found = measured[name]
    mean = sum(each.db for each in found) / len(found)
    worst = min(found, key=lambda each: each.db - min(LEAST_DB, each.limit_db - TOLERANCE_DB))
    assert mean >= MEAN_DB, f"{name}: mean {mean:.1f} dB, worst {worst}"
    assert worst.db >= min(LEAST_DB, worst.limit_db - TOLERANCE_DB), f"{name}: mean {mean:.1f} dB, worst {worst}"


@pytest.mark.parametrize("name", SLIDES)
def test_no_tile_is_shifted(measured: dict[str, list[Compared]], name: str) -> None:
    assert {each.path: each.best_shift for each in measured[name] if each.best_shift != (0, 0)} == {}


@pytest.mark.parametrize("name", SLIDES)
def test_every_level_is_sampled_to_its_edges(measured: dict[str, list[Compared]], name: str) -> None:
    levels = [each.level for each in measured[name]]
    assert set(levels) == set(range(max(levels) + 1))
    assert len(levels) >= 2 * max(levels)


@pytest.mark.parametrize("name", ["aperio/CMU-1-Small-Region.svs", "aperio/P37-CRC01-he.svs"])
def test_full_resolution_that_is_copied_is_bit_exact_to_its_edges(
    measured: dict[str, list[Compared]], name: str
) -> None:
    assert {each.db for each in measured[name] if each.level == 0} == {SAME_DB}


def test_the_comparison_notices_a_tile_that_is_shifted_or_spoilt() -> None:
    x, y = np.meshgrid(np.arange(64), np.arange(64))
    picture = np.stack([x * 3, y * 3, (x + y) * 2], axis=-1).astype(np.uint8)
    expected = picture.astype(np.float64)
    assert best_shift(picture, expected) == (0, 0)
    assert best_shift(np.roll(picture, 1, axis=1), expected) == (1, 0)
    assert best_shift(np.roll(picture, -1, axis=0), expected) == (0, -1)
    assert decibels(picture, expected) == SAME_DB
    assert decibels(picture[::-1], expected) < LEAST_DB


def test_the_box_average_is_one() -> None:
    pixels = np.arange(15, dtype=np.uint8).reshape(3, 5, 1).repeat(3, axis=2)
    assert box_average(pixels, 2)[..., 0].tolist() == [[3.0, 5.0, 6.5], [10.5, 12.5, 14.0]]
