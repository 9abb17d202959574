"""Cells of the grid in TIFF: samples × colours × extra bands × layout × profile, orientations, and directories."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

from formats.tiff_files import write_tiff
from pictures.cells import Cell
from pictures.colours import EXTRAS, GREYS, NO_EXTRA, Extra, content
from pictures.profiles import PROFILES
from pictures.samples import F16, F32, SAMPLES, U1, U2, U4, U8, U12, U16, U32, Sample
from pictures.tiff_layout import DEFLATE, LZW, NONE, Layout, lay_out

_LAYOUTS = tuple(Layout(tiled, apart) for tiled, apart in product((False, True), (False, True)))
_FEW = (U1, U2, U4)
_SAMPLE_KINDS = ("", "", "signed", "float")


def sample_cells() -> Iterator[Cell]:
    """Return samples × colours × extra bands × strips and tiles × planes."""
    turn = 0
    for sample, colour, extra, layout in product(SAMPLES, _COLOURS, EXTRAS, _LAYOUTS):
        if _is_there(sample, colour, extra, layout):
            # Both byte orders and both kinds of TIFF, without four times as many cells.
            turn += 1
            full = layout._replace(order="<>"[turn % 2], big=turn % 4 > 1)
            yield _cell("tiff-samples", sample, colour, extra, full)


def profile_cells() -> Iterator[Cell]:
    """Return 8 and 16 bits × colours × extra bands × strips and tiles × planes × profile."""
    colours = ("black-is-zero", "white-is-zero", "rgb", "cmyk", "palette")
    for sample, colour, extra, layout, profile in product((U8, U16), colours, EXTRAS[:4], _LAYOUTS, PROFILES):
        if _is_there(sample, colour, extra, layout):
            full = layout._replace(order="<>"[layout.apart])
            yield _cell("tiff-profiles", sample, colour, extra, full, profile)


def layout_cells() -> Iterator[Cell]:
    """Return samples × grey and RGB × byte order × BigTIFF × compression and prediction."""
    ways = [(NONE, False), (LZW, False), (DEFLATE, False), (LZW, True), (DEFLATE, True)]
    for sample, colour, layout, order, big, way in product(
        SAMPLES, ("black-is-zero", "rgb"), _LAYOUTS, "<>", (False, True), ways
    ):
        full = layout._replace(order=order, big=big, compression=way[0], predicted=way[1])
        if _is_there(sample, colour, NO_EXTRA, full) and way != (NONE, False):
            yield _cell("tiff-layouts", sample, colour, NO_EXTRA, full)


_COLOURS = (*GREYS, "rgb", "palette", "cmyk", "cielab", "icclab")


def _is_there(sample: Sample, colour: str, extra: Extra, layout: Layout) -> bool:
    """Tell whether a combination means anything, and is not tried by another one."""
    if layout.apart and (colour in {*GREYS, "palette"} and not extra.codes):
        return False
    if layout.predicted and (sample.is_packed or sample is F16):
        return False
    return _is_known(sample, colour, extra)


def _is_known(sample: Sample, colour: str, extra: Extra) -> bool:
    if colour == "palette":
        return sample in {*_FEW, U8} and extra is NO_EXTRA
    if colour in {"cielab", "icclab"}:
        return sample in {U8, U16} and extra.name in {"plain", "alpha", "spot"}
    if colour == "cmyk":
        return sample in {U8, U16, F32} and extra.alpha != 1
    if colour == "white-is-zero" and (sample.format == 3 or extra.alpha == 1):
        return False
    return not (sample in {U1, U2, U4} and extra.codes)


def causes(sample: Sample, colour: str, extra: Extra) -> frozenset[str]:
    """Return why a combination may be refused; nothing where it must be published."""
    found: set[str] = set()
    found |= {"signed"} if sample.format == 2 else set()
    found |= {"float"} if sample.format == 3 else set()
    found |= {"12 bits"} if sample is U12 else set()
    found |= {"32 bits"} if sample is U32 else set()
    found |= {"few bits"} if sample in _FEW and colour == "rgb" else set()
    found |= {"extra"} if 0 in extra.codes or (extra.codes and colour not in {"black-is-zero", "rgb"}) else set()
    found |= {"CIELAB"} if colour in {"cielab", "icclab"} else set()
    found |= {"CMYK", "16 bits"} if colour == "cmyk" and (sample is not U8 or extra.codes) else set()
    return frozenset(found)


def _cell(folder: str, sample: Sample, colour: str, extra: Extra, layout: Layout, profile: str = "") -> Cell:
    """Return a cell of one directory."""
    words = [sample.name, colour, extra.name, layout.name, *([profile] if profile else [])]
    kind = [folder, _SAMPLE_KINDS[sample.format] or sample.name, colour]
    kind += ["spots" if len(extra.codes) > 1 else extra.name]
    layout_words = ["tiles" if layout.tiled else "strips", *["apart"] * layout.apart]
    kind += [f"{profile} profile"] if profile else layout_words

    def write(path: Path) -> object:
        made = content(colour, sample, extra, profile)
        directory = lay_out(made.stored, sample, layout, made.tags)
        return write_tiff(path, [directory], big=layout.big, order=layout.order)

    return Cell(
        f"{folder}/{'-'.join(words)}.tif",
        " ".join(kind),
        write,
        lambda: content(colour, sample, extra, profile).shown,
        causes(sample, colour, extra),
    )
