"""TIFF that holds its levels where OpenSlide does not look: as SubIFDs (OME-TIFF), or in big-endian order.

The directories are found by tifffile and their pixels read by libvips; JPEG tiles are copied like any others.
"""

import functools
from pathlib import Path

import numpy as np

from slide2iiif.geometry import Region, touched
from slide2iiif.imaging.pixels import WHITE, Pixels
from slide2iiif.sources import tiff
from slide2iiif.sources.base import ClosingSource, Description, StoredLevel
from slide2iiif.sources.crosscheck import is_shown
from slide2iiif.sources.jpeg_tiles import JpegTiles
from slide2iiif.sources.tiff import Directory
from slide2iiif.sources.vips import TiffDirectories


class PyramidSource(ClosingSource):
    """A tiled TIFF that holds its levels itself."""

    def __init__(self, path: Path) -> None:
        """Read the directories.

        Raises:
            SourceError: the file is damaged, or not one picture.
        """
        self._acquisition, self._directories = tiff.read_pyramid(path)
        self._pixels = TiffDirectories(path)

    @functools.cached_property
    def description(self) -> Description:
        """What the slide is; found out when it is first asked for, which only one worker does."""
        return Description(
            reader="vips",
            format=self._acquisition.format,
            levels=tuple(self._level(number, each) for number, each in enumerate(self._directories)),
            microns_per_pixel=self._acquisition.microns_per_pixel,
            objective=self._acquisition.objective,
        )

    def read(self, level: int, region: Region) -> Pixels:
        """Read RGB pixels of a stored level. See `Source.read`."""
        directory = self._directories[level]
        tile = directory.tile or directory.size
        columns, rows = touched(region, tile)
        if directory.stored[rows.start : rows.stop, columns.start : columns.stop].all():
            return self._pixels.read(directory.page, directory.sub, region)
        # libvips takes a tile that is not stored for damage.
        pixels = np.full((region.height, region.width, 3), WHITE, np.uint8)
        for row in rows:
            for column in columns:
                if directory.stored[row, column]:
                    part = _overlap(Region(column * tile.width, row * tile.height, *tile), region)
                    x, y = part.x - region.x, part.y - region.y
                    pixels[y : y + part.height, x : x + part.width] = self._pixels.read(
                        directory.page, directory.sub, part
                    )
        return pixels

    def close(self) -> None:
        """Let what was read go."""
        self._pixels.close()

    def _level(self, number: int, directory: Directory) -> StoredLevel:
        jpeg = directory.image.jpeg
        if not isinstance(jpeg, JpegTiles) or not is_shown(
            jpeg, directory.size, lambda region: self.read(number, region), is_aligned=True
        ):
            jpeg = None
        return StoredLevel(directory.size, directory.tile, directory.image.compression, jpeg)


def _overlap(first: Region, second: Region) -> Region:
    """Give what two regions share; they touch."""
    x, y = max(first.x, second.x), max(first.y, second.y)
    right = min(first.x + first.width, second.x + second.width)
    bottom = min(first.y + first.height, second.y + second.height)
    return Region(x, y, right - x, bottom - y)
