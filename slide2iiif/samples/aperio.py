"""Aperio SVS: a tiled pyramidal TIFF, recognised by its ImageDescription.

The pages are in the order of the scanner: full resolution, a thumbnail in one strip, the other levels, then label
and macro in one strip each.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Literal

import numpy as np

from slide2iiif.geometry import Size
from slide2iiif.samples.coding import JpegCoding, LosslessCoding, Subsampling
from slide2iiif.samples.levels import Slide
from slide2iiif.samples.pages import OVERVIEW_SIDE, Overview, level_page, picture_page, put_strip
from slide2iiif.samples.tiff import Compression, Page, Tag, TiffFile, Value

Associated = Literal["thumbnail", "label", "macro"]
"""Names of the associated images."""

_THUMBNAIL_ALONE: frozenset[Associated] = frozenset({"thumbnail"})

_SOFTWARE = "Aperio Image Library v11.2.1 \r\n"
_LABEL_SIZE = Size(387, 463)
_MACRO_SIZE = Size(1280, 431)
_REDUCED, _REDUCED_MACRO = 1, 9
"""NewSubfileType of the label and of the macro image, by which readers recognise them."""


def write_aperio(
    path: Path,
    size: Size,
    *,
    tile_size: int = 256,
    scales: tuple[int, ...] = (1, 4, 16),
    quality: int = 80,
    subsampling: Subsampling = "420",
    rgb_coded: bool = False,
    shared_tables: bool = True,
    mpp: float | None = 0.5,
    objective: int | None = 20,
    seed: int = 0,
    properties: Mapping[str, str] | None = None,
    associated: AbstractSet[Associated] = _THUMBNAIL_ALONE,
    icc_profile: bytes | None = None,
    bigtiff: bool | None = None,
) -> None:
    """Write a slide of painted tissue as Aperio SVS.

    Memory holds one row of tiles for each level, whatever the height.

    Args:
        path: the file to make or replace.
        size: full resolution in pixels.
        tile_size: side of a tile in pixels, a multiple of 16.
        scales: scale factors of the levels, from 1 upwards, each a multiple of the one before.
        quality: of the JPEG tiles, 1 to 100.
        subsampling: of the chroma; without effect where `rgb_coded`.
        rgb_coded: True for tiles in RGB instead of YCbCr, as older scanners write them.
        shared_tables: True for abbreviated streams with their tables in a tag, as in real slides.
        mpp: microns per pixel; None leaves it out.
        objective: magnification; None leaves it out.
        seed: seed of the tissue; another seed is another slide.
        properties: further pairs for the ImageDescription, ASCII without `|`.
        associated: associated images to add.
        icc_profile: colour profile of the levels.
        bigtiff: True for BigTIFF, False for classic TIFF; None for BigTIFF from 4 GiB on.

    Raises:
        OSError: the file cannot be written; nothing is left of it.
        ValueError: invalid sizes, scales or properties.
    """
    if tile_size % 16:
        raise ValueError(f"a TIFF has no tiles of {tile_size} pixels: not a multiple of 16")
    coding = JpegCoding(quality, subsampling, rgb_coded=rgb_coded, shared_tables=shared_tables)
    slide = Slide(size, scales, tile_size, seed)
    texts = _level_texts(slide, tile_size, coding, _properties(mpp, objective, properties or {}))
    profile: dict[Tag, Value] = {Tag.ICC_PROFILE: icc_profile} if icc_profile else {}
    levels = [
        level_page(level, tile_size, coding, {**_described(text), **profile})
        for level, text in zip(slide.level_sizes, texts, strict=True)
    ]
    overview = Overview(slide)
    with TiffFile(path, big=bigtiff) as file:
        for strip in slide.strips():
            put_strip(file, levels[strip.level], strip.pixels, coding, tile_size)
            overview.add(strip)
        thumbnail = [_thumbnail(file, overview, size)] if "thumbnail" in associated else []
        label = [_label(file, seed)] if "label" in associated else []
        macro = [_macro(file, overview)] if "macro" in associated else []
        file.finish([levels[0], *thumbnail, *levels[1:], *label, *macro])


def _level_texts(slide: Slide, tile_size: int, coding: JpegCoding, properties: str) -> list[str]:
    """Write the ImageDescription of each level; only the first has the properties."""
    width, height = slide.level_sizes[0]
    whole = f"{_SOFTWARE}{width}x{height} [0,0 {width}x{height}] ({tile_size}x{tile_size})"
    codec = f"JPEG/{'RGB' if coding.rgb_coded else 'YCC'} Q={coding.quality}"
    reduced = [f"{whole} -> {level.width}x{level.height} {codec}" for level in slide.level_sizes[1:]]
    return [f"{whole} {codec}{properties}", *reduced]


def _properties(mpp: float | None, objective: int | None, others: Mapping[str, str]) -> str:
    pairs = {} if objective is None else {"AppMag": str(objective)}
    if mpp is not None:
        pairs["MPP"] = f"{mpp:.4f}"
    pairs |= others
    if any("|" in text or not text.isascii() for pair in pairs.items() for text in pair):
        raise ValueError(f"properties of a slide must be ASCII without '|': {pairs}")
    return "".join(f"|{name} = {value}" for name, value in pairs.items())


def _described(text: str) -> dict[Tag, Value]:
    return {Tag.IMAGE_DESCRIPTION: text.encode("ascii")}


def _thumbnail(file: TiffFile, overview: Overview, size: Size) -> Page:
    scale = min(1.0, OVERVIEW_SIDE / size.width, 768 / size.height)
    small = Size(max(1, int(size.width * scale)), max(1, int(size.height * scale)))
    text = f"{_SOFTWARE}{size.width}x{size.height} -> {small.width}x{small.height} - |"
    return picture_page(file, overview.pixels(small), JpegCoding(), _described(text))


def _label(file: TiffFile, seed: int) -> Page:
    """Draw a white label with a bar code; on real slides it names the patient."""
    pixels = np.full((_LABEL_SIZE.height, _LABEL_SIZE.width, 3), 250, np.uint8)
    bars = np.random.default_rng(seed).integers(0, 2, 60).astype(bool).repeat(5)
    pixels[60:200, 40 : 40 + len(bars)][:, bars] = 10
    tags = {
        Tag.NEW_SUBFILE_TYPE: _REDUCED,
        **_described(f"{_SOFTWARE}label {_LABEL_SIZE.width}x{_LABEL_SIZE.height}"),
    }
    return picture_page(file, pixels, LosslessCoding(Compression.LZW), tags)


def _macro(file: TiffFile, overview: Overview) -> Page:
    """Draw the macro image: label on the left, tissue on the right."""
    pixels = np.full((_MACRO_SIZE.height, _MACRO_SIZE.width, 3), 225, np.uint8)
    pixels[:, :400] = 250
    pixels[40:-40, 480:-40] = overview.pixels(Size(_MACRO_SIZE.width - 520, _MACRO_SIZE.height - 80))
    text = f"{_SOFTWARE}macro {_MACRO_SIZE.width}x{_MACRO_SIZE.height}"
    tags = {Tag.NEW_SUBFILE_TYPE: _REDUCED_MACRO, **_described(text)}
    return picture_page(file, pixels, JpegCoding(), tags)
