"""PNG of every colour type and depth. Source: the PNG specification (third edition), sections 5, 7 to 9 and 11."""

import struct
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pictures.samples import Sample

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
"""Colour types."""
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Of Adam7: first column and row, and steps."""


class Png(NamedTuple):
    """What a file holds."""

    stored: NDArray[Any]
    """Numbers, shape (height, width, bands)."""
    sample: Sample
    """Their kind."""
    colour_type: int
    """As the header has it."""
    profile: bytes = b""
    """For iCCP; empty for none."""
    palette: bytes = b""
    """For PLTE."""
    transparent: bytes = b""
    """For tRNS."""
    interlaced: bool = False
    """In seven passes."""


def write_png(path: Path, png: Png) -> Path:
    """Write a file."""
    height, width, _ = png.stored.shape
    header = struct.pack(">IIBBBBB", width, height, png.sample.bits, png.colour_type, 0, 0, png.interlaced)
    content = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header)
    if png.profile:
        content += _chunk(b"iCCP", b"profile\0\0" + zlib.compress(png.profile))
    content += _chunk(b"PLTE", png.palette) if png.palette else b""
    content += _chunk(b"tRNS", png.transparent) if png.transparent else b""
    parts = [png.stored[y::down, x::across] for x, y, across, down in _PASSES] if png.interlaced else [png.stored]
    data = zlib.compress(b"".join(_filtered(part, png.sample) for part in parts if part.size), 1)
    half = len(data) // 2
    content += _chunk(b"IDAT", data[:half]) + _chunk(b"IDAT", data[half:]) + _chunk(b"IEND", b"")
    path.write_bytes(content)
    return path


def _filtered(part: NDArray[Any], sample: Sample) -> bytes:
    """Return rows with their filters: none, left and above in turn."""
    rows = np.frombuffer(sample.pack(part, ">"), np.uint8).reshape(len(part), -1)
    step = max(1, sample.bits * part.shape[2] // 8)
    left, above = rows.copy(), rows.copy()
    left[:, step:] -= rows[:, :-step]
    above[1:] -= rows[:-1]
    kinds = np.arange(len(rows), dtype=np.uint8)[:, None] % 3
    chosen = np.where(kinds == 1, left, np.where(kinds == 2, above, rows))
    return np.concatenate([kinds, chosen], axis=1).astype(np.uint8).tobytes()


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
