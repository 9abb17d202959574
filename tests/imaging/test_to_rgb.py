"""Samples become published pixels in one place: exactly where that is defined, not at all where it is not."""

from typing import Any

import numpy as np
import pytest
from colour_profiles import matrix_profile, table_profile

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region, Size
from slide2iiif.imaging.orientation import stored_region, turn_upright, upright_size
from slide2iiif.imaging.picture import Extra, Kind, Meaning, PictureFormat
from slide2iiif.imaging.srgb import to_srgb_from
from slide2iiif.imaging.to_rgb import notes, to_rgb

_RANDOM = np.random.default_rng(5)
COLOURS = _RANDOM.integers(0, 256, (40, 50, 3)).astype(np.uint8)


def deep(pixels: Any) -> Any:
    return pixels.astype(np.uint16) * 257


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (PictureFormat(Meaning.RGB, 32, Kind.FLOAT), "32-bit float samples"),
        (PictureFormat(Meaning.GREY, 32), "32-bit unsigned samples"),
        (PictureFormat(Meaning.GREY, 16, Kind.SIGNED), "16-bit signed samples"),
        (PictureFormat(Meaning.GREY, 64, Kind.COMPLEX), "64-bit complex samples"),
        (PictureFormat(Meaning.UNKNOWN, stated="LogL samples"), "holds LogL samples"),
        (PictureFormat(Meaning.LAB, 4), "CIELAB samples of 4 bits"),
        (PictureFormat(Meaning.GREY, extras=(Extra.UNSPECIFIED,)), "2 samples a pixel"),
    ],
)
def test_what_is_not_defined_is_refused_by_its_name(picture: PictureFormat, reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        to_rgb(np.zeros((2, 2, picture.samples), np.uint16), picture)


def test_sixteen_bits_become_eight_by_a_division_that_is_rounded() -> None:
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)
    expected = np.rint(values / 257).astype(np.uint8).repeat(3, axis=2)
    assert np.array_equal(to_rgb(values, PictureFormat(Meaning.GREY, 16)), expected)


@pytest.mark.parametrize("bits", range(1, 17))
def test_black_and_white_of_any_depth_stay_black_and_white(bits: int) -> None:
    ends = np.array([[[0], [(1 << bits) - 1]]], np.uint16)
    assert to_rgb(ends, PictureFormat(Meaning.GREY, bits))[0, :, 0].tolist() == [0, 255]
    assert to_rgb(ends, PictureFormat(Meaning.INVERTED_GREY, bits))[0, :, 0].tolist() == [255, 0]


def test_a_sample_beyond_full_brightness_is_an_error_and_not_cut() -> None:
    with pytest.raises(SourceError, match="a sample of 1100 where 1023 is full brightness"):
        to_rgb(np.full((1, 1, 1), 1100, np.uint16), PictureFormat(Meaning.GREY, 16, maximum=1023))
    with pytest.raises(SourceError, match="beyond the 4 of its palette"):
        to_rgb(np.full((1, 1, 1), 4, np.uint8), PictureFormat(Meaning.PALETTE, palette=np.zeros((4, 3), np.uint8)))


@pytest.mark.parametrize("profile", [matrix_profile(b"x"), table_profile(b"x"), matrix_profile(b"x", 4)])
def test_a_profile_is_applied_at_the_depth_of_the_samples(profile: bytes) -> None:
    expected = to_srgb_from(profile, COLOURS).astype(int)
    eight = to_rgb(COLOURS, PictureFormat(Meaning.RGB, profile=profile))
    sixteen = to_rgb(deep(COLOURS), PictureFormat(Meaning.RGB, 16, profile=profile))
    assert np.abs(eight - expected).max() <= 1
    assert np.abs(sixteen - expected).mean() < 0.3


@pytest.mark.parametrize("profile", [b"damaged", matrix_profile(b"x")[:200]])
@pytest.mark.parametrize("meaning", [Meaning.RGB, Meaning.CMYK, Meaning.GREY])
def test_a_profile_that_cannot_be_applied_is_left_out_and_told(profile: bytes, meaning: Meaning) -> None:
    samples = np.zeros((3, 3, meaning.colours), np.uint8)
    with_profile = PictureFormat(meaning, profile=profile)
    assert np.array_equal(to_rgb(samples, with_profile), to_rgb(samples, PictureFormat(meaning)))
    assert "its colour profile is damaged, or one for other samples" in notes(with_profile)[0]


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("kind", [Extra.STRAIGHT, Extra.PREMULTIPLIED])
def test_alpha_shows_the_background_at_full_depth(bits: int, kind: Extra) -> None:
    full = (1 << bits) - 1
    alpha = _RANDOM.integers(0, full + 1, (40, 50, 1)).astype(np.uint16)
    colours = COLOURS.astype(np.uint16) * (full // 255)
    expected = (colours / full * (alpha / full) + (1 - alpha / full) * (np.array([10, 200, 255]) / 255)) * 255
    stored = np.rint(colours * (alpha / full)).astype(np.uint16) if kind is Extra.PREMULTIPLIED else colours
    samples = np.concatenate([stored, alpha], axis=2).astype(np.uint8 if bits == 8 else np.uint16)
    found = to_rgb(samples, PictureFormat(Meaning.RGB, bits, extras=(kind,)), (10, 200, 255))
    assert np.abs(found - expected).max() <= (0.51 if bits == 16 or kind is Extra.STRAIGHT else 1.1)


def test_samples_of_no_stated_meaning_are_left_out_and_told() -> None:
    picture = PictureFormat(Meaning.RGB, extras=(Extra.UNSPECIFIED, Extra.STRAIGHT))
    samples = np.concatenate([COLOURS, COLOURS[..., :1], np.full((40, 50, 1), 255, np.uint8)], axis=2)
    assert np.array_equal(to_rgb(samples, picture), COLOURS)
    assert "holds 1 more sample a pixel" in notes(picture)[0]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_region_of_a_turned_picture_is_found_where_it_is_stored(orientation: int) -> None:
    stored = np.arange(5 * 7).reshape(5, 7)
    upright = turn_upright(stored, orientation)
    size = upright_size(Size(7, 5), orientation)
    assert upright.shape == (size.height, size.width)
    for region in (Region(0, 0, 2, 3), Region(1, 2, 3, 2), Region(0, 0, *size)):
        x, y, width, height = stored_region(region, Size(7, 5), orientation)
        part = turn_upright(stored[y : y + height, x : x + width], orientation)
        assert np.array_equal(part, upright[region.y : region.y + region.height, region.x : region.x + region.width])
