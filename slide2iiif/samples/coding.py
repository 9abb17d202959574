"""Compression of tiles as scanners and their software store them."""

import io
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, cast

import numpy as np

from slide2iiif.samples.tiff import Compression, Photometric, Tag, Value
from slide2iiif.samples.tissue import Pixels

Subsampling = Literal["444", "422", "420"]
"""Chroma subsampling of a JPEG."""

Lossless = Literal[Compression.NONE, Compression.LZW, Compression.DEFLATE]
"""Lossless TIFF compressions."""

_FACTORS: dict[Subsampling, tuple[int, int]] = {"444": (1, 1), "422": (2, 1), "420": (2, 2)}
"""Horizontal and vertical factor, as in the TIFF tag YCbCrSubSampling."""

_APP0, _APP15 = 0xE0, 0xEF
_QUANTISATION, _HUFFMAN = 0xDB, 0xC4
_FRAME, _SCAN = 0xC0, 0xDA
_START, _END = b"\xff\xd8", b"\xff\xd9"


class Coding(Protocol):
    """Compression of the tiles of a TIFF page."""

    def tags(self, bands: int) -> Mapping[Tag, Value]:
        """Return the TIFF tags that declare the compression, for images of 1 or 3 bands."""

    def encode(self, pixels: Pixels) -> bytes:
        """Encode one tile or strip, shape (height, width, bands)."""


@dataclass(frozen=True, slots=True)
class JpegCoding:
    """Baseline JPEG."""

    quality: int = 80
    """JPEG quality, 1 to 100, on libjpeg's scale."""
    subsampling: Subsampling = "420"
    """Chroma subsampling; without effect on RGB samples."""
    rgb_coded: bool = False
    """True for samples in RGB instead of YCbCr."""
    shared_tables: bool = True
    """True for tables stored once a page, and abbreviated streams as tiles."""

    def tags(self, bands: int) -> Mapping[Tag, Value]:
        """Return the TIFF tags that declare the compression, for images of 1 or 3 bands."""
        tags = _sample_tags(bands, Compression.JPEG)
        if bands > 1:
            tags[Tag.YCBCR_SUBSAMPLING] = _FACTORS["444" if self.rgb_coded else self.subsampling]
            tags[Tag.PHOTOMETRIC] = Photometric.RGB if self.rgb_coded else Photometric.YCBCR
        if self.shared_tables:
            tables, _ = abbreviate(self._encode_stream(np.zeros((16, 16, bands), np.uint8)))
            tags[Tag.JPEG_TABLES] = tables
        return tags

    def encode(self, pixels: Pixels) -> bytes:
        """Encode one tile or strip, shape (height, width, bands)."""
        stream = self._encode_stream(pixels)
        return abbreviate(stream)[1] if self.shared_tables else stream

    def _encode_stream(self, pixels: Pixels) -> bytes:
        if self.rgb_coded:
            return encode_rgb(pixels, self.quality)
        return encode_ycbcr(pixels, self.quality, self.subsampling)


@dataclass(frozen=True, slots=True)
class LosslessCoding:
    """Uncompressed pixels, or lossless compression without predictor."""

    compression: Lossless

    def tags(self, bands: int) -> Mapping[Tag, Value]:
        """Return the TIFF tags that declare the compression, for images of 1 or 3 bands."""
        return _sample_tags(bands, self.compression)

    def encode(self, pixels: Pixels) -> bytes:
        """Encode one tile or strip, shape (height, width, bands)."""
        if self.compression is Compression.LZW:
            return encode_lzw(pixels)
        raw = pixels.tobytes()
        return zlib.compress(raw) if self.compression is Compression.DEFLATE else raw


def _sample_tags(bands: int, compression: Compression) -> dict[Tag, Value]:
    return {
        Tag.BITS_PER_SAMPLE: (8,) * bands,
        Tag.COMPRESSION: compression,
        Tag.PHOTOMETRIC: Photometric.RGB if bands > 1 else Photometric.BLACK_IS_ZERO,
        Tag.SAMPLES_PER_PIXEL: bands,
        Tag.PLANAR_CONFIGURATION: 1,
    }


def encode_ycbcr(pixels: Pixels, quality: int, subsampling: Subsampling) -> bytes:
    """Encode pixels of shape (height, width, 3), or 1 for gray, as a complete JPEG stream."""
    import simplejpeg

    if pixels.shape[2] == 1:
        return bytes(simplejpeg.encode_jpeg(_packed(pixels), quality, "GRAY", "Gray"))
    return bytes(simplejpeg.encode_jpeg(_packed(pixels), quality, "RGB", subsampling))


def encode_rgb(pixels: Pixels, quality: int) -> bytes:
    """Encode pixels of shape (height, width, 3) as a JPEG stream with RGB samples.

    As in real slides the stream does not declare it: it has no Adobe marker, and component ids 0, 1, 2. It is decoded
    correctly only with the PhotometricInterpretation of the TIFF.
    """
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(_packed(pixels)).save(buffer, "JPEG", quality=quality, keep_rgb=True, subsampling=0)
    segments = [segment for segment in _segments(buffer.getvalue()) if segment.marker < _APP0]
    return _START + b"".join(_numbered(segment) for segment in segments)


def abbreviate(stream: bytes) -> tuple[bytes, bytes]:
    """Split a complete stream into its tables and an abbreviated stream (TIFF Technical Note 2).

    Returns:
        The tables for the tag `JPEGTables`, equal for all streams of one quality, and the stream without them.
    """
    tables, image = [_START], [_START]
    for marker, raw in _segments(stream):
        if marker in {_QUANTISATION, _HUFFMAN}:
            tables.append(raw)
        elif not _APP0 <= marker <= _APP15:
            image.append(raw)
    return b"".join([*tables, _END]), b"".join(image)


def encode_lzw(pixels: Pixels) -> bytes:
    """Compress pixels of shape (height, width, bands) as one TIFF segment, without predictor."""
    from PIL import Image

    image = Image.fromarray(_packed(pixels[..., 0] if pixels.shape[2] == 1 else pixels))
    buffer = io.BytesIO()
    # The encoder is libtiff's, and it writes files only: the one strip of the file is the segment.
    image.save(buffer, "TIFF", compression="tiff_lzw", strip_size=pixels.nbytes, tiffinfo={317: 1})
    with Image.open(buffer) as written:
        # Pillow's versions differ in whether its types know of this.
        tags = cast("Any", written).tag_v2
        (offset,), (count,) = tags[273], tags[279]
    return buffer.getvalue()[offset : offset + count]


class _Segment(NamedTuple):
    """A marker segment of a JPEG stream."""

    marker: int
    raw: bytes
    """Bytes of the segment, marker and length included; SOS holds the rest of the stream."""


def _packed(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels)


def _segments(stream: bytes) -> Iterator[_Segment]:
    position = len(_START)
    while True:
        _, marker, length = struct.unpack_from(">BBH", stream, position)
        if marker == _SCAN:
            yield _Segment(marker, stream[position:])
            return
        yield _Segment(marker, stream[position : position + 2 + length])
        position += 2 + length


def _numbered(segment: _Segment) -> bytes:
    """Number the three components from 0 in a frame or scan header; return other segments unchanged."""
    place = {_FRAME: (10, 3), _SCAN: (5, 2)}.get(segment.marker)
    if place is None:
        return segment.raw
    raw = bytearray(segment.raw)
    first, step = place
    for component in range(3):
        raw[first + component * step] = component
    return bytes(raw)
