"""Pages of a TIFF, written from strips of pixels."""

from collections.abc import Mapping

import numpy as np

from slide2iiif.geometry import Size
from slide2iiif.samples.coding import Coding
from slide2iiif.samples.levels import Slide, Strip
from slide2iiif.samples.tiff import Page, Tag, TiffFile, Value
from slide2iiif.samples.tissue import Pixels

OVERVIEW_SIDE = 1024
"""Minimum side of an overview in pixels, where the slide is as large."""


class Overview:
    """A small image of the slide, collected from the strips of its coarsest level."""

    def __init__(self, slide: Slide) -> None:
        self._level = len(slide.level_sizes) - 1
        self._step = max(1, slide.level_sizes[-1].longer_side // OVERVIEW_SIDE)
        self._rows: list[Pixels] = []

    def add(self, strip: Strip) -> None:
        """Sample the rows and columns of a strip that the overview shows."""
        if strip.level == self._level:
            self._rows.append(strip.pixels[-strip.y % self._step :: self._step, :: self._step])

    def pixels(self, size: Size) -> Pixels:
        """Return the overview resized to a size; shape (height, width, 3)."""
        from PIL import Image

        picture = Image.fromarray(np.concatenate(self._rows))
        return np.asarray(picture.resize(size, Image.Resampling.BOX))


def level_page(size: Size, tile_size: int, coding: Coding, tags: Mapping[Tag, Value], bands: int = 3) -> Page:
    """Make the page of a level, still without tiles."""
    return Page(size, {**coding.tags(bands), **tags}, tile_size)


def put_strip(file: TiffFile, page: Page, pixels: Pixels, coding: Coding, tile_size: int) -> None:
    """Append a row of tiles to the page of a level.

    Tiles at the edges are padded to full tiles with the last pixels (TIFF 6.0, section 15).
    """
    for x in range(0, pixels.shape[1], tile_size):
        tile = pixels[:, x : x + tile_size]
        lacking = tile_size - tile.shape[0], tile_size - tile.shape[1]
        if any(lacking):
            tile = np.pad(tile, ((0, lacking[0]), (0, lacking[1]), (0, 0)), mode="edge")
        file.put(page, coding.encode(tile))


def picture_page(file: TiffFile, pixels: Pixels, coding: Coding, tags: Mapping[Tag, Value]) -> Page:
    """Make the page of an associated image in one strip, and write its data."""
    height, width, bands = pixels.shape
    page = Page(Size(width, height), {**coding.tags(bands), **tags})
    file.put(page, coding.encode(pixels))
    return page
