"""JPEG encoding: the one place that knows codecs."""

from dataclasses import dataclass

from slide2iiif.sources.base import Pixels


@dataclass(frozen=True, slots=True)
class Encoding:
    """How tiles are encoded."""

    quality: int
    """On libjpeg's scale, 1 to 100."""
    subsampling: str
    """Chroma subsampling: `420`, `422` or `444`."""


def encode(pixels: Pixels, encoding: Encoding) -> bytes:
    """Encode RGB pixels, shape (height, width, 3), as a baseline JFIF stream."""
    import simplejpeg

    stream: bytes = simplejpeg.encode_jpeg(
        pixels, quality=encoding.quality, colorspace="RGB", colorsubsampling=encoding.subsampling
    )
    return stream
