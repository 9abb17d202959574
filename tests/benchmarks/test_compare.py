"""The benchmark script is run as its user runs it, on the smallest case, so that it cannot rot. Nothing is timed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from outputs import Outputs
from patience import PATIENCE

from slide2iiif.geometry import Size
from slide2iiif.samples import write_aperio

SCRIPT = Path(__file__).with_name("compare.py")


def compare(*arguments: str) -> str:
    result = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], check=False, capture_output=True, text=True, timeout=PATIENCE
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_every_contestant_exports_the_smallest_case(tmp_path: Path) -> None:
    places = ["--where", "disk", "--disk", str(tmp_path / "out"), "--cache", str(tmp_path / "cache")]
    report = json.loads(compare("smoke", "--runs", "1", *places, "--json", "-"))
    [table] = report["tables"]
    names = [row["name"] for row in table["rows"]]
    assert names == [
        "slide2iiif",
        "vips dzsave",
        "pyvips dzsave",
        "DeepZoomGenerator",
        "bare",
        "bare, checked",
        "tar xf",
        "vips dzsave, and sync",
        "pyvips dzsave, and sync",
        "bare, and sync",
        "tar xf, and sync",
    ]
    for row in table["rows"]:
        if "not installed" in row["problem"]:
            continue
        assert row["problem"] == ""
        assert row["files"] >= 12
        assert row["medians"]["wall"] > 0
        assert row["medians"]["cpu"] > 0
        assert row["ratios"]["wall"] > 0
    assert list((tmp_path / "out").iterdir()) == []
    assert report["machine"]["slide2iiif"] != "not installed"


def test_what_this_version_cannot_do_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIDE2IIIF_SLIDES", str(tmp_path / "nothing"))
    report = json.loads(compare("p37", "--cache", str(tmp_path), "--json", "-"))
    assert report["tables"] == []


def test_the_floor_of_a_slide_is_told_and_a_slide_without_one_is_refused(tmp_path: Path) -> None:
    write_aperio(tmp_path / "slide.svs", Size(1500, 1100), scales=(1, 4))
    script = SCRIPT.with_name("floor.py")
    result = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "slide.svs"), "--folder", str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    rows = [line for line in result.stdout.splitlines() if line.startswith("|")]
    # Of 6 × 5 tiles at full resolution and 2 × 2 at a quarter, both are decoded for the level below.
    assert rows[2].split("|")[1:4:2] == [" decode a stored tile at half its size ", " 34 "]
    assert "No less than" in result.stdout
    (tmp_path / "image.png").write_bytes(b"no image")
    refused = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "image.png")], check=False, capture_output=True, timeout=PATIENCE
    )
    assert refused.returncode != 0


def test_the_table_is_markdown(tmp_path: Path) -> None:
    text = compare("smoke", "--runs", "1", "--where", "tmpfs", "--tmpfs", str(tmp_path), "--cache", str(tmp_path))
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 9
    assert len({line.count("|") for line in lines}) == 1


def test_outputs_on_disk_are_kept_until_the_end(tmp_path: Path) -> None:
    outputs_of = {place: tmp_path / place for place in ("tmpfs", "disk")}
    with Outputs(outputs_of) as outputs:
        for place in outputs_of:
            out = outputs.folder(place) / "out"
            for _ in range(2):
                out.mkdir()
                outputs.clear(out)
            outputs.clear(out)
        assert len(list(outputs.folder("disk").iterdir())) == 2
        assert list(outputs.folder("tmpfs").iterdir()) == []
    assert [list(parent.iterdir()) for parent in outputs_of.values()] == [[], []]


def test_outputs_on_disk_are_deleted_before_it_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("outputs._LEAST_FREE", 2)
    with Outputs({"disk": tmp_path}) as outputs:
        out = outputs.folder("disk") / "out"
        out.mkdir()
        outputs.clear(out)
        assert list(outputs.folder("disk").iterdir()) == []
