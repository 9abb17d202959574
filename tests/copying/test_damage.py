"""Damaged tiles and truncated slides are never published as good."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import turbojpeg
from commands import run_command

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Size
from slide2iiif.imaging.jpeg import check_strictly
from slide2iiif.samples import write_aperio
from tests.copying.conftest import (
    APERIO,
    DICOM,
    EOI,
    LARGE,
    MADE,
    NDPI,
    REAL,
    SOI,
    Published,
    TiffLevel,
    decode,
    parse,
    publish,
    stored_levels,
)

_BASE = ("--base-url", "https://host.example/iiif", "--jobs", 2)


def seeded() -> random.Random:
    """Give dice that fall the same in every run."""
    return random.Random(20_240_601)  # noqa: S311 - nothing is kept secret


def copied(path: Path, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, folder / path.name)
    return folder / path.name


def telling(level: TiffLevel) -> set[int]:
    """Tiles that are left whole: by these the product tells whether stored tiles are what the slide shows."""
    lengths = np.array([place.length for place in level.places]).reshape(-1, level.columns)
    row, column = len(lengths) - 1, level.columns - 1
    return {
        int(lengths.argmax()),
        row * level.columns + int(lengths[row].argmax()),
        int(lengths[:, column].argmax()) * level.columns + column,
    }


# One damaged tile


def truncate(level: TiffLevel, index: int, dice: random.Random) -> None:
    offset, length = level.places[index]
    level.point(index, type(level.places[index])(offset, dice.randrange(1, length)))


def zero(level: TiffLevel, index: int, _: random.Random) -> None:
    level.overwrite(index, 0, bytes(level.places[index].length))


def zero_from_the_middle(level: TiffLevel, index: int, dice: random.Random) -> None:
    """As a download leaves it that was broken off."""
    start = dice.randrange(level.places[index].length - 2)
    level.overwrite(index, start, bytes(level.places[index].length - start))


def point_beyond_the_end(level: TiffLevel, index: int, _: random.Random) -> None:
    length = level.places[index].length
    level.point(index, type(level.places[index])(level.path.stat().st_size - length // 2, length))


def swap_for_another_stream(level: TiffLevel, index: int, _: random.Random) -> None:
    level.put(index, level.read(index)[:-2])


DAMAGES = [truncate, zero, zero_from_the_middle, point_beyond_the_end, swap_for_another_stream]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", [APERIO, "420.svs", "rgb-complete.svs"])
def test_a_slide_with_a_damaged_tile_fails_with_the_reason_and_nothing_of_it_is_published(
    name: str,
    damage: Callable[[TiffLevel, int, random.Random], None],
    slide_of: Callable[[str], Path],
    tmp_path: Path,
    private: Path,
) -> None:
    dice = seeded()
    for _ in range(4):
        level = TiffLevel(copied(slide_of(name), tmp_path))
        index = dice.randrange(len(level.places))
        damage(level, index, dice)
        published = publish(level.path, private)
        assert (published.record["status"], published.exit_code, published.files) == ("failed", 1, {})
        assert published.record["reason"]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", [APERIO, "420.svs", "rgb-complete.svs"])
def test_all_truncated_and_zeroed_tiles_are_found_by_the_default_check(
    name: str,
    damage: Callable[[TiffLevel, int, random.Random], None],
    slide_of: Callable[[str], Path],
    published_of: Callable[[str], Published],
    tmp_path: Path,
    private: Path,
) -> None:
    level, dice = TiffLevel(copied(slide_of(name), tmp_path)), seeded()
    spared = telling(level)
    broken = sorted(set(range(len(level.places))) - spared)
    for index in broken:
        damage(level, index, dice)
    whole, published = published_of(name), publish(level.path, private, damaged="placeholder")
    if name == APERIO and damage is point_beyond_the_end:
        # OpenSlide does not open a slide whose coarsest level is not in the file.
        assert (published.record["status"], published.files) == ("failed", {})
        return
    assert published.record["status"] == "exported"
    assert sorted(map(tuple, published.receipt.damaged)) == sorted(
        (0, index % level.columns, index // level.columns) for index in broken
    )
    for index in spared:
        place = index % level.columns, index // level.columns
        assert published.tile(0, *place) == whole.tile(0, *place)


# Placeholders


@pytest.mark.parametrize("check", ["basic", "strict"])
@pytest.mark.parametrize("name", [APERIO, "420.svs", "420-big.svs"])
def test_a_placeholder_is_background_of_the_right_size_and_all_other_tiles_are_exact(
    name: str,
    check: str,
    slide_of: Callable[[str], Path],
    published_of: Callable[[str], Published],
    tmp_path: Path,
    private: Path,
) -> None:
    level = TiffLevel(copied(slide_of(name), tmp_path))
    rows = len(level.places) // level.columns
    places = {(1, 1), (level.columns - 1, 1), (level.columns - 1, rows - 1)}
    for column, row in places:
        zero(level, row * level.columns + column, seeded())
    whole = published_of(name)
    published = publish(level.path, private, damaged="placeholder", check=check)
    assert (published.record["status"], published.exit_code) == ("exported", 1)
    assert published.record["damaged_tiles"] == published.summary["damaged_tiles"] == 3
    assert published.counts(0)["damaged"] == 3
    assert {tuple(each) for each in published.receipt.damaged} == {(0, *place) for place in places}
    assert published.files.keys() == whole.files.keys()
    for place in published.grid(0):
        tile = published.tile(0, *place)
        assert parse(tile).size == published.region(0, *place).size
        if place in places:
            assert (decode(tile) >= 253).all()
        else:
            assert tile == whole.tile(0, *place)
    # Coarser tiles beside the damage are what they were; those that cover it are there, with background in it.
    side, halves = published.tile_size // 2, whole.copied_levels()
    if 1 not in halves:
        above, before = decode(published.tile(1, 0, 0)), decode(whole.tile(1, 0, 0))
        assert (above[side + 16 : 2 * side - 16, side + 16 : 2 * side - 16] >= 250).all()
        assert np.array_equal(above[: side - 16], before[: side - 16])


def test_damage_to_the_very_tiles_that_tell_whether_others_can_be_copied_keeps_none_of_those_from_being_copied(
    slides: Path, tmp_path: Path, private: Path, published_of: Callable[[str], Published]
) -> None:
    level = TiffLevel(copied(slides / APERIO, tmp_path))
    broken = telling(level)
    for index in broken:
        zero(level, index, seeded())
    published = publish(level.path, private, damaged="placeholder")
    assert published.record["status"] == "exported"
    assert published.record["bit_exact_tiles"] == published_of(APERIO).record["bit_exact_tiles"] - len(broken)


def test_the_command_tells_of_placeholders_and_fails(slides: Path, tmp_path: Path) -> None:
    level = TiffLevel(copied(slides / APERIO, tmp_path / "slides"))
    zero(level, 30, seeded())
    dest = tmp_path / "public"
    assert run_command("export", level.path, dest, *_BASE).returncode == 1
    assert not (dest / level.path.name).exists()
    done = run_command("export", level.path, dest, *_BASE, "--damaged", "placeholder")
    assert done.returncode == 1
    assert "1 damaged tiles replaced by background" in done.stdout
    assert f"{level.path.name}: 1 damaged tiles" in done.stdout
    assert (dest / level.path.name / "info.json").is_file()


@pytest.mark.parametrize("options", [{"recompress": True}, {"tile_size": 512}, {"recompress": True, "tile_size": 200}])
def test_where_tiles_are_encoded_those_that_show_a_damaged_one_are_listed_and_all_others_are_what_they_were(
    options: dict[str, Any], slides: Path, tmp_path: Path, private: Path
) -> None:
    level = TiffLevel(copied(slides / APERIO, tmp_path))
    whole = publish(level.path, tmp_path / "whole", **options)
    zero(level, 30, seeded())
    assert publish(level.path, private, **options).record["status"] == "failed"
    published = publish(level.path, private, damaged="placeholder", **options)
    assert (published.record["status"], published.exit_code) == ("exported", 1)
    assert_shown_as_lost(published, whole, column=30 % level.columns, row=30 // level.columns, stored_side=240)


def test_damage_of_a_slide_that_openslide_reads_is_listed_and_filled_in(tmp_path: Path, private: Path) -> None:
    tile = Size(256, 256)
    path = tmp_path / "slide.tif"
    pixels = np.random.default_rng(1).integers(0, 200, (900, 1300, 3), np.uint8)
    tifffile.imwrite(path, pixels, tile=tile, compression="zlib", photometric="rgb")
    whole = publish(path, tmp_path / "whole", tile_size=200, quality=95)
    level = TiffLevel(path)
    level.overwrite(8, 0, bytes(level.places[8].length))
    assert publish(path, private, tile_size=200).record["status"] == "failed"
    published = publish(path, private, tile_size=200, quality=95, damaged="placeholder")
    assert (published.record["status"], published.exit_code) == ("exported", 1)
    # Parts are given up at the borders of published tiles, so all that touch the damaged one are lost.
    assert_shown_as_lost(published, whole, column=2, row=1, stored_side=256)


def assert_shown_as_lost(published: Published, whole: Published, *, column: int, row: int, stored_side: int) -> None:
    """Check that tiles which touch a stored one are listed, with background in it, and all others are untouched."""
    left, top = column * stored_side, row * stored_side
    lost = set()
    for place in published.grid(0):
        x, y, width, height = published.region(0, *place)
        if x < left + stored_side and left < x + width and y < top + stored_side and top < y + height:
            lost.add(place)
            inside = np.s_[
                max(0, top - y) + 16 : top + stored_side - y - 16, max(0, left - x) + 16 : left + stored_side - x - 16
            ]
            assert (decode(published.tile(0, *place))[inside] >= 250).all()
        else:
            assert published.tile(0, *place) == whole.tile(0, *place)
    assert {tuple(each) for each in published.receipt.damaged} == {(0, *place) for place in lost}
    assert published.counts(0)["damaged"] == published.record["damaged_tiles"] == len(lost) > 0
    assert published.files.keys() == whole.files.keys()


def test_damage_in_a_level_that_only_the_overview_is_made_of_is_listed(tmp_path: Path, private: Path) -> None:
    path = tmp_path / "slide.svs"
    write_aperio(path, Size(1000, 800), scales=(1, 4))
    level = TiffLevel(path, 1)
    assert len(level.places) == 1
    zero(level, 0, seeded())
    assert publish(path, private).record["status"] == "failed"
    published = publish(path, private, damaged="placeholder")
    assert (published.record["status"], published.exit_code) == ("exported", 1)
    assert published.receipt.damaged == [[2, 0, 0]]


def test_a_slide_of_which_nothing_can_be_read_is_not_published_as_placeholders(tmp_path: Path, private: Path) -> None:
    path = tmp_path / "slide.svs"
    write_aperio(path, Size(1000, 800), scales=(1,))
    level = TiffLevel(path)
    for index in range(len(level.places)):
        zero(level, index, seeded())
    published = publish(path, private, damaged="placeholder")
    assert (published.record["status"], published.files) == ("failed", {})
    assert "no tile" in published.record["reason"]


def test_damage_that_only_decoding_finds_is_listed_and_not_copied(slides: Path, tmp_path: Path, private: Path) -> None:
    level = TiffLevel(copied(slides / APERIO, tmp_path))
    length = level.places[30].length
    level.overwrite(30, length // 2, seeded().randbytes(512))
    # To the default check it looks whole.
    stored = level.read(30)
    assert (stored[:2], stored.index(EOI)) == (SOI, length - 2)
    published = publish(level.path, private, damaged="placeholder")
    assert published.receipt.damaged == [[0, 30 % level.columns, 30 // level.columns]]


@pytest.mark.parametrize("kind", ["scan", "end"])
def test_of_strips_only_the_tiles_that_a_damaged_one_crosses_are_lost(
    kind: str, slides: Path, tmp_path: Path, private: Path, published_of: Callable[[str], Published]
) -> None:
    path = copied(slides / NDPI, tmp_path)
    with tifffile.TiffFile(path) as tiff:
        page: Any = tiff.pages[0]
        offset, length = page.dataoffsets[100], page.databytecounts[100]
    with path.open("r+b") as file:
        file.seek(offset + (20 if kind == "scan" else length // 2))
        file.write(bytes(300 if kind == "scan" else length - length // 2))
    assert publish(path, private).record["status"] == "failed"
    published, whole = publish(path, private, damaged="placeholder"), published_of(NDPI)
    row = 100 * 8 // published.tile_size
    assert (published.record["status"], published.exit_code) == ("exported", 1)
    assert sorted(published.receipt.damaged) == [[0, column, row] for column in range(8)]
    for level in whole.copied_levels():
        for place in published.grid(level):
            if (level, place[1]) != (0, row):
                assert published.tile(level, *place) == whole.tile(level, *place)
            else:
                assert (decode(published.tile(level, *place)) >= 253).all()


# The strict check


@pytest.mark.parametrize("name", [*REAL, *MADE])
def test_no_good_slide_fails_the_strict_check(
    name: str, slide_of: Callable[[str], Path], published_of: Callable[[str], Published], private: Path
) -> None:
    published = publish(slide_of(name), private, check="strict")
    assert (published.record["status"], published.exit_code) == ("exported", 0)
    assert published.files == published_of(name).files


@pytest.mark.parametrize("name", [APERIO, LARGE, DICOM])
def test_random_bytes_in_a_scan_are_found_by_the_strict_check(slides: Path, name: str) -> None:
    found = strictly_found(slides / name, 1000, random_bytes)
    assert found >= 0.995


def test_random_bytes_in_the_tiles_of_a_slide_are_found_by_the_strict_check(
    slides: Path, tmp_path: Path, private: Path
) -> None:
    level, dice = TiffLevel(copied(slides / LARGE, tmp_path)), seeded()
    broken = sorted(set(dice.sample(range(len(level.places)), 1200)) - telling(level))
    for index in broken:
        stored = level.read(index)
        level.overwrite(index, 0, random_bytes(stored, dice))
    published = publish(level.path, private, damaged="placeholder", check="strict")
    wanted = {(0, index % level.columns, index // level.columns) for index in broken}
    found = {tuple(each) for each in published.receipt.damaged}
    assert found <= wanted
    assert len(found) >= 0.995 * len(wanted)


@pytest.mark.parametrize(("name", "least"), [(APERIO, 0.5), (LARGE, 0.33)])
def test_bit_flips_in_a_scan_are_found_by_the_strict_check_where_they_can_be(
    slides: Path, name: str, least: float
) -> None:
    # The others give valid streams of other pixels: encoded again, the same bytes. Nothing in them is wrong.
    dice, library = seeded(), turbojpeg.TurboJPEG()
    level = stored_levels(slides / name)[0]
    found = valid = 0
    streams = [flipped_bit(stream, dice) for stream in some_tiles(slides / name, 600, dice)]
    for stream in streams:
        try:
            check_strictly(stream, level.tile)
        except SourceError:
            found += 1
        else:
            again = library.crop(stream, 0, 0, *level.tile, preserve=True)
            valid += parse(again).scan == parse(stream).scan
    assert found >= least * len(streams)
    assert found + valid >= 0.95 * len(streams)


def strictly_found(path: Path, count: int, damage: Callable[[bytes, random.Random], bytes]) -> float:
    dice, tile = seeded(), stored_levels(path)[0].tile
    found = 0
    for stream in some_tiles(path, count, dice):
        try:
            check_strictly(damage(stream, dice), tile)
        except SourceError:
            found += 1
    return found / count


def some_tiles(path: Path, count: int, dice: random.Random) -> list[bytes]:
    """Pick whole tiles of full resolution, any of them more than once."""
    level = max(stored_levels(path), key=lambda each: each.size.pixels)
    columns, rows = level.size.width // level.tile.width, level.size.height // level.tile.height
    return [level.read(dice.randrange(columns), dice.randrange(rows)) for _ in range(count)]


def random_bytes(stream: bytes, dice: random.Random) -> bytes:
    """Overwrite 512 bytes of the scan, or all of a shorter one."""
    room = len(parse(stream).scan) - 2
    count = min(512, room)
    start = len(stream) - 2 - room + dice.randrange(room - count + 1)
    return stream[:start] + dice.randbytes(count) + stream[start + count :]


def flipped_bit(stream: bytes, dice: random.Random) -> bytes:
    room = len(parse(stream).scan) - 2
    place = len(stream) - 2 - room + dice.randrange(room)
    return stream[:place] + bytes([stream[place] ^ 1 << dice.randrange(8)]) + stream[place + 1 :]


# Truncated slides


@pytest.mark.parametrize("name", [APERIO, "420.svs", "420-big.svs", "generic.tif", NDPI])
def test_a_truncated_slide_is_never_published_unless_every_tile_is_right(
    name: str,
    slide_of: Callable[[str], Path],
    published_of: Callable[[str], Published],
    tmp_path: Path,
    private: Path,
) -> None:
    whole, dice = published_of(name), seeded()
    path, length = copied(slide_of(name), tmp_path), slide_of(name).stat().st_size
    cuts = [dice.randrange(1, length) for _ in range(24)] + [length - cut for cut in (1, 2, 10, 300, 1000, 5000)]
    failed = 0
    for cut in cuts:
        shutil.copyfile(slide_of(name), path)
        with path.open("r+b") as file:
            file.truncate(cut)
        published = publish(path, private)
        if published.record["status"] == "failed":
            failed += 1
            assert published.record["reason"]
            assert published.files == {}
        else:
            assert published.files == whole.files, cut
    assert failed >= 24


def test_a_truncated_file_of_a_series_is_never_published_unless_every_tile_is_right(
    slides: Path, tmp_path: Path, private: Path, published_of: Callable[[str], Published]
) -> None:
    whole, dice, source = published_of(DICOM), seeded(), (slides / DICOM).parent
    for number in range(12):
        folder = tmp_path / str(number)
        shutil.copytree(source, folder)
        name = ("level-0-frames-0-30.dcm", "level-1-frames-0-9.dcm")[number % 2]
        with (folder / name).open("r+b") as file:
            file.truncate(dice.randrange(1, (source / name).stat().st_size))
        published = publish(folder / Path(DICOM).name, private)
        if published.record["status"] == "failed":
            assert published.record["reason"]
            assert published.files == {}
        else:
            assert published.size == whole.size
            for place in published.grid(0):
                assert published.tile(0, *place) == whole.tile(0, *place)
