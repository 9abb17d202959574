"""Ordinary images through libvips: JPEG, PNG, WebP, GIF, and TIFF in strips of the usual kinds.

Samples are read as they are stored and become RGB in `imaging.to_rgb`; only the orientation is libvips' business.
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region, Size
from slide2iiif.imaging.orientation import UPRIGHT
from slide2iiif.imaging.picture import Extra, Kind, Meaning, PictureFormat
from slide2iiif.imaging.pixels import WHITE, Pixels
from slide2iiif.imaging.to_rgb import check_publishable, notes, to_rgb
from slide2iiif.machine import check_memory, too_large
from slide2iiif.sources.base import ClosingSource, Description, StoredLevel
from slide2iiif.sources.exif import ORIENTATIONS, orientation_of_text, orientation_of_xmp
from slide2iiif.sources.frames import frame_count, painted_area
from slide2iiif.sources.unsupported import COPY_AGAIN, several

# Processes are the unit of parallel work, so threads inside one only get into each other's way.
os.environ.setdefault("VIPS_CONCURRENCY", "1")
# A decoded image larger than this goes to a temporary file instead of memory.
os.environ.setdefault("VIPS_DISC_THRESHOLD", "200m")

_MICRONS_PER_MM = 1000
_REMEMBERED_LINES = 64
_WHOLE_BYTES = {"gif": 4}
"""Bytes a pixel that libvips takes for an image as a whole, and ends the process where it does not get them."""
_PROFILE, _ORIENTATION, _XMP_FIELDS = "icc-profile-data", "orientation", ("xmp-data",)
_NOTES = ("exif-", "png-comment", "jpeg-comment", "gif-comment", "image-description", "xmp-", "iptc-")
"""Beginnings of libvips' names for the notes in a file."""
_OUT_OF_MEMORY = re.compile(r"(?i)out of memory|insufficient memory|cannot allocate|allocate memory|malloc")
_NO_REASON = "unable to write to memory"
"""Words of libvips for every failure."""
_RESOLUTION_UNITS = {"in", "cm", "mm"}


_BLOBS = ("icc-profile-data", "xmp-data", "iptc-data", "exif-data", "photoshop-data")
"""Fields of bytes that are told of."""
_LOADERS = ("Jpeg", "Png", "Webp", "Gif", "Nsgif", "Tiff")
"""Loaders that are used: others take files for pictures that are programs."""
_LOADER_CLASS = re.compile(r"VipsForeignLoad(\w+?)(?:Source|File)?$")
_MEANINGS = {
    "b-w": Meaning.GREY,
    "grey16": Meaning.GREY,
    "srgb": Meaning.RGB,
    "rgb": Meaning.RGB,
    "rgb16": Meaning.RGB,
    "cmyk": Meaning.CMYK,
}
_KINDS = {
    "uchar": (8, Kind.UNSIGNED),
    "ushort": (16, Kind.UNSIGNED),
    "char": (8, Kind.SIGNED),
    "short": (16, Kind.SIGNED),
}
_OTHER_KINDS = {
    "uint": (32, Kind.UNSIGNED),
    "int": (32, Kind.SIGNED),
    "float": (32, Kind.FLOAT),
    "double": (64, Kind.FLOAT),
}


class NoLoaderError(Exception):
    """Error of a file that libvips has no loader for; another reader may."""


