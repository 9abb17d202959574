"""Stored JPEG of one block as a grid of complete streams."""

import functools
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region, Size, touched
from slide2iiif.imaging.jpeg import crop_all
from slide2iiif.plan.passes import Block, input_region
from slide2iiif.sources.base import clip
from slide2iiif.sources.jpeg_strips import JpegStrips
from slide2iiif.sources.jpeg_tiles import JpegTiles
from slide2iiif.tiles.handles import open_files
from slide2iiif.tiles.tasks import RenderTask


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
