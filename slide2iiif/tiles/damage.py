"""Damaged input regions of a block, and the tiles that they affect."""

from collections.abc import Callable

import numpy as np

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region, Size, touched
from slide2iiif.iiif.pyramid import Tile
from slide2iiif.imaging.pixels import Colour, Pixels


class DamagedRegions:
    """Damaged regions of one input, filled with background; in pixels of the level of the input."""

    def __init__(self, background: Colour) -> None:
        """Start without regions; `background` fills those that are added."""
        self._background = background
        self._regions: set[Region] = set()

    def fill(self, region: Region, size: Size) -> Pixels:
        """Record a damaged region and return background for it, shape (size.height, size.width, 3)."""
        self._regions.add(region)
        return np.full((size.height, size.width, 3), self._background, np.uint8)

    def tiles(self, level: int, side: int) -> set[Tile]:
        """Return the tiles that overlap a damaged region; `level` is that of the input, `side` that of its tiles."""
        found: set[Tile] = set()
        for region in self._regions:
            columns, rows = touched(region, Size(side, side))
            found.update(Tile(level, column, row) for row in rows for column in columns)
        return found

    def read_around(self, read: Callable[[Region], Pixels], region: Region, smallest: int) -> Pixels:
        """Read a region, with background in the parts that cannot be read.

        Args:
            read: function that reads a region, shape (height, width, 3).
            region: region to read.
            smallest: side in pixels below which a part that cannot be read is not divided further.
        """
        try:
            return read(region)
        except SourceError:
            if max(region.size) <= smallest:
                return self.fill(region, region.size)
        x, y, width, height = region
        if width >= height:
            left = _half(width, smallest)
            parts = Region(x, y, left, height), Region(x + left, y, width - left, height)
        else:
            upper = _half(height, smallest)
            parts = Region(x, y, width, upper), Region(x, y + upper, width, height - upper)
        halves = [self.read_around(read, part, smallest) for part in parts]
        return np.concatenate(halves, axis=1 if width >= height else 0)


def _half(side: int, smallest: int) -> int:
    """Return about half of a side, as a multiple of the smallest part, so that parts are whole tiles of the level."""
    return max(1, -(-side // smallest) // 2) * smallest
