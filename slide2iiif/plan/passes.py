"""Passes of blocks, the units of work, planned from the pyramid and the stored levels. Pure.

A pass reads one input (a stored level, or the intermediate image that the pass before has written) in square blocks,
and makes the tiles of one or more published levels from it. The law:

* A stored level serves as input where its scale is a published one: its size is that level's, ±1 pixel.
* A published level is made from the nearest input that is not coarser. So no tile is made from pixels that this
  program has compressed.
* A block is a square of `tile_size · 2^depth` input pixels, so it makes whole tiles of up to `depth` further
  levels, and each input pixel is read once. Where the next stored level is coarser than that, every block writes
  its reduced pixels to an intermediate image, which the next pass reads: memory does not grow with the slide.
* From the overview on, the level of at most some 2,048 pixels a side, a pass is one block, and makes the pictures
  of the whole image at its levels too.
* Blocks of a pass are independent of each other. A pass that reads an intermediate image starts when the pass
  before has ended.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from slide2iiif.geometry import Region, Size, ceil_div
from slide2iiif.iiif.pyramid import Pyramid, Tile
from slide2iiif.sources.base import StoredLevel

_BLOCK_SIDE = 2048
"""Approximate side of a block in pixels, without an intermediate image: some 64 tiles, 12 MB of pixels."""
_INTERMEDIATE_BLOCK_SIDE = 4096
"""Approximate side of a block in pixels, with an intermediate image, which larger blocks make smaller."""


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass over one input, in blocks."""

    stored_level: int | None
    """Index of the stored level that is read; None for the intermediate image of the pass before."""
    stored_size: Size
    """Size of the input in pixels; a stored level may be one pixel short of the published level."""
    input_level: int
    """Published level of the same scale as the input."""
    copies: bool
    """True if the stored tiles are copied for the first published level."""
    levels: tuple[int, ...]
    """Published levels whose tiles are made, finest first; without the top level, which is a picture."""
    intermediate_level: int | None
    """Published level written as the intermediate image for the next pass; None for none."""
    pictures: tuple[int, ...]
    """Published levels whose whole-image picture is made; the pass then has one block."""
    makes_thumbnails: bool
    """True for the pass of the overview, which also makes whole-image pictures in the sizes of no level."""
    side: int
    """Side of a block in pixels of the input."""
    columns: int
    """Number of blocks in a row."""
    rows: int
    """Number of blocks in a column."""

    @property
    def block_count(self) -> int:
        """Number of blocks."""
        return self.columns * self.rows

    def blocks(self) -> Iterator["Block"]:
        """Yield the blocks, row by row."""
        for row in range(self.rows):
            for column in range(self.columns):
                yield Block(column, row)


class Block(NamedTuple):
    """Position of a block in its pass."""

    column: int
    row: int


def plan_passes(
    pyramid: Pyramid, stored: Sequence[StoredLevel], *, copy: bool, random_access: bool = True
) -> tuple[Pass, ...]:
    """Plan the passes that make the published levels from the stored ones.

    Args:
        pyramid: the published levels.
        stored: the stored levels, full resolution first.
        copy: copy stored tiles where they have the published size.
        random_access: True if regions can be read in any order; else rows of blocks are held in memory, so blocks
            are kept low.
    """
    inputs = match_levels(pyramid, stored)
    overview = pyramid.overview.index
    # The overview is read from its own stored level where there is one; else from an intermediate image.
    last = overview - 1 if overview in inputs else overview
    largest_side = _INTERMEDIATE_BLOCK_SIDE if random_access else _BLOCK_SIDE
    passes: list[Pass] = []
    level = 0
    while level <= last:
        passes.append(_plan_pass(pyramid, inputs, level, last, largest_side))
        level = passes[-1].levels[-1] + 1
    starts = [overview, *sorted(index for index in inputs if index > overview)]
    ends = [*starts[1:], len(pyramid.levels)]
    for start, end in zip(starts, ends, strict=True):
        passes.append(_plan_whole(pyramid, inputs, range(start, end)))
    return tuple(_complete(each, pyramid, stored, copy=copy) for each in passes)


