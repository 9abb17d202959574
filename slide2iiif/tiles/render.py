"""Tiles of blocks, made and stored in a worker; all inputs come with the task as values.

A block copies the tiles that can be copied, then makes the others from pixels, finest level first.
"""

import time
from collections import Counter
from dataclasses import replace

import numpy as np
from PIL import Image

from slide2iiif.geometry import Size
from slide2iiif.iiif.paths import pictures
from slide2iiif.iiif.pyramid import Tile
from slide2iiif.imaging.blank import blank_colour, encode_blank
from slide2iiif.imaging.jpeg import encode
from slide2iiif.imaging.pixels import RGB, Pixels
from slide2iiif.imaging.resample import reduce_pixels
from slide2iiif.options import Damaged
from slide2iiif.plan.passes import Block, block_tiles, input_region
from slide2iiif.plan.provenance import TileOrigin
from slide2iiif.stores.base import Files
from slide2iiif.tiles.batch import Batch
from slide2iiif.tiles.copying import copy_tiles
from slide2iiif.tiles.damage import DamagedRegions
from slide2iiif.tiles.handles import open_sources
from slide2iiif.tiles.intermediate import intermediate_image
from slide2iiif.tiles.read import read_input
from slide2iiif.tiles.streams import open_streams
from slide2iiif.tiles.tasks import Rendered, RenderTask


def render(task: RenderTask) -> Rendered:
    """Make the tiles of a task and store them in the staging.

    Raises:
        SourceError: the slide cannot be read.
        TargetError: a file cannot be stored.
    """
    begun = time.monotonic()
    total = Rendered()
    try:
        with task.slide.staging.opened() as files:
            for block in task.blocks:
                total += _render_block(task, block, files)
    finally:
        if not task.slide.random_access:
            # The slide is decoded as a whole, and its pixels are no longer needed: the next slide needs the memory.
            open_sources.release(task.slide.path, task.slide.fingerprint)
    return replace(total, seconds=time.monotonic() - begun)


def _render_block(task: RenderTask, block: Block, files: Files) -> Rendered:
    pass_ = task.pass_
    streams = open_streams(task, block)
    rendered, levels = Rendered(), pass_.levels
    if pass_.copies and streams is not None:
        rendered, levels = copy_tiles(task, block, streams, files), levels[1:]
    wanted = {*levels, *pass_.pictures, *([] if pass_.intermediate_level is None else [pass_.intermediate_level])}
    if not wanted:
        return rendered
    finest = min(wanted)
    region = input_region(task.slide.pyramid, pass_, block)
    damage = _damaged_regions(task)
    scale = 1 << (finest - pass_.input_level)
    pixels = read_input(task, region, streams, scale, damage, is_reduced_next=max(wanted) > finest)
    if pass_.makes_thumbnails:
        rendered += _put_thumbnails(task, pixels, files)
    for level in range(finest, max(wanted) + 1):
        if level > finest:
            pixels = reduce_pixels(pixels, 2)
        if level in levels:
            rendered += _put_tiles(task, block, level, pixels, _damaged_tiles(task, level, damage), files)
        if level in pass_.pictures:
            rendered += _put_picture(task, level, pixels, _damaged_tiles(task, level, damage), files)
        if level == pass_.intermediate_level:
            scale = 1 << (level - pass_.input_level)
            picture = intermediate_image(task.slide.staging, task.slide.pyramid, level)
            picture.write(region.x // scale, region.y // scale, pixels[..., :RGB])
    return rendered


def _damaged_regions(task: RenderTask) -> DamagedRegions | None:
    """Return a record of damaged regions, if they may be replaced; an image that is decoded as a whole has none."""
    slide = task.slide
    return DamagedRegions(slide.background) if slide.damaged is Damaged.PLACEHOLDER and slide.random_access else None


def _damaged_tiles(task: RenderTask, level: int, damage: DamagedRegions | None) -> set[Tile]:
    """Return the tiles to list as damaged: at the scale of the input only, and not where copying lists them."""
    if damage is None or level != task.pass_.input_level or task.pass_.copies:
        return set()
    return damage.tiles(level, task.slide.pyramid.tile_size)


def _put_tiles(
    task: RenderTask, block: Block, level: int, pixels: Pixels, damaged: set[Tile], files: Files
) -> Rendered:
    slide = task.slide
    side = slide.pyramid.tile_size
    batch = Batch(slide)
    count = 0
    first = None
    for tile in block_tiles(slide.pyramid, task.pass_, block, level):
        first = first or tile
        count += 1
        x, y = (tile.column - first.column) * side, (tile.row - first.row) * side
        width, height = slide.pyramid.tile_pixels(tile)
        part = pixels[y : y + height, x : x + width]
        colour = blank_colour(part[..., :RGB]) if slide.links_blank else None
        if colour is None:
            batch.add_tile(tile, encode(part, slide.encoding), is_blank=False)
        else:
            batch.add_tile(tile, encode_blank(colour, Size(width, height), slide.encoding), is_blank=True)
    origins = Counter(
        {(level, _tile_origin(task, level)): count - len(damaged), (level, TileOrigin.PLACEHOLDER): len(damaged)}
    )
    return batch.put(files) + Rendered(+origins, damaged=tuple(sorted(damaged)))


def _put_picture(task: RenderTask, level: int, pixels: Pixels, damaged: set[Tile], files: Files) -> Rendered:
    """Store the whole-image picture of a level; at the top level that is its one tile."""
    slide = task.slide
    size = slide.pyramid.levels[level].size
    batch = Batch(slide)
    picture = next(picture for picture in pictures(slide.pyramid, slide.api) if picture.size == size)
    batch.add_picture(picture, encode(pixels, slide.encoding))
    rendered = batch.put(files)
    if level == slide.pyramid.top.index:
        origin = TileOrigin.PLACEHOLDER if damaged else _tile_origin(task, level)
        rendered += Rendered(Counter({(level, origin): 1}), damaged=tuple(damaged))
    return rendered


def _put_thumbnails(task: RenderTask, overview: Pixels, files: Files) -> Rendered:
    """Store the whole-image pictures in the sizes of no level."""
    slide = task.slide
    levels = {level.size for level in slide.pyramid.levels}
    batch = Batch(slide)
    for picture in pictures(slide.pyramid, slide.api):
        if picture.size not in levels:
            reduced = Image.fromarray(overview[..., :RGB]).resize(picture.size, Image.Resampling.BOX)
            batch.add_picture(picture, encode(np.asarray(reduced), slide.encoding))
    return batch.put(files)


def _tile_origin(task: RenderTask, level: int) -> TileOrigin:
    is_own_scale = task.pass_.stored_level is not None and level == task.pass_.input_level
    return TileOrigin.ENCODED if is_own_scale else TileOrigin.DOWNSAMPLED
