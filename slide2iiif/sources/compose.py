"""Laying pixels that are not opaque on a background."""

import numpy as np

from slide2iiif.sources.base import Colour, Pixels

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
