"""A slide that computes its pixels: for trying sizes that no disk holds.

Its file is JSON, `{"width": 200000, "height": 200000}`, with the suffix `.synthetic`. Every pixel is a function
of its place, so that any tile of any level can be checked without a second copy.
"""

import json
from pathlib import Path

import numpy as np

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region, Size
from slide2iiif.imaging.pixels import Pixels
from slide2iiif.sources.base import ClosingSource, Description, StoredLevel

SUFFIX = ".synthetic"

_PERIOD = 4096
_MAX_SIDE = 2**31 - 1


class SyntheticSource(ClosingSource):
    """A slide of smooth colour waves, of any size."""

    def __init__(self, path: Path) -> None:
        """Read the size.

        Raises:
            SourceError: not a description of a synthetic slide.
        """
        try:
            fields = json.loads(path.read_bytes())
            size = Size(int(fields["width"]), int(fields["height"]))
        except (ValueError, KeyError, TypeError) as error:
            raise SourceError(f"is not a synthetic slide: {error!r}") from None
        if not 1 <= min(size) <= max(size) <= _MAX_SIDE:
            raise SourceError(f"is not a synthetic slide: {size} pixels")
        self.description = Description("synthetic", "synthetic", (StoredLevel(size, Size(256, 256)),))

    def read(self, level: int, region: Region) -> Pixels:
        """Compute RGB pixels. See `Source.read`."""
        if level:
            raise IndexError(f"no level {level} in a synthetic slide")
        return synthetic_pixels(region)


def synthetic_pixels(region: Region) -> Pixels:
    """Compute the pixels of a region: red waves along x, green along y, blue along both."""
    phase = 2 * np.pi / _PERIOD
    across = np.sin(np.arange(region.x, region.x + region.width) % _PERIOD * phase)
    down = np.sin(np.arange(region.y, region.y + region.height) % _PERIOD * phase)
    pixels = np.empty((region.height, region.width, 3), np.uint8)
    pixels[..., 0] = 128 + 100 * across
    pixels[..., 1] = (128 + 100 * down)[:, np.newaxis]
    pixels[..., 2] = 128 + 50 * (down[:, np.newaxis] + across)
    return pixels
