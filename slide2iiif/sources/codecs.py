"""Decompression of one tile or strip of a TIFF, by whatever is installed that can.

Bytes come from Python's own libraries and, for LZW, PackBits and fax, from libtiff through Pillow, which is handed
the compressed bytes in a directory of our own. What none of them knows, imagecodecs may (the extra `formats`).
"""

import io
import lzma
import struct
import zlib
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slide2iiif.errors import SourceError
from slide2iiif.imaging.jpeg import decode_samples
from slide2iiif.imaging.picture import Samples
from slide2iiif.imaging.pixels import RGB
from slide2iiif.sources.jpeg_files import parse_header, without_notes
from slide2iiif.sources.jpeg_tiles import ADOBE_RGB, JFIF, DamagedTileError, parse_head, shared_tables
from slide2iiif.sources.unsupported import COPY_AGAIN

_NONE, _LZW, _DEFLATE, _OLD_DEFLATE, _PACKBITS, _LZMA = 1, 5, 8, 32946, 32773, 34925
_FAX = (2, 3, 4)
_JPEG, _OLD_JPEG = 7, 6
_JPEG_2000 = (33003, 33004, 33005, 34712)
_ZSTD, _WEBP, _JPEG_XL, _LERC, _JPEG_XR, _LOSSLESS_JPEG, _PNG = 50000, 50001, 50002, 34887, 34934, 34892, 34933
COMPRESSIONS = {
    _NONE: "none",
    2: "fax",
    3: "fax",
    4: "fax",
    _LZW: "lzw",
    _OLD_JPEG: "old-style JPEG",
    _JPEG: "jpeg",
    _DEFLATE: "deflate",
    _OLD_DEFLATE: "deflate",
    _PACKBITS: "packbits",
    _LERC: "LERC",
    _LZMA: "lzma",
    **dict.fromkeys(_JPEG_2000, "jpeg2000"),
    _JPEG_XR: "JPEG XR",
    _ZSTD: "zstd",
    _WEBP: "webp",
    _JPEG_XL: "JPEG XL",
}
"""Names of compressions by their number in a TIFF."""
_RARE = {
    _JPEG_XL: "jpegxl_decode",
    _LERC: "",
    _JPEG_XR: "jpegxr_decode",
    _LOSSLESS_JPEG: "jpeg_decode",
    _PNG: "png_decode",
}
"""Functions of imagecodecs by the number of the compression."""
_INSTALL = "install slide2iiif[formats], or convert it to a tiled TIFF with Deflate or JPEG"
_LERC_DEFLATE, _LERC_ZSTD = 1, 2
_CONVERT = "convert it to a tiled TIFF with Deflate or JPEG"
_SHARED_FAX_TAGS = (292, 293)
_RAW_GREY = 1


class UnsupportedCodecError(SourceError):
    """A compression that nothing installed here decodes."""


def name_of(compression: int) -> str:
    """Return the name of a compression."""
    return COMPRESSIONS.get(compression, f"tiff {compression}")


def decodes_to_bytes(compression: int) -> bool:
    """Return True if decompression gives bytes in the layout of the directory, and not a picture."""
    return compression in {_NONE, _LZW, _DEFLATE, _OLD_DEFLATE, _PACKBITS, _LZMA, _ZSTD, *_FAX}


def check_decodes(compression: int, bits: int) -> None:
    """Check that a compression is one that something installed here decodes.

    Raises:
        UnsupportedCodecError: it is not.
    """
    name = name_of(compression)
    is_of_libraries = compression in {_JPEG, _WEBP, *_JPEG_2000} and bits == 8  # noqa: PLR2004 - bits of a byte
    if is_of_libraries or (decodes_to_bytes(compression) and compression != _ZSTD):
        return
    if compression not in {_ZSTD, _JPEG, *_JPEG_2000, *_RARE}:
        if compression in COMPRESSIONS:
            raise UnsupportedCodecError(f"is compressed as {name}, which nothing here decodes: {_CONVERT}")
        words = f"its TIFF compression {compression} is none that is known here"
        raise UnsupportedCodecError(f"is damaged or of an unknown variant: {words}: {_CONVERT}")
    _imagecodecs(name if bits == 8 else f"{name} of {bits} bits a sample")  # noqa: PLR2004 - bits of a byte


