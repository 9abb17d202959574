"""Strips -> pages of a TIFF."""

from collections.abc import Mapping

import numpy as np

from slide2iiif.geometry import Size
from slide2iiif.samples.coding import Coding
from slide2iiif.samples.levels import Slide, Strip
from slide2iiif.samples.tiff import Page, Tag, TiffFile, Value
from slide2iiif.samples.tissue import Pixels

OVERVIEW_SIDE = 1024
"""Side, in pixels, that an overview has at least, where the slide has as much."""


class Overview:
    """A small picture of the slide, gathered from the strips of its coarsest level as they pass."""

    def __init__(self, slide: Slide) -> None:
        self._level = len(slide.level_sizes) - 1
        self._step = max(1, slide.level_sizes[-1].longer_side // OVERVIEW_SIDE)
        self._rows: list[Pixels] = []

    def add(self, strip: Strip) -> None:
        """Keep what the picture needs of a strip."""
        if strip.level == self._level:
            self._rows.append(strip.pixels[-strip.y % self._step :: self._step, :: self._step])

    def pixels(self, size: Size) -> Pixels:
        """Give the picture, stretched to a size; shape (height, width, 3)."""
        from PIL import Image

        picture = Image.fromarray(np.concatenate(self._rows))
        return np.asarray(picture.resize(size, Image.Resampling.BOX))


def level_page(size: Size, tile_size: int, coding: Coding, tags: Mapping[Tag, Value], bands: int = 3) -> Page:
    """Make the page of a level, without tiles so far."""
    return Page(size, {**coding.tags(bands), **tags}, tile_size)


def put_strip(file: TiffFile, page: Page, pixels: Pixels, coding: Coding, tile_size: int) -> None:
    """Append a row of tiles to the page of a level.

    Tiles at the edges are full tiles, as TIFF demands (section 15); their outer part repeats the last pixels.
    """
    for x in range(0, pixels.shape[1], tile_size):
        tile = pixels[:, x : x + tile_size]
        lacking = tile_size - tile.shape[0], tile_size - tile.shape[1]
        if any(lacking):
            tile = np.pad(tile, ((0, lacking[0]), (0, lacking[1]), (0, 0)), mode="edge")
        file.put(page, coding.encode(tile))


def picture_page(file: TiffFile, pixels: Pixels, coding: Coding, tags: Mapping[Tag, Value]) -> Page:
    """Make the page of a small picture of one strip, and write its data."""
    height, width, bands = pixels.shape
    page = Page(Size(width, height), {**coding.tags(bands), **tags})
    file.put(page, coding.encode(pixels))
    return page
