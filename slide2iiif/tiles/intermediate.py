"""The picture that one pass hands to the next: raw RGB rows in a scratch file, written block by block."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from slide2iiif.geometry import Region, Size
from slide2iiif.iiif.pyramid import Pyramid
from slide2iiif.imaging.pixels import Pixels
from slide2iiif.stores.base import Staging
from slide2iiif.system_errors import refusals_of

_BANDS = 3


@dataclass(frozen=True, slots=True)
class IntermediateImage:
    """A picture on disk of which every block writes its own part. A value: workers open the file themselves.

    Written and not mapped: a full disk is then an error that can be told, and not the end of the process.
    """

    path: Path
    """The file."""
    size: Size
    """Pixels of the whole picture."""

    def create(self) -> None:
        """Make the file, sparse at first.

        Raises:
            TargetError: no room.
        """
        with refusals_of(self.path.parent), self.path.open("wb") as file:
            file.truncate(self.size.pixels * _BANDS)

    @property
    def is_there(self) -> bool:
        """Whether the file has been made."""
        try:
            return self.path.stat().st_size == self.size.pixels * _BANDS
        except OSError:
            return False

    def write(self, x: int, y: int, pixels: Pixels) -> None:
        """Write pixels, shape (height, width, 3), at a place.

        Raises:
            TargetError: no room.
        """
        with refusals_of(self.path.parent), self.path.open("r+b", buffering=0) as file:
            for row, line in enumerate(pixels, start=y):
                _write_all(file.fileno(), np.ascontiguousarray(line).data.cast("B"), self._offset(x, row))

    def read(self, region: Region) -> Pixels:
        """Read pixels, shape (height, width, 3).

        Raises:
            TargetError: the file is gone or cut.
        """
        pixels = np.empty((region.height, region.width, _BANDS), np.uint8)
        with refusals_of(self.path.parent), self.path.open("rb", buffering=0) as file:
            for row, line in enumerate(pixels, start=region.y):
                if os.preadv(file.fileno(), [line.data], self._offset(region.x, row)) != line.nbytes:
                    raise OSError(errno.EIO, f"{self.path.name} is shorter than it was made")
        return pixels

    def _offset(self, x: int, y: int) -> int:
        return (y * self.size.width + x) * _BANDS


def _write_all(file: int, data: memoryview, offset: int) -> None:
    """Write to the last byte: what is left out on a disk that is nearly full would be black pixels."""
    while data:
        written = os.pwrite(file, data, offset)
        data, offset = data[written:], offset + written


def intermediate_image(staging: Staging, pyramid: Pyramid, level: int) -> IntermediateImage:
    """Name the picture in which a pass hands the pixels of a level on."""
    return IntermediateImage(staging.scratch / f"level-{level}.rgb", pyramid.levels[level].size)
