"""JPEG 2000 whose boxes say what components mean: palettes of any kind, colour spaces of any number."""

import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pictures.jpeg_2000_files import GREY, SRGB, SYCC, Boxes, codestream, jp2
from PIL import Image

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region
from slide2iiif.sources import open_source

INDICES = (np.arange(90)[:, None] * 3 + np.arange(120)[None, :]).astype(np.uint8)[..., None] % 37
COLOURS = np.random.default_rng(5).integers(0, 256, (37, 4), np.uint8)
COLUMNS = {
    "in order": ((), [0, 1, 2]),
    "blue first": ((2, 1, 0), [2, 1, 0]),
    "one column for all": ((1, 1, 1), [1, 1, 1]),
}


def shown(path: Path, boxes: Boxes, stored: NDArray[np.uint8] = INDICES) -> NDArray[np.int64]:
    path.write_bytes(jp2(codestream(stored), stored, boxes))
    with open_source(path) as source:
        return source.read(0, Region(0, 0, 120, 90)).astype(np.int64)


@pytest.mark.parametrize("wide", [1, 2])
@pytest.mark.parametrize("order", COLUMNS)
def test_colours_are_looked_up_whatever_column_a_channel_has(tmp_path: Path, order: str, wide: int) -> None:
    mapping, columns = COLUMNS[order]
    palette = COLOURS[:, :3].astype(f"u{wide}") * (257 if wide == 2 else 1)
    found = shown(tmp_path / "a.jp2", Boxes(palette=palette, mapping=mapping))
    assert np.array_equal(found, COLOURS[:, columns][INDICES[..., 0]])


def test_a_palette_of_one_column_is_grey(tmp_path: Path) -> None:
    found = shown(tmp_path / "a.jp2", Boxes(GREY, palette=COLOURS[:, :1]))
    assert np.array_equal(found, np.repeat(COLOURS[:, :1][INDICES[..., 0]], 3, axis=2))


def test_the_alpha_of_a_palette_is_laid_on_white(tmp_path: Path) -> None:
    definition = [(0, 0, 1), (1, 0, 2), (2, 0, 3), (3, 1, 0)]
    found = shown(tmp_path / "a.jp2", Boxes(palette=COLOURS, definition=definition))
    rgba = COLOURS[INDICES[..., 0]] / 255
    expected = 255 * (rgba[..., :3] * rgba[..., 3:] + 1 - rgba[..., 3:])
    assert np.abs(found - expected).max() <= 1


def test_a_palette_of_ycbcr_becomes_rgb(tmp_path: Path) -> None:
    found = shown(tmp_path / "a.jp2", Boxes(SYCC, palette=COLOURS[:, :3]))
    expected = np.asarray(Image.fromarray(COLOURS[:, :3][INDICES[..., 0]], "YCbCr").convert("RGB")).astype(int)
    assert np.abs(found - expected).max() <= 2


def test_a_fourth_column_of_no_stated_meaning_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not state what the last one means"):
        shown(tmp_path / "a.jp2", Boxes(palette=COLOURS))


def test_an_index_beyond_the_palette_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="a colour beyond the 20 of its palette"):
        shown(tmp_path / "a.jp2", Boxes(palette=COLOURS[:20, :3]))


def test_a_palette_that_is_not_whole_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.jp2"
    content = jp2(codestream(INDICES), INDICES, Boxes(palette=COLOURS[:, :3]))
    place = content.index(b"pclr") + 4
    path.write_bytes(content[:place] + struct.pack(">H", 60_000) + content[place + 2 :])
    with pytest.raises(SourceError, match="palette is not whole; copy it again"):
        open_source(path)


@pytest.mark.parametrize(
    ("space", "words"),
    [(12, r"12 \(CMYK\)"), (14, r"14 \(CIELAB\)"), (24, r"24 \(e-sYCC\)"), (77, r"77 \(one that is not known\)")],
)
def test_another_colour_space_is_refused_by_its_name(tmp_path: Path, space: int, words: str) -> None:
    stored = np.dstack([INDICES] * (4 if space == 12 else 3))
    with pytest.raises(SourceError, match=f"in the colour space {words}"):
        shown(tmp_path / "a.jp2", Boxes(space), stored)


@pytest.mark.parametrize(("space", "bands"), [(GREY, 3), (SRGB, 1)])
def test_a_colour_space_of_other_components_is_no_damage(tmp_path: Path, space: int, bands: int) -> None:
    with pytest.raises(SourceError, match="in a colour space of") as caught:
        shown(tmp_path / "a.jp2", Boxes(space), np.dstack([INDICES] * bands))
    assert "damaged" not in str(caught.value)
