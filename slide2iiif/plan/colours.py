"""Colour management of a slide: its profile is published, applied or ignored."""

from dataclasses import dataclass

from slide2iiif.options import EMBEDDED_PROFILE_BYTES, Icc, Options
from slide2iiif.sources.base import Description


@dataclass(frozen=True, slots=True)
class Colours:
    """Handling of the ICC profile of one slide."""

    carried: bytes = b""
    """ICC profile published as a file beside info.json; empty for none."""
    segment: bytes = b""
    """JPEG segment (APP2) with a profile, embedded in every tile; empty for none."""
    transformed_from: bytes = b""
    """ICC profile from which pixels are transformed to sRGB; empty where pixels are not changed."""


def choose_colours(description: Description, options: Options) -> Colours:
    """Choose the handling of a slide's profile.

    Pixels that are sRGB already are not transformed, so their tiles can still be copied.
    """
    profile = description.profile
    if not profile or options.icc is Icc.IGNORE:
        return Colours()
    # Loaded here, because few slides have a profile.
    from slide2iiif.imaging.icc import SRGB, is_srgb, profile_segment, strip_profile

    is_plain = is_srgb(profile)
    if options.icc is Icc.SRGB:
        return Colours(segment=profile_segment(SRGB), transformed_from=b"" if is_plain else profile)
    carried = strip_profile(profile) or b""
    is_small = 0 < len(carried) <= EMBEDDED_PROFILE_BYTES
    # Viewers treat an image without a profile as sRGB.
    return Colours(carried, profile_segment(carried) if is_small and not is_plain else b"")
