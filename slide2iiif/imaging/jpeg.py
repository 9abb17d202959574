"""JPEG streams <-> pixels, and the lossless crop: the one place that knows codecs."""

import functools
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region, Size
from slide2iiif.imaging.pixels import PADDED, Colour, Pixels

TURBOJPEG_PACKAGE = "libturbojpeg0"
"""Debian's package of the library that crops without decoding; Ubuntu's is called libturbojpeg."""

_TURBOJPEG_NAME = "libturbojpeg.so.0"

_JFIF_END = 20
"""End of the JFIF segment, which every stream that is encoded begins with."""

DECODER_SCALES = (8, 4, 2)
"""By how much the decoder itself can reduce, from the coefficients."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """Parameters of encoding."""

    quality: int
    """On libjpeg's scale, 1 to 100."""
    subsampling: str
    """Chroma subsampling: `420`, `422` or `444`."""
    segment: bytes = b""
    """Application segment that every stream carries: a colour profile."""


def encode(pixels: Pixels, encoding: Encoding) -> bytes:
    """Encode RGB pixels, padded or not, as a baseline JFIF stream."""
    import simplejpeg

    stream: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(pixels),
        quality=encoding.quality,
        colorspace="RGBX" if pixels.shape[2] == PADDED else "RGB",
        colorsubsampling=encoding.subsampling,
    )
    if encoding.segment:
        return b"".join((stream[:_JFIF_END], encoding.segment, stream[_JFIF_END:]))
    return stream


def decode(stream: bytes, size: Size, scale: int = 1, *, padded: bool = False) -> Pixels:
    """Decode to RGB pixels.

    Args:
        stream: a complete stream.
        size: its pixels.
        scale: 1, or one of `DECODER_SCALES`: reduce while decoding, sizes rounded up.
        padded: give padded pixels, which takes no longer.

    Returns:
        Shape (ceil(height/scale), ceil(width/scale), 3 or 4).

    Raises:
        SourceError: the stream is damaged; what a lenient decoder would make up is not taken.
    """
    import simplejpeg

    reduced = size.reduced(scale)
    try:
        # The decoder takes the smallest of its sizes that is not below these.
        pixels: Pixels = simplejpeg.decode_jpeg(
            stream,
            colorspace="RGBX" if padded else "RGB",
            min_width=reduced.width,
            min_height=reduced.height,
            strict=True,
        )
    except ValueError as error:
        raise SourceError(f"holds a damaged JPEG stream: {error}") from None
    if pixels.shape[:2] != (reduced.height, reduced.width):
        raise SourceError(f"holds a JPEG stream of other dimensions than {size}")
    return pixels


def encode_colour(colour: Colour, size: Size, encoding: Encoding) -> bytes:
    """Encode a picture of one colour."""
    return encode(np.full((size.height, size.width, 3), colour, np.uint8), encoding)


def check_strictly(stream: bytes, size: Size) -> None:
    """Parse every coefficient of a stream.

    Raises:
        SourceError: libjpeg has as much as a warning.
    """
    # The smallest scale parses them all and transforms next to none.
    decode(stream, size, DECODER_SCALES[0])


def can_crop() -> bool:
    """Return True if the library for lossless cropping is there."""
    return _turbojpeg() is not None


def crop(stream: bytes, size: Size) -> bytes:
    """Cut a stream down to its upper left part without decoding: the coefficients that remain are the same.

    Raises:
        SourceError: the stream is damaged.
        RuntimeError: `can_crop` is false.
    """
    # Without `preserve` the binding leaves out blocks that the image itself cuts.
    with _damage_told():
        cropped: bytes = _library().crop(stream, 0, 0, *size, preserve=True)
    return cropped


def crop_all(stream: bytes, regions: Sequence[Region]) -> list[bytes]:
    """Cut parts out of a stream without decoding, all in one reading; they begin at borders of blocks.

    Raises:
        SourceError: the stream is damaged.
        RuntimeError: `can_crop` is false.
    """
    with _damage_told():
        cropped: list[bytes] = _library().crop_multiple(stream, [tuple(region) for region in regions])
    return cropped


@contextmanager
def _damage_told() -> Iterator[None]:
    """Make errors of what the binding raises, and of its warnings: a damaged stream must not pass with one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
    except (OSError, ValueError, UserWarning, RuntimeWarning) as error:
        raise SourceError(f"holds a damaged JPEG stream: {error}") from None


def _library() -> Any:
    library = _turbojpeg()
    if library is None:
        raise RuntimeError(f"lossless cropping needs {TURBOJPEG_PACKAGE}")
    return library


@functools.cache
def _turbojpeg() -> Any:
    import turbojpeg

    # By its name at first: the binding's own search runs a compiler or two.
    for path in (_TURBOJPEG_NAME, None):
        try:
            return turbojpeg.TurboJPEG(path)
        except (RuntimeError, OSError):
            continue
    return None


_SPACES = {1: "GRAY", 3: "RGB", 4: "CMYK"}
"""Colour space to decode to, by the number of components."""


def decode_samples(stream: bytes, components: int) -> NDArray[np.uint8]:
    """Decode a stream of grey, colour or CMYK to samples, shape (height, width, components).

    Raises:
        SourceError: the stream is damaged; what a lenient decoder would make up is not taken.
    """
    import simplejpeg

    try:
        samples: NDArray[np.uint8] = simplejpeg.decode_jpeg(stream, colorspace=_SPACES[components], strict=True)
    except ValueError as error:
        raise SourceError(f"holds a damaged JPEG stream: {error}") from None
    return samples
