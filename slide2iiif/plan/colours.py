"""Choice of what becomes of a slide's colour profile."""

from dataclasses import dataclass

from slide2iiif.options import EMBEDDED_PROFILE_BYTES, Icc, Options
from slide2iiif.sources.base import Description


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
    from slide2iiif.imaging.icc import SRGB, is_srgb, profile_segment, strip_profile

    is_plain = is_srgb(profile)
    if options.icc is Icc.SRGB:
        return Colours(segment=profile_segment(SRGB), transformed_from=b"" if is_plain else profile)
    carried = strip_profile(profile) or b""
    is_small = 0 < len(carried) <= EMBEDDED_PROFILE_BYTES
    # Every viewer takes a picture without a profile for sRGB.
    return Colours(carried, profile_segment(carried) if is_small and not is_plain else b"")
