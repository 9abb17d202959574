"""Pixels of a block's input: from stored JPEG tiles, from the open slide, or from an intermediate image.

Stored JPEG tiles are read as bytes and decoded here, three to four times faster than OpenSlide reads the same pixels,
and reduced by the decoder itself where possible.
"""

import numpy as np

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region
from slide2iiif.imaging.jpeg import DECODER_SCALES, decode
from slide2iiif.imaging.pixels import PADDED, RGB, Pixels
from slide2iiif.imaging.resample import pad_pixels, reduce_pixels
from slide2iiif.imaging.srgb import to_srgb
from slide2iiif.sources.base import Source, clip
from slide2iiif.tiles.damage import DamagedRegions
from slide2iiif.tiles.handles import open_areas, open_sources
from slide2iiif.tiles.intermediate import intermediate_image
from slide2iiif.tiles.streams import StoredTile, Streams, touched_tiles
from slide2iiif.tiles.tasks import RenderTask, SlideTask


def read_input(
    task: RenderTask,
    region: Region,
    streams: Streams | None,
    scale: int = 1,
    damage: DamagedRegions | None = None,
    *,
    is_reduced_next: bool = False,
) -> Pixels:
    """Read a region of a pass's input, reduced by a power of two.

    Args:
        task: slide and pass.
        region: region in pixels of the published level `pass_.input_level`.
        streams: stored tiles of the block; None where the slide stores no JPEG.
        scale: reduction factor: 1, 2, 4 …
        damage: record of damaged regions, which are background then; without it damage is an error.
        is_reduced_next: True if `reduce_pixels` follows, which is faster on padded pixels.

    Returns:
        Shape (ceil(height/scale), ceil(width/scale), 3), or padded if that costs nothing and `is_reduced_next`.

    Raises:
        SourceError: the slide cannot be read, or is damaged.
    """
    slide, level = task.slide, task.pass_.stored_level
    if level is None:
        return reduce_pixels(
            intermediate_image(slide.staging, slide.pyramid, task.pass_.input_level).read(region), scale
        )
    within = clip(region, task.pass_.stored_size)
    if streams is not None:
        # Colour profiles are for three bytes.
        padded = is_reduced_next and slide.profile is None
        pixels = _read_tiles(task, streams, within, scale, damage, padded=padded)
    else:
        pixels = reduce_pixels(_read_slide(task, within, damage), scale)
    if slide.profile is not None:
        pixels = to_srgb(pixels, slide.profile)
    return pad_pixels(pixels, region.size.reduced(scale))


def _open_slide(slide: SlideTask) -> Source:
    return (open_areas if slide.crops else open_sources).get(slide.path, slide.fingerprint)


def _read_slide(task: RenderTask, region: Region, damage: DamagedRegions | None) -> Pixels:
    source, level = _open_slide(task.slide), task.pass_.stored_level or 0
    if damage is None:
        return source.read(level, region)
    return damage.read_around(lambda part: source.read(level, part), region, task.slide.pyramid.tile_size)


def _read_tiles(
    task: RenderTask, streams: Streams, region: Region, scale: int, damage: DamagedRegions | None, *, padded: bool
) -> Pixels:
    """Assemble a region from stored tiles, each reduced by the decoder where it can."""
    if any(side % scale for side in (region.x, region.y, *streams.tile)) or scale > max(DECODER_SCALES):
        return reduce_pixels(_read_tiles(task, streams, region, 1, damage, padded=padded), scale)
    size = region.size.reduced(scale)
    pixels = np.empty((size.height, size.width, PADDED if padded else RGB), np.uint8)
    for stored in touched_tiles(streams.tile, region, task.pass_.stored_size):
        part = _tile_pixels(task, streams, stored, scale, damage, padded=padded)
        x, y = (stored.region.x - region.x) // scale, (stored.region.y - region.y) // scale
        # Of a tile that begins left of the region or above it, only the other part is used.
        part = part[max(0, -y) :, max(0, -x) :]
        x, y = max(0, x), max(0, y)
        height, width = min(part.shape[0], size.height - y), min(part.shape[1], size.width - x)
        # What is filled in is not padded.
        pixels[y : y + height, x : x + width, : part.shape[2]] = part[:height, :width]
    return pixels


def _tile_pixels(
    task: RenderTask, streams: Streams, stored: StoredTile, scale: int, damage: DamagedRegions | None, *, padded: bool
) -> Pixels:
    size = stored.region.size
    reduced = size.reduced(scale)
    try:
        if not streams.is_stored(stored.column, stored.row):
            # The slide's own reader renders missing tiles as this format defines them.
            return reduce_pixels(_read_slide(task, stored.region, None), scale)
        stream, coded = streams.read(stored.column, stored.row)
        if size.width % scale or size.height % scale:
            # The last pixel must not be averaged with the padding behind the edge.
            pixels = decode(stream, coded, padded=padded)[: size.height, : size.width]
            return reduce_pixels(np.ascontiguousarray(pixels), scale)
        return decode(stream, coded, scale, padded=padded)[: reduced.height, : reduced.width]
    except SourceError:
        if damage is None:
            raise
        return damage.fill(stored.region, reduced)
