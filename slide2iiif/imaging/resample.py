"""Reduction of pixels by powers of two, and padding to whole tiles."""

import numpy as np
from PIL import Image

from slide2iiif.geometry import Size
from slide2iiif.imaging.pixels import PADDED, Pixels

_STRIP_ROWS = 32
"""Rows of reduced pixels that are made at once."""


def reduce_pixels(pixels: Pixels, scale: int) -> Pixels:
    """Average squares of `scale` pixels; at the right and bottom edge, what is there of them.

    Takes (height, width, 3) and gives (ceil(height/scale), ceil(width/scale), 3), or both padded.
    """
    if scale == 1:
        return pixels
    reduced = Size(pixels.shape[1], pixels.shape[0]).reduced(scale)
    result = np.empty((reduced.height, reduced.width, pixels.shape[2]), np.uint8)
    # In strips that fit into the processor's cache; the picture that Pillow copies the pixels to is small then.
    for row in range(0, reduced.height, _STRIP_ROWS):
        strip = pixels[row * scale : (row + _STRIP_ROWS) * scale]
        result[row : row + _STRIP_ROWS] = np.asarray(_as_picture(strip).reduce(scale))
    return result


def _as_picture(pixels: Pixels) -> Image.Image:
    if pixels.shape[2] != PADDED:
        return Image.fromarray(pixels)
    size = (pixels.shape[1], pixels.shape[0])
    # The same memory: Pillow's own layout.
    return Image.frombuffer("RGBX", size, np.ascontiguousarray(pixels), "raw", "RGBX", 0, 1)


def pad_pixels(pixels: Pixels, size: Size) -> Pixels:
    """Repeat the last column and row until the size is reached."""
    height, width, _ = pixels.shape
    if (width, height) == size:
        return pixels
    return np.pad(pixels, ((0, size.height - height), (0, size.width - width), (0, 0)), mode="edge")
