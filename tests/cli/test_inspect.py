"""What `inspect` tells of a slide."""

import json
from pathlib import Path
from typing import Any

import pytest
from commands import run_command
from made_slides import write_image, write_synthetic

GOOD: dict[str, dict[str, object]] = {
    "aperio/CMU-1-Small-Region.svs": {"format": "aperio", "width": 2220, "height": 2967, "objective": 20.0},
    "aperio/tcga-cr-7395-01a-01-ts1.svs": {
        "format": "aperio",
        "width": 4443,
        "height": 3567,
        "microns_per_pixel": None,
    },
    "aperio/P37-CRC01-he.svs": {"width": 17408, "height": 14336, "objective": 10.0, "tile_size": 256},
    "hamamatsu/test3-DAPI-2-387.ndpi": {"format": "hamamatsu", "width": 3968, "height": 4864, "objective": 40.0},
    "dicom/cmu-1-small-region/level-0-frames-0-30.dcm": {"format": "dicom", "width": 2220, "height": 2967},
    "tiff/gray-lzw.tif": {"reader": "openslide", "width": 3072, "height": 3968},
    "tiff/boxes.tiff": {"width": 300, "height": 250},
    "images/6976x5074.jpg": {"reader": "vips", "format": "jpeg", "width": 6976, "height": 5074},
    "images/starfish-progressive.jpg": {"width": 3000, "height": 4000},
    "images/world.jp2": {"reader": "pillow", "width": 800, "height": 400},
}
STORED = {
    "aperio/CMU-1-Small-Region.svs": [(2220, 2967, [240, 240], "jpeg")],
    "aperio/P37-CRC01-he.svs": [
        (17408, 14336, [256, 256], "jpeg"),
        (4352, 3584, [256, 256], "jpeg"),
        (1088, 896, [256, 256], "jpeg"),
    ],
    "tiff/gray-lzw.tif": [(3072 >> level, 3968 >> level, [tile, tile], "lzw") for level, tile in enumerate([512] * 4)],
}
MPP = {
    "aperio/CMU-1-Small-Region.svs": 0.499,
    "hamamatsu/test3-DAPI-2-387.ndpi": 0.228,
    "aperio/P37-CRC01-he.svs": 1.3,
    "dicom/cmu-1-small-region/level-0-frames-0-30.dcm": 0.499,
}


def facts_of(path: Path, *options: object) -> dict[str, Any]:
    done = run_command("inspect", path, "--json", *options)
    assert (done.returncode, done.stderr) == (0, "")
    loaded: dict[str, Any] = json.loads(done.stdout)
    return loaded


@pytest.mark.parametrize("name", GOOD)
def test_every_good_slide_is_told_as_it_is(slides: Path, name: str) -> None:
    facts = facts_of(slides / name)
    assert {key: facts[key] for key in GOOD[name]} == GOOD[name]
    assert facts["identifier"] == Path(name).name
    first = facts["levels"][0]
    assert (first["scale"], first["width"], first["height"]) == (1, facts["width"], facts["height"])
    assert facts["levels"][-1]["tiles"] == 1
    assert facts["tiles"] == sum(level["tiles"] for level in facts["levels"])
    assert all(sum(level["made"].values()) == level["tiles"] for level in facts["levels"])


@pytest.mark.parametrize("name", STORED)
def test_stored_levels_are_told_with_tiles_and_compression(slides: Path, name: str) -> None:
    found = facts_of(slides / name)["stored_levels"]
    assert [(each["width"], each["height"], each["tile"], each["compression"]) for each in found] == STORED[name]


@pytest.mark.parametrize("name", MPP)
def test_microns_per_pixel_are_those_of_the_slide(slides: Path, name: str) -> None:
    assert facts_of(slides / name)["microns_per_pixel"] == pytest.approx(MPP[name], abs=0.001)


def test_any_file_of_a_dicom_series_tells_the_slide(slides: Path) -> None:
    for path in (slides / "dicom" / "cmu-1-small-region").iterdir():
        facts = facts_of(path)
        assert (facts["width"], facts["height"]) == (2220, 2967)


@pytest.mark.parametrize("name", ["made-truncated-half.svs", "made-zero-byte.svs", "made-html-renamed.svs"])
def test_a_broken_slide_is_named_with_the_reason(slides: Path, name: str) -> None:
    done = run_command("inspect", slides / "broken" / name)
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith(f"slide2iiif: {slides / 'broken' / name}: ")


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    done = run_command("inspect", tmp_path / "missing.svs")
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith(f"slide2iiif: {tmp_path / 'missing.svs'}: no such file: it is gone")


def test_the_options_of_the_export_change_what_is_told(tmp_path: Path) -> None:
    image = write_image(tmp_path / "a.png", 1000, 700)
    plain, other = facts_of(image), facts_of(image, "--tile-size", 256, "--api", 3)
    assert (plain["tile_size"], other["tile_size"]) == (512, 256)
    assert plain["tiles"] < other["tiles"]


def test_a_bad_option_is_refused(tmp_path: Path) -> None:
    done = run_command("inspect", write_image(tmp_path / "a.png"), "--tile-size", 5000)
    assert done.returncode == 2
    assert "must be from 64 to 4096" in done.stderr


def test_the_plain_form_tells_the_same_in_words(tmp_path: Path) -> None:
    done = run_command("inspect", write_synthetic(tmp_path / "a.synthetic", 1000, 700))
    assert done.returncode == 0
    for words in ("format      synthetic", "1000 × 700 pixels", "resolution  unknown", "objective   unknown", "1/2"):
        assert words in done.stdout


def test_it_writes_nothing(tmp_path: Path) -> None:
    run_command("inspect", write_image(tmp_path / "a.png"), cwd=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


# Several slides


def test_a_folder_is_told_as_a_table_and_what_cannot_be_opened_with_its_reason(source: Path) -> None:
    (source / "bad.svs").write_bytes(b"nothing of the kind")
    done = run_command("inspect", source)
    lines = done.stdout.splitlines()
    assert done.returncode == 1
    assert lines[0].split() == ["width", "height", "µm/pixel", "objective", "tiles", "bit-exact", "format", "slide"]
    assert lines[1].startswith(f"{source / 'bad.svs'}: is not a slide")
    assert lines[2].split()[:2] == ["700", "500"]
    assert lines[2].endswith(f"  {source / 'one.synthetic'}")
    assert lines[3].split()[:2] == ["90", "1300"]
    assert len(lines) == 4


def test_several_slides_are_a_list_in_json(source: Path) -> None:
    one, two = source / "one.synthetic", source / "ward" / "two.synthetic"
    done = run_command("inspect", two, one, "--json")
    assert done.returncode == 0
    assert [(each["path"], each["width"]) for each in json.loads(done.stdout)] == [(str(two), 90), (str(one), 700)]
    missing = json.loads(run_command("inspect", one, source / "no.svs", "--json").stdout)
    assert [set(each) & {"error"} for each in missing] == [set(), {"error"}]
