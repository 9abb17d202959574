"""Stored JPEG tiles -> published tiles, without a second compression.

A tile inside the image is the stored one, with its tables in place. A tile at the right or bottom edge is cut to
size by moving coefficients, so that full resolution is bit-exact to its border. Only where a slide stores nothing,
where a stored level is a pixel short of the published one, or where the library for cutting is missing, a tile of
such a level is encoded.
"""

from collections import Counter

from slide2iiif.blank import is_blank
from slide2iiif.blocks import Block, block_tiles
from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region, Size
from slide2iiif.iiif.uris import tile_paths
from slide2iiif.inputs import Streams, read_input
from slide2iiif.jpeg import can_crop, check_strictly, crop, encode, encode_colour
from slide2iiif.ledger import entry_of
from slide2iiif.options import Check, Damaged
from slide2iiif.origins import Made, is_within
from slide2iiif.pyramid import Tile
from slide2iiif.tasks import Rendered, RenderTask


def copy_tiles(task: RenderTask, block: Block, streams: Streams) -> Rendered:
    """Publish the tiles of the pass's first level.

    Args:
        task: names slide and pass.
        block: which part of it.
        streams: the block's stored tiles.

    Raises:
        SourceError: a stored tile is damaged, and the slide is to fail for it.
        TargetError: the store cannot take a file.
    """
    slide = task.slide
    made: Counter[tuple[int, Made]] = Counter()
    stored_bytes = blank = 0
    damaged: list[Tile] = []
    records: list[bytes] = []
    for tile in block_tiles(slide.pyramid, task.pass_, block, task.pass_.levels[0]):
        paths = tile_paths(slide.pyramid, tile, slide.api)
        size = slide.pyramid.tile_pixels(tile)
        try:
            how, stream = _make_tile(task, streams, tile, size)
        except SourceError:
            if slide.damaged is Damaged.FAIL:
                raise
            how, stream = Made.DAMAGED, encode_colour(slide.background, size, slide.encoding)
            damaged.append(tile)
        made[tile.level, how] += 1
        if not paths:
            continue
        if slide.links_blank and is_blank(stream, size):
            blank += 1
            stored_bytes += len(stream) * slide.staging.put_shared(paths, stream)
        else:
            slide.staging.put(paths, stream)
            stored_bytes += len(stream)
        records.append(entry_of(slide.order.of_tile(tile), stream))
    return Rendered(made, stored_bytes, tuple(damaged), blank, (b"".join(records),))


def _make_tile(task: RenderTask, streams: Streams, tile: Tile, size: Size) -> tuple[Made, bytes]:
    slide = task.slide
    if not _is_copied(task, streams, tile, size):
        region = _input_region(task, tile, size)
        return Made.ENCODED, encode(read_input(task, region, streams), slide.encoding)
    stream, coded = streams.read(tile.column, tile.row)
    # Coarser levels show background where a tile cannot be decoded, and then it must be listed too.
    if slide.check is Check.STRICT or slide.damaged is Damaged.PLACEHOLDER:
        check_strictly(stream, coded)
    if coded != size:
        stream = crop(stream, size)
    return (Made.COPIED if size == streams.tile else Made.CROPPED), stream


def _is_copied(task: RenderTask, streams: Streams, tile: Tile, size: Size) -> bool:
    if not streams.is_stored(tile.column, tile.row):
        return False
    if task.slide.pyramid.levels[tile.level].is_inside(tile):
        # Nearly all tiles: neither the image nor the stored level ends within them.
        return True
    return (size == streams.tile or can_crop()) and is_within(task.pass_, _input_region(task, tile, size))


def _input_region(task: RenderTask, tile: Tile, size: Size) -> Region:
    side = task.slide.pyramid.tile_size
    return Region(tile.column * side, tile.row * side, *size)