def match_levels(pyramid: Pyramid, stored: Sequence[StoredLevel]) -> dict[int, int]:
    """Map published levels to the stored levels of the same scale, by index; full resolution is always there."""
    matches = {0: 0}
    for index, candidate in enumerate(stored):
        for level in pyramid.levels[1:]:
            sides = zip(level.size, candidate.size, strict=True)
            if level.index not in matches and index and all(abs(ours - theirs) <= 1 for ours, theirs in sides):
                matches[level.index] = index
    return matches


def input_region(pyramid: Pyramid, pass_: Pass, block: Block) -> Region:
    """Return the region of the input that a block reads, in pixels of the published level `pass_.input_level`."""
    size = pyramid.levels[pass_.input_level].size
    x, y = block.column * pass_.side, block.row * pass_.side
    return Region(x, y, min(pass_.side, size.width - x), min(pass_.side, size.height - y))


def block_tiles(pyramid: Pyramid, pass_: Pass, block: Block, level: int) -> Iterator[Tile]:
    """Yield the tiles of a published level that a block makes, row by row."""
    per_side = pass_.side // (pyramid.tile_size << (level - pass_.input_level))
    grid = pyramid.levels[level]
    for row in range(block.row * per_side, min((block.row + 1) * per_side, grid.rows)):
        for column in range(block.column * per_side, min((block.column + 1) * per_side, grid.columns)):
            yield Tile(level, column, row)


def _plan_pass(pyramid: Pyramid, inputs: dict[int, int], level: int, last: int, largest_side: int) -> Pass:
    start = level if level in inputs else level - 1
    next_stored = next((index for index in sorted(inputs) if level < index <= last), last + 1)
    end = next_stored - 1
    depth = _depth(pyramid.tile_size, _BLOCK_SIDE)
    needs_intermediate = end == last == pyramid.overview.index or end > start + depth
    if needs_intermediate:
        depth = _depth(pyramid.tile_size, largest_side)
        end = min(end, start + depth)
        needs_intermediate = end < next_stored - 1 or end == last == pyramid.overview.index
    side = pyramid.tile_size << depth
    size = pyramid.levels[start].size
    return Pass(
        stored_level=inputs.get(start) if start == level else None,
        stored_size=size,
        copies=False,
        input_level=start,
        levels=tuple(range(level, end + 1)),
        intermediate_level=end if needs_intermediate else None,
        pictures=(),
        makes_thumbnails=False,
        side=side,
        columns=ceil_div(size.width, side),
        rows=ceil_div(size.height, side),
    )


def _plan_whole(pyramid: Pyramid, inputs: dict[int, int], levels: range) -> Pass:
    """Plan the pass of one block that makes some coarse levels from the finest of them."""
    start = levels[0]
    is_intermediate = start not in inputs
    return Pass(
        stored_level=inputs.get(start),
        stored_size=pyramid.levels[start].size,
        copies=False,
        input_level=start,
        levels=tuple(levels[is_intermediate:]),
        intermediate_level=None,
        pictures=tuple(levels),
        makes_thumbnails=start == pyramid.overview.index,
        # One block whatever the size, and tiles of every level must fit in it a whole number of times.
        side=pyramid.tile_size << (pyramid.top.index - start),
        columns=1,
        rows=1,
    )


def _complete(pass_: Pass, pyramid: Pyramid, stored: Sequence[StoredLevel], *, copy: bool) -> Pass:
    """Set the fields that depend on the stored level, and drop the top level, which is made as a picture."""
    levels = tuple(level for level in pass_.levels if level != pyramid.top.index)
    if pass_.stored_level is None:
        return replace(pass_, levels=levels)
    source = stored[pass_.stored_level]
    side = pyramid.tile_size
    return replace(
        pass_,
        levels=levels,
        stored_size=source.size,
        copies=copy and pass_.input_level in levels and source.jpeg is not None and source.jpeg.publishes(side),
    )


def _depth(tile_size: int, side: int) -> int:
    """Return how often a block of about the given side can be halved to whole tiles; at least 1."""
    return max(1, (side // tile_size).bit_length() - 1)
