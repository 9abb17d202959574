"""ICC profiles as bytes: what is sRGB, and what may go out."""

import io
import struct
from collections.abc import Callable

import numpy as np
import pytest
from colour_profiles import matrix_profile, table_profile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from slide2iiif.imaging.icc import SRGB, is_srgb, profile_segment, strip_profile

SECRET = b"Serial 12345"


def opened(profile: bytes) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(io.BytesIO(profile))


def test_the_smallest_srgb_is_srgb_to_littlecms_too() -> None:
    assert len(SRGB) < 512
    assert is_srgb(SRGB)
    colours = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    shown = ImageCms.profileToProfile(Image.fromarray(colours), opened(SRGB), ImageCms.createProfile("sRGB"))
    assert np.abs(np.asarray(shown).astype(int) - colours).max() <= 1


def test_what_is_srgb_is_told_from_what_is_not() -> None:
    assert is_srgb(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    assert not is_srgb(matrix_profile())
    assert not is_srgb(table_profile())
    assert not is_srgb(ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes())
    assert not is_srgb(b"")


@pytest.mark.parametrize("make", [matrix_profile, table_profile])
@pytest.mark.parametrize("version", [2, 4])
def test_a_stripped_profile_means_the_same_colours_and_names_nobody(
    make: Callable[[bytes, int], bytes], version: int
) -> None:
    profile = make(SECRET, version)
    assert profile.count(SECRET) + profile.count(SECRET.decode().encode("utf-16-be")) >= 4
    stripped = strip_profile(profile)
    assert stripped is not None
    assert SECRET not in stripped
    assert SECRET.decode().encode("utf-16-be") not in stripped
    # Nor when and with what it was made: the date, the platform, the maker, the model and the creator.
    assert stripped[24:36] == struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
    assert not any(stripped[40:64])
    assert not any(stripped[80:128])
    colours = Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    srgb = ImageCms.createProfile("sRGB")
    ours, theirs = (ImageCms.profileToProfile(colours, opened(each), srgb) for each in (stripped, profile))
    assert np.array_equal(np.asarray(ours), np.asarray(theirs))
    assert strip_profile(stripped) == stripped


@pytest.mark.parametrize(
    "profile", [b"", b"acsp" * 100, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()]
)
def test_what_is_no_profile_for_rgb_is_not_carried(profile: bytes) -> None:
    assert strip_profile(profile) is None


@given(st.integers(0, 3000), st.binary(min_size=1, max_size=8))
def test_a_damaged_profile_is_taken_or_left_without_an_error(place: int, damage: bytes) -> None:
    profile = bytearray(table_profile())
    place %= len(profile)
    profile[place : place + len(damage)] = damage
    strip_profile(bytes(profile))
    is_srgb(bytes(profile))
    strip_profile(bytes(profile[:place]))


def test_a_segment_holds_a_profile_as_jpeg_has_it() -> None:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, "jpeg")
    raw = stream.getvalue()
    with Image.open(io.BytesIO(raw[:20] + profile_segment(SRGB) + raw[20:])) as image:
        assert image.info["icc_profile"] == SRGB
    with pytest.raises(ValueError, match=r"does not fit"):
        profile_segment(bytes(70_000))
