"""TIFF that holds its levels where OpenSlide does not look: as SubIFDs (OME-TIFF), or in big-endian order.

The directories are found by tifffile and their pixels read by libvips; JPEG tiles are copied like any others.
"""

import functools
from pathlib import Path

from slide2iiif.geometry import Region
from slide2iiif.pixels import Pixels
from slide2iiif.sources import tiff
from slide2iiif.sources.agreement import is_shown
from slide2iiif.sources.base import ClosingSource, Description, StoredLevel
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
        return self._pixels.read(directory.page, directory.sub, region)

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
