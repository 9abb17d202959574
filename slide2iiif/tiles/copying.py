"""Copying of stored JPEG tiles, without a second compression.

A tile inside the image is the stored one, with its tables inserted. A tile at the right or bottom edge is losslessly
cropped, so that full resolution is bit-exact to its border. A tile of such a level is encoded only where the slide
stores none, where the stored level is a pixel short of the published one, or where libturbojpeg is missing.
"""

from collections import Counter

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region, Size
from slide2iiif.iiif.pyramid import Tile
from slide2iiif.imaging.blank import is_blank
from slide2iiif.imaging.jpeg import can_crop, check_strictly, crop, encode, encode_colour
from slide2iiif.options import Check, Damaged
from slide2iiif.plan.passes import Block, block_tiles
from slide2iiif.plan.provenance import TileOrigin, is_within
from slide2iiif.stores.base import Files
from slide2iiif.tiles.batch import Batch
from slide2iiif.tiles.read import read_input
from slide2iiif.tiles.streams import Streams
from slide2iiif.tiles.tasks import Rendered, RenderTask


def copy_tiles(task: RenderTask, block: Block, streams: Streams, files: Files) -> Rendered:
    """Copy the tiles of the first level that a pass makes.

    Args:
        task: slide and pass.
        block: block of the pass.
        streams: stored tiles of the block.
        files: where tiles are stored.

    Raises:
        SourceError: a stored tile is damaged, and `--damaged` is `fail`.
        TargetError: a file cannot be stored.
    """
    slide = task.slide
    level = task.pass_.levels[0]
    batch = Batch(slide)
    origins: list[TileOrigin] = []
    damaged: list[Tile] = []
    for tile in block_tiles(slide.pyramid, task.pass_, block, level):
        size = slide.pyramid.tile_pixels(tile)
        try:
            origin, stream = _make_tile(task, streams, tile, size)
        except SourceError:
            if slide.damaged is Damaged.FAIL:
                raise
            origin, stream = TileOrigin.PLACEHOLDER, encode_colour(slide.background, size, slide.encoding)
            damaged.append(tile)
        origins.append(origin)
        batch.add_tile(tile, stream, is_blank=slide.links_blank and is_blank(stream, size))
    counts = Counter({(level, origin): origins.count(origin) for origin in TileOrigin})
    return batch.put(files) + Rendered(+counts, damaged=tuple(damaged))


def _make_tile(task: RenderTask, streams: Streams, tile: Tile, size: Size) -> tuple[TileOrigin, bytes]:
    slide = task.slide
    if not (streams.is_stored(tile.column, tile.row) and _is_exact(task, streams, tile, size)):
        region = _input_region(task, tile, size)
        return TileOrigin.ENCODED, encode(read_input(task, region, streams), slide.encoding)
    stream, coded = streams.read(tile.column, tile.row)
    # Coarser levels show background where a tile cannot be decoded, so such a tile must be found and listed here.
    if slide.check is Check.STRICT or slide.damaged is Damaged.PLACEHOLDER:
        check_strictly(stream, coded)
    if coded != size:
        stream = crop(stream, size)
    return (TileOrigin.COPIED if size == streams.tile else TileOrigin.CROPPED), stream


def _is_exact(task: RenderTask, streams: Streams, tile: Tile, size: Size) -> bool:
    """Return True if a stored tile covers the published one and can be cropped to its size."""
    if task.slide.pyramid.levels[tile.level].is_inside(tile):
        # Nearly all tiles: neither the image nor the stored level ends within them.
        return True
    return (size == streams.tile or can_crop()) and is_within(task.pass_, _input_region(task, tile, size))


def _input_region(task: RenderTask, tile: Tile, size: Size) -> Region:
    side = task.slide.pyramid.tile_size
    return Region(tile.column * side, tile.row * side, *size)