def decompress(
    stored: bytes,
    compression: int,
    row_bytes: int,
    rows: int,
    fax_options: dict[int, int] | None = None,
    width: int = 0,
) -> bytes:
    """Decompress a tile or strip to bytes.

    Args:
        stored: compressed bytes.
        compression: number of the compression.
        row_bytes: bytes of a row.
        rows: of the tile or strip.
        fax_options: values of tags that fax compression needs.
        width: pixels of a row, of fax.

    Raises:
        UnsupportedCodecError: nothing installed here decompresses it.
        SourceError: the bytes do not decompress, or are too few.
    """
    expected = row_bytes * rows
    try:
        if compression == _NONE:
            found = stored
        elif compression in {_DEFLATE, _OLD_DEFLATE}:
            found = _inflate(stored, expected)
        elif compression == _LZMA:
            found = lzma.LZMADecompressor().decompress(stored, expected)
        elif compression == _ZSTD:
            found = bytes(_imagecodecs("zstd").zstd_decode(stored, out=expected))
        elif compression in _FAX:
            found = _through_libtiff(stored, compression, width, rows, 1, fax_options or {})
        else:
            found = _through_libtiff(stored, compression, row_bytes, rows, 8, {})
    except (zlib.error, lzma.LZMAError, OSError, ValueError, SyntaxError, RuntimeError, EOFError) as error:
        raise SourceError(f"does not decode as {name_of(compression)} ({_words(error)}); {COPY_AGAIN}") from None
    if len(found) < expected:
        raise SourceError(f"has {len(found)} bytes where {expected} are needed; {COPY_AGAIN}")
    return found


def decode_picture(
    stored: bytes, compression: int, tables: bytes, components: int, *, is_rgb: bool, coded_again: int = 0
) -> Samples:
    """Decode a tile or strip that is a picture of its own.

    Args:
        stored: the picture.
        compression: number of the compression.
        tables: a tables-only JPEG stream, or nothing.
        components: samples a pixel.
        is_rgb: True if the directory says that samples of JPEG are RGB.
        coded_again: number of what LERC is compressed by besides (LercParameters): 1 Deflate, 2 Zstandard.

    Returns:
        Shape (height, width, components).

    Raises:
        UnsupportedCodecError: nothing installed here decodes it.
        SourceError: it does not decode.
    """
    try:
        if compression == _JPEG:
            samples = _decode_jpeg(stored, tables, components, is_rgb=is_rgb)
        elif compression in _JPEG_2000:
            samples = _decode_jpeg_2000(stored)
        elif compression == _WEBP:
            samples = _decode_webp(stored, components)
        elif compression == _LERC:
            samples = _decode_lerc(stored, components, coded_again)
        else:
            samples = _decode_by_imagecodecs(stored, compression)
    except SourceError:
        raise
    except (OSError, ValueError, SyntaxError, RuntimeError, EOFError, zlib.error) as error:
        raise SourceError(f"does not decode as {name_of(compression)} ({_words(error)}); {COPY_AGAIN}") from None
    return samples if samples.ndim == 3 else samples[..., np.newaxis]  # noqa: PLR2004 - rows, columns, samples


def _inflate(stored: bytes, expected: int) -> bytes:
    decoder = zlib.decompressobj()
    found = decoder.decompress(stored, expected)
    # The checksum behind what is needed is looked at as well, where it is all that is left.
    decoder.decompress(decoder.unconsumed_tail, 1)
    return found


def _decode_jpeg(stored: bytes, tables: bytes, components: int, *, is_rgb: bool) -> Samples:
    try:
        head = parse_head(stored)
        segments = b"".join((*head.segments, stored[head.scan :]))
        stream = _with_marker(segments, tables, components, is_rgb=is_rgb)
    except DamagedTileError as error:
        return _decode_other_jpeg(stored, tables, components, str(error), is_rgb=is_rgb)
    if len(head.sampling) != components:
        raise SourceError(f"holds a JPEG stream of {len(head.sampling)} components where {components} are stated")
    return decode_samples(stream, components)


def _decode_other_jpeg(stored: bytes, tables: bytes, components: int, reason: str, *, is_rgb: bool) -> Samples:
    """Decode JPEG that is not baseline: progressive, arithmetic, 12 bits, lossless."""
    header = parse_header(stored)
    is_whole = stored[:2] == b"\xff\xd8" and stored.rstrip(b"\0\xff").endswith(b"\xff\xd9")
    if header is None or not is_whole:
        raise SourceError(f"holds a damaged JPEG stream: {reason}; {COPY_AGAIN}")
    if header.components != components:
        raise SourceError(f"holds a JPEG stream of {header.components} components where {components} are stated")
    if header.is_for_libjpeg:
        return decode_samples(_with_marker(without_notes(stored), tables, components, is_rgb=is_rgb), components)
    if not header.is_decodable:
        raise UnsupportedCodecError(f"holds JPEG of {header.kind}, which nothing here reads: {_CONVERT}")
    space = {"colorspace": "RGB", "outcolorspace": "RGB"} if is_rgb else {}
    samples: Samples = _imagecodecs(f"JPEG of {header.kind}").jpeg_decode(stored, tables=tables or None, **space)
    return samples


