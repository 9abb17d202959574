"""Associated pictures and properties that were asked for, and nothing else."""

import json
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from colour_profiles import matrix_profile
from commands import run_command, snapshot

from slide2iiif.errors import UsageError
from slide2iiif.geometry import Region, Size
from slide2iiif.imaging.icc import is_srgb
from slide2iiif.imaging.srgb import to_srgb_from
from slide2iiif.options import Options, parse_associated, parse_properties
from slide2iiif.plan.slide import plan_picture
from slide2iiif.samples import write_aperio
from slide2iiif.sources import open_source
from slide2iiif.sources.describe import DescribeTask, describe, kept_back_properties
from slide2iiif.sources.openslide import OpenSlideSource
from slide2iiif.tiles.associated import PictureTask, write_associated
from slide2iiif.tiles.intermediate import IntermediateImage

BASE_URL = "https://host.example/iiif"
LABEL = "a.svs/associated/label"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "slides"
    folder.mkdir()
    write_aperio(folder / "a.svs", Size(600, 500), scales=(1,), associated={"label", "macro", "thumbnail"})
    return folder


@pytest.mark.parametrize("crops", [False, True])
def test_of_what_is_asked_for_a_description_has_what_the_slide_has(folder: Path, crops: bool) -> None:  # noqa: FBT001
    task = DescribeTask(folder / "a.svs", crops, ("label", "nothing"), ("aperio.AppMag", "aperio.Nothing"))
    described = describe(task)
    assert described.associated == {"label": Size(387, 463)}
    assert described.properties == {"aperio.AppMag": "20"}
    assert (described.area, described.kept_back) == (None, None)


def test_an_associated_picture_is_a_service_of_its_own_below_the_slide(folder: Path, tmp_path: Path) -> None:
    dest = tmp_path / "public"
    options = ["--base-url", BASE_URL, "--jobs", 1, "--associated", "label", "--quality", 95, "--json", "-"]
    done = run_command("export", folder, dest, *options)
    [record] = json.loads(done.stdout)["slides"]
    names = {path.relative_to(dest).as_posix() for path in dest.rglob("*")}
    assert record["inodes"] == len({(dest / name).stat().st_ino for name in names if name.startswith("a.svs")})
    assert record["files"] == len([name for name in snapshot(dest) if name.startswith("a.svs/")])
    info = json.loads((dest / LABEL / "info.json").read_text())
    assert (info["@id"], info["width"], info["height"]) == (f"{BASE_URL}/{LABEL}", 387, 463)
    assert json.loads((dest / LABEL / "info-v3.json").read_text())["id"] == f"{BASE_URL}-v3/{LABEL}"
    shown = simplejpeg.decode_jpeg((dest / LABEL / "full/max/0/default.jpg").read_bytes(), "RGB")
    with open_source(folder / "a.svs") as source:
        expected = source.read_associated("label")
    assert np.abs(shown.astype(int) - expected).mean() < 2
    assert not (dest / "a.svs/associated/macro").exists()


def test_the_documents_of_associated_pictures_move_with_the_tree(folder: Path, tmp_path: Path) -> None:
    dest = tmp_path / "public"
    run_command("export", folder, dest, "--base-url", BASE_URL, "--jobs", 1, "--associated", "label", "-q")
    run_command("rebase", dest, "--base-url", "https://other.example/x", "-q")
    assert json.loads((dest / LABEL / "info.json").read_text())["@id"] == f"https://other.example/x/{LABEL}"
    assert json.loads((dest / LABEL / "info-v3.json").read_text())["id"] == f"https://other.example/x-v3/{LABEL}"


def test_a_door_that_is_closed_again_takes_back_what_was_let_out(folder: Path, tmp_path: Path) -> None:
    dest = tmp_path / "public"
    run_command("export", folder, dest, "--base-url", BASE_URL, "--jobs", 1, "--associated", "label", "-q")
    assert (dest / LABEL).is_dir()
    run_command("export", folder, dest, "--jobs", 1, "-q")
    assert (dest / LABEL).is_dir()
    run_command("export", folder, dest, "--jobs", 1, "--associated", "none", "-q")
    assert not (dest / "a.svs/associated").exists()


def test_a_dry_run_counts_associated_pictures(folder: Path, tmp_path: Path) -> None:
    options = ["--base-url", BASE_URL, "--jobs", 1, "--associated", "macro", "--json", "-"]
    planned = json.loads(run_command("export", folder, tmp_path / "public", *options, "--dry-run").stdout)
    written = json.loads(run_command("export", folder, tmp_path / "public", *options).stdout)
    assert (planned["files"], planned["inodes"]) == (written["files"], written["inodes"])


def test_passes_of_an_associated_picture_read_what_was_handed_on() -> None:
    plan = plan_picture("a.svs", "label", Size(3000, 1200), Options())
    assert plan.identifier == LABEL
    assert {pass_.stored_level for pass_ in plan.passes} == {None}
    assert plan.passes[0].input_level == 0


def test_only_pictures_that_are_known_can_be_asked_for() -> None:
    assert parse_associated(" label, thumbnail,label") == ("label", "thumbnail")
    assert parse_associated("") == ()
    with pytest.raises(UsageError, match=r"--associated ../x: must be of thumbnail, macro, label"):
        parse_associated("../x")


def test_properties_are_asked_for_by_name() -> None:
    assert parse_properties("aperio.User, a key with spaces,") == ("aperio.User", "a key with spaces")


def test_what_is_kept_back_is_all_but_what_is_known_to_be_harmless() -> None:
    public = {"openslide.vendor": "x", "openslide.mpp-x": "1", "openslide.level[0].width": "9"}
    assert kept_back_properties({**public, "openslide.barcode": "b", "never.heard.of": "n"}) == {
        "never.heard.of": "n",
        "openslide.barcode": "b",
    }


def test_an_associated_picture_is_transformed_by_its_own_profile(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = matrix_profile()
    monkeypatch.setattr(OpenSlideSource, "associated_profile", lambda _source, _name: profile)
    with open_source(folder / "a.svs") as source:
        stored = source.read_associated("macro")
    height, width, _ = stored.shape
    for transforms, expected in ((False, stored), (True, to_srgb_from(profile, stored))):
        picture = IntermediateImage(tmp_path / "level-0.rgb", Size(width, height))
        picture.create()
        write_associated(PictureTask(folder / "a.svs", "macro", picture, transforms))
        assert np.array_equal(picture.read(Region(0, 0, width, height)), expected)
    assert not np.array_equal(stored, to_srgb_from(profile, stored))


def test_the_profile_of_an_associated_picture_is_read(slides: Path) -> None:
    with open_source(slides / "aperio" / "tcga-cr-7395-01a-01-ts1.svs") as source:
        assert is_srgb(source.associated_profile("thumbnail") or b"")
