"""The published pyramid of a slide: its levels and tiles. Pure arithmetic.

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
"""Maximum side in pixels of the picture at `full/max`.

A slide does not fit in one JPEG (at most 65,535 pixels a side), and would be too large to load as one.
"""


class Tile(NamedTuple):
    """Position of a tile: level (0 is full resolution), column and row."""

    level: int
    column: int
    row: int


@dataclass(frozen=True, slots=True)
class Level:
    """One level of the published pyramid."""

    index: int
    """Index of the level; 0 is full resolution."""
    scale: int
    """Scale factor: 2 ** index."""
    size: Size
    """Size of the level in pixels."""
    columns: int
    """Number of tiles in a row."""
    rows: int
    """Number of tiles in a column."""

    @property
    def tile_count(self) -> int:
        """Number of tiles of this level."""
        return self.columns * self.rows

    def is_inside(self, tile: Tile) -> bool:
        """Return True if a tile has neighbours to its right and below, so that it is a whole square."""
        return 0 <= tile.column < self.columns - 1 and 0 <= tile.row < self.rows - 1


@dataclass(frozen=True, slots=True)
class Pyramid:
    """All levels of one slide, full resolution first. Made by `plan_pyramid`."""

    size: Size
    """Size of full resolution in pixels."""
    tile_size: int
    """Side of a tile in pixels of its level."""
    levels: tuple[Level, ...]
    """Levels, full resolution first; the last is a single tile."""

    @property
    def top(self) -> Level:
        """The coarsest level: a single tile."""
        return self.levels[-1]

    @property
    def tile_count(self) -> int:
        """Number of tiles of all levels."""
        return sum(level.tile_count for level in self.levels)

    @property
    def overview(self) -> Level:
        """The level published at `full/max`: the largest within `WHOLE_IMAGE_LIMIT`.

        The declared maximum must not be smaller than a tile, so large tiles may need the next finer level.
        """
        limit = max(WHOLE_IMAGE_LIMIT, self.tile_size)
        level = next(level for level in self.levels if level.size.longer_side <= limit)
        if level.index and level.size.longer_side < self.tile_size:
            level = self.levels[level.index - 1]
        return level

    @property
    def is_limited(self) -> bool:
        """True if `full/max` is reduced, which info.json must then declare (2.1 section 5.3, 3.0 section 5.2)."""
        return self.overview.index > 0

    def region(self, tile: Tile) -> Region:
        """Return the region of a tile in full-resolution pixels.

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
        """Return the size of a tile in its own pixels."""
        if self.levels[tile.level].is_inside(tile):
            return Size(self.tile_size, self.tile_size)
        return self.region(tile).size.reduced(self.levels[tile.level].scale)

    def tiles(self, level: Level) -> Iterator[Tile]:
        """Yield the tiles of a level, row by row."""
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