class VipsSource(ClosingSource):
    """An ordinary image that libvips reads.

    It is decoded from top to bottom, once, a strip at a time: regions must come in that order, and those of one row
    of blocks have the same rows.
    """

    def __init__(
        self, path: Path, content: bytes | None = None, note: str = "", picture: PictureFormat | None = None
    ) -> None:
        """Open the image.

        Args:
            path: the file.
            content: the image in memory, in place of what is in the file.
            note: told of the image.
            picture: format of its samples, where libvips does not tell all of it.

        Raises:
            NoLoaderError: libvips has no loader for it.
            SourceError: it has one, and the file is damaged, or not one picture that can be shown as it is.
        """
        import pyvips

        self._error = pyvips.Error
        # A descriptor, not a name: libvips would read options from a name such as `slide[page=2].tif`.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            from_file = pyvips.Source.new_from_descriptor(descriptor)
            source = from_file if content is None else pyvips.Source.new_from_memory(content)
            loader = _find_loader(source)
            header = _load(source, "random")
            orientation = _orientation(header)
            self._picture = picture or _format_of(header)
            check_publishable(self._picture)
            frames = frame_count(path, loader, _whole_number(header, "n-pages", 1))
            if frames > 1:
                raise SourceError(several("frames", frames))
            # Turning a picture needs all of it; libvips keeps it in memory, or in a temporary file if it is large.
            is_turned = orientation != UPRIGHT
            upright = _turned(header, orientation) if is_turned else header
            self.description = _describe(header, Size(upright.width, upright.height), loader, self._picture, note)
            self._image = upright if is_turned else _remember(_load(source, "sequential"))
        except pyvips.Error as error:
            raise SourceError(refusal("is damaged or of an unknown variant", error)) from None
        finally:
            os.close(descriptor)
        self._painted = painted_area(path, self.description.size) if loader == "gif" else None
        self._strip: tuple[int, Pixels] | None = None
        self._is_sequential = not is_turned
        self._header = header

    def close(self) -> None:
        """Let the decoded pixels go."""
        self._strip = None
        del self._image, self._header

    @property
    def properties(self) -> Mapping[str, str]:
        """See `Source.properties`: EXIF and comments as text; of XMP, IPTC and the like that they are there."""
        found: dict[str, str] = {}
        for name in _field_names(self._header):
            if not name.startswith(_NOTES) and name not in _BLOBS:
                continue
            try:
                value = self._header.get(name)
            except (UnicodeDecodeError, self._error):
                # Text of any bytes: that it is there is told.
                value = b""
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
            raise SourceError(refusal(f"cannot be read at {region}", error)) from None
        dtype = np.uint8 if self._picture.bits == 8 else np.uint16  # noqa: PLR2004 - bits of a byte
        samples = np.frombuffer(raw, dtype).reshape(region.height, region.width, self._picture.samples)
        pixels = to_rgb(samples, self._picture)
        return pixels if self._painted is None else _unpaint(pixels, region, self._painted)


def _unpaint(pixels: Pixels, region: Region, painted: Region) -> Pixels:
    """Make white what no frame of a GIF covers."""
    white = np.full_like(pixels, WHITE)
    left, top = max(0, painted.x - region.x), max(0, painted.y - region.y)
    right = max(left, painted.x + painted.width - region.x)
    bottom = max(top, painted.y + painted.height - region.y)
    white[top:bottom, left:right] = pixels[top:bottom, left:right]
    return white


def _find_loader(source: "pyvips.Source") -> str:  # type: ignore[name-defined]  # noqa: F821
    """Return the short name of the loader for a file.

    Raises:
        NoLoaderError: there is none, or it is not used.
    """
    import pyvips

    found = pyvips.vips_lib.vips_foreign_find_load_source(source.pointer)
    name = "" if found == pyvips.ffi.NULL else pyvips.ffi.string(found).decode("ascii", "replace")
    match = _LOADER_CLASS.fullmatch(name)
    if match is None or match[1] not in _LOADERS:
        raise NoLoaderError(name)
    return match[1].lower().removeprefix("ns")


def _load(source: "pyvips.Source", access: str) -> "pyvips.Image":  # type: ignore[name-defined]  # noqa: F821
    import pyvips

    # Damage must not pass as grey pixels: only `warning` fails for damaged TIFF tiles.
    return pyvips.Image.new_from_source(source, "", access=access, fail_on="warning")


def _remember(image: "pyvips.Image") -> "pyvips.Image":  # type: ignore[name-defined]  # noqa: F821
    """Keep the last lines of an image that is read once: a strip of ours may begin within one of the file's."""
    lines = max(_REMEMBERED_LINES, _whole_number(image, "rows-per-strip", 0))
    return image.tilecache(tile_width=image.width, tile_height=lines, max_tiles=3, access="sequential", persistent=True)


