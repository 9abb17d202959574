"""Headers of DICOM files: series, compression, places of frames, optical paths.

The only module that knows pydicom. A whole-slide image is a series of files in one folder, one or more for each
level (PS3.3, sections A.32.8 and C.8.12.4).
"""

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Size, ceil_div
from slide2iiif.sources.base import StoredImage
from slide2iiif.sources.formats import may_be_dicom
from slide2iiif.sources.jpeg_tiles import JpegTiles, find_tiles
from slide2iiif.sources.tile_table import TileTable
from slide2iiif.sources.unsupported import damaged_directory, is_of_system, several

_MAGIC = b"DICM"
_MAGIC_OFFSET = 128
_WHOLE_SLIDE_MICROSCOPY = "1.2.840.10008.5.1.4.1.1.77.1.6"
_COMPRESSIONS = {
    "1.2.840.10008.1.2": "none",
    "1.2.840.10008.1.2.1": "none",
    "1.2.840.10008.1.2.4.50": "jpeg",
    "1.2.840.10008.1.2.4.90": "jpeg2000",
    "1.2.840.10008.1.2.4.91": "jpeg2000",
    "1.2.840.10008.1.2.5": "rle",
}


@dataclass(frozen=True, slots=True)
class DicomHeader:
    """The few attributes of a file that place it in a slide."""

    series: str
    """Series Instance UID, shared by all files of a slide."""
    is_whole_slide: bool
    """True if the file holds a whole-slide microscopy image at all."""
    is_volume: bool
    """True if it holds a level, rather than a label, an overview or a thumbnail."""
    size: Size
    """Total pixel matrix; 0×0 where there is none."""
    compression: str
    """Name of the compression, or the transfer syntax's UID."""
    kind: str = ""
    """Name of its kind, such as `CT Image Storage`."""
    optical_paths: tuple[str, ...] = ()
    """Identifiers of the optical paths that its frames show."""


_DEFLATED = "1.2.840.10008.1.2.1.99"
"""Transfer syntax of a file whose elements are compressed (PS3.5, section A.5)."""
_ELEMENT_HEADER = 12
"""Bytes of tag, value representation and length before encapsulated pixel data."""
_ITEM_HEADER = np.uint64(8)
"""Bytes of tag and length before a fragment."""
_FRAME_TAGS = [
    "Columns",
    "DimensionOrganizationType",
    "NumberOfFrames",
    "PhotometricInterpretation",
    "Rows",
    "TotalPixelMatrixColumns",
    "TotalPixelMatrixRows",
]
"""Attributes that say how frames lie in a file."""
_RGB = "RGB"
_PHOTOMETRICS = ("MONOCHROME2", _RGB, "YBR_FULL", "YBR_FULL_422")


def is_dicom(head: bytes) -> bool:
    """Return True if the first bytes are those of DICOM (PS3.10, section 7.1)."""
    return head[_MAGIC_OFFSET : _MAGIC_OFFSET + len(_MAGIC)] == _MAGIC


def read_header(path: Path) -> DicomHeader | None:
    """Read a file's header; None where the file is no DICOM or is damaged."""
    import pydicom

    try:
        with path.open("rb") as file, _untold():
            if not is_dicom(file.read(_MAGIC_OFFSET + len(_MAGIC))) or _is_deflated(path):
                return None
            file.seek(0)
            header = pydicom.dcmread(
                file,
                stop_before_pixels=True,
                specific_tags=[
                    "SOPClassUID",
                    "SeriesInstanceUID",
                    "ImageType",
                    "TotalPixelMatrixColumns",
                    "TotalPixelMatrixRows",
                    "NumberOfOpticalPaths",
                    "OpticalPathSequence",
                ],
            )
            syntax = str(header.file_meta.TransferSyntaxUID)
            return DicomHeader(
                series=str(header.SeriesInstanceUID),
                is_whole_slide=str(header.SOPClassUID) == _WHOLE_SLIDE_MICROSCOPY,
                is_volume="VOLUME" in header.get("ImageType", ()),
                size=Size(
                    int(header.get("TotalPixelMatrixColumns") or 0),
                    int(header.get("TotalPixelMatrixRows") or 0),
                ),
                compression=_COMPRESSIONS.get(syntax, syntax),
                kind=str(header.SOPClassUID.name),
                optical_paths=_optical_paths(header),
            )
    except Exception as error:  # noqa: BLE001 - pydicom raises a dozen unrelated classes on damaged files
        logging.getLogger(__name__).info("DICOM header of %s: %r", path, error)
        return None


def _optical_paths(header: Any) -> tuple[str, ...]:
    """Read the identifiers of optical paths (PS3.3, section C.8.12.5)."""
    items = header.get("OpticalPathSequence") or ()
    listed = tuple(str(item.get("OpticalPathIdentifier", number)) for number, item in enumerate(items))
    count = int(header.get("NumberOfOpticalPaths") or 0)
    return listed if len(listed) >= count else tuple(str(number) for number in range(count))


