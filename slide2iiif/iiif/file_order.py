"""Ordinals of the files of an image service: each tile and whole-image picture has one, by arithmetic alone."""

from dataclasses import dataclass
from itertools import accumulate

from slide2iiif.geometry import Size
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.paths import Picture, pictures, tile_paths
from slide2iiif.iiif.pyramid import Pyramid, Tile


@dataclass(frozen=True, slots=True)
class FileOrder:
    """Ordinals of the files of one image service; a value that workers get a copy of. Made by `order_files`."""

    pyramid: Pyramid
    """The published levels."""
    api: Api
    """Image API version of the file names."""
    firsts: tuple[int, ...]
    """Ordinal of the first tile of each level below the top one; then that of the first picture."""

    def of_tile(self, tile: Tile) -> int:
        """Return the ordinal of a tile below the top level."""
        level, column, row = tile
        return self.firsts[level] + row * self.pyramid.levels[level].columns + column

    def of_picture(self, size: Size) -> int:
        """Return the ordinal of the whole-image picture of a size.

        Raises:
            ValueError: no picture has this size.
        """
        sizes = [picture.size for picture in pictures(self.pyramid, self.api)]
        return self.firsts[-1] + sizes.index(size)

    def tile_at(self, ordinal: int) -> Tile:
        """Return the tile at an ordinal below `tile_count`."""
        level = max(index for index, first in enumerate(self.firsts[:-1]) if first <= ordinal)
        row, column = divmod(ordinal - self.firsts[level], self.pyramid.levels[level].columns)
        return Tile(level, column, row)

    @property
    def tile_count(self) -> int:
        """Number of tiles below the top level."""
        return self.firsts[-1]

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Whole-image pictures in the order of their ordinals, which follow those of the tiles."""
        return pictures(self.pyramid, self.api)

    @property
    def count(self) -> int:
        """Number of ordinals: tiles below the top level, and pictures."""
        return self.firsts[-1] + len(self.pictures)

    def paths_at(self, ordinal: int) -> tuple[str, ...]:
        """Return the request paths of a file, canonical first; empty for a tile without paths of its own."""
        if ordinal >= self.tile_count:
            return self.pictures[ordinal - self.tile_count].paths
        return tile_paths(self.pyramid, self.tile_at(ordinal), self.api)


def order_files(pyramid: Pyramid, api: Api) -> FileOrder:
    """Number the files of an image service."""
    counts = [level.tile_count for level in pyramid.levels[:-1]]
    return FileOrder(pyramid, api, tuple(accumulate(counts, initial=0)))
