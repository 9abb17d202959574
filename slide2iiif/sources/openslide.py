"""Slides through OpenSlide: the only module that knows it.

Two habits of OpenSlide shape this module. Outside the scanned area it gives transparent pixels, which must be
composed on the slide's background, or they turn black. And after one failed read a handle answers every later
read with the same error, so a handle that failed is never used again.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import openslide

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region, Size
from slide2iiif.sources import dicom, tiff
from slide2iiif.sources.base import WHITE, ClosingSource, Colour, Description, Pixels, StoredImage, StoredLevel, probe
from slide2iiif.sources.compose import compose
from slide2iiif.sources.tiff import is_tiff

_LEVELS_ARE_IMAGES = frozenset({"aperio", "dicom", "generic-tiff", "hamamatsu"})
"""Formats in which a level is one TIFF image or DICOM file, pixel for pixel: no overlaps, nothing moved."""


class OpenSlideSource(ClosingSource):
    """A slide that OpenSlide reads."""

    def __init__(self, path: Path) -> None:
        """Open the slide.

        Raises:
            UnsupportedFormatError: OpenSlide does not know the format.
            SourceError: it knows the format, and the file is damaged.
        """
        self._path = path
        self._slide = _open(path)
        self.description = self._describe()

    def read(self, level: int, region: Region) -> Pixels:
        """Read RGB pixels of a stored level. See `Source.read`."""
        downsample = self._slide.level_downsamples[level]
        # OpenSlide takes the place in full-resolution pixels and the size in the level's own.
        location = (round(region.x * downsample), round(region.y * downsample))
        try:
            image = self._slide.read_region(location, level, region.size)
        except openslide.OpenSlideError as error:
            self._reopen()
            raise SourceError(f"cannot be read at {region} of level {level}: {error}") from None
        return compose(np.asarray(image), self.description.background)

    def close(self) -> None:
        """Close the handle."""
        self._slide.close()

    def _reopen(self) -> None:
        self._slide.close()
        self._slide = _open(self._path)

    def _describe(self) -> Description:
        slide = self._slide
        properties = slide.properties
        vendor = properties.get(openslide.PROPERTY_NAME_VENDOR, "unknown")
        images = _images(self._path)
        levels = []
        for index, dimensions in enumerate(slide.level_dimensions):
            size = Size(*dimensions)
            image = images.get(size, StoredImage("", None))
            levels.append(
                StoredLevel(
                    size=size,
                    tile=_tile(properties, index),
                    compression=image.compression or None,
                    jpeg=image.jpeg if vendor in _LEVELS_ARE_IMAGES else None,
                )
            )
        return Description(
            reader="openslide",
            format=vendor,
            levels=tuple(levels),
            microns_per_pixel=_number(properties.get(openslide.PROPERTY_NAME_MPP_X)),
            objective=_number(properties.get(openslide.PROPERTY_NAME_OBJECTIVE_POWER)),
            background=_colour(properties.get(openslide.PROPERTY_NAME_BACKGROUND_COLOR)),
        )


class UnsupportedFormatError(Exception):
    """OpenSlide does not know the format; another reader may."""


def library_version() -> str:
    """Version of the OpenSlide library."""
    return str(openslide.__library_version__)


def _open(path: Path) -> openslide.OpenSlide:
    try:
        return openslide.OpenSlide(path)
    except openslide.OpenSlideUnsupportedFormatError:
        raise UnsupportedFormatError(str(path)) from None
    except openslide.OpenSlideError as error:
        raise SourceError(f"is damaged or of an unknown variant: {error}") from None


def _images(path: Path) -> Mapping[Size, StoredImage]:
    head = probe(path)
    if is_tiff(head):
        return tiff.read_images(path)
    return dicom.read_images(path) if dicom.is_dicom(head) else {}


def _tile(properties: Mapping[str, str], level: int) -> Size | None:
    width = properties.get(f"openslide.level[{level}].tile-width", "")
    height = properties.get(f"openslide.level[{level}].tile-height", "")
    return Size(int(width), int(height)) if width.isdecimal() and height.isdecimal() else None


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _colour(text: str | None) -> Colour:
    if text is None or not re.fullmatch(r"[0-9A-Fa-f]{6}", text):
        return WHITE
    red, green, blue = bytes.fromhex(text)
    return red, green, blue
