"""Tiles are made from the right pixels, however a slide is cut into blocks."""

from pathlib import Path

import numpy as np
import pytest
from formats.exports import write_pyramid
from formats.pictures import Coding, without
from made_slides import smooth_pixels, write_image
from numpy.typing import NDArray
from PIL import Image
from simplejpeg import decode_jpeg, encode_jpeg
from stagings import objects_in

from slide2iiif.discovery.walk import walk
from slide2iiif.engines.serial import SerialEngine
from slide2iiif.errors import SourceError
from slide2iiif.geometry import Size
from slide2iiif.iiif.pyramid import plan_pyramid
from slide2iiif.options import Options
from slide2iiif.plan.service import ServicePlan, plan_service
from slide2iiif.progress import Silent
from slide2iiif.publish.run import Export
from slide2iiif.publish.tree import Tree
from slide2iiif.records.receipts import Receipts
from slide2iiif.sources.describe import DescribeTask, describe
from slide2iiif.stores.memory import MemoryStore


def export(slide: Path, options: Options, folder: Path) -> dict[str, bytes]:
    (folder / "private" / "staging").mkdir(parents=True)
    with MemoryStore() as store, SerialEngine() as engine:
        receipts = Receipts(objects_in(folder / "private"))
        flow = Export(Tree(store, receipts, options, "https://h", "https://o"), engine, Silent())
        summary = flow.slides(walk(slide))
        assert [outcome.reason for outcome in summary.outcomes] == [""]
        return store.slides[slide.name]


def stitch(files: dict[str, bytes], size: Size, side: int, level: int) -> NDArray[np.uint8]:
    """Put the tiles of a level together again."""
    pyramid = plan_pyramid(size, side)
    width, height = pyramid.levels[level].size
    picture = np.zeros((height, width, 3), np.uint8)
    for tile in pyramid.tiles(pyramid.levels[level]):
        part = decode_jpeg(files[f"{pyramid.region(tile)}/{pyramid.tile_pixels(tile).width},/0/default.jpg"])
        y, x = tile.row * side, tile.column * side
        picture[y : y + part.shape[0], x : x + part.shape[1]] = part
    return picture


def reduced(pixels: NDArray[np.uint8], scale: int) -> NDArray[np.float64]:
    """Average squares, those at the edges of what is there."""
    height, width, _ = pixels.shape
    rows, columns = np.arange(0, height, scale), np.arange(0, width, scale)
    sums = np.add.reduceat(np.add.reduceat(pixels.astype(np.float64), rows, axis=0), columns, axis=1)
    return np.asarray(sums / np.outer(np.diff([*rows, height]), np.diff([*columns, width]))[..., np.newaxis])


def error_of(found: NDArray[np.uint8], expected: NDArray[np.float64]) -> float:
    """Give the root of the mean squared difference."""
    return float(np.sqrt(((found - expected) ** 2).mean()))


@pytest.mark.parametrize(("width", "height"), [(2100, 1300), (4500, 300), (257, 511), (64, 65)])
@pytest.mark.parametrize("side", [64, 100, 512])
def test_every_level_is_the_picture_in_its_size(tmp_path: Path, width: int, height: int, side: int) -> None:
    slide = write_image(tmp_path / "a.png", width, height)
    files = export(slide, Options(tile_size=side, quality=95, subsampling="444"), tmp_path)
    pixels = smooth_pixels(width, height)
    for level in plan_pyramid(Size(width, height), side).levels:
        expected = reduced(pixels, level.scale)
        found = stitch(files, Size(width, height), side, level.index)
        # What the encoder itself leaves of it, and a little for edges that are halved again and again.
        limit = error_of(
            decode_jpeg(encode_jpeg(np.round(expected).astype(np.uint8), 95, colorsubsampling="444")), expected
        )
        assert error_of(found, expected) < limit + 2


def test_the_whole_image_is_the_same_picture_at_every_size(tmp_path: Path) -> None:
    slide = write_image(tmp_path / "a.png", 3000, 2000)
    files = export(slide, Options(quality=95, subsampling="444"), tmp_path)
    for path, scale in [("full/max", 2), ("full/1500,", 2), ("full/750,500", 4), ("full/375,", 8)]:
        picture = decode_jpeg(files[f"{path}/0/default.jpg"])
        assert error_of(picture, reduced(smooth_pixels(3000, 2000), scale)) < 3
    assert decode_jpeg(files["full/90,/0/default.jpg"]).shape == (60, 90, 3)


@pytest.mark.parametrize(("width", "height"), [(4600, 1300), (2100, 4300)])
@pytest.mark.parametrize("missing", [frozenset[int](), frozenset({1, 20})], ids=["all stored", "some missing"])
def test_every_level_of_one_that_is_stored_in_jpeg_tiles_is_the_picture(
    tmp_path: Path, width: int, height: int, missing: frozenset[int]
) -> None:
    """Its pixels are padded on their way, and neither the fourth byte nor another order of the others gets out."""
    pixels = without(smooth_pixels(width, height), (256, 256), missing)
    coding = Coding(quality=95, sampling="444")
    slide = write_pyramid(tmp_path / "a.tif", pixels, scales=(1,), missing=missing, coding=coding)
    files = export(slide, Options(tile_size=256, quality=95, subsampling="444"), tmp_path)
    assert any(pass_.intermediate_level is not None for pass_ in plan_of(slide).passes)
    for level in plan_pyramid(Size(width, height), 256).levels:
        found = stitch(files, Size(width, height), 256, level.index)
        assert error_of(found, reduced(pixels, level.scale)) < 4, level
    small = decode_jpeg(files["full/400,/0/default.jpg"])
    whole = Image.fromarray(pixels).resize((small.shape[1], small.shape[0]), Image.Resampling.BOX)
    assert error_of(small, np.asarray(whole, np.float64)) < 4


def plan_of(slide: Path) -> ServicePlan:
    return plan_service("a.tif", describe(DescribeTask(slide)).description, Options(tile_size=256))


def test_rendering_again_gives_the_same_bytes(tmp_path: Path) -> None:
    slide = write_image(tmp_path / "a.png", 900, 700)
    assert export(slide, Options(), tmp_path / "1") == export(slide, Options(), tmp_path / "2")


def test_tiles_are_baseline_jpeg_of_three_bands(tmp_path: Path) -> None:
    files = export(write_image(tmp_path / "a.png", 900, 700), Options(), tmp_path)
    for path, stream in files.items():
        if path.endswith(".jpg"):
            assert stream.startswith(b"\xff\xd8")
            assert stream.endswith(b"\xff\xd9")
            assert b"\xff\xc0\x00\x11\x08" in stream


def test_a_slide_is_described_without_reading_its_pixels(tmp_path: Path) -> None:
    slide = write_image(tmp_path / "a.png", 900, 700)
    assert describe(DescribeTask(slide)).description.size == Size(900, 700)
    with pytest.raises(SourceError, match="no such file"):
        describe(DescribeTask(tmp_path / "missing.png"))
