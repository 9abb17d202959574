"""Slides through OpenSlide: the only module that knows it.

Two habits of OpenSlide shape this module. Outside the scanned area it gives transparent pixels, which must be
composed on the slide's background, or they turn black. And after one failed read a handle answers every later
read with the same error, so a handle that failed is never used again.
"""

import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import openslide
from numpy.typing import NDArray

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region, Size
from slide2iiif.imaging.pixels import RGB, WHITE, Colour, Pixels, compose
from slide2iiif.sources import dicom, tiff
from slide2iiif.sources.base import ClosingSource, Description, StoredArea, StoredImage, StoredLevel, probe
from slide2iiif.sources.crosscheck import are_strips_shown, is_shown
from slide2iiif.sources.hidden_tiles import beside_areas, without_hidden
from slide2iiif.sources.jpeg_strips import JpegStrips
from slide2iiif.sources.jpeg_tiles import JpegTiles
from slide2iiif.sources.tiff import is_tiff
from slide2iiif.sources.tiff_layout import read_layout
from slide2iiif.sources.tiff_tags import TiffFile
from slide2iiif.sources.tile_table import TileTable
from slide2iiif.sources.unsupported import check_open_files, explain

_APERIO = "aperio"
"""Format whose tiles over a place that the next finer level does not store are sometimes corrupt: OpenSlide makes
those from the finer level."""
_GENERIC_TIFF, _DICOM = "generic-tiff", "dicom"
_DOUBTFUL_COLOURS = (
    "the header says that samples are RGB, and they look like YCbCr: colours are published as the header has them, "
    "which is how OpenSlide shows them; if they are false, correct the header"
)
_NO_PIXELS = (
    "OpenSlide finds no pixels in it: what it says of its scanned areas is of a kind that is not known; export it as "
    "TIFF with the scanner's own software"
)
_LARGEST_PROFILE = 16_000_000
_LARGEST_PART = 4096 * 4096
"""Pixels that are read at once."""
_ROWS_AT_ONCE = 128
"""Rows that are read at once where tiles are small: what is copied of them stays in the processor's cache."""
_SMALL_TILE = 512
"""Side of a tile so small that OpenSlide's own cache holds all that lie side by side: none is decoded twice."""
_MOST_AREAS = 10_000
_LARGEST_PICTURE = 50_000_000
"""Pixels of a picture beside the levels; those of scanners have a tenth of it."""


