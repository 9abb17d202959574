"""Microns per pixel: what a slide says goes out if it can be true."""

import json
import math
from pathlib import Path

import pytest
from commands import run_command
from made_slides import write_image

from slide2iiif.errors import UsageError
from slide2iiif.geometry import Size
from slide2iiif.options import Options, parse_mpp
from slide2iiif.plan.mpp import choose_pixel_size
from slide2iiif.samples import write_aperio
from slide2iiif.sources.base import Description, StoredLevel

BASE_URL = "https://host.example/iiif"


def described(mpp: float | None, objective: float | None = None) -> Description:
    return Description("openslide", "aperio", (StoredLevel(Size(9, 9)),), mpp, objective)


@pytest.mark.parametrize(
    ("mpp", "objective"), [(0.25, 40), (0.499, 20), (1.3, 10), (0.2282, 40), (0.5, None), (4, 40), (8, None), (0.25, 0)]
)
def test_what_can_be_true_is_published(mpp: float, objective: float | None) -> None:
    assert choose_pixel_size(described(mpp, objective), Options()) == (mpp, "")


@pytest.mark.parametrize("mpp", [0, -0.25, math.nan, math.inf, -math.inf, 25, 50, 0.0025, 0.005, 1e300, 84.7])
def test_what_no_slide_can_have_is_left_out_with_a_note(mpp: float) -> None:
    pixel_size = choose_pixel_size(described(mpp), Options())
    assert pixel_size.microns_per_pixel is None
    assert "left out; --mpp gives the true value" in pixel_size.note


@pytest.mark.parametrize(("mpp", "objective"), [(0.02, 2), (10, 63), (8, 40)])
def test_what_does_not_go_with_the_objective_is_left_out(mpp: float, objective: float) -> None:
    pixel_size = choose_pixel_size(described(mpp, objective), Options())
    assert pixel_size.microns_per_pixel is None
    assert f"at {objective:g}×, which cannot be" in pixel_size.note


def test_an_unknown_scale_needs_no_note() -> None:
    assert choose_pixel_size(described(None), Options()) == (None, "")


@pytest.mark.parametrize("stated", [None, 50.0, 0.25])
def test_what_the_user_says_counts(stated: float | None) -> None:
    assert choose_pixel_size(described(stated, 40), Options(mpp=0.5)) == (0.5, "")


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "50", "0.001"])
def test_the_user_cannot_say_what_no_slide_can_have(text: str) -> None:
    with pytest.raises(UsageError, match=r"--mpp .*: must be from 0.02 to 10 µm a pixel"):
        Options(mpp=parse_mpp(text))
    with pytest.raises(UsageError, match=r"--mpp half: must be a number"):
        parse_mpp("half")


def physical(dest: Path) -> float | None:
    [document] = [json.loads(path.read_text()) for path in dest.rglob("info.json")]
    pixel_size: float | None = document.get("service", {}).get("physicalScale")
    return pixel_size


def test_the_summary_and_inspect_tell_what_was_left_out(tmp_path: Path) -> None:
    slide = tmp_path / "slides" / "a.svs"
    slide.parent.mkdir()
    write_aperio(slide, Size(300, 200), scales=(1,), mpp=50.0)
    done = run_command("export", slide.parent, tmp_path / "public", "--base-url", BASE_URL, "--jobs", 1)
    assert done.returncode == 0
    assert "a.svs: the slide says 50 µm a pixel" in done.stdout
    assert physical(tmp_path / "public") is None
    assert "the slide says 50 µm a pixel" in run_command("inspect", slide).stdout
    told = json.loads(run_command("inspect", "--json", slide).stdout)
    assert (told["microns_per_pixel"], told["microns_per_pixel_published"]) == (50, None)
    run_command("export", slide.parent, tmp_path / "public", "--base-url", BASE_URL, "--jobs", 1, "--mpp", 0.5)
    assert physical(tmp_path / "public") == 0.0005


def test_the_print_resolution_of_a_picture_is_no_scale(tmp_path: Path) -> None:
    write_image(tmp_path / "slides" / "a.jpg", dpi=(300, 300))
    done = run_command("export", tmp_path / "slides", tmp_path / "public", "--base-url", BASE_URL, "--jobs", 1)
    assert physical(tmp_path / "public") is None
    assert "µm" not in done.stdout