def _has(image: "pyvips.Image", name: str) -> bool:  # type: ignore[name-defined]  # noqa: F821
    return bool(image.get_typeof(name))


def _whole_number(image: "pyvips.Image", name: str, default: int) -> int:  # type: ignore[name-defined]  # noqa: F821
    return int(image.get(name)) if _has(image, name) else default


def _field_names(image: "pyvips.Image") -> Iterator[str]:  # type: ignore[name-defined]  # noqa: F821
    """List the names of fields, those left out that are not UTF-8: a keyword of PNG may be any bytes."""
    import pyvips

    names = pyvips.vips_lib.vips_image_get_fields(image.pointer)
    index = 0
    while names[index] != pyvips.ffi.NULL:
        name = pyvips.ffi.string(names[index])
        pyvips.glib_lib.g_free(names[index])
        index += 1
        try:
            yield name.decode()
        except UnicodeDecodeError:
            continue
    pyvips.glib_lib.g_free(names)


def _format_of(image: "pyvips.Image") -> PictureFormat:  # type: ignore[name-defined]  # noqa: F821
    """Describe the samples that libvips gives."""
    meaning = _MEANINGS.get(str(image.interpretation), Meaning.UNKNOWN)
    bits, kind = _KINDS.get(str(image.format), (0, Kind.COMPLEX))
    spare = image.bands - meaning.colours
    if spare < 0:
        meaning, spare = Meaning.UNKNOWN, 0
    extras = (Extra.STRAIGHT, *[Extra.UNSPECIFIED] * (spare - 1))[:spare]
    profile = bytes(image.get(_PROFILE)) if _has(image, _PROFILE) else None
    return PictureFormat(
        meaning,
        bits,
        kind,
        extras,
        orientation=_orientation(image),
        profile=profile,
        stated=f"{image.bands} bands of {image.interpretation}",
    )


def _orientation(image: "pyvips.Image") -> int:  # type: ignore[name-defined]  # noqa: F821
    """Return how an image is turned: as its EXIF says, or a text or XMP where that says nothing."""
    stated = _whole_number(image, _ORIENTATION, 0)
    if stated in ORIENTATIONS:
        return stated
    found: int | None = None
    # TIFF that states none is upright.
    is_silent = stated == 0 and not str(image.get("vips-loader")).startswith("tiff")
    for name in _field_names(image) if is_silent else ():
        if name.startswith("png-comment-") and "Raw profile type" in name:
            found = found or orientation_of_text(str(image.get(name)))
        elif name in _XMP_FIELDS or (name.startswith("png-comment-") and "XML:com.adobe.xmp" in name):
            value = image.get(name)
            found = found or orientation_of_xmp(value if isinstance(value, bytes) else str(value).encode())
    return found or UPRIGHT


def _turned(image: "pyvips.Image", orientation: int) -> "pyvips.Image":  # type: ignore[name-defined]  # noqa: F821
    import pyvips

    copied = image.copy()
    copied.set_type(pyvips.GValue.gint_type, _ORIENTATION, orientation)
    return copied.autorot()


def _describe(
    stored: "pyvips.Image",  # type: ignore[name-defined]  # noqa: F821
    size: Size,
    loader: str,
    picture: PictureFormat,
    note: str,
) -> Description:
    mpp = None
    # libvips gives 1 pixel/mm where a file says nothing; the unit is only there where a file said something.
    if _has(stored, "resolution-unit") and stored.get("resolution-unit") in _RESOLUTION_UNITS and stored.xres > 0:
        mpp = _MICRONS_PER_MM / stored.xres
    return Description(
        reader="vips",
        format=loader,
        levels=(StoredLevel(size),),
        microns_per_pixel=mpp,
        random_access=False,
        notes=(*notes(picture), *([note] if note else [])),
    )


def refusal(what: str, error: Exception) -> str:
    """Return the words for a refusal of libvips: for want of memory, or its own."""
    if _OUT_OF_MEMORY.search(str(error)):
        return too_large()
    return f"{what}: {_first_line(error)}; {COPY_AGAIN}"


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and line.strip() != _NO_REASON]
    return lines[-1] if lines else "its data is damaged, or there is less of it than its header says"
