"""Colour profiles of every kind that a file may hold, right or wrong for its samples."""

import functools
import struct

from colour_profiles import _profile, matrix_profile, table_profile

from slide2iiif.imaging.icc import SRGB

_CMYK_GRID = 5
_CLASS, _SPACE = slice(12, 16), slice(16, 20)


def _as_kind(profile: bytes, device: bytes, space: bytes) -> bytes:
    changed = bytearray(profile)
    changed[_CLASS], changed[_SPACE] = device, space
    return bytes(changed)


@functools.cache
def grey_profile(gamma: float = 1.6) -> bytes:
    """Return a profile of one curve that is far from that of sRGB."""
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    return _as_kind(_profile({b"kTRC": curve}, b"", 2, b"XYZ "), b"mntr", b"GRAY")


@functools.cache
def cmyk_profile() -> bytes:
    """Return a profile of a table from four inks to Lab."""
    nodes = bytearray()
    steps = [step / (_CMYK_GRID - 1) for step in range(_CMYK_GRID)]
    for cyan in steps:
        for magenta in steps:
            for yellow in steps:
                for black in steps:
                    lightness = 100 * (1 - 0.9 * black) * (1 - 0.35 * cyan - 0.4 * magenta - 0.1 * yellow)
                    a = (1 - black) * 55 * (magenta - 0.6 * cyan)
                    b = (1 - black) * 60 * (yellow - 0.6 * cyan - 0.2 * magenta)
                    lab = (lightness * 652.8, (a + 128) * 256, (b + 128) * 256)
                    nodes += struct.pack(">3H", *(round(value) for value in lab))
    ramp = struct.pack(">2H", 0, 65535)
    matrix = struct.pack(">9i", *(round(65536 * (row == column)) for row in range(3) for column in range(3)))
    table = b"mft2" + bytes(4) + bytes((4, 3, _CMYK_GRID, 0)) + matrix + struct.pack(">2H", 2, 2)
    table += ramp * 4 + bytes(nodes) + ramp * 3
    return _as_kind(_profile({b"A2B0": table}, b"", 2, b"Lab "), b"prtr", b"CMYK")


def profile_of(name: str) -> bytes:
    """Return a profile by the name that cells have for it."""
    if name == "srgb":
        return SRGB
    if name == "other":
        return matrix_profile()
    if name == "table":
        return table_profile()
    return grey_profile() if name == "grey" else cmyk_profile()


PROFILES = ("srgb", "other", "table", "grey", "cmyk")
"""Names of all."""
RGB_PROFILES = PROFILES[:3]
"""Names of those for red, green and blue."""