def _with_marker(segments: bytes, tables: bytes, components: int, *, is_rgb: bool) -> bytes:
    """Return a stream that says what its colours are, of segments that do not."""
    marker = ADOBE_RGB if is_rgb and components == 3 else JFIF if components != 4 else b""  # noqa: PLR2004
    return b"".join((b"\xff\xd8", marker, shared_tables(tables), segments))


def _decode_jpeg_2000(stored: bytes) -> Samples:
    try:
        codecs = _imagecodecs("jpeg2000")
    except UnsupportedCodecError:
        return _through_pillow(stored, "JPEG2000")
    samples: Samples = codecs.jpeg2k_decode(stored)
    return samples


def _decode_by_imagecodecs(stored: bytes, compression: int) -> Samples:
    if compression not in _RARE:
        # Of a level that only its own directory describes: what was checked is the finest one.
        words = f"its TIFF compression {compression} is none of tiles that are pictures"
        raise UnsupportedCodecError(f"is damaged or of an unknown variant: {words}: {_CONVERT}")
    samples: Samples = getattr(_imagecodecs(name_of(compression)), _RARE[compression])(stored)
    return samples


def _decode_webp(stored: bytes, components: int) -> Samples:
    """Decode WebP, which leaves alpha out of a tile that is opaque."""
    samples = _through_pillow(stored, "WEBP")
    if (samples.shape[-1], components) == (RGB, RGB + 1):
        return np.dstack((samples, np.full(samples.shape[:2], 255, np.uint8)))
    return samples[..., :components]


def _decode_lerc(stored: bytes, components: int, coded_again: int) -> Samples:
    """Decode LERC; its mask is the alpha, where the directory has one sample more than LERC has."""
    codecs = _imagecodecs("LERC")
    if coded_again == _LERC_DEFLATE:
        stored = zlib.decompress(stored)
    elif coded_again == _LERC_ZSTD:
        stored = bytes(codecs.zstd_decode(stored))
    decoded, mask = codecs.lerc_decode(stored, masks=True)
    samples: Samples = decoded if decoded.ndim == 3 else decoded[..., np.newaxis]  # noqa: PLR2004 - as below
    if samples.shape[2] == components - 1:
        alpha = np.full(samples.shape[:2], 255, samples.dtype) if mask is None else mask.astype(samples.dtype) * 255
        return np.dstack((samples, alpha))
    if mask is not None and not mask.all():
        raise UnsupportedCodecError(f"holds pixels that LERC marks as invalid, which have no colour: {_CONVERT}")
    return samples


def _imagecodecs(name: str) -> Any:
    try:
        return import_module("imagecodecs")
    except ImportError:
        raise UnsupportedCodecError(
            f"is compressed as {name}, which nothing installed here decodes: {_INSTALL}"
        ) from None


def _through_pillow(stored: bytes, kind: str) -> NDArray[np.uint8]:
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None
    with Image.open(io.BytesIO(stored), formats=(kind,)) as image:
        if image.mode not in {"L", "LA", "RGB", "RGBA"}:
            raise UnsupportedCodecError(f"holds {kind} samples of more than 8 bits, or of several kinds: {_INSTALL}")
        return np.asarray(image)


def _through_libtiff(
    stored: bytes, compression: int, width: int, rows: int, bits: int, options: dict[int, int]
) -> bytes:
    """Decompress through a TIFF in memory that has the bytes as its only strip."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None
    tags = {
        256: width,
        257: rows,
        258: bits,
        259: compression,
        262: _RAW_GREY,
        273: 8,
        277: 1,
        278: rows,
        279: len(stored),
        **options,
    }
    directory = struct.pack("<H", len(tags)) + b"".join(
        struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items())
    )
    padding = bytes(len(stored) % 2)
    wrapped = b"II*\0" + struct.pack("<I", 8 + len(stored) + len(padding)) + stored + padding + directory + bytes(4)
    with Image.open(io.BytesIO(wrapped), formats=("TIFF",)) as image:
        content: bytes = image.tobytes()
    return content


def _words(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
