"""What a published stream is made of, whatever the stored one carries."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from slide2iiif.geometry import Size
from slide2iiif.samples import write_aperio, write_generic_tiff
from slide2iiif.samples.coding import abbreviate, encode_ycbcr
from tests.copying.conftest import (
    APP0,
    APP14,
    DHT,
    DQT,
    DRI,
    EOI,
    FRAMES,
    MADE,
    REAL,
    SOI,
    Published,
    TiffLevel,
    decode,
    parse,
    publish,
    smooth_stream,
    stored_levels,
)

_ALLOWED = {APP0, APP14, DQT, DHT, DRI, *FRAMES}
_COM, _APP1, _APP2, _APP13, _APP15 = 0xFE, 0xE1, 0xE2, 0xED, 0xEF
_SECRET = b"a name that nobody may read"


def segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2) + content


PLANTED = b"".join(
    (
        segment(_COM, _SECRET),
        segment(_APP1, b"Exif\0\0" + _SECRET),
        segment(_APP1, b"http://ns.adobe.com/xap/1.0/\0" + _SECRET),
        segment(_APP2, b"ICC_PROFILE\0\1\1" + _SECRET),
        segment(_APP13, b"Photoshop 3.0\0" + _SECRET),
        segment(_APP15, _SECRET),
        segment(APP0, b"JFXX\0\x10" + _SECRET),
    )
)


def check_markers(stream: bytes) -> None:
    jpeg = parse(stream)
    assert set(jpeg.markers) <= _ALLOWED
    for marker, content in jpeg.segments:
        if marker == APP0:
            assert content == b"JFIF\0\1\1\0\0\1\0\1\0\0"
        if marker == APP14:
            assert (content[:5], len(content)) == (b"Adobe", 12)
    # In the scan there are no markers but restarts, and nothing comes after its end.
    found = {jpeg.scan[place + 1] for place in range(len(jpeg.scan) - 1) if jpeg.scan[place] == 0xFF}
    assert found <= {0, 0xD9, *range(0xD0, 0xD8)}
    assert jpeg.scan.index(EOI) == len(jpeg.scan) - 2


@pytest.mark.parametrize("name", [*REAL, *MADE])
def test_published_tiles_are_tables_a_frame_and_a_scan(name: str, published_of: Callable[[str], Published]) -> None:
    published = published_of(name)
    for level in range(len(published.record["levels"]) - 1):
        places = list(published.grid(level))
        for place in places[:: 1 + len(places) // 100]:
            check_markers(published.tile(level, *place))


@pytest.mark.parametrize(("rgb_coded", "shared_tables"), [(False, True), (False, False), (True, True), (True, False)])
def test_what_is_planted_into_stored_tiles_is_not_published(
    tmp_path: Path, private: Path, *, rgb_coded: bool, shared_tables: bool
) -> None:
    path = tmp_path / "planted.svs"
    write_aperio(path, Size(700, 500), scales=(1,), rgb_coded=rgb_coded, shared_tables=shared_tables)
    plain = publish(path, private)
    level = TiffLevel(path)
    # Before the tables, between them and the frame, and in all tiles but one: usual heads and others.
    for index in range(1, len(level.places)):
        stored = level.read(index)
        start = 2 if index % 2 else stored.index(b"\xff\xc0")
        level.put(index, stored[:start] + PLANTED + stored[start:])
    assert path.read_bytes().count(_SECRET) == 7 * (len(level.places) - 1)
    published = publish(path, private)
    assert published.record["status"] == "exported"
    assert published.counts(0) == plain.counts(0)
    assert published.files.keys() == plain.files.keys()
    for name, content in published.files.items():
        assert _SECRET not in content
        if name.endswith(".jpg"):
            check_markers(content)
    for place in published.grid(0):
        assert np.array_equal(decode(published.tile(0, *place)), decode(plain.tile(0, *place)))


@pytest.mark.parametrize("kind", ["usual head", "other head"])
def test_what_is_planted_into_every_tile_is_not_published(tmp_path: Path, private: Path, kind: str) -> None:
    path = tmp_path / "planted.svs"
    write_aperio(path, Size(700, 500), scales=(1,))
    level = TiffLevel(path)
    for index in range(len(level.places)):
        stored = level.read(index)
        note = segment(_COM, b"tile %d" % index) if kind == "other head" else b""
        level.put(index, SOI + PLANTED + note + stored[2:])
    published = publish(path, private)
    assert published.record["bit_exact_tiles"] == len(level.places)
    for place in published.grid(0):
        check_markers(published.tile(0, *place))
        assert _SECRET not in published.tile(0, *place)


def test_bytes_that_fill_up_behind_the_end_are_not_published(tmp_path: Path, private: Path) -> None:
    path = tmp_path / "padded.svs"
    write_aperio(path, Size(700, 500), scales=(1,))
    level = TiffLevel(path)
    for index, padding in enumerate((b"\0", b"\xff", b"\0" * 7)):
        level.put(index, level.read(index) + padding)
    published = publish(path, private)
    for place in published.grid(0):
        check_markers(published.tile(0, *place))


@pytest.mark.parametrize("kind", ["behind the end", "between scans"])
def test_a_tile_that_goes_on_behind_its_scan_is_refused(tmp_path: Path, private: Path, kind: str) -> None:
    path = tmp_path / "longer.svs"
    write_aperio(path, Size(700, 500), scales=(1,))
    level = TiffLevel(path)
    stored = level.read(1)
    if kind == "behind the end":
        for shift in (b"", b"."):
            level.put(1, stored + _SECRET + shift + EOI)
            assert "more than one scan" in publish(path, private).record["reason"]
        return
    scan = stored.index(b"\xff\xda")
    first = segment(0xDA, b"\1\1\0\0\x3f\0") + bytes(20)
    level.put(1, stored[:scan] + first + segment(_COM, _SECRET) + stored[scan:])
    assert "more than one scan" in publish(path, private).record["reason"]


def test_tiles_of_one_level_are_each_published_with_their_own_tables(tmp_path: Path, private: Path) -> None:
    path = tmp_path / "mixed.svs"
    write_aperio(path, Size(1024, 768), scales=(1,), quality=80)
    level = TiffLevel(path)
    for index, quality in ((1, 30), (2, 95), (3, 50), (6, 30), (11, 70)):
        # Quality 50 brings Huffman tables only by the shared ones; the others are complete streams.
        stream = smooth_stream(Size(256, 256), quality)
        level.put(index, stream)
    level.put(5, b"".join((SOI, segment(DRI, b"\0\0"), level.read(5)[2:])))
    published = publish(path, private)
    assert published.counts(0) == {"copied": 12}
    [stored] = stored_levels(path)
    found = set()
    for column, row in published.grid(0):
        ours, its = parse(published.tile(0, column, row)), parse(stored.read(column, row))
        assert (ours.scan, ours.tables, ours.frame) == (its.scan, its.tables, its.frame)
        assert np.array_equal(decode(published.tile(0, column, row)), decode(stored.read(column, row)))
        found.add(ours.tables[DQT, 0])
    assert len(found) == 5


def test_tiles_with_their_own_quantisation_and_shared_huffman_tables_are_published_with_both(
    tmp_path: Path, private: Path
) -> None:
    path = tmp_path / "mixed.svs"
    write_aperio(path, Size(512, 512), scales=(1,), quality=80)
    level = TiffLevel(path)
    tables, bare = abbreviate(smooth_stream(Size(256, 256), 35))
    own = b"".join(
        segment(marker, content) for marker, content in parse(tables[:-2] + bare[2:]).segments if marker == DQT
    )
    level.put(2, SOI + own + bare[2:])
    published = publish(path, private)
    assert published.counts(0) == {"copied": 4}
    assert np.array_equal(decode(published.tile(0, 0, 1)), decode(smooth_stream(Size(256, 256), 35)))


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        (smooth_stream(Size(240, 256), 80), "says 240×256 pixels where the level says 256×256"),
        (encode_ycbcr(np.full((256, 256, 1), 99, np.uint8), 80, "420"), "1 components and not 3"),
    ],
    ids=["size", "gray"],
)
def test_a_tile_that_is_not_what_its_level_says_fails_the_slide(
    tmp_path: Path, private: Path, stream: bytes, reason: str
) -> None:
    path = tmp_path / "odd.svs"
    write_aperio(path, Size(1024, 768), scales=(1,))
    TiffLevel(path).put(5, stream)
    published = publish(path, private)
    assert (published.record["status"], published.files) == ("failed", {})
    assert reason in published.record["reason"]


@pytest.mark.parametrize("sampling", ["444", "422"])
def test_tiles_of_differing_sampling_are_published_as_they_are(
    tmp_path: Path, private: Path, sampling: Literal["444", "422"]
) -> None:
    path = tmp_path / "mixed.svs"
    write_aperio(path, Size(1000, 700), scales=(1,))
    stream = encode_ycbcr(decode(smooth_stream(Size(256, 256), 90)), 90, sampling)
    for index in (1, 3, 11):
        TiffLevel(path).put(index, stream)
    published = publish(path, private)
    assert (published.record["status"], published.record["note"]) == ("exported", "")
    expected = decode(stream)
    for column, row in ((1, 0), (3, 0), (3, 2)):
        height, width = published.region(0, column, row).height, published.region(0, column, row).width
        assert np.abs(decode(published.tile(0, column, row)).astype(int) - expected[:height, :width]).max() <= 2


@pytest.mark.parametrize("kind", ["generic.tif", "sparse.svs"])
def test_a_tile_that_a_slide_does_not_store_is_background_and_no_failure(
    tmp_path: Path, private: Path, kind: str
) -> None:
    path, whole = tmp_path / kind, tmp_path / f"whole-{kind}"
    if kind == "generic.tif":
        write_generic_tiff(whole, Size(1000, 700))
    else:
        write_aperio(whole, Size(1000, 700), scales=(1,))
    shutil.copy(whole, path)
    level = TiffLevel(path)
    missing = {(0, 0): 0, (2, 1): 6, (3, 2): 11}
    for index in missing.values():
        level.point(index, type(level.places[0])(0, 0))
    complete, published = publish(whole, private), publish(path, private)
    assert (published.record["status"], published.exit_code, published.receipt.damaged) == ("exported", 0, [])
    assert published.counts(0)["encoded"] == 3
    for place in published.grid(0):
        tile = published.tile(0, *place)
        if place in missing:
            assert parse(tile).size == published.region(0, *place).size
            assert (decode(tile) >= 253).all()
        else:
            assert tile == complete.tile(0, *place)
    if kind == "sparse.svs":
        # One level up, which is derived, the background is where the tiles are missing.
        above = decode(published.tile(1, 0, 0))
        assert (above[4:124, 4:124] >= 250).all()
    assert publish(path, private, require_lossless=True).record["reason"].endswith("stores no pixels for some tiles")
