"""A block's input -> pixels: from stored JPEG tiles, from the open slide, or from a handed-on picture.

Stored JPEG tiles are read as bytes and decoded here, three to four times faster than the same pixels come out of
OpenSlide, and reduced by the decoder itself where that is asked for.
"""

import functools
import os
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from PIL import Image

from slide2iiif.blocks import Block, input_region
from slide2iiif.colours import to_srgb
from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region, Size, touched
from slide2iiif.handover import HandedOnPicture
from slide2iiif.jpeg import DECODER_SCALES, crop_all, decode
from slide2iiif.losses import Losses
from slide2iiif.pixels import PADDED, RGB, Pixels
from slide2iiif.pyramid import Pyramid
from slide2iiif.sources import open_scanned_area, open_source
from slide2iiif.sources.base import Source
from slide2iiif.sources.jpeg_strips import JpegStrips
from slide2iiif.sources.jpeg_tiles import JpegTiles
from slide2iiif.sources.refusals import system_refusal
from slide2iiif.stores.base import Staging
from slide2iiif.tasks import RenderTask, SlideTask

_KEPT_OPEN = 4
"""Slides that a worker keeps open: blocks of the few slides in flight come interleaved."""

_STRIP_ROWS = 32
"""Rows of reduced pixels that are made at once."""

Handle = TypeVar("Handle")


class Handles(Generic[Handle]):
    """Open slides or files of a worker; the least recently used is closed first."""

    def __init__(self, open_: Callable[[Path], Handle], close: Callable[[Handle], None]) -> None:
        """Take how to open and to close one."""
        self._open = open_
        self._close = close
        self._kept: OrderedDict[tuple[Path, str], Handle] = OrderedDict()

    def get(self, path: Path, fingerprint: str) -> Handle:
        """Give an open handle of the file that has this fingerprint."""
        handle = self._kept.pop((path, fingerprint), None)
        if handle is None:
            while len(self._kept) >= _KEPT_OPEN:
                self._close(self._kept.popitem(last=False)[1])
            handle = self._open(path)
        self._kept[path, fingerprint] = handle
        return handle

    def release(self, path: Path, fingerprint: str) -> None:
        """Close a handle, if it is open."""
        handle = self._kept.pop((path, fingerprint), None)
        if handle is not None:
            self._close(handle)


