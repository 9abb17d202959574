"""Ordinary images through libvips, or through Pillow where the libvips wheel lacks a loader.

Whatever is stored (grey, palette, 16 bits, CMYK, alpha, an EXIF orientation) comes out as upright 8-bit sRGB on
white. Tiled TIFF is read by region; anything else is decoded once by the worker that takes the slide.
"""

import contextlib
import logging
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region, Size
from slide2iiif.imaging.icc import is_srgb
from slide2iiif.imaging.pixels import WHITE, Pixels, compose
from slide2iiif.memory_limit import check_memory, too_large
from slide2iiif.sources.base import ClosingSource, Description, StoredLevel
from slide2iiif.sources.unsupported import COMPARE, COPY_AGAIN, is_of_system, system_refusal

# Processes are the unit of parallel work, so threads inside one only get into each other's way.
os.environ.setdefault("VIPS_CONCURRENCY", "1")
# A decoded image larger than this goes to a temporary file instead of memory.
os.environ.setdefault("VIPS_DISC_THRESHOLD", "200m")

_MICRONS_PER_MM = 1000
_REMEMBERED_LINES = 64
_WHOLE_BYTES = {"gif": 4}
"""Bytes a pixel that libvips takes for an image as a whole, and ends the process where it does not get them."""
_PROFILE = "icc-profile-data"
_NOTES = ("exif-", "png-comment", "jpeg-comment", "gif-comment", "image-description", "xmp-", "iptc-")
"""What libvips' names for the notes in a file begin with."""
_ORIENTATION = 0x0112
"""EXIF tag."""
_SIDEWAYS = {5, 6, 7, 8}
"""Orientations that exchange width and height."""
_OUT_OF_MEMORY = re.compile(r"(?i)out of memory|insufficient memory|cannot allocate|allocate memory|malloc")
_NO_REASON = "unable to write to memory"
"""What libvips says of every failure."""
_JPEG_2000_SIZE = b"\xff\x4f\xff\x51"
"""Markers that a codestream begins with: the second one tells of sizes."""
_JPEG_2000_HEAD = 1 << 20
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
            raise SourceError(_refusal("is damaged or of an unknown variant", error)) from None
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
        if self._strip is None:
            check_memory(self.description.size.pixels * _WHOLE_BYTES.get(self.description.format, 0))
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
            raise SourceError(_refusal(f"cannot be read at {region}", error)) from None
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
            raise SourceError(_refusal(f"cannot be read at {region} of directory {page}", error)) from None
        except OSError as error:
            raise SourceError(system_refusal(error)) from None
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
    """An ordinary image that Pillow reads: held in memory, from the first time that pixels are asked for."""

    def __init__(self, path: Path) -> None:
        """Read what the image says of itself.

        Raises:
            SourceError: not an image, or damaged.
        """
        self._path = path
        self._image: Any = None
        with self._opened() as image:
            kind = (image.format or "unknown").lower()
            size = Size(*image.size)
            is_turned = image.getexif().get(_ORIENTATION) in _SIDEWAYS
        size = Size(size.height, size.width) if is_turned else size
        self.description = Description("pillow", kind, (StoredLevel(size),), random_access=False)

    def read(self, level: int, region: Region) -> Pixels:
        """Read RGB pixels. See `Source.read`."""
        if level:
            raise IndexError(f"no level {level} in an ordinary image")
        if self._image is None:
            self._image = self._decode()
        x, y, width, height = region
        part = self._image.crop((x, y, x + width, y + height))
        if part.mode == "RGB":
            return np.array(part)
        return compose(np.asarray(part.convert("RGBA")), WHITE)

    def close(self) -> None:
        """Let the decoded pixels go."""
        self._image = None

    def _decode(self) -> Any:
        from PIL import ImageOps

        with self._opened() as image:
            check_memory(_decoded_bytes(image, self._path))
            ImageOps.exif_transpose(image, in_place=True)
            image.load()
            return image

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Any]:
        from PIL import Image, UnidentifiedImageError

        # The limit is that of memory, with our own message, instead of Pillow's warning.
        Image.MAX_IMAGE_PIXELS = None
        try:
            with self._path.open("rb") as file, warnings.catch_warnings():
                # What matters of them is also told as an error.
                warnings.simplefilter("ignore")
                yield Image.open(file)
        except UnidentifiedImageError:
            raise SourceError(f"is not an image in any format that is known here, or is damaged: {COMPARE}") from None
        except MemoryError:
            raise SourceError(too_large()) from None
        except (OSError, ValueError, SyntaxError, EOFError) as error:
            if isinstance(error, OSError) and is_of_system(error):
                raise SourceError(system_refusal(error)) from None
            raise SourceError(f"is damaged: {error}; {COPY_AGAIN}") from None


def _decoded_bytes(image: Any, path: Path) -> int:
    """Estimate what it takes to decode an image."""
    bands = len(image.getbands())
    pixels = image.width * image.height
    picture = pixels * (1 if bands == 1 else 4)
    if image.format != "JPEG2000":
        return int(picture)
    # Of one tile, which is all of it as a rule, the decoder holds the samples as whole numbers and as bytes too.
    tile = _codestream_tile(path)
    return int(picture + min(pixels, pixels if tile is None else tile.pixels) * bands * 5)


def _codestream_tile(path: Path) -> Size | None:
    """Read the size of a tile of JPEG 2000 (T.800, section A.5.1), where its header is near the beginning."""
    with path.open("rb") as file:
        head = file.read(_JPEG_2000_HEAD)
    place = head.find(_JPEG_2000_SIZE) + len(_JPEG_2000_SIZE) + 20
    if place < len(_JPEG_2000_SIZE) + 20 or place + 8 > len(head):
        return None
    return Size(int.from_bytes(head[place : place + 4]), int.from_bytes(head[place + 4 : place + 8]))


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


def _refusal(what: str, error: Exception) -> str:
    """Say why libvips refuses: for want of memory, or what it says itself."""
    if _OUT_OF_MEMORY.search(str(error)):
        return too_large()
    return f"{what}: {_first_line(error)}; {COPY_AGAIN}"


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and line.strip() != _NO_REASON]
    return lines[-1] if lines else "its data is damaged, or there is less of it than its header says"
