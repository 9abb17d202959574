"""Slide file -> pixels. `open_source` picks the reader; the rest of the program never names one.

A reader that cannot is followed by the next one that can: OpenSlide, our own reader of TIFF, libvips, Pillow,
imagecodecs. Which of them reads a file depends on the file alone, so that every worker comes to the same.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from slide2iiif.errors import SourceError
from slide2iiif.sources.base import probe
from slide2iiif.sources.dicom import is_dicom
from slide2iiif.sources.formats import is_image_name, is_own_tiff_name, is_plain_tiff_name, is_synthetic_name
from slide2iiif.sources.other_formats import refusal_of
from slide2iiif.sources.tiff import check_whole, is_tiff
from slide2iiif.sources.unsupported import COMPARE, check_open_files, system_refusal

if TYPE_CHECKING:
    from slide2iiif.sources.base import Source

_UNKNOWN = f"is not a slide in any format that OpenSlide knows, or is damaged: {COMPARE}"
_OF_NO_SCANNER = (
    "is not a slide of the scanner that its name stands for, in any form that OpenSlide knows: if it is an ordinary "
    "TIFF, name it .tif"
)
_HEADER_NOTE = "its header holds bytes that decoders warn of; no pixel is lost by them"


def open_source(path: Path) -> "Source":
    """Open a slide with the first reader that knows it.

    Heavy libraries are imported here and nowhere earlier.

    Raises:
        SourceError: why the slide cannot be opened, in words for its owner.
    """
    try:
        return _open(path)
    except OSError as error:
        raise SourceError(system_refusal(error)) from None


def _open(path: Path) -> "Source":
    head = probe(path)
    if is_synthetic_name(path.name):
        from slide2iiif.sources.synthetic import SyntheticSource

        return SyntheticSource(path)
    # A DICOM file may begin like a TIFF: its first 128 bytes are anybody's.
    is_of_tiff = is_tiff(head) and not is_dicom(head)
    if is_of_tiff:
        return _open_tiff(path)
    if is_image_name(path.name):
        return _open_image(path, head)
    from slide2iiif.sources.openslide import OpenSlideSource, UnsupportedFormatError

    try:
        return OpenSlideSource(path)
    except UnsupportedFormatError:
        check_open_files(path)
        if is_dicom(head):
            from slide2iiif.sources import dicom_refusals

            raise SourceError(dicom_refusals.refusal_of(path)) from None
        if is_plain_tiff_name(path.name):
            return _open_image(path, head)
        raise SourceError(refusal_of(head) or _UNKNOWN) from None


def _open_tiff(path: Path) -> "Source":
    """Open a TIFF by OpenSlide, where it is a slide to it and comes out as it is; else by our own reader."""
    from slide2iiif.sources.tiff_choice import is_for_openslide, is_for_vips

    if not is_image_name(path.name) and is_for_openslide(path):
        from slide2iiif.sources.openslide import OpenSlideSource, UnsupportedFormatError

        try:
            source = OpenSlideSource(path)
        except UnsupportedFormatError:
            check_open_files(path)
            check_whole(path)
            if not is_own_tiff_name(path.name):
                raise SourceError(_OF_NO_SCANNER) from None
        else:
            if not source.is_of_no_scanner or is_for_openslide(path, of_no_scanner=True):
                return source
            source.close()
    if is_for_vips(path):
        from slide2iiif.sources.strips import StripsSource

        return StripsSource(path)
    from slide2iiif.sources.pyramids import PyramidSource

    return PyramidSource(path)


def open_scanned_area(path: Path) -> "Source":
    """Open a slide cut down to its scanned area, where it names one.

    Raises:
        SourceError: why the slide cannot be opened, in words for its owner.
    """
    from slide2iiif.sources.cropped import CroppedSource, find_area

    source = open_source(path)
    area = find_area(source)
    return source if area is None else CroppedSource(source, area)


def _open_image(path: Path, head: bytes) -> "Source":
    from slide2iiif.sources.jpeg2000 import is_jpeg_2000
    from slide2iiif.sources.jpeg_files import is_jpeg
    from slide2iiif.sources.pillow import PillowSource
    from slide2iiif.sources.vips import NoLoaderError, VipsSource

    if is_jpeg(head):
        return _open_jpeg(path)
    if is_jpeg_2000(head):
        return _open_jpeg_2000(path)
    try:
        return VipsSource(path)
    except NoLoaderError:
        return PillowSource(path)


def _open_jpeg(path: Path) -> "Source":
    from slide2iiif.machine import check_memory
    from slide2iiif.sources import jpeg_files
    from slide2iiif.sources.rare_images import RareJpegSource
    from slide2iiif.sources.vips import VipsSource

    header = jpeg_files.read_header(path)
    if header is not None and not header.is_usual:
        return RareJpegSource(path, header)
    if not jpeg_files.disturbs_decoders(path):
        return VipsSource(path)
    check_memory(2 * path.stat().st_size)
    return VipsSource(path, jpeg_files.cleaned(path.read_bytes()), note=_HEADER_NOTE)


def _open_jpeg_2000(path: Path) -> "Source":
    from slide2iiif.sources import jpeg2000
    from slide2iiif.sources.pillow import PillowSource
    from slide2iiif.sources.rare_images import RareJpeg2000Source, has_imagecodecs

    header = jpeg2000.read_header(path)
    if header.palette:
        from slide2iiif.sources.jpeg2000_palette import PaletteSource

        return PaletteSource(path, header)
    if jpeg2000.refusal_of_pillow(header) is not None and has_imagecodecs():
        return RareJpeg2000Source(path, header)
    return PillowSource(path)
