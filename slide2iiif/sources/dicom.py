"""What a DICOM file says of itself: which series it belongs to, and how it is compressed.

The only module that knows pydicom. A whole-slide image is a series of files in one folder, one or more for each
level (PS3.3, sections A.32.8 and C.8.12.4).
"""

import logging
from dataclasses import dataclass
from pathlib import Path

from slide2iiif.geometry import Size

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
    """Whether the file holds a whole-slide microscopy image at all."""
    is_volume: bool
    """Whether it holds a level, rather than a label, an overview or a thumbnail."""
    size: Size
    """Total pixel matrix; 0×0 where there is none."""
    compression: str
    """Name of the compression, or the transfer syntax's UID."""


def is_dicom(head: bytes) -> bool:
    """Tell from the first bytes whether a file is DICOM (PS3.10, section 7.1)."""
    return head[_MAGIC_OFFSET : _MAGIC_OFFSET + len(_MAGIC)] == _MAGIC


def read_header(path: Path) -> DicomHeader | None:
    """Read a file's header; None where the file is no DICOM or is damaged."""
    import pydicom

    try:
        with path.open("rb") as file:
            if not is_dicom(file.read(_MAGIC_OFFSET + len(_MAGIC))):
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
            )
    except Exception as error:  # noqa: BLE001 - pydicom raises a dozen unrelated classes on damaged files
        logging.getLogger(__name__).info("DICOM header of %s: %r", path, error)
        return None
