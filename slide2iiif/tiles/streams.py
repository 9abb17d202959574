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
    """The stored JPEG of one block, as a grid of tiles; each is read once, even if it is both copied and decoded."""

    @property
    def tile(self) -> Size:
        """Size of a tile of the grid in pixels."""
        ...

    def is_stored(self, column: int, row: int) -> bool:
        """Return True if the slide stores this tile of the level."""
        ...

    def read(self, column: int, row: int) -> tuple[bytes, Size]:
        """Return a tile of the level as a complete JPEG stream, and its size in pixels.

        At the edges of the level it may be padded to a whole tile, or be cropped.

        Raises:
            SourceError: the tile is damaged.
        """
        ...


class TileStreams:
    """Stored tiles, read one by one."""

    def __init__(self, tiles: JpegTiles, file: int) -> None:
        """Read tiles from an open file descriptor."""
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
    """Tiles that are losslessly cropped from strips, all of a block at once."""

    def __init__(self, strips: JpegStrips, file: int, region: Region, tile_size: int) -> None:
        """Read strips from an open file descriptor; `region` is that of the block, in pixels of the level."""
        self.tile = Size(tile_size, tile_size)
        columns, rows = touched(region, self.tile)
        self._places = [(column, row) for row in rows for column in columns]
        self._strips = strips
        self._file = file

    @functools.cached_property
    def _streams(self) -> dict[tuple[int, int], bytes]:
        """Tiles of the block; empty if one of them is damaged, so that each is cropped on its own."""
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
    """Open the stored JPEG of a block; None where the slide stores none.

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
    """A stored tile that overlaps a region."""

    column: int
    """Column in the stored level."""
    row: int
    """Row in the stored level."""
    region: Region
    """Region of the tile in pixels of the stored level, clipped at its edges."""


def touched_tiles(tile: Size, region: Region, size: Size) -> Iterator[StoredTile]:
    """Yield the stored tiles that overlap a region of a stored level, row by row.

    Args:
        tile: size of a stored tile in pixels.
        region: region in pixels of the stored level.
        size: size of the stored level in pixels.
    """
    columns, rows = touched(region, tile)
    for row in rows:
        for column in columns:
            x, y = column * tile.width, row * tile.height
            width, height = min(tile.width, size.width - x), min(tile.height, size.height - y)
            yield StoredTile(column, row, Region(x, y, width, height))
