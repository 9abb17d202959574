"""Block -> tiles in the store. Runs in a worker; everything it needs comes with the task as values."""

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from slide2iiif.blocks import Block, Pass, block_tiles, input_region
from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region, Size
from slide2iiif.handover import HandedOnPicture
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.uris import pictures, tile_paths
from slide2iiif.jpeg import Encoding, encode
from slide2iiif.pyramid import Pyramid
from slide2iiif.sources import open_source
from slide2iiif.sources.base import Description, Pixels, Source
from slide2iiif.stores.base import Staging

_OPEN_SOURCES = 4
"""Slides that a worker keeps open: blocks of the few slides in flight come interleaved."""


@dataclass(frozen=True, slots=True)
class RenderTask:
    """Blocks of one pass of one slide."""

    path: Path
    """The slide file."""
    fingerprint: str
    """Tells an open slide from one that was replaced meanwhile."""
    pyramid: Pyramid
    """The published levels."""
    api: Api
    """Version that the files are named for."""
    encoding: Encoding
    """How tiles are encoded."""
    staging: Staging
    """Where tiles are put."""
    random_access: bool
    """Whether the slide is worth keeping open for other tasks."""
    pass_: Pass
    """What is read and made."""
    blocks: tuple[Block, ...]
    """Which parts of it."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a task has stored."""

    tiles: int = 0
    """Tiles, the one of the top level included."""
    stored_bytes: int = 0
    """Bytes of tiles and pictures, aliases not counted."""

    def __add__(self, other: "Rendered") -> "Rendered":
        return Rendered(self.tiles + other.tiles, self.stored_bytes + other.stored_bytes)


class OpenSources:
    """The slides that a worker holds open: the least recently used is closed first."""

    def __init__(self, limit: int = _OPEN_SOURCES) -> None:
        self._limit = limit
        self._sources: OrderedDict[tuple[Path, str], Source] = OrderedDict()

    def get(self, path: Path, fingerprint: str) -> Source:
        """Give an open slide.

        Raises:
            SourceError: it cannot be opened.
        """
        key = (path, fingerprint)
        source = self._sources.pop(key, None)
        if source is None:
            while len(self._sources) >= self._limit:
                self._sources.popitem(last=False)[1].close()
            source = open_source(path)
        self._sources[key] = source
        return source

    def release(self, path: Path, fingerprint: str) -> None:
        """Close a slide."""
        source = self._sources.pop((path, fingerprint), None)
        if source is not None:
            source.close()


_open_sources = OpenSources()


def describe(path: Path) -> Description:
    """Open a slide and tell what it is.

    Raises:
        SourceError: it cannot be opened.
    """
    with open_source(path) as source:
        return source.description


def render(task: RenderTask) -> Rendered:
    """Make the tiles of a task and put them into the staging.

    Raises:
        SourceError: the slide cannot be read.
        TargetError: the store cannot take a file.
    """
    total = Rendered()
    for block in task.blocks:
        total += _render_block(task, block)
    if not task.random_access:
        # Decoded as a whole and finished with: the pixels of the next slide need the room.
        _open_sources.release(task.path, task.fingerprint)
    return total


def handed_on_picture(staging: Staging, pyramid: Pyramid, level: int) -> HandedOnPicture:
    """Name the picture in which a pass hands the pixels of a level on."""
    return HandedOnPicture(staging.scratch / f"level-{level}.rgb", pyramid.levels[level].size)


def reduce_pixels(pixels: Pixels, scale: int) -> Pixels:
    """Average squares of `scale` pixels; at the right and bottom edge, what is there of them.

    Takes (height, width, 3) and gives (ceil(height/scale), ceil(width/scale), 3).
    """
    return pixels if scale == 1 else np.asarray(Image.fromarray(pixels).reduce(scale))


def _render_block(task: RenderTask, block: Block) -> Rendered:
    pass_ = task.pass_
    region = input_region(task.pyramid, pass_, block)
    pixels = _read_input(task, region)
    stored = _put_pictures(task, pixels) if pass_.makes_pictures else Rendered()
    last = max(pass_.input_level, *pass_.levels, pass_.hands_on or 0)
    for level in range(pass_.input_level, last + 1):
        if level > pass_.input_level:
            pixels = reduce_pixels(pixels, 2)
        if level in pass_.levels:
            stored += _put_tiles(task, block, level, pixels)
        if level == pass_.hands_on:
            scale = 1 << (level - pass_.input_level)
            picture = handed_on_picture(task.staging, task.pyramid, level)
            picture.write(region.x // scale, region.y // scale, pixels)
    return stored


def _put_tiles(task: RenderTask, block: Block, level: int, pixels: Pixels) -> Rendered:
    pyramid = task.pyramid
    side = pyramid.tile_size
    stored = Rendered()
    origin = None
    for tile in block_tiles(pyramid, task.pass_, block, level):
        origin = origin or tile
        x, y = (tile.column - origin.column) * side, (tile.row - origin.row) * side
        width, height = pyramid.tile_pixels(tile)
        stream = encode(np.ascontiguousarray(pixels[y : y + height, x : x + width]), task.encoding)
        task.staging.put(tile_paths(pyramid, tile, task.api), stream)
        stored += Rendered(1, len(stream))
    return stored


def _put_pictures(task: RenderTask, overview: Pixels) -> Rendered:
    pyramid = task.pyramid
    stored = Rendered()
    sizes = {level.size: level for level in pyramid.levels}
    for picture in pictures(pyramid, task.api):
        if picture.size in sizes:
            pixels = overview
            # Halving again and again is how the tiles of these levels are made: the same pixels.
            for _ in range(sizes[picture.size].index - pyramid.overview.index):
                pixels = reduce_pixels(pixels, 2)
        else:
            image = Image.fromarray(overview).resize(picture.size, Image.Resampling.BOX)
            pixels = np.asarray(image)
        stream = encode(pixels, task.encoding)
        task.staging.put(picture.paths, stream)
        stored += Rendered(int(picture.size == pyramid.top.size), len(stream))
    return stored


def _read_input(task: RenderTask, region: Region) -> Pixels:
    pass_ = task.pass_
    if pass_.stored_level is None:
        return handed_on_picture(task.staging, task.pyramid, pass_.input_level).read(region)
    source = _open_sources.get(task.path, task.fingerprint)
    stored_size = source.description.levels[pass_.stored_level].size
    return read_padded(source, pass_.stored_level, stored_size, region)


def read_padded(source: Source, level: int, stored_size: Size, region: Region) -> Pixels:
    """Read a region of a published level from a stored one that may be a pixel short at its edges.

    The missing pixels repeat the last ones.

    Raises:
        SourceError: the slide cannot be read, or does not have what it promised.
    """
    width = min(region.width, stored_size.width - region.x)
    height = min(region.height, stored_size.height - region.y)
    if width < 1 or height < 1:
        raise SourceError(f"level {level} of {stored_size} has nothing at {region}")
    pixels = source.read(level, Region(region.x, region.y, width, height))
    if (width, height) != region.size:
        pixels = np.pad(pixels, ((0, region.height - height), (0, region.width - width), (0, 0)), mode="edge")
    return pixels
