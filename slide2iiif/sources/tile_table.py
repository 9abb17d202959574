"""Tiles of a level that are not stored, and the tiles of a coarser one that lie over them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from slide2iiif.geometry import Size


class TileTable(NamedTuple):
    """Tiles of a level that are not stored."""

    tile: Size
    """Pixels of a tile."""
    missing: NDArray[np.bool_]
    """True for each tile that is not stored, shape (rows, columns)."""

    def under(self, tile: Size, shape: tuple[int, ...], scale: float) -> NDArray[np.bool_]:
        """Return which tiles of a coarser level lie over a missing one.

        Args:
            tile: pixels of a tile of the coarser level.
            shape: its rows and columns.
            scale: pixels of this level, across and down, for one of the coarser.
        """
        found = np.zeros(shape, np.bool_)
        rows, columns = np.nonzero(self.missing)
        top, bottom = _covered(rows, self.tile.height, tile.height * scale, shape[0])
        left, right = _covered(columns, self.tile.width, tile.width * scale, shape[1])
        for down in range(int((bottom - top).max(initial=-1)) + 1):
            for across in range(int((right - left).max(initial=-1)) + 1):
                found[np.minimum(top + down, bottom), np.minimum(left + across, right)] = True
        return found


def _covered(
    places: NDArray[np.intp], side: int, coarser: float, count: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the first and last tile of a coarser level, in one direction, that each tile lies under."""
    first = np.floor(places * side / coarser).astype(np.intp)
    last = np.floor(((places + 1) * side - 1) / coarser).astype(np.intp)
    return np.minimum(first, count - 1), np.minimum(last, count - 1)
