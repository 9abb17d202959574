"""Frames of image files that may hold several, and the part of the canvas that the first one covers.

Sources: the GIF89a specification, sections 18 and 20; the APNG section of the PNG specification (third edition); the
manual pages of Netpbm (pbm, pgm, ppm: a file is a sequence of one or more images).
"""

import re
from pathlib import Path

from slide2iiif.geometry import Region, Size

_GIF_HEADER = 13
_COLOUR_TABLE = 0x80
_EXTENSION, _IMAGE = 0x21, 0x2C
_PNG_SIGNATURE = 8
_FIRST_BYTES = 1 << 16
_HEAD = 1 << 20
_BYTE = 255
_BITMAP_KIND, _PIXMAP_KIND = 4, 6
_GAP, _NUMBER = rb"(?:\s|#[^\n]*\n)+", rb"(\d{1,9})"
_BITMAP = re.compile(rb"P(4)" + 2 * (_GAP + _NUMBER) + rb"\s")
_PIXMAP = re.compile(rb"P([56])" + 3 * (_GAP + _NUMBER) + rb"\s")
_NEXT_NETPBM = re.compile(rb"\s*P[1-7]\s")


def frame_count(path: Path, kind: str, stated: int) -> int:
    """Return how many frames an image file has.

    Args:
        path: the file.
        kind: `png`, `gif`, `jpeg` …
        stated: the number that its reader tells.
    """
    return max(stated, _animated_png_frames(path)) if kind == "png" else stated


def _animated_png_frames(path: Path) -> int:
    with path.open("rb") as file:
        head = file.read(_FIRST_BYTES)
    place = _PNG_SIGNATURE
    while place + 12 <= len(head) and head[place + 4 : place + 8] != b"IDAT":
        if head[place + 4 : place + 8] == b"acTL":
            return int.from_bytes(head[place + 8 : place + 12])
        place += 12 + int.from_bytes(head[place : place + 4])
    return 1


def holds_more_netpbm(path: Path) -> bool:
    """Return True if another image follows the first one of a PBM, PGM or PPM file of the binary kind."""
    with path.open("rb") as file:
        head = file.read(_FIRST_BYTES)
        match = _BITMAP.match(head) or _PIXMAP.match(head)
        if match is None:
            return False
        kind, width, height, *most = map(int, match.groups())
        row = -(-width // 8) if kind == _BITMAP_KIND else width * (3 if kind == _PIXMAP_KIND else 1)
        wide = 2 if most and most[0] > _BYTE else 1
        file.seek(match.end() + row * height * wide)
        return bool(_NEXT_NETPBM.match(file.read(_FIRST_BYTES)))


def painted_area(path: Path, size: Size) -> Region | None:
    """Return the part of the canvas that the first frame of a GIF covers; None where it is all."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    place = _GIF_HEADER + _table_bytes(head, 10)
    while place < len(head) and head[place] == _EXTENSION:
        place = _end_of_blocks(head, place + 2)
    if place + 10 > len(head) or head[place] != _IMAGE:
        return None
    left, top, width, height = (int.from_bytes(head[at : at + 2], "little") for at in range(place + 1, place + 9, 2))
    area = Region(left, top, width, height)
    is_all = left == 0 and top == 0 and width >= size.width and height >= size.height
    return None if is_all else area


def _table_bytes(head: bytes, place: int) -> int:
    flags = head[place] if place < len(head) else 0
    return 3 << ((flags & 7) + 1) if flags & _COLOUR_TABLE else 0


def _end_of_blocks(head: bytes, place: int) -> int:
    while place < len(head) and head[place]:
        place += head[place] + 1
    return place + 1
