"""TIFF that OpenSlide does not read, or not as it is: OME-TIFF, big-endian, 16 bits, alpha, planes apart, turned.

The directories are chosen by `tiff_layout`, their tiles and strips read by `tiff_segments`; JPEG tiles are copied like
any others.
"""

import functools
from pathlib import Path

import numpy as np

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region, Size
from slide2iiif.imaging.orientation import UPRIGHT, stored_region, turn_upright, upright_size
from slide2iiif.imaging.picture import PictureFormat
from slide2iiif.imaging.pixels import RGB, WHITE, Pixels
from slide2iiif.imaging.profiled import has_usable_profile
from slide2iiif.imaging.to_rgb import check_publishable, notes, to_rgb
from slide2iiif.sources.base import ClosingSource, Description, StoredLevel
from slide2iiif.sources.codecs import check_decodes, name_of
from slide2iiif.sources.crosscheck import is_shown
from slide2iiif.sources.jpeg_tiles import JpegTiles, find_tiles
from slide2iiif.sources.tiff_layout import JPEG, picture_format, read_layout
from slide2iiif.sources.tiff_segments import Segments
from slide2iiif.sources.tiff_tags import Directory, TiffFile
from slide2iiif.sources.unsupported import system_refusal

_RGB_PHOTOMETRIC = 2
_APERIO = "aperio"
_COPYABLE = (1, _RGB_PHOTOMETRIC, 6)
"""Grey, RGB, YCbCr."""


def _believed(levels: list[Segments]) -> list[Segments]:
    """Return the levels of an Aperio slide up to the first that lacks tiles: what lies over those may be corrupt."""
    whole = next((number for number, level in enumerate(levels) if not level.stored.all()), len(levels))
    return levels[: max(1, whole)]


class PyramidSource(ClosingSource):
    """A TIFF whose directories are read here."""

    def __init__(self, path: Path) -> None:
        """Read the directories.

        Raises:
            SourceError: the file is damaged, or not one picture that can be shown as it is.
        """
        self._path = path
        self._file = TiffFile(path)
        try:
            self._layout = read_layout(self._file)
            self._formats = [picture_format(each) for each in self._layout.levels]
            check_publishable(self._layout.picture)
            check_decodes(self._layout.main.compression, self._layout.picture.bits)
            segments = [Segments(*each) for each in zip(self._layout.levels, self._formats, strict=True)]
            self._segments = _believed(segments) if self._layout.acquisition.format == _APERIO else segments
        except BaseException:
            self._file.close()
            raise
        self._rows: tuple[int, Pixels] | None = None

    @property
    def picture(self) -> PictureFormat:
        """Format of the samples of full resolution."""
        return self._layout.picture

    @functools.cached_property
    def description(self) -> Description:
        """Description of the slide; read when it is first asked for, which only one worker does."""
        acquisition = self._layout.acquisition
        picture = self._layout.picture
        return Description(
            reader="tiff",
            format=acquisition.format,
            levels=tuple(self._level(number) for number in range(len(self._segments))),
            microns_per_pixel=acquisition.microns_per_pixel,
            objective=acquisition.objective,
            random_access=self._layout.main.tile is not None,
            notes=(*self._layout.notes, *notes(picture)),
        )

    def read(self, level: int, region: Region) -> Pixels:
        """Read RGB pixels of a stored level. See `Source.read`."""
        if self._layout.main.tile is not None:
            return self._read(level, region)
        # Strips hold whole rows: those of one row of blocks are decoded once.
        top, rows = self._rows or (0, np.empty((0, 0, RGB), np.uint8))
        if not top <= region.y <= region.y + region.height <= top + len(rows):
            self._rows = None
            top, rows = region.y, self._read(level, Region(0, region.y, self._size(level).width, region.height))
            self._rows = (top, rows)
        part = rows[region.y - top : region.y - top + region.height, region.x : region.x + region.width]
        return np.ascontiguousarray(part)

    def close(self) -> None:
        """Close the file and let what was read go."""
        self._rows = None
        self._file.close()

    def _read(self, level: int, region: Region) -> Pixels:
        segments, picture = self._segments[level], self._format(level)
        within = stored_region(region, segments.size, picture.orientation)
        pixels = to_rgb(segments.read(within), picture)
        missing = list(segments.missing(within))
        if missing:
            pixels = pixels.copy()
        for part in missing:
            pixels[part.y : part.y + part.height, part.x : part.x + part.width] = WHITE
        if picture.orientation == UPRIGHT:
            return pixels
        return np.ascontiguousarray(turn_upright(pixels, picture.orientation))

    def _format(self, level: int) -> PictureFormat:
        """Return the format of a level; how it is turned and coloured, the first says for all."""
        return self._formats[level] if level == 0 else self._coarser[level - 1]

    @functools.cached_property
    def _coarser(self) -> list[PictureFormat]:
        from dataclasses import replace

        first = self._formats[0]
        return [replace(each, orientation=first.orientation, profile=first.profile) for each in self._formats[1:]]

    def _size(self, level: int) -> Size:
        return upright_size(self._segments[level].size, self._layout.picture.orientation)

    def _level(self, level: int) -> StoredLevel:
        directory, segments = self._layout.levels[level], self._segments[level]
        orientation = self._layout.picture.orientation
        tile = None if directory.tile is None else upright_size(directory.tile, orientation)
        jpeg = self._copyable(level, directory, segments)
        return StoredLevel(self._size(level), tile, name_of(directory.compression), jpeg)

    def _copyable(self, level: int, directory: Directory, segments: Segments) -> JpegTiles | None:
        """Return the JPEG tiles of a level, where they are what is shown."""
        picture = self._format(level)
        photometric = directory.value(262, 0)
        is_copyable = (
            directory.compression == JPEG
            and directory.tile is not None
            and picture.is_plain
            and picture.orientation == UPRIGHT
            and photometric in _COPYABLE
            and not has_usable_profile(picture)
        )
        if not is_copyable:
            return None
        try:
            jpeg = find_tiles(
                self._path,
                segments.tile,
                segments.offsets[0],
                segments.lengths[0],
                tables=directory.content(347),
                is_rgb=photometric == _RGB_PHOTOMETRIC,
            )
        except OSError as error:
            # That tiles cannot be copied would be the wrong conclusion.
            raise SourceError(system_refusal(error)) from None
        is_same = jpeg is not None and is_shown(
            jpeg, directory.size, lambda region: self.read(level, region), is_aligned=True
        )
        return jpeg if is_same else None
