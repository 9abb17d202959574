"""Size of a full-resolution pixel: the published value, or the reason why there is none."""

from typing import NamedTuple

from slide2iiif.iiif.info import PLAUSIBLE_MPP, plausible_mpp
from slide2iiif.options import Options
from slide2iiif.sources.base import Description

_MPP_TIMES_OBJECTIVE = 10.0
"""Usual product of microns per pixel and magnification: 0.5 µm at 20×, 0.25 µm at 40×."""
_LARGEST_DEVIATION = 25.0
"""Largest accepted factor from the usual product: slides that were reduced later still state the objective of the scan,
and a wrong unit is off by a hundred or more."""


class PixelSize(NamedTuple):
    """Published pixel size of a slide."""

    microns_per_pixel: float | None
    """Microns per pixel at full resolution; None where none is published."""
    note: str = ""
    """Reason why the stated value is not published; empty for none."""


def choose_pixel_size(description: Description, options: Options) -> PixelSize:
    """Choose microns per pixel: the option, else the value that the slide states, if it is plausible."""
    if options.mpp is not None:
        return PixelSize(options.mpp)
    stated, objective = description.microns_per_pixel, description.objective
    if stated is None:
        return PixelSize(None)
    advice = "left out; --mpp gives the true value"
    if plausible_mpp(stated) is None and description.reader != "openslide":
        # The print resolution of an ordinary image: nobody misses it.
        return PixelSize(None)
    if plausible_mpp(stated) is None:
        low, high = PLAUSIBLE_MPP
        return PixelSize(None, f"the slide says {stated:g} µm a pixel, which is not from {low:g} to {high:g}: {advice}")
    if objective is not None and objective > 0:
        expected = _MPP_TIMES_OBJECTIVE / objective
        if not expected / _LARGEST_DEVIATION <= stated <= expected * _LARGEST_DEVIATION:
            return PixelSize(None, f"the slide says {stated:g} µm a pixel at {objective:g}×, which cannot be: {advice}")
    return PixelSize(stated)
