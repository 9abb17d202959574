"""Descriptions that microscope software writes into a TIFF of no scanner's: number of pictures, and their scale.

Readers take the first of many focal planes, channels, time points or scenes; `unsupported.py` has why that is not done.

Sources: the OME data model (Image, Pixels, Channel, TiffData); PerkinElmer's description of QPTIFF; ImageJ's
hyperstacks; 3DHistech's exports as they are found.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from slide2iiif.sources.tiff_tags import Directory
from slide2iiif.sources.unsupported import other_depth, several

_X_RESOLUTION, _UNIT, _CENTIMETRE = 282, 296, 3
"""Tags of the resolution, and a value of its unit."""
_EIGHT_BITS = "uint8"
_BESIDE_THE_SLIDE = ("label", "macro", "thumbnail", "overview", "barcode")
"""Names of pictures that are no scenes."""
_MICRONS = {"µm": 1.0, "μm": 1.0, "um": 1.0, "nm": 1e-3, "mm": 1e3, "cm": 1e4, "m": 1e6}
_NANOMETRES_PER_MICRON = 1000


@dataclass(frozen=True, slots=True)
class Acquisition:
    """Origin of a TIFF, by its own account."""

    format: str
    """`ome-tiff`, `qptiff`, `3dhistech`, `imagej`, `aperio`; `tiff` where nothing is said."""
    microns_per_pixel: float | None = None
    """Size of a full-resolution pixel in µm, where the file has it."""
    objective: float | None = None
    """Magnification, where the description has it."""
    page: int | None = None
    """Directory of the slide at full resolution, where the description names it."""
    refusal: str | None = None
    """Reason why it is not one picture that can be shown as it is, and what to do about it."""


def read_acquisition(pages: Sequence[Directory], main: Directory) -> Acquisition:
    """Read the description of a TIFF.

    Args:
        pages: its chain of directories.
        main: the picture.
    """
    text = pages[0].description
    if text.rstrip().endswith("OME>"):
        return _read_ome(text, pages)
    if "<PerkinElmer-QPI-ImageDescription>" in text:
        return _read_qptiff(text, pages, main)
    if text.startswith("ImageJ="):
        return _read_imagej(text, pages, main)
    if "3dh_PixelSizeX" in text:
        return _read_histech(text, pages, main)
    if text.startswith("Aperio"):
        return _read_aperio(text)
    return Acquisition("tiff", _resolution(main), refusal=_several_alike(pages, main, "pictures of one size"))


class _Image(NamedTuple):
    """An Image of OME."""

    name: str
    pixels: Any
    """Its element Pixels."""
    channels: int

    @property
    def area(self) -> int:
        return int(self.pixels.get("SizeX")) * int(self.pixels.get("SizeY"))

    @property
    def is_beside_the_slide(self) -> bool:
        return any(word in self.name.lower() for word in _BESIDE_THE_SLIDE)

    @property
    def page(self) -> int | None:
        """Its first directory; None where it begins with the file, or does not say."""
        data = self.pixels.find("{*}TiffData")
        return None if data is None or data.get("IFD") is None else int(data.get("IFD"))


def _read_ome(text: str, pages: Sequence[Directory]) -> Acquisition:
    images = _ome_images(text)
    if not images:
        return Acquisition("ome-tiff", refusal="its OME-XML tells of no picture: it may be one file of a set")
    slides = [image for image in images if not image.is_beside_the_slide] or images
    slide = max(slides, key=lambda image: image.area)
    page = slide.page or 0
    if page >= len(pages) or pages[page].size.pixels != slide.area:
        return Acquisition("ome-tiff", refusal="its OME-XML and its TIFF directories do not agree: export it anew")
    counts = {
        "focal planes": int(slide.pixels.get("SizeZ", 1)),
        "time points": int(slide.pixels.get("SizeT", 1)),
        "channels": slide.channels,
        "scenes": len(slides),
    }
    refusals = (several(what, count) for what, count in counts.items() if count > 1)
    refusal = next(refusals, None) or _other_depth(slide.pixels.get("Type", _EIGHT_BITS))
    unit = _MICRONS.get(slide.pixels.get("PhysicalSizeXUnit", "µm"))
    size = _number(slide.pixels.get("PhysicalSizeX"))
    return Acquisition("ome-tiff", size * unit if size and unit else None, page=page, refusal=refusal)


def _ome_images(text: str) -> list[_Image]:
    import xml.etree.ElementTree as ET

    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        return []
    try:
        root = ET.fromstring(text.strip())  # noqa: S314 - what makes XML dangerous was just ruled out
    except (ET.ParseError, ValueError):
        return []
    return [
        _Image(image.get("Name", ""), pixels, len(pixels.findall("{*}Channel")))
        for image in root.iterfind("{*}Image")
        if (pixels := image.find("{*}Pixels")) is not None
    ]


def _read_qptiff(text: str, pages: Sequence[Directory], main: Directory) -> Acquisition:
    refusal = _several_alike(pages, main, "channels") or _other_depth(f"uint{main.value(258, 1)}")
    lens = re.search(r"<Objective>\s*([\d.]+)\s*[xX×]", text)
    return Acquisition("qptiff", _resolution(main), objective=_number(lens[1]) if lens else None, refusal=refusal)


def _read_imagej(text: str, pages: Sequence[Directory], main: Directory) -> Acquisition:
    names = {"slices": "focal planes", "frames": "time points", "channels": "channels"}
    for key, what in names.items():
        found = re.search(rf"^{key}=(\d+)", text, re.MULTILINE)
        if found and int(found[1]) > 1:
            return Acquisition("imagej", refusal=several(what, int(found[1])))
    return Acquisition("imagej", refusal=_several_alike(pages, main, "pictures of one size"))


def _read_histech(text: str, pages: Sequence[Directory], main: Directory) -> Acquisition:
    entries = dict(re.findall(r"3dh_(\w+)\s*=\s*([\d.]+)", text))
    nanometres = _number(entries.get("PixelSizeX"))
    return Acquisition(
        "3dhistech",
        nanometres / _NANOMETRES_PER_MICRON if nanometres else None,
        refusal=_several_alike(pages, main, "pictures of one size"),
    )


def _read_aperio(text: str) -> Acquisition:
    """Read the description of a slide whose levels OpenSlide does not take."""
    entries = dict(re.findall(r"\|\s*(\w+)\s*=\s*([\d.]+)", text))
    return Acquisition("aperio", _number(entries.get("MPP")), _number(entries.get("AppMag")))


def _resolution(page: Directory) -> float | None:
    """Read the resolution tags; only in pixels a centimetre: in inches they tell of paper, not of glass."""
    density = page.numbers(_X_RESOLUTION)
    if page.value(_UNIT, 0) != _CENTIMETRE or not density or not density[0]:
        return None
    return _MICRONS["cm"] / density[0]


def _several_alike(pages: Sequence[Directory], main: Directory, what: str) -> str | None:
    """Refuse several directories of full resolution."""
    sizes = [page.size for page in pages if not page.is_reduced and not page.is_mask]
    count = sizes.count(main.size)
    return several(what, count) if count > 1 else None


def _other_depth(kind: str) -> str | None:
    return None if kind == _EIGHT_BITS else other_depth(kind)


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
