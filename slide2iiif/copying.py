"""Stored JPEG tiles -> published tiles, without a second compression.

A tile inside the image is the stored one, with its tables in place. A tile at the right or bottom edge is cut to
size by moving coefficients, so that full resolution is bit-exact to its border. Only where a slide stores nothing,
where a stored level is a pixel short of the published one, or where the library for cutting is missing, a tile of
such a level is encoded.
"""

from slide2iiif.blocks import Block, block_tiles
from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region, Size
from slide2iiif.iiif.uris import tile_paths
from slide2iiif.inputs import clip, open_files, read_input
from slide2iiif.jpeg import can_crop, check_strictly, crop, encode, encode_colour
from slide2iiif.options import Check, Damaged
from slide2iiif.pyramid import Tile
from slide2iiif.sources.base import Pixels
from slide2iiif.sources.jpeg_tiles import JpegTiles
from slide2iiif.tasks import Rendered, RenderTask


def copy_tiles(task: RenderTask, block: Block) -> Rendered:
    """Publish the tiles of the pass's first level.

    Raises:
        SourceError: a stored tile is damaged, and the slide is to fail for it.
        TargetError: the store cannot take a file.
    """
    tiles = task.tiles
    if tiles is None:
        raise ValueError("a task that copies must come with its stored tiles")
    slide = task.slide
    file = open_files.get(tiles.path, slide.fingerprint)
    copied = cropped = encoded = stored_bytes = 0
    damaged: list[Tile] = []
    for tile in block_tiles(slide.pyramid, task.pass_, block, task.pass_.levels[0]):
        place = (tile.column, tile.row)
        size = slide.pyramid.tile_pixels(tile)
        try:
            if not _is_copied(task, tiles, tile, place, size):
                stream = encode(_pixels(task, tile, size), slide.encoding)
                encoded += 1
            elif size == tiles.tile:
                stream = _checked(tiles.read(file, *place), tiles.tile, slide.check)
                copied += 1
            else:
                stream = crop(tiles.read(file, *place), size)
                cropped += 1
        except SourceError:
            if slide.damaged is Damaged.FAIL:
                raise
            stream = encode_colour(slide.background, size, slide.encoding)
            damaged.append(tile)
        slide.staging.put(tile_paths(slide.pyramid, tile, slide.api), stream)
        stored_bytes += len(stream)
    count = copied + cropped + encoded + len(damaged)
    return Rendered(count, copied, cropped, stored_bytes, tuple(damaged))


def _is_copied(task: RenderTask, tiles: JpegTiles, tile: Tile, place: tuple[int, int], size: Size) -> bool:
    if not tiles.is_stored(*place):
        return False
    if size == tiles.tile:
        return True
    region = _input_region(task, tile, size)
    return can_crop() and clip(region, task.pass_.stored_size) == region


def _pixels(task: RenderTask, tile: Tile, size: Size) -> Pixels:
    return read_input(task, _input_region(task, tile, size))


def _input_region(task: RenderTask, tile: Tile, size: Size) -> Region:
    side = task.slide.pyramid.tile_size
    return Region(tile.column * side, tile.row * side, *size)


def _checked(stream: bytes, size: Size, check: Check) -> bytes:
    if check is Check.STRICT:
        check_strictly(stream, size)
    return stream
