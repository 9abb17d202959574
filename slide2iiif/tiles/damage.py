"""What of a block's input cannot be had because the slide is damaged there, and which tiles show it."""

from collections.abc import Callable

import numpy as np

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region, Size, touched
from slide2iiif.iiif.pyramid import Tile
from slide2iiif.imaging.pixels import Colour, Pixels


class DamagedRegions:
    """Regions of one input that are background because the slide is damaged there; in pixels of its level."""

    def __init__(self, background: Colour) -> None:
        """Take what is put in their place."""
        self._background = background
        self._regions: set[Region] = set()

    def fill(self, region: Region, size: Size) -> Pixels:
        """Note a region as lost and give background of a size for it, shape (height, width, 3)."""
        self._regions.add(region)
        return np.full((size.height, size.width, 3), self._background, np.uint8)

    def tiles(self, level: int, side: int) -> set[Tile]:
        """Give the tiles that show a lost region: squares of a side, of the published level of the input's scale."""
        found: set[Tile] = set()
        for region in self._regions:
            columns, rows = touched(region, Size(side, side))
            found.update(Tile(level, column, row) for row in rows for column in columns)
        return found

    def read_around(self, read: Callable[[Region], Pixels], region: Region, smallest: int) -> Pixels:
        """Read a region, and fill in the parts of it that cannot be read.

        Args:
            read: gives the pixels of a region.
            region: all of it.
            smallest: side in pixels at which a part is given up.
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
    """Halve a side, at a multiple of the smallest part, so that parts are the tiles of the level."""
    return max(1, -(-side // smallest) // 2) * smallest
