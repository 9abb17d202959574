"""Pixels and colours, and laying what is not opaque on a background."""

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""RGB pixels, shape (height, width, 3); where said, padded: shape (height, width, 4), the last byte meaning nothing."""

RGB = 3
"""Bytes of a pixel."""

PADDED = 4
"""Bytes of a padded one: as Pillow has them, which halves a picture in a third of the time if it need not copy it."""

Colour = tuple[int, int, int]
"""Red, green, blue, 0 to 255."""

WHITE: Colour = (255, 255, 255)

_OPAQUE = 255


def compose(rgba: Pixels, background: Colour) -> Pixels:
    """Lay straight (not premultiplied) RGBA pixels, shape (height, width, 4), on a colour.

    Returns:
        RGB pixels, shape (height, width, 3), contiguous.
    """
    alpha = rgba[..., 3:]
    rgb = rgba[..., :3]
    if alpha.min() == _OPAQUE:
        return np.ascontiguousarray(rgb)
    weight = alpha.astype(np.uint16)
    under = np.array(background, np.uint16) * (_OPAQUE - weight)
    return ((rgb * weight + under + _OPAQUE // 2) // _OPAQUE).astype(np.uint8)
