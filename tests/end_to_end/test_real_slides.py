"""The installed command over all real slides, broken ones included."""

import json
from pathlib import Path
from typing import Any

import pytest
from commands import RealTree, run_command, snapshot, staged
from naive_urls import naive_all
from picture_sizes import check_pictures

BASE_URL = "https://host.example/iiif"
GOOD = {
    "aperio/CMU-1-Small-Region.svs": (2220, 2967, 240),
    "aperio/P37-CRC01-he.svs": (17408, 14336, 256),
    "aperio/tcga-cr-7395-01a-01-ts1.svs": (4443, 3567, 512),
    "dicom/cmu-1-small-region/level-0-frames-0-30.dcm": (2220, 2967, 500),
    "hamamatsu/test3-DAPI-2-387.ndpi": (3968, 4864, 512),
    "images/6976x5074.jpg": (6976, 5074, 512),
    "images/starfish-progressive.jpg": (3000, 4000, 512),
    "images/world.jp2": (800, 400, 512),
    "tiff/boxes.tiff": (300, 250, 512),
    "tiff/gray-lzw.tif": (3072, 3968, 512),
}
BROKEN = {
    "broken/made-bad-ifd-offset.svs": "truncated",
    "broken/made-html-renamed.svs": "is a web page and not a slide",
    "broken/made-random-64k.svs": "is not a slide",
    "broken/made-truncated-half.svs": "truncated",
    "broken/made-truncated-tail-64k.svs": "truncated",
    "broken/made-zero-byte.svs": "the file is empty",
    "broken/made-zeroed-tiles.svs": "damaged",
    "broken/unopenable.tiff": "damaged or of an unknown variant",
    "broken/unreadable.svs": "cannot be read",
}
MPP = {
    "aperio/CMU-1-Small-Region.svs": 0.499,
    "aperio/P37-CRC01-he.svs": 1.3,
    "hamamatsu/test3-DAPI-2-387.ndpi": 0.228,
}
DOCUMENTS = {"info.json", "info-v3.json", "manifest.json", "index.html"}
WITH_PROFILE = {"aperio/tcga-cr-7395-01a-01-ts1.svs", "tiff/boxes.tiff"}
"""Slides whose colour profile is published beside them."""


def documents(name: str) -> set[str]:
    return DOCUMENTS | ({"profile.icc"} if name in WITH_PROFILE else set())


def outcomes(summary: str) -> dict[str, dict[str, Any]]:
    return {slide["identifier"]: slide for slide in json.loads(summary)["slides"]}


def test_every_good_slide_is_published_and_every_broken_one_failed(real_tree: RealTree) -> None:
    found = {name: slide["status"] for name, slide in outcomes(real_tree.written.stdout).items()}
    assert found == {**dict.fromkeys(GOOD, "exported"), **dict.fromkeys(BROKEN, "failed")}
    assert real_tree.written.returncode == 1


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_slide_is_named_with_its_reason_and_leaves_nothing(real_tree: RealTree, name: str) -> None:
    slide = outcomes(real_tree.written.stdout)[name]
    assert BROKEN[name] in slide["reason"]
    assert "unexpected" not in slide["reason"]
    assert slide["tiles"] == slide["files"] == 0
    assert not (real_tree.dest / "broken").exists()
    assert not (real_tree.dest / ".slide2iiif" / "receipts" / "broken").exists()


def test_nothing_is_left_in_staging(real_tree: RealTree) -> None:
    assert staged(real_tree.dest) == []


@pytest.mark.parametrize("name", GOOD)
def test_the_document_of_a_slide_says_what_it_is(real_tree: RealTree, name: str) -> None:
    width, height, side = GOOD[name]
    document = json.loads((real_tree.dest / name / "info.json").read_bytes())
    assert document["@id"] == f"{BASE_URL}/{name}"
    assert (document["width"], document["height"]) == (width, height)
    assert document["tiles"][0]["width"] == side


