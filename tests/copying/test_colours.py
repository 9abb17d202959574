"""A published tile has the colours that OpenSlide shows, whatever it is opened with."""

import io
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openslide
import pytest
import pyvips
from numpy.typing import NDArray
from patience import PATIENCE
from PIL import Image

from slide2iiif.geometry import Region
from tests.copying.conftest import APERIO, MADE, REAL, Pixels, Published

_TILES = 4
"""Tiles of a slide that are opened: those with most to see."""


def open_in_pillow(stream: bytes) -> Pixels:
    with Image.open(io.BytesIO(stream)) as image:
        return np.asarray(image.convert("RGB"))


def open_in_libvips(stream: bytes) -> Pixels:
    image = pyvips.Image.new_from_buffer(stream, "", fail_on="warning").colourspace("srgb")
    pixels: Pixels = image.numpy()
    return pixels


def shown(path: Path, region: Region) -> Pixels:
    with openslide.OpenSlide(path) as slide:
        return np.asarray(slide.read_region((region.x, region.y), 0, region.size).convert("RGB"))


def telling_tiles(published: Published, count: int = _TILES) -> list[tuple[int, int]]:
    """Give the places of the tiles of full resolution that take most bytes."""
    return sorted(published.grid(0), key=lambda place: len(published.tile(0, *place)), reverse=True)[:count]


def difference(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    assert first.shape == second.shape
    return float(np.abs(first.astype(int) - second).mean())


@pytest.mark.parametrize("opened", [open_in_pillow, open_in_libvips])
@pytest.mark.parametrize("name", [*REAL, *MADE])
def test_the_colours_are_those_of_openslide(
    name: str,
    opened: Callable[[bytes], Pixels],
    slide_of: Callable[[str], Path],
    published_of: Callable[[str], Published],
) -> None:
    published = published_of(name)
    for place in telling_tiles(published):
        expected = shown(slide_of(name), published.region(0, *place))
        assert expected.std() > 3, "nothing to see, so nothing to compare"
        assert difference(opened(published.tile(0, *place)), expected) < 2


@pytest.mark.parametrize("name", [APERIO, "420.svs"])
def test_the_colours_are_the_same_in_a_browser(
    name: str, slide_of: Callable[[str], Path], published_of: Callable[[str], Published], tmp_path: Path
) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("chromium is not installed")
    published = published_of(name)
    [place] = telling_tiles(published, 1)
    expected = shown(slide_of(name), published.region(0, *place))
    height, width, _ = expected.shape
    (tmp_path / "tile.jpg").write_bytes(published.tile(0, *place))
    (tmp_path / "page.html").write_text("<body style='margin:0'><img src='tile.jpg' style='display:block'>")
    # A window is never as narrow as a tile: the picture is in its corner.
    options = ["--headless", "--no-sandbox", "--hide-scrollbars", "--force-device-scale-factor=1"]
    options += ["--force-color-profile=srgb", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    picture = tmp_path / "screenshot.png"
    subprocess.run(
        [chromium, *options, "--window-size=800,600", f"--screenshot={picture}", (tmp_path / "page.html").as_uri()],
        check=True,
        capture_output=True,
        timeout=PATIENCE,
    )
    with Image.open(picture) as image:
        pixels = np.asarray(image.convert("RGB"))[:height, :width]
    assert difference(pixels, expected) < 2
