"""Pyramid + stored levels -> passes of blocks: the units of work. Pure.

A pass reads one input (a stored level, or the picture that the pass before handed on) in square blocks, and
makes the tiles of one or more published levels from it. The law:

* A stored level serves as input where its scale is a published one: its size is that level's, ±1 pixel.
* A published level is made from the nearest input that is not coarser, so no tile is made from pixels that
  were compressed by us.
* A block is a square of `tile_size · 2^depth` input pixels, so it makes whole tiles of up to `depth` further
  levels, and each input pixel is read once. Where the next stored level is further away than that, every block
  hands on its reduced pixels, and the next pass reads the picture they make: memory does not grow with the slide.
* From the overview on, the level of at most some 2,048 pixels a side, a pass is one block, and makes the pictures
  of the whole image at its levels too.
* Blocks of a pass are independent of each other. A pass that reads a handed-on picture starts when the one
  before has ended.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from slide2iiif.geometry import Region, Size, ceil_div
from slide2iiif.iiif.pyramid import Pyramid, Tile
from slide2iiif.sources.base import StoredLevel

_SIDE = 2048
"""About the side of a block in pixels where stored levels are near: some 64 tiles, 12 MB of pixels."""
_INTERMEDIATE_SIDE = 4096
"""The same where a picture is handed on: the larger the block, the smaller that picture."""


@dataclass(frozen=True, slots=True)
class Pass:
    """One reading of one input."""

    stored_level: int | None
    """Index of the stored level that is read; None for the picture that the pass before handed on."""
    stored_size: Size
    """Pixels of that level, which may be one short of the published one's; of the handed-on picture otherwise."""
    input_level: int
    """Published level that has the input's scale."""
    copies: bool
    """Whether the tiles of the first level made are the stored ones."""
    levels: tuple[int, ...]
    """Published levels whose tiles are made, finest first."""
    intermediate_level: int | None
    """Published level whose pixels are handed on to the next pass, if any."""
    pictures: tuple[int, ...]
    """Published levels whose picture of the whole image is made; one block covers it then."""
    makes_thumbnails: bool
    """Whether this is the overview, which makes pictures of other sizes as well."""
    side: int
    """Side of a block in pixels of the input."""
    columns: int
    """Blocks in a row."""
    rows: int
    """Blocks in a column."""

    @property
    def block_count(self) -> int:
        """Number of blocks."""
        return self.columns * self.rows

    def blocks(self) -> Iterator["Block"]:
        """Blocks row by row, one at a time."""
        for row in range(self.rows):
            for column in range(self.columns):
                yield Block(column, row)


class Block(NamedTuple):
    """Where a block is in its pass."""

    column: int
    row: int


def plan_passes(
    pyramid: Pyramid, stored: Sequence[StoredLevel], *, copy: bool, random_access: bool = True
) -> tuple[Pass, ...]:
    """Plan how the published levels are made from the stored ones.

    Args:
        pyramid: the published levels.
        stored: the stored levels.
        copy: publish stored tiles as they are, where they have the published size.
        random_access: whether blocks may be read in any order; else rows of them are held in memory, so they are low.
    """
    inputs = match_levels(pyramid, stored)
    overview = pyramid.overview.index
    # The overview is read from its own stored level where there is one; else the passes make it and hand it on.
    last = overview - 1 if overview in inputs else overview
    largest_side = _INTERMEDIATE_SIDE if random_access else _SIDE
    passes: list[Pass] = []
    level = 0
    while level <= last:
        passes.append(_plan_pass(pyramid, inputs, level, last, largest_side))
        level = passes[-1].levels[-1] + 1
    starts = [overview, *sorted(index for index in inputs if index > overview)]
    ends = [*starts[1:], len(pyramid.levels)]
    for start, end in zip(starts, ends, strict=True):
        passes.append(_plan_whole(pyramid, inputs, range(start, end)))
    return tuple(_settle(each, pyramid, stored, copy=copy) for each in passes)


def match_levels(pyramid: Pyramid, stored: Sequence[StoredLevel]) -> dict[int, int]:
    """Map published levels to the stored ones of the same scale."""
    matches = {0: 0}
    for index, candidate in enumerate(stored):
        for level in pyramid.levels[1:]:
            sides = zip(level.size, candidate.size, strict=True)
            if level.index not in matches and index and all(abs(ours - theirs) <= 1 for ours, theirs in sides):
                matches[level.index] = index
    return matches


def input_region(pyramid: Pyramid, pass_: Pass, block: Block) -> Region:
    """Give the part of the input that a block reads, in pixels of the published level of that scale."""
    size = pyramid.levels[pass_.input_level].size
    x, y = block.column * pass_.side, block.row * pass_.side
    return Region(x, y, min(pass_.side, size.width - x), min(pass_.side, size.height - y))


def block_tiles(pyramid: Pyramid, pass_: Pass, block: Block, level: int) -> Iterator[Tile]:
    """Tiles of a published level that a block makes, row by row."""
    per_side = pass_.side // (pyramid.tile_size << (level - pass_.input_level))
    grid = pyramid.levels[level]
    for row in range(block.row * per_side, min((block.row + 1) * per_side, grid.rows)):
        for column in range(block.column * per_side, min((block.column + 1) * per_side, grid.columns)):
            yield Tile(level, column, row)


def _plan_pass(pyramid: Pyramid, inputs: dict[int, int], level: int, last: int, largest_side: int) -> Pass:
    start = level if level in inputs else level - 1
    next_stored = next((index for index in sorted(inputs) if level < index <= last), last + 1)
    end = next_stored - 1
    depth = _depth(pyramid.tile_size, _SIDE)
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
    """Plan the pass of one block that makes some of the coarse levels, from the first of them."""
    start = levels[0]
    is_made_already = start not in inputs
    return Pass(
        stored_level=inputs.get(start),
        stored_size=pyramid.levels[start].size,
        copies=False,
        input_level=start,
        levels=tuple(levels[is_made_already:]),
        intermediate_level=None,
        pictures=tuple(levels),
        makes_thumbnails=start == pyramid.overview.index,
        # One block whatever the size, and tiles of every level must fit in it a whole number of times.
        side=pyramid.tile_size << (pyramid.top.index - start),
        columns=1,
        rows=1,
    )


def _settle(pass_: Pass, pyramid: Pyramid, stored: Sequence[StoredLevel], *, copy: bool) -> Pass:
    """Fill in what the stored level decides, and leave the level of one tile to the overview's pictures."""
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
    """How many halvings of a block of about the given side still leave whole tiles; at least one."""
    return max(1, (side // tile_size).bit_length() - 1)
