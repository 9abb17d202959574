"""Frames of image files that may hold several, and the part of the canvas that the first one covers.

Sources: the GIF89a specification, sections 18 and 20; the APNG section of the PNG specification (third edition).
"""

from pathlib import Path

from slide2iiif.geometry import Region, Size

_GIF_HEADER = 13
_COLOUR_TABLE = 0x80
_EXTENSION, _IMAGE = 0x21, 0x2C
_PNG_SIGNATURE = 8
_FIRST_BYTES = 1 << 16
_HEAD = 1 << 20


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
