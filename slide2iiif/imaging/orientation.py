"""Pictures that are stored turned or mirrored (TIFF 6.0, tag 274; EXIF): regions and samples, made upright."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from slide2iiif.geometry import Region, Size

UPRIGHT = 1
_SIDEWAYS = frozenset({5, 6, 7, 8})
"""Orientations that exchange width and height."""
_LEFT_IS_LAST = frozenset({2, 3, 7, 8})
"""Orientations whose stored columns run backwards."""
_TOP_IS_LAST = frozenset({3, 4, 6, 7})
"""Orientations whose stored rows run backwards."""

Array = TypeVar("Array", bound=NDArray[np.generic])


def upright_size(size: Size, orientation: int) -> Size:
    """Return the size of a picture as it is shown."""
    return Size(size.height, size.width) if orientation in _SIDEWAYS else size


def stored_region(region: Region, stored: Size, orientation: int) -> Region:
    """Return where a region of the upright picture is stored.

    Args:
        region: in pixels of the upright picture.
        stored: size of the picture as it is stored.
        orientation: 1 to 8.
    """
    x, y, width, height = region
    if orientation in _SIDEWAYS:
        x, y, width, height = y, x, height, width
    if orientation in _LEFT_IS_LAST:
        x = stored.width - x - width
    if orientation in _TOP_IS_LAST:
        y = stored.height - y - height
    return Region(x, y, width, height)


def turn_upright(samples: Array, orientation: int) -> Array:
    """Return stored samples, shape (height, width, …), as they are shown."""
    turned = samples
    if orientation in _LEFT_IS_LAST:
        turned = turned[:, ::-1]  # type: ignore[assignment]
    if orientation in _TOP_IS_LAST:
        turned = turned[::-1]  # type: ignore[assignment]
    if orientation in _SIDEWAYS:
        turned = np.swapaxes(turned, 0, 1)
    return turned