class OpenSlideSource(ClosingSource):
    """A slide that OpenSlide reads."""

    def __init__(self, path: Path) -> None:
        """Open the slide.

        Raises:
            UnsupportedFormatError: OpenSlide does not know the format.
            SourceError: it knows the format, and the file is damaged.
        """
        self._path = path
        self._handle: openslide.OpenSlide | None = _open(path)
        self._background = _colour(self._slide.properties.get(openslide.PROPERTY_NAME_BACKGROUND_COLOR))

    @property
    def is_of_no_scanner(self) -> bool:
        """True if OpenSlide takes the file for any tiled TIFF."""
        return bool(self._slide.properties.get(openslide.PROPERTY_NAME_VENDOR) == _GENERIC_TIFF)

    @property
    def _slide(self) -> openslide.OpenSlide:
        """Open handle; a new one after one that failed.

        Raises:
            SourceError: the slide does not open any more.
        """
        if self._handle is None:
            try:
                self._handle = _open(self._path)
            except UnsupportedFormatError:
                raise SourceError("does not open any more: it has changed, or is damaged") from None
        return self._handle

    @functools.cached_property
    def description(self) -> Description:
        """Description of the slide; read when it is first asked for, which only one worker does."""
        properties = self._slide.properties
        vendor = properties.get(openslide.PROPERTY_NAME_VENDOR, "unknown")
        microns = _number(properties.get(openslide.PROPERTY_NAME_MPP_X))
        objective = _number(properties.get(openslide.PROPERTY_NAME_OBJECTIVE_POWER))
        notes: tuple[str, ...] = ()
        if vendor == _DICOM:
            dicom.check_one_path(self._path)
        if vendor == _GENERIC_TIFF:
            # Any TIFF in tiles is that to OpenSlide, and it takes the first picture of many.
            with TiffFile(self._path) as file:
                layout = read_layout(file)
            acquisition, notes = layout.acquisition, layout.notes
            vendor = acquisition.format if acquisition.format != "tiff" else vendor
            microns, objective = microns or acquisition.microns_per_pixel, objective or acquisition.objective
        if min(self._slide.dimensions) < 1:
            raise SourceError(_NO_PIXELS)
        levels = tuple(self._levels())
        return Description(
            reader="openslide",
            format=vendor,
            levels=levels,
            microns_per_pixel=microns,
            objective=objective,
            background=self._background,
            notes=(*notes, _DOUBTFUL_COLOURS) if any(_is_doubtful(level.jpeg) for level in levels) else notes,
            profile=self._profile(),
        )

    def read(self, level: int, region: Region) -> Pixels:
        """Read RGB pixels of a stored level. See `Source.read`."""
        downsample = self._slide.level_downsamples[level]
        rows = self._rows_at_once(level, region.width)
        if region.height > rows and downsample.is_integer():
            pixels = np.empty((region.height, region.width, RGB), np.uint8)
            for part in _bands(region, rows):
                top = part.y - region.y
                pixels[top : top + part.height] = self.read(level, part)
            return pixels
        # OpenSlide takes the place in full-resolution pixels and the size in the level's own.
        location = (round(region.x * downsample), round(region.y * downsample))
        try:
            image = self._slide.read_region(location, level, region.size)
        except openslide.OpenSlideError as error:
            self.close()
            raise SourceError(f"cannot be read at {region} of level {level}: {explain(str(error))}") from None
        return compose(np.asarray(image), self._background)

    @property
    def properties(self) -> Mapping[str, str]:
        """See `Source.properties`."""
        return self._slide.properties

    @property
    def associated(self) -> Mapping[str, Size]:
        """See `Source.associated`."""
        sizes = {
            name: [int(self._slide.properties.get(f"openslide.associated.{name}.{side}", 0)) for side in Size._fields]
            for name in self._slide.associated_images
        }
        return {name: Size(*sides) for name, sides in sizes.items()}

    def read_associated(self, name: str) -> Pixels:
        """See `Source.read_associated`."""
        size = self.associated.get(name, Size(0, 0))
        if size.pixels > _LARGEST_PICTURE:
            raise SourceError(
                f"its picture {name!r} has {size.pixels:,} pixels ({size}), and at most {_LARGEST_PICTURE:,} are "
                "published: leave it out of --associated"
            )
        try:
            return compose(np.asarray(self._slide.associated_images[name]), self._background)
        except KeyError:
            return super().read_associated(name)
        except openslide.OpenSlideError as error:
            self.close()
            raise SourceError(f"its picture {name!r} cannot be read: {explain(str(error))}") from None

    def associated_profile(self, name: str) -> bytes | None:
        """See `Source.associated_profile`."""
        profile: bytes | None = self._slide.associated_images[name].info.get("icc_profile")
        return profile

    def close(self) -> None:
        """Close the handle; whatever is asked for later opens a new one."""
        if self._handle is not None:
            self._handle.close()
            self._handle = None

    def _profile(self) -> bytes | None:
        size = self._slide.properties.get("openslide.icc-size", "")
        if not size.isdecimal() or not 0 < int(size) <= _LARGEST_PROFILE:
            return None
        try:
            # The bytes: the property of that name opens them, and a damaged profile would fail the slide.
            profile: bytes | None = openslide.lowlevel.read_icc_profile(self._slide._osr)  # noqa: SLF001
        except openslide.OpenSlideError:
            self.close()
            return None
        return profile

    def _rows_at_once(self, level: int, width: int) -> int:
        """Return the rows of a width that are read at once: it takes four times their pixels, and several copies."""
        tile = _tile(self._slide.properties, level)
        rows = max(1, _LARGEST_PART // width)
        return min(rows, _ROWS_AT_ONCE) if tile is not None and max(tile) <= _SMALL_TILE else rows

    def _levels(self) -> Iterator[StoredLevel]:
        images = _images(self._path)
        finer: tuple[TileTable | None, Size] = (None, Size(0, 0))
        finer_area: tuple[TileTable | None, Size] = (None, Size(0, 0))
        for index, dimensions in enumerate(self._slide.level_dimensions):
            size = Size(*dimensions)
            image = _image_of(size, images)
            over_missing = _over_missing(image.jpeg, size, *finer)
            jpeg = self._publishable(index, size, image.jpeg, over_missing)
            table = image.table
            if self._is_aperio and isinstance(jpeg, JpegTiles) and not jpeg.is_complete:
                # What is made from the finer level is not stored, to the coarser one.
                table = TileTable(jpeg.tile, jpeg.lengths == 0)
            finer = (table, size)
            area_image = self._area_image(index, images)
            area = None
            if area_image is not None:
                area = self._area(index, *area_image, _over_missing(area_image[1].jpeg, area_image[0], *finer_area))
                finer_area = (area_image[1].table, area_image[0])
            yield StoredLevel(
                size=size,
                tile=_tile(self._slide.properties, index) or _stored_tile(image),
                compression=image.compression or None,
                jpeg=jpeg,
                area=area,
            )

    @property
    def _is_aperio(self) -> bool:
        return bool(self._slide.properties.get(openslide.PROPERTY_NAME_VENDOR) == _APERIO)

    def _area_image(self, level: int, images: Mapping[Size, StoredImage]) -> tuple[Size, StoredImage] | None:
        """Find the image of the scanned area, where that is not the level's own (Leica SCN)."""
        bounds = self._bounds()
        if bounds is None or bounds.size == self._slide.level_dimensions[0]:
            return None
        downsample = self._slide.level_downsamples[level]
        width, height = (round(side / downsample) for side in bounds.size)
        for size, image in images.items():
            is_area = abs(size.width - width) <= 1 and abs(size.height - height) <= 1
            if is_area and isinstance(image.jpeg, JpegTiles):
                return size, image
        return None

    def _area(self, level: int, size: Size, image: StoredImage, over_missing: NDArray[np.bool_]) -> StoredArea | None:
        """Return the scanned area of a level, if its tiles are what OpenSlide shows."""
        bounds, jpeg = self._bounds(), image.jpeg
        if bounds is None or not isinstance(jpeg, JpegTiles):
            return None
        downsample = self._slide.level_downsamples[level]
        x, y = round(bounds.x / downsample), round(bounds.y / downsample)
        is_aligned = all((side / downsample).is_integer() for side in bounds[:2])

        def read(region: Region) -> Pixels:
            return self.read(level, Region(x + region.x, y + region.y, *region.size))

        if not is_shown(jpeg, size, read, is_aligned=is_aligned):
            return None
        return StoredArea(Region(x, y, *size), without_hidden(jpeg, over_missing, size, read, is_aligned=is_aligned))

    def _bounds(self) -> Region | None:
        sides = (self._slide.properties.get(f"openslide.bounds-{side}", "") for side in Region._fields)
        found = [int(side) for side in sides if side.isdecimal()]
        return Region(*found) if len(found) == len(Region._fields) and min(found[2:]) > 0 else None

    def _areas(self) -> list[Region]:
        """Read the scanned areas that the slide names, in pixels of full resolution."""
        properties, found = self._slide.properties, list[Region]()
        while len(found) < _MOST_AREAS:
            sides = [properties.get(f"openslide.region[{len(found)}].{side}", "") for side in Region._fields]
            if not all(side.isdecimal() for side in sides):
                break
            found.append(Region(*map(int, sides)))
        return found

    def _publishable(
        self, level: int, size: Size, jpeg: JpegTiles | JpegStrips | None, over_missing: NDArray[np.bool_]
    ) -> JpegTiles | JpegStrips | None:
        """Return the stored tiles if they are what OpenSlide shows, without those that it hides."""
        downsample = self._slide.level_downsamples[level]
        is_aligned = downsample.is_integer()

        def read(region: Region) -> Pixels:
            return self.read(level, region)

        if isinstance(jpeg, JpegStrips):
            return jpeg if are_strips_shown(jpeg, read, is_aligned=is_aligned) else None
        if jpeg is None:
            return None
        doubtful = beside_areas(jpeg, size, self._areas(), downsample)
        if self._is_aperio:
            jpeg = jpeg.without(over_missing)
        else:
            doubtful |= over_missing
        # What is in doubt says nothing of the others, though it may be what is most to see.
        undoubted = jpeg.without(doubtful)
        if undoubted.lengths.any() and not is_shown(undoubted, size, read, is_aligned=is_aligned):
            return None
        return without_hidden(jpeg, doubtful, size, read, is_aligned=is_aligned)


def _bands(region: Region, rows: int) -> Iterator[Region]:
    """Cut a region into parts of full width and so many rows."""
    for y in range(region.y, region.y + region.height, rows):
        yield Region(region.x, y, region.width, min(rows, region.y + region.height - y))


class UnsupportedFormatError(Exception):
    """Error of a format that OpenSlide does not know; another reader may."""


def _open(path: Path) -> openslide.OpenSlide:
    try:
        return openslide.OpenSlide(path)
    except openslide.OpenSlideUnsupportedFormatError:
        raise UnsupportedFormatError(str(path)) from None
    except openslide.OpenSlideError as error:
        check_open_files(path)
        if openslide.OpenSlide.detect_format(path) == _GENERIC_TIFF:
            # It asks for tags that TIFF has defaults for, of a mask for example: others read the file without.
            raise UnsupportedFormatError(str(path)) from None
        raise SourceError(_reason_in_dicom(path) or explain(str(error))) from None


def _reason_in_dicom(path: Path) -> str | None:
    """Return what a DICOM series holds that nothing here reads; None for others."""
    if not dicom.is_dicom(probe(path)):
        return None
    from slide2iiif.sources.dicom_refusals import reason_of

    return reason_of(path)


def _images(path: Path) -> Mapping[Size, StoredImage]:
    head = probe(path)
    if dicom.is_dicom(head):
        return dicom.read_images(path)
    return tiff.read_images(path) if is_tiff(head) else {}


def _over_missing(
    jpeg: JpegTiles | JpegStrips | None, size: Size, finer: TileTable | None, finer_size: Size
) -> NDArray[np.bool_]:
    """Return which tiles of a level lie over places that the next finer one does not store."""
    if not isinstance(jpeg, JpegTiles):
        return np.zeros((0, 0), np.bool_)
    if finer is None:
        return np.zeros(jpeg.lengths.shape, np.bool_)
    return finer.under(jpeg.tile, jpeg.lengths.shape, finer_size.width / size.width)


def _image_of(size: Size, images: Mapping[Size, StoredImage]) -> StoredImage:
    """Find the image of a level: of its size, or (Philips) filled up to whole tiles beyond it."""
    nothing = StoredImage("", None)
    filled_up = (image for stored, image in images.items() if _fills_up(stored, size, image))
    return images.get(size) or next(filled_up, nothing)


def _fills_up(stored: Size, size: Size, image: StoredImage) -> bool:
    if not isinstance(image.jpeg, JpegTiles):
        return False
    excess = Size(stored.width - size.width, stored.height - size.height)
    return 0 <= excess.width < image.jpeg.tile.width and 0 <= excess.height < image.jpeg.tile.height


def _tile(properties: Mapping[str, str], level: int) -> Size | None:
    width = properties.get(f"openslide.level[{level}].tile-width", "")
    height = properties.get(f"openslide.level[{level}].tile-height", "")
    return Size(int(width), int(height)) if width.isdecimal() and height.isdecimal() else None


def _is_doubtful(jpeg: JpegTiles | JpegStrips | None) -> bool:
    return isinstance(jpeg, JpegTiles) and jpeg.has_doubtful_colours


def _stored_tile(image: StoredImage) -> Size | None:
    """Return the stored tile where OpenSlide does not tell it, as for some formats."""
    return image.jpeg.tile if isinstance(image.jpeg, JpegTiles) else None


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
