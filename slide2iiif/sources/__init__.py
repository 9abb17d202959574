"""Slide file -> pixels. `open_source` picks the reader; the rest of the program never names one."""

from pathlib import Path
from typing import TYPE_CHECKING

from slide2iiif.errors import SourceError
from slide2iiif.sources.base import probe
from slide2iiif.sources.formats import is_image_name, is_plain_tiff_name, is_synthetic_name
from slide2iiif.sources.tiff import acquisition_of, check_whole, holds_levels, is_tiff, is_tiled
from slide2iiif.sources.unsupported import COMPARE, check_open_files, system_refusal

if TYPE_CHECKING:
    from slide2iiif.sources.base import Source

_UNKNOWN = f"is not a slide in any format that OpenSlide knows, or is damaged: {COMPARE}"


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
    if is_tiff(head) and holds_levels(path):
        from slide2iiif.sources.pyramids import PyramidSource

        return PyramidSource(path)
    if not is_image_name(path.name):
        from slide2iiif.sources.openslide import OpenSlideSource, UnsupportedFormatError

        try:
            return OpenSlideSource(path)
        except UnsupportedFormatError:
            check_open_files(path)
            if is_tiff(head):
                check_whole(path)
            if not is_plain_tiff_name(path.name):
                raise SourceError(_UNKNOWN) from None
    return _open_tiff(path) if is_tiff(head) else _open_image(path)


def _open_tiff(path: Path) -> "Source":
    """Open a TIFF that is no slide to OpenSlide."""
    if is_tiled(path):
        from slide2iiif.sources.pyramids import PyramidSource

        return PyramidSource(path)
    acquisition_of(path)
    return _open_image(path)


def open_scanned_area(path: Path) -> "Source":
    """Open a slide cut down to its scanned area, where it names one.

    Raises:
        SourceError: why the slide cannot be opened, in words for its owner.
    """
    from slide2iiif.sources.cropped import CroppedSource, find_area

    source = open_source(path)
    area = find_area(source)
    return source if area is None else CroppedSource(source, area)


def _open_image(path: Path) -> "Source":
    from slide2iiif.sources.vips import NoLoaderError, PillowSource, VipsSource

    try:
        return VipsSource(path)
    except NoLoaderError:
        return PillowSource(path)
