"""Colour profiles: carried without names, or pixels transformed to sRGB on every level."""

import io
import json
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
import simplejpeg
from colour_profiles import matrix_profile, table_profile
from commands import run_command
from numpy.typing import NDArray
from PIL import Image, ImageCms

from slide2iiif.geometry import Region, Size
from slide2iiif.imaging.icc import SRGB
from slide2iiif.options import EMBEDDED_PROFILE_BYTES, Icc, Options
from slide2iiif.plan.colours import choose_colours
from slide2iiif.samples import write_aperio
from slide2iiif.sources import open_source
from slide2iiif.sources.base import Description, StoredLevel

BASE_URL = "https://host.example/iiif"
SECRET = b"Serial 12345"
SIZE = Size(700, 500)
Pixels = NDArray[np.uint8]


def export(folder: Path, *more: object) -> dict[str, Any]:
    options = ["--base-url", BASE_URL, "--jobs", 1, "--json", "-", "--quality", 100, *more]
    done = run_command("export", folder / "slides", folder / "public", *options)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def slide(folder: Path, profile: bytes | None, **more: Any) -> Path:
    (folder / "slides").mkdir()
    path = folder / "slides" / "a.svs"
    write_aperio(path, SIZE, scales=(1,), quality=95, subsampling="444", icc_profile=profile, **more)
    return path


def profile_of(stream: bytes) -> bytes | None:
    with Image.open(io.BytesIO(stream)) as image:
        profile: bytes | None = image.info.get("icc_profile")
        return profile


def pictures(folder: Path) -> dict[str, bytes]:
    tree = folder / "public" / "a.svs"
    return {path.relative_to(tree).as_posix(): path.read_bytes() for path in tree.rglob("default.jpg")}


def delta_e(ours: Pixels, theirs: Pixels) -> float:
    """Mean CIE 1976 difference of sRGB pixels, by libvips."""
    both = [pyvips.Image.new_from_array(each).copy(interpretation="srgb").colourspace("lab") for each in (ours, theirs)]
    return float(both[0].dE76(both[1]).avg())


@pytest.mark.parametrize("make", [matrix_profile, table_profile])
def test_colours_are_transformed_on_every_level_as_another_program_does(
    tmp_path: Path, make: Callable[..., bytes]
) -> None:
    slide(tmp_path, make())
    (tmp_path / "profile.icc").write_bytes(make())
    export(tmp_path, "--icc", "ignore", "--subsampling", "444", "--recompress")
    plain = pictures(tmp_path)
    told = export(tmp_path, "--icc", "srgb", "--subsampling", "444")
    assert told["bit_exact_tiles"] == 0
    found = pictures(tmp_path)
    assert found.keys() == plain.keys()
    moved = 0.0
    for name, stream in found.items():
        stored: Pixels = simplejpeg.decode_jpeg(plain[name], "RGB")
        image = pyvips.Image.new_from_array(stored).copy(interpretation="srgb")
        expected = image.icc_transform("srgb", input_profile=str(tmp_path / "profile.icc"), intent="relative").numpy()
        assert delta_e(simplejpeg.decode_jpeg(stream, "RGB"), expected) < 1, name
        assert profile_of(stream) == SRGB
        moved = max(moved, delta_e(stored, expected))
    assert moved > 2


def test_a_profile_is_carried_once_without_names_and_tiles_stay_bit_exact(tmp_path: Path) -> None:
    slide(tmp_path, table_profile(SECRET))
    told = export(tmp_path)
    assert told["bit_exact_tiles"] > 0
    carried = (tmp_path / "public/a.svs/profile.icc").read_bytes()
    assert SECRET not in carried
    assert len(carried) > EMBEDDED_PROFILE_BYTES
    assert ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(carried))).strip()
    assert {profile_of(stream) for stream in pictures(tmp_path).values()} == {None}
    [receipt] = [json.loads(path.read_text()) for path in (tmp_path / "public").rglob("receipt.json")]
    assert b64decode(receipt["profile"]) == carried
    files = [path for path in (tmp_path / "public/a.svs").rglob("*") if path.is_file()]
    assert told["files"] == len(files)
    assert told["inodes"] == len({path.stat().st_ino for path in (tmp_path / "public/a.svs").rglob("*")}) + 1


@pytest.mark.parametrize("more", [{}, {"rgb_coded": True}, {"shared_tables": False}])
def test_a_small_profile_is_in_every_tile_copied_cropped_or_encoded(tmp_path: Path, more: dict[str, Any]) -> None:
    slide(tmp_path, matrix_profile(SECRET), **more)
    told = export(tmp_path)
    [record] = told["slides"]
    assert {"copied", "cropped"} <= record["levels"][0].keys()
    carried = (tmp_path / "public/a.svs/profile.icc").read_bytes()
    assert len(carried) <= EMBEDDED_PROFILE_BYTES
    found = pictures(tmp_path)
    assert {profile_of(stream) for stream in found.values()} == {carried}
    plain = export(tmp_path, "--icc", "ignore")
    assert plain["bit_exact_tiles"] == told["bit_exact_tiles"]
    for name, stream in pictures(tmp_path).items():
        assert profile_of(stream) is None
        assert np.array_equal(simplejpeg.decode_jpeg(stream, "RGB"), simplejpeg.decode_jpeg(found[name], "RGB"))
    assert not (tmp_path / "public/a.svs/profile.icc").exists()


