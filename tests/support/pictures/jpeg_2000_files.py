"""JP2: a codestream of Pillow's in boxes of our own, for what says which component is which colour.

Source: T.800, annex I: header boxes, palette, component mapping, channel definition, colour specification.
"""

import io
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SRGB, GREY, SYCC = 16, 17, 18
"""Enumerated colour spaces."""


def codestream(stored: NDArray[Any], *, tiled: bool = False) -> bytes:
    """Return numbers of 8 bits, or of 16 in one band, without loss and without a colour transform."""
    bands = stored[..., 0] if stored.shape[2] == 1 else stored
    target = io.BytesIO()
    options: dict[str, Any] = {"tile_size": (64, 64)} if tiled else {}
    Image.fromarray(np.ascontiguousarray(bands)).save(
        target, "JPEG2000", no_jp2=True, irreversible=False, mct=0, num_resolutions=3, **options
    )
    return target.getvalue()


class Boxes(NamedTuple):
    """What the boxes say."""

    space: int = SRGB
    """Enumerated colour space."""
    profile: bytes = b""
    """Restricted profile, in place of the space."""
    palette: NDArray[np.unsignedinteger[Any]] | None = None
    """Columns that the one component chooses from, shape (entries, columns)."""
    mapping: Sequence[int] = ()
    """Column of each channel, if not one after the other."""
    definition: Sequence[tuple[int, int, int]] = ()
    """Channel, kind (0 colour, 1 alpha, 2 premultiplied alpha), and colour that it belongs to, from 1."""


def jp2(stream: bytes, stored: NDArray[Any], boxes: Boxes) -> bytes:
    """Return a file."""
    height, width, bands = stored.shape
    depth = 8 * stored.dtype.itemsize - 1
    inner = _box(b"ihdr", struct.pack(">IIHBBBB", height, width, bands, depth, 7, 0, 0))
    if boxes.profile:
        inner += _box(b"colr", b"\2\0\0" + boxes.profile)
    else:
        inner += _box(b"colr", struct.pack(">BBBI", 1, 0, 0, boxes.space))
    if boxes.palette is not None:
        entries, columns = boxes.palette.shape
        wide = boxes.palette.dtype.itemsize
        content = boxes.palette.astype(f">u{wide}").tobytes()
        inner += _box(b"pclr", struct.pack(">HB", entries, columns) + bytes((8 * wide - 1,)) * columns + content)
        mapping = boxes.mapping or range(columns)
        inner += _box(b"cmap", b"".join(struct.pack(">HBB", 0, 1, column) for column in mapping))
    if boxes.definition:
        entries = [struct.pack(">HHH", *each) for each in boxes.definition]
        inner += _box(b"cdef", struct.pack(">H", len(entries)) + b"".join(entries))
    head = _box(b"jP  ", b"\r\n\x87\n") + _box(b"ftyp", b"jp2 \0\0\0\0jp2 ")
    return head + _box(b"jp2h", inner) + _box(b"jp2c", stream)


def _box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + name + content
