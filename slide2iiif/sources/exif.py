"""Orientation of a picture in the notes of its file: EXIF, EXIF as text in PNG, and XMP.

Sources: TIFF 6.0, tag 274; the layout of `Raw profile type` chunks in PNG as ImageMagick writes them; XMP
specification, part 2, tiff:Orientation.
"""

import binascii
import re

_HEADER = b"Exif\0\0"
_ORDERS = {b"II*\0": "little", b"MM\0*": "big"}
_ORIENTATION = 274
_ENTRY = 12
_MOST_ENTRIES = 1000
_RAW = re.compile(r"\s*(?:exif|APP1)\s+\d+\s+(?P<hex>[0-9a-fA-F\s]+)")
_XMP = re.compile(rb"tiff:Orientation\s*(?:=\s*[\"']|>)\s*([1-8])\s*[\"'<]")
ORIENTATIONS = range(1, 9)
"""Values of the tag."""


def orientation_of_exif(content: bytes) -> int | None:
    """Return the orientation that EXIF states, from 1 to 8; None where it states none."""
    tiff = content.removeprefix(_HEADER)
    order = _ORDERS.get(tiff[:4])
    if order is None:
        return None

    def number(place: int, length: int) -> int:
        return int.from_bytes(tiff[place : place + length], "little" if order == "little" else "big")

    first = number(4, 4)
    for index in range(min(number(first, 2), _MOST_ENTRIES)):
        place = first + 2 + _ENTRY * index
        if number(place, 2) == _ORIENTATION:
            found = number(place + 8, 2)
            return found if found in ORIENTATIONS else None
    return None


def orientation_of_text(text: str) -> int | None:
    """Return the orientation of EXIF that is a text in PNG, in hexadecimal digits; None where it states none."""
    match = _RAW.match(text)
    if match is None:
        return None
    try:
        return orientation_of_exif(binascii.unhexlify("".join(match["hex"].split())))
    except binascii.Error:
        return None


def orientation_of_xmp(content: bytes) -> int | None:
    """Return the orientation that XMP states, from 1 to 8; None where it states none."""
    match = _XMP.search(content)
    return int(match[1]) if match else None
