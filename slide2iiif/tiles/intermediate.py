"""Intermediate image between two passes: raw RGB rows in a scratch file, written block by block."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from slide2iiif.geometry import Region, Size
from slide2iiif.iiif.pyramid import Pyramid
from slide2iiif.imaging.pixels import Pixels
from slide2iiif.stores.base import Staging
from slide2iiif.system_errors import as_target_errors

_BANDS = 3


@dataclass(frozen=True, slots=True)
class IntermediateImage:
    """An image in a scratch file, each block of which is written on its own. A value: workers open the file themselves.

    The file is written and not mapped: a full disk is then an error to report, and not the end of the process.
    """

    path: Path
    """Scratch file."""
    size: Size
    """Size of the image in pixels."""

    def create(self) -> None:
        """Create the file, sparse.

        Raises:
            TargetError: the file cannot be written, as on a full disk.
        """
        with as_target_errors(self.path.parent), self.path.open("wb") as file:
            file.truncate(self.size.pixels * _BANDS)

    @property
    def is_there(self) -> bool:
        """True if the file exists in its full length."""
        try:
            return self.path.stat().st_size == self.size.pixels * _BANDS
        except OSError:
            return False

    def write(self, x: int, y: int, pixels: Pixels) -> None:
        """Write pixels, shape (height, width, 3), with their top left corner at x, y.

        Raises:
            TargetError: the file cannot be written, as on a full disk.
        """
        with as_target_errors(self.path.parent), self.path.open("r+b", buffering=0) as file:
            for row, line in enumerate(pixels, start=y):
                _write_all(file.fileno(), np.ascontiguousarray(line).data.cast("B"), self._offset(x, row))

    def read(self, region: Region) -> Pixels:
        """Read a region, shape (height, width, 3).

        Raises:
            TargetError: the file is missing or truncated.
        """
        pixels = np.empty((region.height, region.width, _BANDS), np.uint8)
        with as_target_errors(self.path.parent), self.path.open("rb", buffering=0) as file:
            for row, line in enumerate(pixels, start=region.y):
                if os.preadv(file.fileno(), [line.data], self._offset(region.x, row)) != line.nbytes:
                    raise OSError(errno.EIO, f"{self.path.name} is shorter than it was made")
        return pixels

    def _offset(self, x: int, y: int) -> int:
        return (y * self.size.width + x) * _BANDS


def _write_all(file: int, data: memoryview, offset: int) -> None:
    """Write all bytes: a short write on a disk that is nearly full would leave black pixels."""
    while data:
        written = os.pwrite(file, data, offset)
        data, offset = data[written:], offset + written


def intermediate_image(staging: Staging, pyramid: Pyramid, level: int) -> IntermediateImage:
    """Return the intermediate image of a published level."""
    return IntermediateImage(staging.scratch / f"level-{level}.rgb", pyramid.levels[level].size)