def check_one_path(path: Path) -> None:
    """Check that a series shows one optical path: readers take the first of several.

    Raises:
        SourceError: it shows several.
    """
    paths = {each for _, header in find_series(path) if header.is_whole_slide for each in header.optical_paths}
    if len(paths) > 1:
        raise SourceError(several("optical paths", len(paths)))


def read_attributes(path: Path, names: list[str]) -> Any:
    """Read some attributes of a file, as pydicom gives them; it raises a dozen unrelated classes on damaged files."""
    import pydicom

    with path.open("rb") as file, _untold():
        return pydicom.dcmread(file, stop_before_pixels=True, specific_tags=names)


@contextlib.contextmanager
def _untold() -> Iterator[None]:
    """Keep to ourselves what the library complains of: the file's own values are in it, and patients in those."""
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _is_deflated(path: Path) -> bool:
    """Return True if all of a file would be inflated to read its header, to a thousand times its size.

    No reader of slides takes such a file.
    """
    from pydicom.filereader import read_file_meta_info

    return str(read_file_meta_info(path).get("TransferSyntaxUID", "")) == _DEFLATED


def find_series(path: Path) -> Iterator[tuple[Path, DicomHeader]]:
    """Find the levels of the slide that a file belongs to: files of its folder and series, the file itself included."""
    own = read_header(path)
    if own is None:
        return
    for entry in sorted(path.parent.iterdir()):
        header = own if entry == path else read_header(entry) if may_be_dicom(entry.name) and entry.is_file() else None
        if header is not None and header.series == own.series and header.is_volume:
            yield entry, header


def read_images(path: Path) -> Mapping[Size, StoredImage]:
    """Read the levels of a series, by size.

    A level that fits into one of its tiles is the coarsest that is published. Series go on down to a pixel, and
    looking for the tiles of all these levels would take longer than the export of a small slide.
    """
    found: dict[Size, StoredImage] = {}
    is_beyond_top = False
    for file, header in sorted(find_series(path), key=lambda each: each[1].size, reverse=True):
        # A level in several files, focal planes or optical paths: which tile is which is not ours to guess.
        is_whole = header.size not in found and header.compression == "jpeg"
        jpeg = _jpeg_tiles(file) if is_whole and not is_beyond_top else None
        found[header.size] = StoredImage(header.compression, jpeg, _table(jpeg))
        is_beyond_top |= jpeg is not None and jpeg.lengths.size == 1
    return found


def _table(jpeg: JpegTiles | None) -> TileTable | None:
    """Return the frames that a level lacks; None where it is whole, or not known."""
    return None if jpeg is None or jpeg.is_complete else TileTable(jpeg.tile, jpeg.lengths == 0)


def _jpeg_tiles(path: Path) -> JpegTiles | None:
    import pydicom

    try:
        with path.open("rb") as file, _untold():
            header = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=_FRAME_TAGS)
            return _frames(path, file, header)
    except Exception as error:  # noqa: BLE001 - as above; the pixel library reports what matters of it
        if is_of_system(error):
            # That frames cannot be copied would be the wrong conclusion.
            raise damaged_directory(error) from None
        logging.getLogger(__name__).info("frames of %s cannot be copied: %r", path, error)
        return None


def _frames(path: Path, file: Any, header: Any) -> JpegTiles | None:
    """Locate the frames of a file whose pixel data is next to be read.

    Only the plain case is taken: one frame a tile, all of them, row by row (PS3.3, section C.7.6.17.3, TILED_FULL),
    each in one fragment (PS3.5, section A.4).
    """
    from pydicom.encaps import parse_basic_offsets, parse_fragments

    tile = Size(int(header.Columns), int(header.Rows))
    columns = ceil_div(int(header.TotalPixelMatrixColumns), tile.width)
    rows = ceil_div(int(header.TotalPixelMatrixRows), tile.height)
    photometric = str(header.PhotometricInterpretation)
    if (
        header.get("DimensionOrganizationType") != "TILED_FULL"
        or int(header.NumberOfFrames) != columns * rows
        or photometric not in _PHOTOMETRICS
    ):
        return None
    file.seek(_ELEMENT_HEADER, os.SEEK_CUR)
    parse_basic_offsets(file)
    count, items = parse_fragments(file)
    if count != columns * rows:
        return None
    lengths = [int.from_bytes(os.pread(file.fileno(), 4, item + 4), "little") for item in items]
    return find_tiles(
        path,
        tile,
        (np.array(items, np.uint64) + _ITEM_HEADER).reshape(rows, columns),
        np.array(lengths, np.uint64).reshape(rows, columns),
        tables=b"",
        is_rgb=photometric == _RGB,
    )