@pytest.mark.parametrize("name", GOOD)
def test_the_files_of_a_slide_are_exactly_the_urls_that_are_asked_for(real_tree: RealTree, name: str) -> None:
    folder = real_tree.dest / name
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert files == {*naive_all(*GOOD[name], "2"), *documents(name)}


@pytest.mark.parametrize("name", GOOD)
def test_every_picture_of_a_slide_has_the_size_that_its_url_says(real_tree: RealTree, name: str) -> None:
    count = check_pictures(real_tree.dest / name, *GOOD[name])
    assert count == outcomes(real_tree.written.stdout)[name]["files"] - len(documents(name))


@pytest.mark.parametrize("name", MPP)
def test_the_size_of_a_pixel_is_published(real_tree: RealTree, name: str) -> None:
    document = json.loads((real_tree.dest / name / "info.json").read_bytes())
    assert document["service"]["physicalScale"] == pytest.approx(MPP[name] / 1000, abs=1e-6)
    assert document["service"]["physicalUnits"] == "mm"


@pytest.mark.parametrize("name", GOOD)
def test_the_dry_run_was_right(real_tree: RealTree, name: str) -> None:
    planned = outcomes(real_tree.planned.stdout)[name]
    written = outcomes(real_tree.written.stdout)[name]
    assert planned["status"] == "planned"
    for each in ("width", "height", "tiles", "files"):
        assert planned[each] == written[each]
    assert planned["bytes"] == pytest.approx(written["bytes"], rel=0.15)


@pytest.mark.parametrize("name", GOOD)
def test_the_dry_run_was_right_about_inodes(real_tree: RealTree, name: str) -> None:
    folder = real_tree.dest / name
    real = len({path.stat().st_ino for path in [folder, *folder.rglob("*")]})
    # How many tiles of one colour will share a file is not known before they are seen.
    blank = outcomes(real_tree.written.stdout)[name]["blank_tiles"]
    planned = outcomes(real_tree.planned.stdout)[name]["inodes"]
    assert planned - max(0, blank - 1) <= real <= planned


def test_the_bytes_of_the_summary_are_those_on_disk(real_tree: RealTree) -> None:
    stored = {path.stat().st_ino: path.stat().st_size for path in real_tree.dest.rglob("*.jpg") if path.is_file()}
    assert json.loads(real_tree.written.stdout)["bytes"] == sum(stored.values())


def test_a_second_run_does_nothing_and_says_so(real_tree: RealTree) -> None:
    before = snapshot(real_tree.dest)
    options = ["--base-url", BASE_URL, "--quality", 95, "--subsampling", 444]
    done = run_command("export", real_tree.slides, real_tree.dest, *options)
    assert done.returncode == 1
    table = [line.split()[:2] for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert table[:2] == [["unchanged", "10"], ["failed", "9"]]
    assert snapshot(real_tree.dest) == before


def test_the_slides_are_not_touched(real_tree: RealTree) -> None:
    assert not list(real_tree.slides.rglob(".slide2iiif"))


@pytest.mark.parametrize("member", [3, 11])
def test_one_listed_file_of_a_series_exports_the_slide(slides: Path, tmp_path: Path, member: int) -> None:
    listed = sorted((slides / "dicom").rglob("*.dcm"))[member]
    done = run_command(
        "export", slides, tmp_path / "public", "--base-url", BASE_URL, "--files-from", "-", "--json", "-",
        stdin=f"{listed}\n".encode(),
    )  # fmt: skip
    assert done.returncode == 0
    assert list(outcomes(done.stdout)) == ["dicom/cmu-1-small-region/level-0-frames-0-30.dcm"]


def test_every_url_of_the_real_slides_has_the_file_that_was_published_and_nothing_else_is_there(
    real_tree: RealTree,
) -> None:
    done = run_command("verify", real_tree.dest, "--deep")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("nothing is wrong\n")
