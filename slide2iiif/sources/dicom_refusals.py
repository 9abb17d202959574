"""Reasons why a DICOM file is not read, from its own attributes: OpenSlide names the first attribute that it dislikes.

Source: PS3.3, sections C.7.6.3 (image pixel) and C.8.12.4 (whole slide microscopy image); PS3.5, annex A (syntaxes).
"""

from pathlib import Path
from typing import Any

from slide2iiif.sources.dicom import DicomHeader, find_series, read_attributes, read_header
from slide2iiif.sources.unsupported import COMPARE, COPY_AGAIN, fluorescence, other_depth

_SUPPORTED = frozenset(
    {
        "1.2.840.10008.1.2",
        "1.2.840.10008.1.2.1",
        "1.2.840.10008.1.2.4.50",
        "1.2.840.10008.1.2.4.90",
        "1.2.840.10008.1.2.4.91",
    }
)
"""Transfer syntaxes that OpenSlide 4 decodes: none, JPEG of 8 bits, JPEG 2000."""
_CONVERT = "convert it to JPEG of 8 bits in DICOM, or to TIFF"
_TAGS = [
    "BitsAllocated",
    "BitsStored",
    "DimensionOrganizationType",
    "ImageType",
    "PhotometricInterpretation",
    "PixelRepresentation",
    "PlanarConfiguration",
    "SamplesPerPixel",
]
_BYTE = 8
_COLOURS = 3


def refusal_of(path: Path) -> str:
    """Return why a DICOM file that OpenSlide does not take for a slide is none, in words for its owner."""
    header = read_header(path)
    if header is None:
        return f"is DICOM whose header cannot be read: it is damaged, or compressed as a whole; {COPY_AGAIN}"
    if not header.is_whole_slide:
        return f"is DICOM, and no whole-slide image but {header.kind}: leave it out, or convert it to TIFF"
    return reason_of(path) or f"is a whole-slide image in DICOM of a kind that OpenSlide does not know: {COMPARE}"


def reason_of(path: Path) -> str | None:
    """Return what a DICOM series holds that no reader here knows; None where its attributes tell no such thing."""
    own = read_header(path)
    if own is None:
        return None
    files = [(file, header) for file, header in find_series(path) if header.is_whole_slide]
    if not files:
        return "holds a label, an overview or a thumbnail in DICOM, and no level of a slide: leave it out"
    return next((reason for reason in map(_reason, files) if reason), None)


def _reason(part: tuple[Path, DicomHeader]) -> str | None:
    try:
        return _reason_in(read_attributes(part[0], _TAGS))
    except Exception:  # noqa: BLE001 - a damaged file raises anything; OpenSlide's own words are then told
        return None


def _reason_in(dataset: Any) -> str | None:
    samples, bits = int(dataset.get("SamplesPerPixel") or _COLOURS), int(dataset.get("BitsAllocated") or _BYTE)
    photometric = str(dataset.get("PhotometricInterpretation") or "")
    if photometric == "PALETTE COLOR":
        return f"holds indices into a palette in DICOM, which nothing here reads: {_CONVERT}"
    if samples < _COLOURS:
        return f"{fluorescence()} ({photometric}, {bits} bits)"
    if int(dataset.get("PixelRepresentation") or 0):
        return other_depth(f"{bits}-bit signed")
    if bits != _BYTE or int(dataset.get("BitsStored") or bits) != _BYTE:
        return other_depth(f"{bits}-bit")
    return _storage_of(dataset)


def _storage_of(dataset: Any) -> str | None:
    """Return the way in which samples are stored, where nothing here reads it."""
    syntax = dataset.file_meta.TransferSyntaxUID
    if str(syntax) not in _SUPPORTED:
        return f"is compressed as {syntax.name}, which nothing here decodes: {_CONVERT}"
    if int(dataset.get("PlanarConfiguration") or 0):
        return f"holds colours apart from each other (PlanarConfiguration 1), which nothing here reads: {_CONVERT}"
    return None
