"""What summary, receipt and `inspect` say of copying, and the options that ask for it or forbid it."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from commands import run_command

from slide2iiif.geometry import Size
from slide2iiif.samples import write_aperio
from tests.copying.conftest import APERIO, DICOM, LARGE, MADE, NDPI, REAL, Published, parse, publish, stored_levels

OTHERS = ("aperio/tcga-cr-7395-01a-01-ts1.svs", "tiff/gray-lzw.tif", "tiff/boxes.tiff", "images/world.jp2")
"""Slides of which nothing can be copied."""


@pytest.mark.parametrize("name", [*REAL, *MADE, *OTHERS])
def test_the_counts_of_a_level_add_up_to_its_tiles(name: str, published_of: Callable[[str], Published]) -> None:
    published = published_of(name)
    levels = published.record["levels"]
    assert [level["scale"] for level in levels] == [1 << index for index in range(len(levels))]
    for index in range(len(levels)):
        assert sum(published.counts(index).values()) == len(list(published.grid(index)))
        assert published.counts(index).keys() <= {"copied", "cropped", "encoded", "derived"}
    assert len(list(published.grid(len(levels) - 1))) == 1
    assert published.record["tiles"] == sum(sum(published.counts(index).values()) for index in range(len(levels)))


@pytest.mark.parametrize("name", [*REAL, *MADE, *OTHERS])
def test_the_receipt_says_the_same_as_the_summary(name: str, published_of: Callable[[str], Published]) -> None:
    published = published_of(name)
    receipt = asdict(published.receipt)
    assert receipt["levels"] == list(published.record["levels"])
    assert (receipt["tiles"], receipt["damaged"]) == (published.record["tiles"], [])


@pytest.mark.parametrize("name", [*REAL, *MADE, *OTHERS])
def test_bit_exact_are_the_copied_and_the_cropped(name: str, published_of: Callable[[str], Published]) -> None:
    published = published_of(name)
    counts = [published.counts(index) for index in range(len(published.record["levels"]))]
    exact = sum(count.get("copied", 0) + count.get("cropped", 0) for count in counts)
    assert published.record["bit_exact_tiles"] == published.summary["bit_exact_tiles"] == exact
    assert (exact == 0) == (name in OTHERS)


@pytest.mark.parametrize("name", REAL)
def test_full_resolution_is_bit_exact_to_the_border(name: str, published_of: Callable[[str], Published]) -> None:
    assert published_of(name).counts(0).keys() <= {"copied", "cropped"}


@pytest.mark.parametrize("name", [APERIO, DICOM, NDPI, "422.svs"])
def test_cropped_are_the_tiles_that_the_image_cuts(name: str, published_of: Callable[[str], Published]) -> None:
    published = published_of(name)
    side = Size(published.tile_size, published.tile_size)
    whole = sum(published.region(0, *place).size == side for place in published.grid(0))
    assert published.counts(0)["copied"] == whole
    assert published.counts(0)["cropped"] == len(list(published.grid(0))) - whole > 0


@pytest.mark.parametrize("name", [*REAL, *MADE, *OTHERS])
def test_inspect_foretells_how_each_tile_is_made(
    name: str, slide_of: Callable[[str], Path], published_of: Callable[[str], Published]
) -> None:
    facts: dict[str, Any] = json.loads(run_command("inspect", slide_of(name), "--json").stdout)
    published = published_of(name)
    assert [level["made"] for level in facts["levels"]] == [
        published.counts(index) for index in range(len(facts["levels"]))
    ]
    assert facts["bit_exact_tiles"] == published.record["bit_exact_tiles"]


def test_the_table_tells_the_share_of_bit_exact_tiles(slides: Path, tmp_path: Path) -> None:
    dest, summary = tmp_path / "public", tmp_path / "summary.json"
    base = ("--base-url", "https://host.example/iiif")
    done = run_command("export", slides / APERIO, dest, *base, "--json", summary, "--jobs", 2)
    told = json.loads(summary.read_bytes())
    share = told["bit_exact_tiles"] / told["tiles"]
    assert (told["tiles"], told["bit_exact_tiles"]) == (182, 130)
    assert f"182 tiles ({share:.0%} bit-exact)" in done.stdout


@pytest.mark.parametrize("name", [APERIO, DICOM, NDPI, "rgb.svs", "422.svs"])
def test_recompress_copies_nothing(name: str, slide_of: Callable[[str], Path], private: Path) -> None:
    published = publish(slide_of(name), private, recompress=True, tile_size=256, quality=60)
    assert published.record["status"] == "exported"
    assert published.record["bit_exact_tiles"] == 0
    assert published.counts(0).keys() == {"encoded"}
    ours = {parse(published.tile(0, *place)).scan for place in list(published.grid(0))[:50]}
    if name != NDPI:
        [*_, stored] = [level for level in stored_levels(slide_of(name)) if level.size == published.size]
        assert ours.isdisjoint({parse(stored.read(column, 0)).scan for column in range(4)})
    tables = {tuple(sorted(parse(published.tile(0, *place)).tables.items())) for place in published.grid(0)}
    assert len(tables) == 1


@pytest.mark.parametrize("name", REAL)
def test_a_slide_that_can_be_copied_passes_where_that_is_required(
    name: str, slides: Path, private: Path, published_of: Callable[[str], Published]
) -> None:
    published = publish(slides / name, private, require_lossless=True)
    assert (published.record["status"], published.exit_code) == ("exported", 0)
    assert published.files == published_of(name).files


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("aperio/tcga-cr-7395-01a-01-ts1.svs", {}, "its tiles are jpeg2000"),
        ("tiff/gray-lzw.tif", {}, "its tiles are lzw"),
        ("images/6976x5074.jpg", {}, "its tiles are of unknown compression"),
        (LARGE, {"tile_size": 512}, "tiles of 512 pixels cannot be taken from stored ones of 256×256"),
        (NDPI, {"tile_size": 300}, "tiles of 300 pixels"),
    ],
)
def test_a_slide_that_cannot_be_copied_fails_where_that_is_required_and_says_why(
    slides: Path, private: Path, name: str, options: dict[str, Any], reason: str
) -> None:
    published = publish(slides / name, private, require_lossless=True, **options)
    assert (published.record["status"], published.exit_code, published.files) == ("failed", 1, {})
    assert published.record["reason"].startswith("full resolution cannot be copied losslessly: ")
    assert reason in published.record["reason"]


def test_of_many_slides_only_those_that_cannot_be_copied_fail(slides: Path, tmp_path: Path) -> None:
    source, dest = tmp_path / "slides", tmp_path / "public"
    source.mkdir()
    write_aperio(source / "good.svs", Size(600, 500), scales=(1,))
    shutil.copy(slides / "tiff" / "gray-lzw.tif", source)
    done = run_command(
        "export", source, dest, "--base-url", "https://host.example/iiif", "--require-lossless", "--jobs", 2
    )
    assert done.returncode == 1
    assert "gray-lzw.tif: full resolution cannot be copied losslessly: its tiles are lzw" in done.stdout
    assert (dest / "good.svs" / "info.json").is_file()
    assert not (dest / "gray-lzw.tif").exists()
