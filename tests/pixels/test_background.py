"""Where a slide has nothing there is its background colour: on every level, at every edge, never black."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simplejpeg
from PIL import Image
from stagings import objects_in

from slide2iiif.discovery.walk import walk
from slide2iiif.engines.serial import SerialEngine
from slide2iiif.geometry import Size
from slide2iiif.options import Options
from slide2iiif.progress import Silent
from slide2iiif.publish.run import Export
from slide2iiif.publish.tree import Tree
from slide2iiif.records.receipts import Receipts
from slide2iiif.samples import write_aperio
from slide2iiif.sources import openslide as reader
from slide2iiif.stores.memory import MemoryStore
from tests.copying.conftest import TiffLevel

SIZE = Size(1390, 1111)
LILAC = (214, 200, 228)
_TILE = 256


def pictures(path: Path, private: Path, **options: Any) -> dict[str, Any]:
    """Export one slide in this process; give its tiles and pictures as pixels."""
    (private / "staging").mkdir(parents=True)
    store = MemoryStore()
    base = "https://host.example/iiif"
    receipts = Receipts(objects_in(private))
    with store, SerialEngine() as engine:
        export = Export(Tree(store, receipts, Options(quality=95, **options), base, f"{base}-v3"), engine, Silent())
        assert export.slides(walk(path)).exit_code == 0
    [files] = store.slides.values()
    return {
        name: simplejpeg.decode_jpeg(content, "RGB") for name, content in files.items() if name.endswith("default.jpg")
    }


def unscanned(path: Path) -> Path:
    """Write a slide whose right and bottom part were never scanned: it stores no tiles there."""
    write_aperio(path, SIZE, scales=(1,), associated=frozenset())
    level = TiffLevel(path)
    for index in range(len(level.places)):
        row, column = divmod(index, level.columns)
        if column >= 3 or row >= 3:
            level.point(index, type(level.places[0])(0, 0))
    return path


def check_unscanned(found: dict[str, Any], colour: tuple[int, int, int]) -> None:
    assert len(found) > 40
    for name, pixels in found.items():
        assert pixels.max(axis=-1).min() > 60, f"{name} is black somewhere"
        region = name.split("/")[0]
        x, y, width, height = (0, 0, *SIZE) if region == "full" else map(int, region.split(","))
        rows, columns, _ = pixels.shape
        # Half a tile behind the border and beyond: JPEG blurs what is next to it.
        right = max(0, -(-(3.25 * _TILE - x) * columns // width))
        bottom = max(0, -(-(3.25 * _TILE - y) * rows // height))
        for part in (pixels[:, int(right) + 1 :], pixels[int(bottom) + 1 :]):
            if part.size:
                assert np.abs(part.astype(int) - colour).max() < 16, name


@pytest.mark.parametrize("recompress", [False, True])
@pytest.mark.parametrize("colour", [LILAC, (255, 255, 255)])
def test_what_was_not_scanned_has_the_slides_own_background(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, colour: tuple[int, int, int], *, recompress: bool
) -> None:
    # As OpenSlide tells it of the formats that have one.
    monkeypatch.setattr(reader, "_colour", lambda _text: colour)
    found = pictures(unscanned(tmp_path / "a.svs"), tmp_path / "private", recompress=recompress)
    check_unscanned(found, colour)


@pytest.mark.parametrize("text", ["FFFFFF", "d6c8e4", None, "", "12345", "GGGGGG", "-12345"])
def test_the_colour_is_the_property_or_white(text: str | None) -> None:
    expected = {"d6c8e4": LILAC}.get(text or "", (255, 255, 255))
    assert reader._colour(text) == expected


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_what_is_transparent_in_an_ordinary_image_is_white_on_every_level(tmp_path: Path, mode: str) -> None:
    colours = np.zeros((900, 1200, 4), np.uint8)
    colours[:, :600] = (90, 140, 110, 255)
    image = Image.fromarray(colours)
    if mode == "PA":
        image.quantize().save(tmp_path / "a.png")
    else:
        image.convert(mode).save(tmp_path / "a.png")
    for name, pixels in pictures(tmp_path / "a.png", tmp_path / "private").items():
        assert pixels.max(axis=-1).min() > 60, f"{name} is black somewhere"
        if name.startswith(("full/", "0,0,1200,900/")) and pixels.shape[1] > 64:
            assert (pixels[:, pixels.shape[1] // 2 + 16 :] > 247).all(), name
