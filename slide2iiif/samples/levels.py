"""Strips of all stored levels of a painted slide, made in one pass over full resolution.

A strip is a row of tiles. A coarser level is the box average of the next finer one, cut off where a box is
incomplete, as in the software of scanners. Memory holds one strip for each level.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from slide2iiif.geometry import Region, Size
from slide2iiif.samples.tissue import Pixels, tissue

LARGEST_FACTOR = 16
"""Maximum reduction from one level to the next: the sum of 16 × 16 pixels fits in 16 bits."""


class Strip(NamedTuple):
    """One row of tiles of a level."""

    level: int
    """Index of the level; 0 is full resolution."""
    y: int
    """Top row, in pixels of the level."""
    pixels: Pixels
    """Shape (rows, width of the level, 3); the last strip of a level may have fewer rows than a tile."""


def level_size(size: Size, scale: int) -> Size:
    """Return the size of a stored level: each side divided and rounded down."""
    return Size(size.width // scale, size.height // scale)


class Slide:
    """The levels of a slide to be written.

    Args:
        size: full resolution, in pixels.
        scales: scale factors, full resolution first.
        tile_size: rows of a strip, in pixels.
        seed: seed of the tissue; another seed is another slide.

    Raises:
        ValueError: the scales do not begin with 1, are no multiples of each other by a factor up to 16 that
            divides the tile size, or leave no pixel.
    """

    def __init__(self, size: Size, scales: tuple[int, ...], tile_size: int, seed: int) -> None:
        if min(size) < 1 or tile_size < 1:
            raise ValueError(f"no slide of {size} pixels in tiles of {tile_size}")
        pairs = list(pairwise(scales))
        if scales[:1] != (1,) or any(coarse % fine or coarse <= fine for fine, coarse in pairs):
            raise ValueError(f"scales must begin with 1, and each must be a multiple of the one before: {scales}")
        self._factors = [coarse // fine for fine, coarse in pairs]
        if any(tile_size % factor or factor > LARGEST_FACTOR for factor in self._factors):
            raise ValueError(f"tiles of {tile_size} cannot be reduced by {self._factors}")
        if min(level_size(size, scales[-1])) < 1:
            raise ValueError(f"a slide of {size} pixels has no level at 1:{scales[-1]}")
        self._size = size
        self._tile_size = tile_size
        self._seed = seed
        self.level_sizes = tuple(level_size(size, scale) for scale in scales)
        self._waiting: list[list[Pixels]] = [[] for _ in scales]
        self._next_rows = [0 for _ in scales]

    def strips(self) -> Iterator[Strip]:
        """Yield the strips of all levels; those of one level from top to bottom."""
        width, height = self._size
        for y in range(0, height, self._tile_size):
            rows = min(self._tile_size, height - y)
            yield from self._emit(0, tissue(Region(0, y, width, rows), self._size, self._seed))
        for level in range(1, len(self.level_sizes)):
            if self._waiting[level]:
                yield from self._flush(level)

    def _emit(self, level: int, pixels: Pixels) -> Iterator[Strip]:
        """Yield a strip, and the coarser strips that it completes."""
        yield Strip(level, self._next_rows[level], pixels)
        self._next_rows[level] += len(pixels)
        if level == len(self._factors):
            return
        reduced = box_average(pixels, self._factors[level])
        waiting = self._waiting[level + 1]
        if len(reduced):
            waiting.append(reduced)
        if sum(map(len, waiting)) == self._tile_size:
            yield from self._flush(level + 1)

    def _flush(self, level: int) -> Iterator[Strip]:
        pixels = np.concatenate(self._waiting[level])
        self._waiting[level].clear()
        yield from self._emit(level, pixels)


def box_average(pixels: Pixels, factor: int) -> Pixels:
    """Average squares of `factor` pixels, rounded half up; incomplete squares are cut off.

    Args:
        pixels: shape (height, width, bands).
        factor: side of a square, at most `LARGEST_FACTOR`.
    """
    height, width = (side // factor * factor for side in pixels.shape[:2])
    whole = pixels[:height, :width]
    rows = np.zeros((height // factor, width, pixels.shape[2]), np.uint16)
    for step in range(factor):
        rows += whole[step::factor]
    sums = np.full((height // factor, width // factor, pixels.shape[2]), factor * factor // 2, np.uint16)
    for step in range(factor):
        sums += rows[:, step::factor]
    sums //= np.uint16(factor * factor)
    return sums.astype(np.uint8)
