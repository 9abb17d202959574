"""Restart intervals -> images that stand alone."""

import io
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region, Size
from slide2iiif.sources.jpeg_strips import JpegStrips, find_strips
from slide2iiif.sources.jpeg_tiles import parse_head

SIZE = Size(200, 184)
_ACROSS = {"4:4:4": 8, "4:2:2": 16, "4:2:0": 16}
_DOWN = {"4:4:4": 8, "4:2:2": 8, "4:2:0": 16}


def make_level(path: Path, subsampling: str = "4:4:4", intervals: int = 1) -> JpegStrips | None:
    """Write an image with restart markers as a scanner does, and find its intervals.

    Args:
        path: the file.
        subsampling: of the chroma.
        intervals: in a row of blocks.
    """
    x, y = np.meshgrid(np.arange(SIZE.width), np.arange(SIZE.height))
    picture = np.stack([x + y, 2 * x, 255 - y], axis=-1).astype(np.uint8)
    across, down = _ACROSS[subsampling], _DOWN[subsampling]
    columns = -(-SIZE.width // across)
    assert columns % intervals == 0
    buffer = io.BytesIO()
    Image.fromarray(picture).save(
        buffer, "JPEG", quality=90, subsampling=subsampling, restart_marker_blocks=columns // intervals
    )
    stream = buffer.getvalue()
    path.write_bytes(stream)
    scan = parse_head(stream).scan
    start = scan + 2 + int.from_bytes(stream[scan + 2 : scan + 4])
    markers = [place for place in range(start, len(stream) - 1) if stream[place] == 0xFF and stream[place + 1] > 0xCF]
    offsets = [start, *(place + 2 for place in markers[:-1])]
    page = SimpleNamespace(
        tilewidth=columns // intervals * across,
        tilelength=down,
        jpegheader=stream[:start],
        dataoffsets=offsets,
        databytecounts=[place + 2 - offset for place, offset in zip(markers, offsets, strict=True)],
    )
    return find_strips(path, SIZE, page)


def found(strips: JpegStrips | None) -> JpegStrips:
    assert strips is not None
    return strips


def decode(stream: bytes) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(stream, strict=True, fastupsample=True)
    return pixels


def read(strips: JpegStrips) -> tuple[NDArray[np.uint8], Region]:
    file = os.open(strips.path, os.O_RDONLY)
    try:
        stream, region = strips.read(file)
    finally:
        os.close(file)
    return decode(stream), region


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "level.jpg"


@pytest.mark.parametrize(("subsampling", "intervals"), [("4:4:4", 1), ("4:4:4", 5), ("4:2:2", 1), ("4:2:0", 13)])
def test_all_intervals_are_the_level(path: Path, subsampling: str, intervals: int) -> None:
    pixels, region = read(found(make_level(path, subsampling, intervals)))
    assert region == (0, 0, *SIZE)
    assert np.array_equal(pixels, decode(path.read_bytes()))


@pytest.mark.parametrize(
    "wanted",
    [Region(0, 0, 1, 1), Region(43, 90, 20, 30), Region(160, 170, 40, 14), Region(0, 8, 200, 8), Region(80, 0, 1, 184)],
)
@pytest.mark.parametrize(("subsampling", "intervals"), [("4:4:4", 1), ("4:4:4", 5), ("4:4:4", 25), ("4:2:2", 13)])
def test_a_window_is_the_part_of_the_level_that_its_intervals_cover(
    path: Path, wanted: Region, subsampling: str, intervals: int
) -> None:
    strips = found(make_level(path, subsampling, intervals)).window(wanted)
    pixels, (x, y, width, height) = read(strips)
    assert x <= wanted.x
    assert y <= wanted.y
    assert x + width >= wanted.x + wanted.width
    assert y + height >= wanted.y + wanted.height
    assert np.array_equal(pixels, decode(path.read_bytes())[y : y + height, x : x + width])


def test_a_window_of_a_window_is_that_of_the_level(path: Path) -> None:
    whole = found(make_level(path, intervals=5))
    inner = Region(90, 100, 30, 20)
    twice = whole.window(Region(45, 60, 120, 90)).window(inner)
    once = whole.window(inner)
    assert (twice.first_column, twice.first_row) == (once.first_column, once.first_row)
    assert np.array_equal(read(twice)[0], read(once)[0])
    assert np.array_equal(twice.lengths, once.lengths)


@pytest.mark.parametrize(
    ("subsampling", "sizes", "others"),
    [("4:4:4", [8, 64, 200, 512], [100, 250, 4]), ("4:2:2", [16, 256], [8, 200]), ("4:2:0", [16, 256], [8, 200])],
)
def test_tiles_are_cut_at_borders_of_blocks_only(
    path: Path, subsampling: str, sizes: list[int], others: list[int]
) -> None:
    strips = found(make_level(path, subsampling))
    assert all(strips.publishes(size) for size in sizes)
    assert not any(strips.publishes(size) for size in others)


def test_the_bytes_are_those_of_all_intervals(path: Path) -> None:
    strips = found(make_level(path))
    assert strips.is_complete
    header = len(path.read_bytes()) - strips.stored_bytes
    assert parse_head(path.read_bytes()).scan < header < 1000


def lose_end(strips: JpegStrips) -> None:
    content = strips.path.read_bytes()
    strips.path.write_bytes(content[: int(strips.offsets[10, 0]) + 5])


def zero(strips: JpegStrips) -> None:
    offset, length = int(strips.offsets[10, 0]), int(strips.lengths[10, 0])
    content = bytearray(strips.path.read_bytes())
    content[offset : offset + length] = bytes(length)
    strips.path.write_bytes(content)


def lose_marker(strips: JpegStrips) -> None:
    end = int(strips.offsets[10, 0]) + int(strips.lengths[10, 0])
    content = bytearray(strips.path.read_bytes())
    content[end - 2 : end] = b"ab"
    strips.path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lose_end, "is truncated: a strip of"),
        (zero, "does not end with a marker"),
        (lose_marker, "not end with a marker"),
    ],
)
def test_a_damaged_interval_is_told_and_others_are_read(
    path: Path, damage: Callable[[JpegStrips], None], words: str
) -> None:
    strips = found(make_level(path))
    before = read(strips.window(Region(0, 0, 200, 40)))[0]
    damage(strips)
    with pytest.raises(SourceError, match=words):
        read(strips)
    assert np.array_equal(read(strips.window(Region(0, 0, 200, 40)))[0], before)


@pytest.mark.parametrize(
    "changed",
    [
        {"jpegheader": None},
        {"jpegheader": b"\xff\xd8 nothing"},
        {"dataoffsets": [1, 2, 3]},
        {"tilewidth": 100, "dataoffsets": [0] * 46, "databytecounts": [9] * 46},
    ],
    ids=["no header", "damaged header", "too few", "not whole blocks"],
)
def test_intervals_that_cannot_be_put_together_are_not_taken(path: Path, changed: dict[str, Any]) -> None:
    strips = found(make_level(path))
    page = SimpleNamespace(
        tilewidth=200,
        tilelength=8,
        jpegheader=path.read_bytes()[: int(strips.offsets[0, 0])],
        dataoffsets=strips.offsets.ravel().tolist(),
        databytecounts=strips.lengths.ravel().tolist(),
    )
    assert find_strips(path, SIZE, page) is not None
    assert find_strips(path, SIZE, SimpleNamespace(**{**vars(page), **changed})) is None
