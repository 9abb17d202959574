"""What becomes of a slide's colour profile, and pixels through it into sRGB. The only module that knows LittleCMS."""

import functools
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from slide2iiif.errors import SourceError
from slide2iiif.options import EMBEDDED_PROFILE_BYTES, Icc, Options
from slide2iiif.pixels import Pixels
from slide2iiif.sources.base import Description
from slide2iiif.stores.refusals import refusals_of

PROFILE_NAME = "profile.icc"
"""File below a slide that holds its colour profile."""


@dataclass(frozen=True, slots=True)
class Colours:
    """What becomes of a slide's profile."""

    carried: bytes = b""
    """Profile that is published once, beside the document; empty for none."""
    segment: bytes = b""
    """Segment that every tile carries; empty for none."""
    transformed_from: bytes = b""
    """Profile that pixels are transformed from, to sRGB; empty where they stay as they are."""


def choose_colours(description: Description, options: Options) -> Colours:
    """Choose what becomes of a slide's profile.

    Nothing is transformed that is sRGB already, so its tiles can still be copied.
    """
    profile = description.profile
    if not profile or options.icc is Icc.IGNORE:
        return Colours()
    # Few slides have a profile, and only they wait for this.
    from slide2iiif.icc import SRGB, is_srgb, profile_segment, strip_profile

    is_plain = is_srgb(profile)
    if options.icc is Icc.SRGB:
        return Colours(segment=profile_segment(SRGB), transformed_from=b"" if is_plain else profile)
    carried = strip_profile(profile) or b""
    is_small = 0 < len(carried) <= EMBEDDED_PROFILE_BYTES
    # Every viewer takes a picture without a profile for sRGB.
    return Colours(carried, profile_segment(carried) if is_small and not is_plain else b"")


def lay_profile(profile: bytes, scratch: Path) -> Path:
    """Put a profile where workers find it: profiles may have megabytes, too much to travel with every task.

    Raises:
        TargetError: no room.
    """
    path = scratch / PROFILE_NAME
    with refusals_of(scratch):
        path.write_bytes(profile)
    return path


def to_srgb(pixels: Pixels, profile: Path) -> Pixels:
    """Transform pixels, shape (height, width, 3), from the colours of a profile, by relative colorimetric intent.

    Raises:
        SourceError: the profile is damaged, or not one for RGB.
    """
    return _apply(_open_transform(profile), pixels)


def to_srgb_from(profile: bytes, pixels: Pixels) -> Pixels:
    """Do the same for a single picture, with the profile at hand.

    Raises:
        SourceError: the profile is damaged, or not one for RGB.
    """
    return _apply(_build_transform(profile), pixels)


def _apply(transform: Any, pixels: Pixels) -> Pixels:
    from PIL import ImageCms

    shown = ImageCms.applyTransform(Image.fromarray(pixels), transform)
    if shown is None:
        raise TypeError("a transform in place was not asked for")
    return np.asarray(shown)


@functools.lru_cache(maxsize=4)
def _open_transform(profile: Path) -> Any:
    """Keep the transforms of the few slides in flight."""
    return _build_transform(profile.read_bytes())


def _build_transform(profile: bytes) -> Any:
    from PIL import ImageCms

    try:
        return ImageCms.buildTransform(
            io.BytesIO(profile),
            ImageCms.createProfile("sRGB"),
            "RGB",
            "RGB",
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        )
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        raise SourceError(f"its colour profile cannot be used ({error}); --icc embed or ignore does without") from None
