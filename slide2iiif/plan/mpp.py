"""Size of a full-resolution pixel: what is published of what a slide says, and why not all of it."""

from typing import NamedTuple

from slide2iiif.iiif.info import PLAUSIBLE_MPP, plausible_mpp
from slide2iiif.options import Options
from slide2iiif.sources.base import Description

_MPP_TIMES_OBJECTIVE = 10.0
"""About what cameras give: 0.5 µm at 20×, 0.25 µm at 40×."""
_LARGEST_DEVIATION = 25.0
"""Slides that were reduced afterwards keep the objective that they were taken with; a wrong unit is a hundred times."""


class PixelSize(NamedTuple):
    """What is published of a slide's scale."""

    microns_per_pixel: float | None
    """µm; None where nothing is published."""
    note: str = ""
    """Why what the slide says is left out."""


def choose_pixel_size(description: Description, options: Options) -> PixelSize:
    """Choose microns per pixel: what was asked for, or what the slide says if it can be true."""
    if options.mpp is not None:
        return PixelSize(options.mpp)
    stated, objective = description.microns_per_pixel, description.objective
    if stated is None:
        return PixelSize(None)
    advice = "left out; --mpp gives the true value"
    if plausible_mpp(stated) is None and description.reader != "openslide":
        # How large an ordinary image is to be printed: nobody misses it.
        return PixelSize(None)
    if plausible_mpp(stated) is None:
        low, high = PLAUSIBLE_MPP
        return PixelSize(None, f"the slide says {stated:g} µm a pixel, which is not from {low:g} to {high:g}: {advice}")
    if objective is not None and objective > 0:
        expected = _MPP_TIMES_OBJECTIVE / objective
        if not expected / _LARGEST_DEVIATION <= stated <= expected * _LARGEST_DEVIATION:
            return PixelSize(None, f"the slide says {stated:g} µm a pixel at {objective:g}×, which cannot be: {advice}")
    return PixelSize(stated)