def test_a_slide_that_is_srgb_already_is_copied_whatever_is_asked(tmp_path: Path) -> None:
    slide(tmp_path, SRGB)
    assert export(tmp_path, "--icc", "srgb", "--require-lossless")["bit_exact_tiles"] > 0
    assert {profile_of(stream) for stream in pictures(tmp_path).values()} == {SRGB}


def test_inspect_tells_of_a_profile(tmp_path: Path) -> None:
    path = slide(tmp_path, matrix_profile())
    assert f"profile of {len(matrix_profile())} bytes, not sRGB" in run_command("inspect", path).stdout


def test_a_transform_is_not_lossless_and_says_so(tmp_path: Path) -> None:
    slide(tmp_path, matrix_profile())
    told = export(tmp_path, "--icc", "srgb", "--require-lossless")
    assert "colours are transformed to sRGB, as --icc asks" in told["slides"][0]["reason"]


def test_a_profile_that_cannot_be_used_fails_the_slide_and_says_what_to_do(tmp_path: Path) -> None:
    slide(tmp_path, b"x" * 500)
    told = export(tmp_path, "--icc", "srgb")
    assert "its colour profile cannot be used" in told["slides"][0]["reason"]
    assert export(tmp_path, "--icc", "embed")["counts"]["exported"] == 1
    assert not (tmp_path / "public/a.svs/profile.icc").exists()


def test_a_slide_without_a_profile_needs_nothing() -> None:
    description = Description("openslide", "aperio", (StoredLevel(SIZE),))
    for icc in Icc:
        assert choose_colours(description, Options(icc=icc)) == choose_colours(description, Options(icc=Icc.IGNORE))


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_an_ordinary_image_comes_out_as_srgb_by_its_own_profile(tmp_path: Path, suffix: str) -> None:
    colours = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8).repeat(32, 0).repeat(32, 1)
    profile = matrix_profile()
    quality: dict[str, Any] = {"quality": 100, "subsampling": 0} if suffix == "jpg" else {}
    Image.fromarray(colours).save(tmp_path / f"a.{suffix}", icc_profile=profile, **quality)
    expected = ImageCms.profileToProfile(
        Image.fromarray(colours),
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
    with open_source(tmp_path / f"a.{suffix}") as source:
        shown = source.read(0, Region(0, 0, 256, 256))
    assert delta_e(shown, np.asarray(expected)) < 1
    assert delta_e(shown, colours) > 3


def test_cmyk_comes_out_as_the_colours_it_prints(tmp_path: Path) -> None:
    inks = np.zeros((64, 256, 4), np.uint8)
    for index, ink in enumerate(((0, 0, 0, 0), (255, 0, 0, 0), (0, 255, 0, 0), (0, 0, 0, 255))):
        inks[:, index * 64 : index * 64 + 64] = ink
    for suffix in ("jpg", "tif"):
        Image.fromarray(inks, "CMYK").save(tmp_path / f"a.{suffix}")
        with open_source(tmp_path / f"a.{suffix}") as source:
            pixels = source.read(0, Region(0, 0, 256, 64)).astype(int)
        white, cyan, magenta, black = (pixels[32, 32 + 64 * index] for index in range(4))
        assert white.min() > 245
        assert cyan[2] - cyan[0] > 100
        assert magenta[0] - magenta[1] > 100
        assert black.max() < 60


def test_a_tree_with_a_profile_agrees_with_its_receipt_and_a_lost_profile_is_put_back(tmp_path: Path) -> None:
    slide(tmp_path, table_profile(SECRET))
    export(tmp_path)
    public = tmp_path / "public"
    assert run_command("verify", public).returncode == 0
    carried = (public / "a.svs/profile.icc").read_bytes()
    (public / "a.svs/profile.icc").unlink()
    assert "profile.icc" in run_command("verify", public).stdout
    run_command("repair", public, "--source", tmp_path / "slides")
    assert (public / "a.svs/profile.icc").read_bytes() == carried
    assert run_command("verify", public).returncode == 0


def test_transformed_tiles_are_made_again_as_they_were(tmp_path: Path) -> None:
    slide(tmp_path, matrix_profile())
    export(tmp_path, "--icc", "srgb")
    tile = tmp_path / "public/a.svs/0,0,256,256/256,/0/default.jpg"
    content = tile.read_bytes()
    tile.unlink()
    done = run_command("repair", tmp_path / "public", "--source", tmp_path / "slides")
    assert tile.exists(), done.stdout + done.stderr
    assert tile.read_bytes() == content
