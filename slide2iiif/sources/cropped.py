"""A slide cut down to its scanned area, which some formats lay somewhere on a large empty canvas.

The cut begins at a tile of the stored levels, so that they can be copied as before, and at a whole pixel of every
level; it ends where the scanned area does. Where the slide stores the area as an image of its own (Leica SCN), the cut
is that image, and its tiles can be copied.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from slide2iiif.geometry import Region, Size, ceil_div
from slide2iiif.imaging.pixels import Pixels
from slide2iiif.sources.base import ClosingSource, Description, Source, StoredLevel
from slide2iiif.sources.jpeg_tiles import JpegTiles

_COARSEST_STEP = 4096
"""Most pixels that the cut is moved outwards for the sake of tiles that can be copied."""

_SIDES = ("x", "y", "width", "height")


class _Cut(NamedTuple):
    """Place of the area on a level."""

    x: int
    y: int
    size: Size


class CroppedSource(ClosingSource):
    """The scanned area of a slide as a slide of its own."""

    def __init__(self, source: Source, area: Region) -> None:
        """Take the slide, which is closed with this one, and what `find_area` gives for it."""
        self._source = source
        whole = source.description
        scales = [_scale(whole.size, level.size) for level in whole.levels]
        self._cuts = [_cut(area, level, scale) for level, scale in zip(whole.levels, scales, strict=True)]
        self.description: Description = replace(
            whole, levels=tuple(_crop(level, cut) for level, cut in zip(whole.levels, self._cuts, strict=True))
        )

    @property
    def properties(self) -> Mapping[str, str]:
        """See `Source.properties`."""
        return self._source.properties

    @property
    def associated(self) -> Mapping[str, Size]:
        """See `Source.associated`."""
        return self._source.associated

    def read_associated(self, name: str) -> Pixels:
        """See `Source.read_associated`."""
        return self._source.read_associated(name)

    def associated_profile(self, name: str) -> bytes | None:
        """See `Source.associated_profile`."""
        return self._source.associated_profile(name)

    def read(self, level: int, region: Region) -> Pixels:
        """Read RGB pixels. See `Source.read`."""
        cut = self._cuts[level]
        return self._source.read(level, Region(cut.x + region.x, cut.y + region.y, *region.size))

    def close(self) -> None:
        """Close the slide."""
        self._source.close()


def find_area(source: Source) -> Region | None:
    """Return the scanned area that a slide names, moved outwards to where it may be cut; None where it is the whole."""
    stated = [source.properties.get(f"openslide.bounds-{side}", "") for side in _SIDES]
    if not all(text.isascii() and text.isdecimal() for text in stated):
        return None
    x, y, width, height = (int(text) for text in stated)
    description = source.description
    if description.levels[0].area is not None:
        return description.levels[0].area.region
    right, bottom = min(x + width, description.size.width), min(y + height, description.size.height)
    step = _step(description)
    x, y = x // step.width * step.width, y // step.height * step.height
    if right <= x or bottom <= y or Region(x, y, right - x, bottom - y) == Region(0, 0, *description.size):
        return None
    return Region(x, y, right - x, bottom - y)


def _step(description: Description) -> Size:
    """Return the grid of places where the cut may begin: tiles of as many stored levels as are fine enough."""
    scales = [_scale(description.size, level.size) for level in description.levels]
    # Whole pixels on every level, whatever it costs.
    width = height = math.lcm(*scales)
    for level, scale in zip(description.levels, scales, strict=True):
        if isinstance(level.jpeg, JpegTiles):
            across, down = (
                math.lcm(width, level.jpeg.tile.width * scale),
                math.lcm(height, level.jpeg.tile.height * scale),
            )
            if max(across, down) <= max(_COARSEST_STEP, width, height):
                width, height = across, down
    return Size(width, height)


def _scale(whole: Size, level: Size) -> int:
    return max(1, round(whole.width / level.width))


def _cut(area: Region, level: StoredLevel, scale: int) -> _Cut:
    x, y = min(area.x // scale, level.size.width - 1), min(area.y // scale, level.size.height - 1)
    width, height = (
        min(ceil_div(area.width, scale), level.size.width - x),
        min(ceil_div(area.height, scale), level.size.height - y),
    )
    return _Cut(x, y, Size(width, height))


def _crop(level: StoredLevel, cut: _Cut) -> StoredLevel:
    jpeg = level.jpeg
    if level.area is not None and abs(level.area.region.x - cut.x) <= 1 and abs(level.area.region.y - cut.y) <= 1:
        stored = level.area.jpeg
        return StoredLevel(level.area.region.size, stored.tile, "jpeg", stored)
    if not isinstance(jpeg, JpegTiles) or cut.x % jpeg.tile.width or cut.y % jpeg.tile.height:
        return replace(level, size=cut.size, jpeg=None)
    column, row = cut.x // jpeg.tile.width, cut.y // jpeg.tile.height
    columns, rows = ceil_div(cut.size.width, jpeg.tile.width), ceil_div(cut.size.height, jpeg.tile.height)
    part = np.s_[row : row + rows, column : column + columns]
    # The table begins at 0, 0 of the new level.
    moved = replace(jpeg, offsets=jpeg.offsets[part].copy(), lengths=jpeg.lengths[part].copy())
    return replace(level, size=cut.size, jpeg=moved)
