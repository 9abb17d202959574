"""TIFF in strips through libvips, and through our own reader where libvips complains.

libtiff warns of tags that are no text, of unsorted ones, of lengths that are left out, in the same words as of lost
pixels. What it complains of is read anew by a reader that looks at pixels alone, and it decides.
"""

import contextlib
import functools
from dataclasses import replace
from pathlib import Path

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region
from slide2iiif.imaging.pixels import Pixels
from slide2iiif.sources.base import ClosingSource, Description
from slide2iiif.sources.pyramids import PyramidSource
from slide2iiif.sources.vips import NoLoaderError, VipsSource


class StripsSource(ClosingSource):
    """A TIFF in strips of a usual kind."""

    def __init__(self, path: Path) -> None:
        """Open it by both readers.

        Raises:
            SourceError: the file is damaged, or not one picture that can be shown as it is.
        """
        self._own = PyramidSource(path)
        self._vips: VipsSource | None = None
        # Its complaint may be about what nobody looks at.
        with contextlib.suppress(SourceError, NoLoaderError):
            self._vips = VipsSource(path, picture=self._own.picture)

    @functools.cached_property
    def description(self) -> Description:
        """Description of the picture."""
        own = self._own.description
        if self._vips is None:
            return own
        microns = own.microns_per_pixel or self._vips.description.microns_per_pixel
        return replace(own, reader="vips", microns_per_pixel=microns)

    def read(self, level: int, region: Region) -> Pixels:
        """Read RGB pixels. See `Source.read`."""
        if self._vips is not None:
            try:
                return self._vips.read(level, region)
            except SourceError:
                self._vips.close()
                self._vips = None
        return self._own.read(level, region)

    def close(self) -> None:
        """Close the file and let what was read go."""
        if self._vips is not None:
            self._vips.close()
        self._own.close()
