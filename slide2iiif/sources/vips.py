"""Ordinary images through libvips, or through Pillow where the libvips wheel lacks a loader.

Whatever is stored (grey, palette, 16 bits, CMYK, alpha, an EXIF orientation) comes out as upright 8-bit sRGB on
white. Tiled TIFF is read by region; anything else is decoded once by the worker that takes the slide.
"""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region, Size
from slide2iiif.icc import is_srgb
from slide2iiif.pixels import WHITE, Pixels, compose
from slide2iiif.sources.base import ClosingSource, Description, StoredLevel

# Processes are the unit of parallel work, so threads inside one only get into each other's way.
os.environ.setdefault("VIPS_CONCURRENCY", "1")
# A decoded image larger than this goes to a temporary file instead of memory.
os.environ.setdefault("VIPS_DISC_THRESHOLD", "200m")

_MICRONS_PER_MM = 1000
_REMEMBERED_LINES = 64
_PROFILE = "icc-profile-data"
_NOTES = ("exif-", "png-comment", "jpeg-comment", "gif-comment", "image-description", "xmp-", "iptc-")
"""What libvips' names for the notes in a file begin with."""
_RESOLUTION_UNITS = {"in", "cm", "mm"}


class NoLoaderError(Exception):
    """libvips has no loader for the file; another reader may."""


class VipsSource(ClosingSource):
    """An ordinary image that libvips reads.

    Tiled TIFF is read by region. Anything else is decoded from top to bottom, once, a strip at a time: regions must
    then come in that order, and those of one row of blocks have the same rows.
    """

    def __init__(self, path: Path) -> None:
        """Open the image.

        Raises:
            NoLoaderError: libvips has no loader for it.
            SourceError: it has one, and the file is damaged.
        """
        import pyvips

        self._error = pyvips.Error
        # A descriptor, not a name: libvips would read options from a name such as `slide[page=2].tif`.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            source = pyvips.Source.new_from_descriptor(descriptor)
            if pyvips.vips_lib.vips_foreign_find_load_source(source.pointer) == pyvips.ffi.NULL:
                raise NoLoaderError(str(path))
            header = _load(source, "random")
            self.description = _describe(header)
            # Turning a picture needs all of it; libvips keeps it in memory, or in a temporary file if it is large.
            is_sequential = not self.description.random_access and not _is_turned(header)
            stored = _load(source, "sequential") if is_sequential else header
            self._image = _standardise(_remember(stored) if is_sequential else stored)
        except pyvips.Error as error:
            raise SourceError(f"is damaged or of an unknown variant: {_first_line(error)}") from None
        finally:
            os.close(descriptor)
        self._strip: tuple[int, Pixels] | None = None
        self._is_sequential = is_sequential
        self._header = header

    def close(self) -> None:
        """Let the decoded pixels go."""
        self._strip = None
        del self._image, self._header

    @property
    def properties(self) -> Mapping[str, str]:
        """See `Source.properties`: EXIF and comments as text; of XMP, IPTC and the like that they are there."""
        found: dict[str, str] = {}
        for name in self._header.get_fields():
            value = self._header.get(name)
            if name.startswith(_NOTES) or isinstance(value, bytes):
                found[name] = f"{len(value)} bytes" if isinstance(value, bytes) else str(value)
        return found

    def read(self, level: int, region: Region) -> Pixels:
        """Read RGB pixels. See `Source.read`."""
        if level:
            raise IndexError(f"no level {level} in an ordinary image")
        if not self._is_sequential:
            return self._fetch(region)
        top, strip = self._strip or (0, np.empty((0, 0, 3), np.uint8))
        if not top <= region.y <= region.y + region.height <= top + len(strip):
            self._strip = None  # Its memory is for the next one.
            strip = self._fetch(Region(0, region.y, self._image.width, region.height))
            top = region.y
            self._strip = (top, strip)
        rows = strip[region.y - top : region.y - top + region.height]
        return np.ascontiguousarray(rows[:, region.x : region.x + region.width])

    def _fetch(self, region: Region) -> Pixels:
        try:
            # Through a sink: it streams a few lines at a time, where fetching a region computes all of it at once.
            raw = self._image.crop(*region).write_to_memory()
        except self._error as error:
            raise SourceError(f"cannot be read at {region}: {_first_line(error)}") from None
        return np.frombuffer(raw, np.uint8).reshape(region.height, region.width, 3)


class TiffDirectories:
    """The directories of a tiled TIFF, each an image of its own, read by region."""

    def __init__(self, path: Path) -> None:
        """Take the file."""
        self._path = path
        self._images: dict[tuple[int, int | None], Any] = {}

    def read(self, page: int, sub: int | None, region: Region) -> Pixels:
        """Read RGB pixels of a directory, or of one that hangs below it.

        Raises:
            SourceError: it cannot be read there.
        """
        import pyvips

        try:
            if (page, sub) not in self._images:
                self._images[page, sub] = self._open(page, sub)
            raw = self._images[page, sub].crop(*region).write_to_memory()
        except pyvips.Error as error:
            raise SourceError(f"cannot be read at {region} of directory {page}: {_first_line(error)}") from None
        return np.frombuffer(raw, np.uint8).reshape(region.height, region.width, 3)

    def close(self) -> None:
        """Let what was read go."""
        self._images.clear()

    def _open(self, page: int, sub: int | None) -> Any:
        import pyvips

        descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            source = pyvips.Source.new_from_descriptor(descriptor)
            image = pyvips.Image.tiffload_source(
                source, page=page, subifd=-1 if sub is None else sub, access="random", fail_on="warning"
            )
        finally:
            os.close(descriptor)
        return _standardise(image)


