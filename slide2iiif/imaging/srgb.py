"""Pixels through a colour profile into sRGB. The only module that knows LittleCMS."""

import functools
import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from slide2iiif.errors import SourceError
from slide2iiif.imaging.pixels import Pixels


def to_srgb(pixels: Pixels, profile: Path) -> Pixels:
    """Transform pixels, shape (height, width, 3), from the colours of a profile, by relative colorimetric intent.

    Raises:
        SourceError: the profile is damaged, or not one for RGB.
    """
    return _apply(_open_transform(profile), pixels)


def to_srgb_from(profile: bytes, pixels: Pixels) -> Pixels:
    """Transform a single picture from the colours of a profile in memory.

    Raises:
        SourceError: the profile is damaged, or not one for RGB.
    """
    return _apply(_build_transform(profile), pixels)


def opens(profile: bytes) -> bool:
    """Return True if LittleCMS takes bytes for a profile."""
    from PIL import ImageCms

    try:
        ImageCms.getOpenProfile(io.BytesIO(profile))
    except (ImageCms.PyCMSError, OSError, ValueError):
        return False
    return True


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
