"""Tiles of one colour, which some formats are full of: made once, stored once, linked everywhere else.

They must be told at next to no cost from the others, which are nearly all of them.
"""

import functools

import numpy as np

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Size
from slide2iiif.imaging.jpeg import Encoding, decode, encode_colour
from slide2iiif.imaging.pixels import Colour, Pixels

_HEADER_BYTES = 1024
"""Tables and markers of a stream take less."""
_PIXELS_A_BYTE = 24
"""Of one colour, a block of 64 pixels takes four to six bits for each component (T.81, annexes F and K)."""
_PROBE = 16
_LONGEST_PERIOD = 256


def blank_colour(pixels: Pixels) -> Colour | None:
    """Return the colour of pixels, shape (height, width, 3), that all have the same; else None."""
    height, width, _ = pixels.shape
    # One value of a corner and of the middle tell most pictures apart from blank ones.
    if pixels[0, 0, 1] != pixels[height // 2, width // 2, 1]:
        return None
    first_row = pixels[0].tobytes()
    if first_row != first_row[:3] * width or not (pixels == pixels[0]).all():
        return None
    red, green, blue = first_row[:3]
    return red, green, blue


@functools.lru_cache(maxsize=64)
def encode_blank(colour: Colour, size: Size, encoding: Encoding) -> bytes:
    """Encode a tile of one colour: what encoding its pixels would give."""
    return encode_colour(colour, size, encoding)


def is_blank(stream: bytes, size: Size) -> bool:
    """Return True if a JPEG stream shows one colour.

    Every unit of such a stream is coded by the same bits, so it is short, and its bytes repeat themselves.
    """
    if len(stream) > size.pixels // _PIXELS_A_BYTE + _HEADER_BYTES:
        return False
    middle = (len(stream) + _HEADER_BYTES // 2) // 2
    probe = stream[middle : middle + _PROBE]
    if stream.find(probe, middle + 1, middle + _PROBE + _LONGEST_PERIOD) < 0:
        return False
    return _shows_one_colour(stream, size)


@functools.lru_cache(maxsize=64)
def _shows_one_colour(stream: bytes, size: Size) -> bool:
    try:
        return blank_colour(np.asarray(decode(stream, size))) is not None
    except SourceError:
        return False