def _open_file(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise SourceError(system_refusal(error)) from None


open_sources: "Handles[Source]" = Handles(open_source, lambda source: source.close())
"""Slides that this process holds open."""
open_areas: "Handles[Source]" = Handles(open_scanned_area, lambda source: source.close())
"""The same, cut down to their scanned areas."""
open_files: "Handles[int]" = Handles(_open_file, os.close)
"""Slide files whose stored tiles this process reads."""


class Streams(Protocol):
    """The stored JPEG of one block, as a grid of tiles; each is read once, whether it is copied, decoded or both."""

    @property
    def tile(self) -> Size:
        """Pixels of a tile of the grid."""
        ...

    def is_stored(self, column: int, row: int) -> bool:
        """Tell whether the slide stores this tile of the level at all."""
        ...

    def read(self, column: int, row: int) -> tuple[bytes, Size]:
        """Give a tile of the level as a complete stream, and its pixels.

        At the level's edges it may be filled up to a whole tile, or be cut.

        Raises:
            SourceError: the tile is damaged.
        """
        ...


class TileStreams:
    """Tiles that are stored as tiles."""

    def __init__(self, tiles: JpegTiles, file: int) -> None:
        """Take where the tiles are, and the open file."""
        self.tile = tiles.tile
        self._tiles = tiles
        self._file = file
        self._streams: dict[tuple[int, int], bytes] = {}

    def is_stored(self, column: int, row: int) -> bool:
        """See `Streams.is_stored`."""
        return self._tiles.is_stored(column, row)

    def read(self, column: int, row: int) -> tuple[bytes, Size]:
        """See `Streams.read`."""
        stream = self._streams.get((column, row))
        if stream is None:
            stream = self._streams[column, row] = self._tiles.read(self._file, column, row)
        return stream, self.tile


class StripStreams:
    """Tiles that are cut out of strips, all of a block at once."""

    def __init__(self, strips: JpegStrips, file: int, region: Region, tile_size: int) -> None:
        """Take where the strips are, the open file, and the block's region of the level in pixels."""
        self.tile = Size(tile_size, tile_size)
        columns, rows = touched(region, self.tile)
        self._places = [(column, row) for row in rows for column in columns]
        self._strips = strips
        self._file = file

    @functools.cached_property
    def _streams(self) -> dict[tuple[int, int], bytes]:
        """The tiles of the block; none where one of them is damaged, so that the others are cut without it."""
        try:
            cut = self._cut(self._strips, [self._visible(*place) for place in self._places])
        except SourceError:
            return {}
        return dict(zip(self._places, cut, strict=True))

    def _cut(self, strips: JpegStrips, regions: list[Region]) -> list[bytes]:
        stream, (left, top, _, _) = strips.read(self._file)
        return crop_all(stream, [Region(x - left, y - top, *size) for x, y, *size in regions])

    def is_stored(self, column: int, row: int) -> bool:
        """See `Streams.is_stored`."""
        return (column, row) in self._places

    def read(self, column: int, row: int) -> tuple[bytes, Size]:
        """See `Streams.read`."""
        visible = self._visible(column, row)
        stream = self._streams.get((column, row))
        if stream is None:
            [stream] = self._cut(self._strips.window(visible), [visible])
        return stream, visible.size

    def _visible(self, column: int, row: int) -> Region:
        x, y = column * self.tile.width, row * self.tile.height
        return clip(Region(x, y, *self.tile), self._strips.size)


def open_streams(task: RenderTask, block: Block) -> Streams | None:
    """Give the stored JPEG of a block; None where the slide stores none.

    Raises:
        SourceError: the file cannot be read, or a strip is damaged.
    """
    slide, jpeg = task.slide, task.jpeg
    if jpeg is None:
        return None
    file = open_files.get(jpeg.path, slide.fingerprint)
    if isinstance(jpeg, JpegTiles):
        return TileStreams(jpeg, file)
    region = clip(input_region(slide.pyramid, task.pass_, block), jpeg.size)
    return StripStreams(jpeg, file, region, slide.pyramid.tile_size)


class StoredTile(NamedTuple):
    """A stored tile that a region touches."""

    column: int
    """Of the stored level."""
    row: int
    """Of the stored level."""
    region: Region
    """What it shows of the level; cut at the level's edges."""


def handed_on_picture(staging: Staging, pyramid: Pyramid, level: int) -> HandedOnPicture:
    """Name the picture in which a pass hands the pixels of a level on."""
    return HandedOnPicture(staging.scratch / f"level-{level}.rgb", pyramid.levels[level].size)


def read_input(
    task: RenderTask,
    region: Region,
    streams: Streams | None,
    scale: int = 1,
    losses: Losses | None = None,
    *,
    is_reduced_next: bool = False,
) -> Pixels:
    """Read a region of a pass's input, reduced by a power of two.

    Args:
        task: names the input.
        region: in pixels of the input's published level.
        streams: the block's stored tiles, where the slide stores JPEG.
        scale: 1, 2, 4 …
        losses: takes note of what is damaged, which is background then; without it damage is an error.
        is_reduced_next: whether `reduce_pixels` follows, for which padded pixels are better.

    Returns:
        Shape (ceil(height/scale), ceil(width/scale), 3), or padded if that costs nothing and `is_reduced_next`.

    Raises:
        SourceError: the slide cannot be read, or does not have what it promised.
    """
    slide, level = task.slide, task.pass_.stored_level
    if level is None:
        return reduce_pixels(
            handed_on_picture(slide.staging, slide.pyramid, task.pass_.input_level).read(region), scale
        )
    within = clip(region, task.pass_.stored_size)
    if streams is not None:
        # Colour profiles are for three bytes.
        padded = is_reduced_next and slide.profile is None
        pixels = _read_tiles(task, streams, within, scale, losses, padded=padded)
    else:
        pixels = reduce_pixels(_read_slide(task, within, losses), scale)
    if slide.profile is not None:
        pixels = to_srgb(pixels, slide.profile)
    return pad_pixels(pixels, region.size.reduced(scale))


def reduce_pixels(pixels: Pixels, scale: int) -> Pixels:
    """Average squares of `scale` pixels; at the right and bottom edge, what is there of them.

    Takes (height, width, 3) and gives (ceil(height/scale), ceil(width/scale), 3), or both padded.
    """
    if scale == 1:
        return pixels
    reduced = Size(pixels.shape[1], pixels.shape[0]).reduced(scale)
    result = np.empty((reduced.height, reduced.width, pixels.shape[2]), np.uint8)
    # In strips that fit into the processor's cache; the picture that Pillow copies the pixels to is small then.
    for row in range(0, reduced.height, _STRIP_ROWS):
        strip = pixels[row * scale : (row + _STRIP_ROWS) * scale]
        result[row : row + _STRIP_ROWS] = np.asarray(_as_picture(strip).reduce(scale))
    return result


def _as_picture(pixels: Pixels) -> Image.Image:
    if pixels.shape[2] != PADDED:
        return Image.fromarray(pixels)
    size = (pixels.shape[1], pixels.shape[0])
    # The same memory: Pillow's own layout.
    return Image.frombuffer("RGBX", size, np.ascontiguousarray(pixels), "raw", "RGBX", 0, 1)


def clip(region: Region, size: Size) -> Region:
    """Cut a region at the edges of a stored level, which may be a pixel short of the published one.

    Raises:
        SourceError: nothing is left.
    """
    width, height = min(region.width, size.width - region.x), min(region.height, size.height - region.y)
    if width < 1 or height < 1:
        raise SourceError(f"a stored level of {size} has nothing at {region}")
    return Region(region.x, region.y, width, height)


def pad_pixels(pixels: Pixels, size: Size) -> Pixels:
    """Repeat the last column and row until the size is reached."""
    height, width, _ = pixels.shape
    if (width, height) == size:
        return pixels
    return np.pad(pixels, ((0, size.height - height), (0, size.width - width), (0, 0)), mode="edge")


def _open_slide(slide: SlideTask) -> Source:
    return (open_areas if slide.crops else open_sources).get(slide.path, slide.fingerprint)


def _read_slide(task: RenderTask, region: Region, losses: Losses | None) -> Pixels:
    source, level = _open_slide(task.slide), task.pass_.stored_level or 0
    if losses is None:
        return source.read(level, region)
    return losses.read_around(lambda part: source.read(level, part), region, task.slide.pyramid.tile_size)


def _read_tiles(
    task: RenderTask, streams: Streams, region: Region, scale: int, losses: Losses | None, *, padded: bool
) -> Pixels:
    """Stitch a region from stored tiles, each reduced by the decoder where it can."""
    if any(side % scale for side in (region.x, region.y, *streams.tile)) or scale > max(DECODER_SCALES):
        return reduce_pixels(_read_tiles(task, streams, region, 1, losses, padded=padded), scale)
    size = region.size.reduced(scale)
    pixels = np.empty((size.height, size.width, PADDED if padded else RGB), np.uint8)
    for stored in touched_tiles(streams.tile, region, task.pass_.stored_size):
        part = _tile_pixels(task, streams, stored, scale, losses, padded=padded)
        x, y = (stored.region.x - region.x) // scale, (stored.region.y - region.y) // scale
        # A tile that begins left of the region or above it gives its other part.
        part = part[max(0, -y) :, max(0, -x) :]
        x, y = max(0, x), max(0, y)
        height, width = min(part.shape[0], size.height - y), min(part.shape[1], size.width - x)
        # What is filled in is not padded.
        pixels[y : y + height, x : x + width, : part.shape[2]] = part[:height, :width]
    return pixels


def touched_tiles(tile: Size, region: Region, size: Size) -> Iterator[StoredTile]:
    """Give the stored tiles that a region of a stored level touches, row by row.

    Args:
        tile: pixels of a stored tile.
        region: in pixels of the stored level.
        size: of the stored level.
    """
    columns, rows = touched(region, tile)
    for row in rows:
        for column in columns:
            x, y = column * tile.width, row * tile.height
            width, height = min(tile.width, size.width - x), min(tile.height, size.height - y)
            yield StoredTile(column, row, Region(x, y, width, height))


def _tile_pixels(
    task: RenderTask, streams: Streams, stored: StoredTile, scale: int, losses: Losses | None, *, padded: bool
) -> Pixels:
    size = stored.region.size
    reduced = size.reduced(scale)
    try:
        if not streams.is_stored(stored.column, stored.row):
            # The slide's own reader knows what a missing tile looks like in this format.
            return reduce_pixels(_read_slide(task, stored.region, None), scale)
        stream, coded = streams.read(stored.column, stored.row)
        if size.width % scale or size.height % scale:
            # The last pixel must not be mixed with what fills the tile up behind the edge.
            pixels = decode(stream, coded, padded=padded)[: size.height, : size.width]
            return reduce_pixels(np.ascontiguousarray(pixels), scale)
        return decode(stream, coded, scale, padded=padded)[: reduced.height, : reduced.width]
    except SourceError:
        if losses is None:
            raise
        return losses.fill(stored.region, reduced)
