"""Samples through their ICC profile into sRGB, at 8 or 16 bits, by relative colorimetric intent."""

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slide2iiif.errors import SourceError
from slide2iiif.imaging.icc import is_srgb
from slide2iiif.imaging.picture import Meaning, PictureFormat
from slide2iiif.imaging.srgb import opens

_PROFILE = "icc-profile-data"
_SPACES = {
    Meaning.GREY: b"GRAY",
    Meaning.INVERTED_GREY: b"GRAY",
    Meaning.RGB: b"RGB ",
    Meaning.YCBCR: b"RGB ",
    Meaning.PALETTE: b"RGB ",
    Meaning.CMYK: b"CMYK",
}
"""Colour space that a profile for samples must name (ICC.1:2022, section 7.2.6)."""
_KEPT = 16


def has_usable_profile(picture: PictureFormat) -> bool:
    """Return True if a picture has a profile that changes its colours and is one for its samples."""
    profile = picture.profile
    if not profile or profile[16:20] != _SPACES.get(picture.meaning):
        return False
    return not _is_srgb(profile) and _is_sound(profile, picture.meaning)


def has_wrong_profile(picture: PictureFormat) -> bool:
    """Return True if a picture has a profile that cannot be applied to its samples."""
    profile = picture.profile
    if not profile:
        return False
    if profile[16:20] != _SPACES.get(picture.meaning):
        return True
    return not _is_srgb(profile) and not _is_sound(profile, picture.meaning)


def to_srgb_samples(samples: NDArray[np.uint32], picture: PictureFormat, *, is_deep: bool) -> NDArray[np.uint32]:
    """Transform samples to sRGB by the picture's profile; CMYK without one by a common press profile.

    Args:
        samples: shape (height, width, colours).
        picture: their format.
        is_deep: True if they have 16 bits and not 8.

    Returns:
        Shape (height, width, 3), of as many bits.

    Raises:
        SourceError: the profile cannot be applied.
    """
    import pyvips

    profile = picture.profile if has_usable_profile(picture) else None
    try:
        shown = _transform(samples.astype(np.uint16 if is_deep else np.uint8), picture.meaning, profile)
    except pyvips.Error as error:
        words = " ".join(str(error).split())
        raise SourceError(f"its colour profile cannot be applied ({words}): remove or replace it") from None
    return np.asarray(shown, np.uint32)


def _transform(samples: Any, meaning: Meaning, profile: bytes | None) -> Any:
    import pyvips

    height, width, bands = samples.shape
    is_deep = samples.dtype == np.uint16
    kind = "ushort" if is_deep else "uchar"
    image = pyvips.Image.new_from_memory(np.ascontiguousarray(samples), width, height, bands, kind)
    image = image.copy(interpretation=_interpretation(meaning, is_deep=is_deep))
    if profile is None:
        shown = image.colourspace("rgb16" if is_deep else "srgb")
    else:
        image.set_type(pyvips.GValue.blob_type, _PROFILE, profile)
        shown = image.icc_transform("srgb", embedded=True, intent="relative", depth=16 if is_deep else 8)
    dtype = np.uint16 if shown.format == "ushort" else np.uint8
    if dtype != samples.dtype:
        raise SourceError(f"its colour profile gives {shown.format} samples: remove or replace it")
    return np.frombuffer(shown.write_to_memory(), dtype).reshape(height, width, 3)


def _interpretation(meaning: Meaning, *, is_deep: bool) -> str:
    if meaning is Meaning.CMYK:
        return "cmyk"
    if meaning in {Meaning.GREY, Meaning.INVERTED_GREY}:
        return "grey16" if is_deep else "b-w"
    return "rgb16" if is_deep else "srgb"


@functools.lru_cache(maxsize=_KEPT)
def _is_srgb(profile: bytes) -> bool:
    return is_srgb(profile)


@functools.lru_cache(maxsize=_KEPT)
def _is_sound(profile: bytes, meaning: Meaning) -> bool:
    """Return True if a profile can be applied to one pixel."""
    import pyvips

    if not opens(profile):
        return False
    # Colours of a palette are looked up before.
    colours = 3 if meaning is Meaning.PALETTE else meaning.colours
    try:
        _transform(np.zeros((1, 1, colours), np.uint8), meaning, profile)
    except (pyvips.Error, SourceError):
        return False
    return True
