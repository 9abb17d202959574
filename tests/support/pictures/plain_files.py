"""Small formats that are written in a few lines: Netpbm, GIF and BMP.

Source: netpbm(5); GIF 89a; the headers BITMAPINFOHEADER and BITMAPV4HEADER of Windows.
"""

import struct
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pictures.lzw import literal_codes


def netpbm(stored: NDArray[Any], largest: int, *, plain: bool) -> bytes:
    """Return PBM, PGM or PPM of numbers, shape (height, width, bands)."""
    height, width, bands = stored.shape
    is_bitmap = largest == 1 and bands == 1
    number = (1 if is_bitmap else 2 if bands == 1 else 3) + (0 if plain else 3)
    head = f"P{number}\n# made\n{width} {height}\n" + ("" if is_bitmap else f"{largest}\n")
    # In a bitmap 1 is black.
    values = 1 - stored if is_bitmap else stored
    if plain:
        rows = [" ".join(str(value) for value in row) for row in values.reshape(height, -1)]
        return (head + "\n".join(rows) + "\n").encode()
    if is_bitmap:
        return head.encode() + np.packbits(values.reshape(height, width).astype(np.uint8), axis=1).tobytes()
    return head.encode() + values.astype(">u2" if largest > 255 else "u1").tobytes()


class Frame(NamedTuple):
    """A picture of a GIF."""

    indices: NDArray[np.uint8]
    """Shape (height, width)."""
    left: int = 0
    """Column on the canvas."""
    top: int = 0
    """Row on the canvas."""
    transparent: int = -1
    """Index that shows what is below; -1 for none."""
    interlaced: bool = False
    """Every eighth row first."""
    palette: bytes = b""
    """Of its own; empty for that of the file."""


def gif(width: int, height: int, palette: bytes, frames: list[Frame], background: int) -> bytes:
    """Return a GIF with a palette of 256 colours."""
    content = b"GIF89a" + struct.pack("<HHBBB", width, height, 0xF7, background, 0) + palette
    for frame in frames:
        flags = 1 if frame.transparent >= 0 else 0
        content += b"!\xf9\x04" + struct.pack("<BHBB", flags, 10, max(0, frame.transparent), 0)
        rows, columns = frame.indices.shape
        packed = (0x87 if frame.palette else 0) | (0x40 if frame.interlaced else 0)
        content += b"," + struct.pack("<HHHHB", frame.left, frame.top, columns, rows, packed) + frame.palette
        order = frame.indices
        if frame.interlaced:
            order = np.concatenate([order[0::8], order[4::8], order[2::4], order[1::2]])
        codes = literal_codes(order.tobytes(), low_first=True)
        blocks = [codes[place : place + 255] for place in range(0, len(codes), 255)]
        content += b"\x08" + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"
    return content + b";"


def bmp(rows: NDArray[np.uint8], bits: int, palette: bytes = b"", masks: tuple[int, ...] = ()) -> bytes:
    """Return a BMP, the lowest row first, of bytes of rows that are no multiple of four bytes yet.

    Args:
        rows: shape (height, bytes).
        bits: a pixel.
        palette: blue, green, red and a zero for each colour.
        masks: of red, green, blue and alpha; with these the header is of version 4.
    """
    width = rows.shape[1] * 8 // bits
    return _bmp(np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4))), width, bits, palette, masks)


def bmp_of_width(
    rows: NDArray[np.uint8], width: int, bits: int, palette: bytes = b"", *, top_down: bool = False
) -> bytes:
    """Return a BMP whose width is not told by the bytes of a row."""
    padded = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4)))
    return _bmp(padded, width, bits, palette, (), top_down=top_down)


def _bmp(
    rows: NDArray[np.uint8],
    width: int,
    bits: int,
    palette: bytes,
    masks: tuple[int, ...],
    *,
    top_down: bool = False,
) -> bytes:
    height = len(rows)
    data = rows.tobytes() if top_down else rows[::-1].tobytes()
    size = 108 if masks else 40
    header = struct.pack(
        "<IiiHHIIiiII", size, width, -height if top_down else height, 1, bits, 3 if masks else 0, len(data), 2835, 2835,
        len(palette) // 4, 0,
    )  # fmt: skip
    if masks:
        header += struct.pack("<4I", *masks) + b"BGRs" + bytes(48)
    place = 14 + len(header) + len(palette)
    return b"BM" + struct.pack("<IHHI", place + len(data), 0, 0, place) + header + palette + data