def _load(source: "pyvips.Source", access: str) -> "pyvips.Image":  # type: ignore[name-defined]  # noqa: F821
    import pyvips

    # Damage must not pass as grey pixels: only `warning` fails for damaged TIFF tiles.
    return pyvips.Image.new_from_source(source, "", access=access, fail_on="warning")


def _remember(image: "pyvips.Image") -> "pyvips.Image":  # type: ignore[name-defined]  # noqa: F821
    """Keep the last lines of an image that is read once: a strip of ours may begin within one of the file's."""
    lines = max(_REMEMBERED_LINES, int(image.get("rows-per-strip")) if "rows-per-strip" in image.get_fields() else 0)
    return image.tilecache(tile_width=image.width, tile_height=lines, max_tiles=3, access="sequential", persistent=True)


def _is_turned(image: "pyvips.Image") -> bool:  # type: ignore[name-defined]  # noqa: F821
    return "orientation" in image.get_fields() and int(image.get("orientation")) != 1


class PillowSource(ClosingSource):
    """An ordinary image that Pillow reads, held in memory."""

    def __init__(self, path: Path, max_pixels: int) -> None:
        """Open and decode the image.

        Args:
            path: the file.
            max_pixels: refuse to decode more than this.

        Raises:
            SourceError: not an image, damaged, or too large for memory.
        """
        from PIL import Image, ImageOps, UnidentifiedImageError

        # The limit is ours, with our own message, instead of Pillow's warning.
        Image.MAX_IMAGE_PIXELS = None
        try:
            with Image.open(path) as image:
                size = Size(*image.size)
                if size.pixels > max_pixels:
                    raise SourceError(
                        f"{size} pixels are too many for a format that must be decoded as a whole "
                        f"({max_pixels} at most): convert it to tiled TIFF"
                    )
                kind = (image.format or "unknown").lower()
                upright = ImageOps.exif_transpose(image)
                self._pixels = compose(np.asarray(upright.convert("RGBA")), WHITE)
        except UnidentifiedImageError:
            raise SourceError("is not an image in any format that is known here") from None
        except (OSError, ValueError, SyntaxError, MemoryError, EOFError) as error:
            raise SourceError(f"is damaged: {error}") from None
        height, width, _ = self._pixels.shape
        self.description = Description("pillow", kind, (StoredLevel(Size(width, height)),), random_access=False)

    def read(self, level: int, region: Region) -> Pixels:
        """Read RGB pixels. See `Source.read`."""
        if level:
            raise IndexError(f"no level {level} in an ordinary image")
        x, y, width, height = region
        return np.ascontiguousarray(self._pixels[y : y + height, x : x + width])


def _describe(stored: "pyvips.Image") -> Description:  # type: ignore[name-defined]  # noqa: F821
    fields = set(stored.get_fields())
    loader = str(stored.get("vips-loader")).removesuffix("_source").removesuffix("load")
    tile = None
    if {"tile-width", "tile-height"} <= fields:
        tile = Size(int(stored.get("tile-width")), int(stored.get("tile-height")))
    upright = stored.autorot()
    mpp = None
    # libvips gives 1 pixel/mm where a file says nothing; the unit is only there where a file said something.
    if "resolution-unit" in fields and stored.get("resolution-unit") in _RESOLUTION_UNITS and stored.xres > 0:
        mpp = _MICRONS_PER_MM / stored.xres
    return Description(
        reader="vips",
        format=loader,
        levels=(StoredLevel(Size(upright.width, upright.height), tile),),
        microns_per_pixel=mpp,
        random_access=tile is not None,
    )


def _standardise(image: "pyvips.Image") -> "pyvips.Image":  # type: ignore[name-defined]  # noqa: F821
    """Make an image upright 8-bit sRGB on white."""
    image = image.autorot()
    if image.hasalpha():
        image = image.flatten(background=list(WHITE), max_alpha=_max_alpha(image))
    image = _to_srgb(image)
    if image.format != "uchar":
        image = image.cast("uchar")
    return image if image.bands == 3 else image[0:3]  # noqa: PLR2004 - red, green, blue


def _to_srgb(image: "pyvips.Image") -> "pyvips.Image":  # type: ignore[name-defined]  # noqa: F821
    """Transform colours by the image's own profile, or by what its kind of colours usually means."""
    import pyvips

    if _PROFILE in image.get_fields() and not is_srgb(bytes(image.get(_PROFILE))):
        try:
            return image.icc_transform("srgb", embedded=True, intent="relative")
        except pyvips.Error as error:
            # Of another kind of colours than the image, or damaged: as if it were not there, as viewers do.
            logging.getLogger(__name__).info("colour profile is not used: %s", _first_line(error))
    return image.colourspace("srgb")


def _max_alpha(image: "pyvips.Image") -> float:  # type: ignore[name-defined]  # noqa: F821
    return 65535.0 if image.interpretation in {"rgb16", "grey16"} else 255.0


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
