"""The pyramid of a slide: which levels and tiles are published. Pure arithmetic.

The law, for an image of W×H pixels and square tiles of T pixels:

* Levels have the scale factors s = 1, 2, 4 … 2ⁿ without a gap, and n is the smallest for which the whole
  image fits in one tile: ceil(W/2ⁿ) ≤ T and ceil(H/2ⁿ) ≤ T.
* A level at s is ceil(W/s)×ceil(H/s) pixels.
* The tile in column c and row r of a level covers x = c·T·s, y = r·T·s, w = min(T·s, W-x), h = min(T·s, H-y)
  of the full image and is ceil(w/s)×ceil(h/s) pixels itself.

Source: IIIF Image API 2.1, section 5.2 and appendix A; 3.0, section 5.4 and implementation note 3 on tile requests.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from slide2iiif.geometry import Region, Size, ceil_div

WHOLE_IMAGE_LIMIT = 2048
"""Longest side, in pixels, of the picture that answers for the whole image (`full/max`).

A slide cannot be one JPEG (65,535 pixels a side at most), and nobody wants it to be.
"""


class Tile(NamedTuple):
    """Where a tile is: level (0 is full resolution), column and row."""

    level: int
    column: int
    row: int


@dataclass(frozen=True, slots=True)
class Level:
    """One published resolution."""

    index: int
    """0 is full resolution."""
    scale: int
    """Scale factor: 2 to the power of the index."""
    size: Size
    """Pixels of this level."""
    columns: int
    """Tiles in a row."""
    rows: int
    """Tiles in a column."""

    @property
    def tile_count(self) -> int:
        """Number of tiles of this level."""
        return self.columns * self.rows

    def is_inside(self, tile: Tile) -> bool:
        """Tell whether a tile of this level is a whole square because others lie to its right and below it."""
        return 0 <= tile.column < self.columns - 1 and 0 <= tile.row < self.rows - 1


@dataclass(frozen=True, slots=True)
class Pyramid:
    """All levels of one slide, full resolution first. Made by `plan_pyramid`."""

    size: Size
    """Full resolution."""
    tile_size: int
    """Side of a tile, in pixels of its level."""
    levels: tuple[Level, ...]
    """Full resolution first; the last one is a single tile."""

    @property
    def top(self) -> Level:
        """The level of one tile."""
        return self.levels[-1]

    @property
    def tile_count(self) -> int:
        """Number of tiles of all levels."""
        return sum(level.tile_count for level in self.levels)

    @property
    def overview(self) -> Level:
        """The level that answers for the whole image: the largest within `WHOLE_IMAGE_LIMIT`.

        The declared limit must not be smaller than a tile, so large tiles may ask for the next finer level.
        """
        limit = max(WHOLE_IMAGE_LIMIT, self.tile_size)
        level = next(level for level in self.levels if level.size.longer_side <= limit)
        if level.index and level.size.longer_side < self.tile_size:
            level = self.levels[level.index - 1]
        return level

    @property
    def is_limited(self) -> bool:
        """Whether the whole image is offered only reduced, which the document must then declare."""
        return self.overview.index > 0

    def region(self, tile: Tile) -> Region:
        """Full-resolution pixels that a tile covers.

        Raises:
            IndexError: the pyramid has no such tile.
        """
        level = self.levels[tile.level]
        if not (0 <= tile.column < level.columns and 0 <= tile.row < level.rows):
            raise IndexError(f"no {tile} in a level of {level.columns}×{level.rows} tiles")
        side = self.tile_size * level.scale
        x, y = tile.column * side, tile.row * side
        return Region(x, y, min(side, self.size.width - x), min(side, self.size.height - y))

    def tile_pixels(self, tile: Tile) -> Size:
        """Width and height of the tile itself."""
        if self.levels[tile.level].is_inside(tile):
            return Size(self.tile_size, self.tile_size)
        return self.region(tile).size.reduced(self.levels[tile.level].scale)

    def tiles(self, level: Level) -> Iterator[Tile]:
        """Tiles of a level, row by row, one at a time."""
        for row in range(level.rows):
            for column in range(level.columns):
                yield Tile(level.index, column, row)


def plan_pyramid(size: Size, tile_size: int) -> Pyramid:
    """Plan the published levels of an image.

    Args:
        size: full resolution, at least 1×1.
        tile_size: side of a tile in pixels, at least 1.

    Raises:
        ValueError: an empty image or tile.
    """
    if min(size) < 1 or tile_size < 1:
        raise ValueError(f"no pyramid for an image of {size} in tiles of {tile_size}")
    levels: list[Level] = []
    scale = 1
    while True:
        reduced = size.reduced(scale)
        columns, rows = ceil_div(reduced.width, tile_size), ceil_div(reduced.height, tile_size)
        levels.append(Level(len(levels), scale, reduced, columns, rows))
        if columns == rows == 1:
            return Pyramid(size, tile_size, tuple(levels))
        scale *= 2
