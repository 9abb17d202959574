"""Choice of the reader of a TIFF, by its directories alone."""

from collections.abc import Sequence
from pathlib import Path

from slide2iiif.errors import SourceError
from slide2iiif.imaging.orientation import UPRIGHT
from slide2iiif.imaging.picture import Extra, Kind, Meaning
from slide2iiif.sources.exif import ORIENTATIONS
from slide2iiif.sources.tiff_layout import Layout, has_plain_tiles, read_layout
from slide2iiif.sources.tiff_tags import Directory, TiffFile

_SUBFILE_TYPE, _ORIENTATION, _TILE_WIDTH, _SUB_DIRECTORIES = 254, 274, 322, 330
_OF_VIPS = frozenset({1, 5, 7, 8, 32946, 32773})
"""Compressions that libvips' TIFF reader is used for: none, LZW, JPEG, Deflate, PackBits."""
_OF_OPENSLIDE = frozenset({1, 5, 7, 8, 32773, 32946, 33003, 33005})
"""Compressions of tiles that OpenSlide 4 decodes."""
_MEANINGS = frozenset({Meaning.GREY, Meaning.RGB, Meaning.CMYK})


def is_for_openslide(path: Path, *, of_no_scanner: bool = False) -> bool:
    """Return True if OpenSlide shows a file as it is.

    OpenSlide shears tiles at the right edge that are not plain, does not look for levels below others, does not turn
    a picture, and takes the first of any tiled TIFF.

    Args:
        path: the file.
        of_no_scanner: True if OpenSlide takes it for any tiled TIFF.
    """
    with TiffFile(path) as file:
        try:
            directories = list(file.directories())
        except SourceError:
            # Some scanners' files have places that only their own readers follow: it is asked first.
            return True
        if of_no_scanner:
            return _takes_the_same(read_layout(file), directories)
        first = directories[0]
        has_inner_levels = {_TILE_WIDTH, _SUB_DIRECTORIES} <= first.entries.keys()
        if first.description.startswith("Aperio") and (_is_turned(first) or not _are_in_order(directories)):
            return False
        return not has_inner_levels and has_plain_tiles(directories) and _are_decoded(directories)


def _takes_the_same(layout: Layout, directories: Sequence[Directory]) -> bool:
    # Profiles of slides are for RGB; that of a grey picture is applied by our own reader.
    is_grey_profiled = layout.picture.meaning is Meaning.GREY and (layout.picture.profile or b"")[16:20] == b"GRAY"
    taken = {each.index for each in directories if _is_level_of_openslide(each)}
    takes_others = not taken <= {each.index for each in layout.levels}
    return layout.is_as_openslide_reads and not is_grey_profiled and not takes_others


def _is_level_of_openslide(directory: Directory) -> bool:
    """Return True if OpenSlide takes a directory for a level of any tiled TIFF: a mask and other samples too."""
    is_reduced = bool(directory.value(_SUBFILE_TYPE, 0) & 1)
    return directory.sub is None and directory.tile is not None and (directory.index == 0 or is_reduced)


def _is_turned(first: Directory) -> bool:
    """Return True if a slide says that it is turned, which OpenSlide does not look for."""
    orientation = first.value(_ORIENTATION, UPRIGHT)
    return orientation in ORIENTATIONS and orientation != UPRIGHT


def _are_in_order(directories: Sequence[Directory]) -> bool:
    """Return True if levels become smaller, as OpenSlide takes them: of others it complains and shows nothing."""
    widths = [each.size.width for each in directories if each.sub is None and each.tile is not None]
    return widths == sorted(widths, reverse=True)


def _are_decoded(directories: Sequence[Directory]) -> bool:
    return all(each.compression in _OF_OPENSLIDE for each in directories if each.tile is not None)


def is_for_vips(path: Path) -> bool:
    """Return True if libvips reads a file in strips as it is, a few lines at a time."""
    with TiffFile(path) as file:
        layout = read_layout(file)
        picture = layout.picture
        return (
            layout.main.tile is None
            and _is_first(layout.main)
            and layout.main.compression in _OF_VIPS
            and picture.bits in {8, 16}
            and picture.kind is Kind.UNSIGNED
            and picture.meaning in _MEANINGS
            and picture.alpha is not Extra.PREMULTIPLIED
            and not picture.is_planar
        )


def _is_first(directory: Directory) -> bool:
    return directory.index == 0 and directory.sub is None
