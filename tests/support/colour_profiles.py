"""Colour profiles as scanners have them: of a matrix and curves, or of a table, with names in every text."""

import struct

_D50 = (0.9642, 1.0, 0.8249)
_COLUMNS = {b"rXYZ": (0.6097, 0.3111, 0.0195), b"gXYZ": (0.2053, 0.6257, 0.0609), b"bXYZ": (0.1492, 0.0632, 0.7446)}
"""Of Adobe's RGB, whose green is far from that of sRGB."""
_GRID = 9


def matrix_profile(secret: bytes = b"", version: int = 2, gamma: float = 2.2) -> bytes:
    """Write a profile of three columns and a curve."""
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    tags = {tag: _xyz(value) for tag, value in _COLUMNS.items()}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    return _profile(tags, secret, version, b"XYZ ")


def table_profile(secret: bytes = b"", version: int = 2) -> bytes:
    """Write a profile of a table to Lab, as calibrated scanners have it."""
    ramp = struct.pack(">2H", 0, 65535)
    nodes = bytearray()
    for red in range(_GRID):
        for green in range(_GRID):
            for blue in range(_GRID):
                r, g, b = (value / (_GRID - 1) for value in (red, green, blue))
                lightness = 100 * (0.3 * r + 0.6 * g + 0.1 * b) ** 0.9
                a, b_ = 60 * (r - g), 50 * ((r + g) / 2 - b)
                nodes += struct.pack(">3H", *(round(v) for v in (lightness * 652.8, (a + 128) * 256, (b_ + 128) * 256)))
    matrix = struct.pack(">9i", *(round(65536 * (row == column)) for row in range(3) for column in range(3)))
    table = b"mft2" + bytes(4) + bytes((3, 3, _GRID, 0)) + matrix + struct.pack(">2H", 2, 2)
    table += ramp * 3 + bytes(nodes) + ramp * 3
    return _profile({b"A2B0": table + secret}, secret, version, b"Lab ")


def _xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def _text(version: int, text: bytes, kind: bytes) -> bytes:
    if version == 4:
        raw = text.decode().encode("utf-16-be")
        return b"mluc" + struct.pack(">4xII4sII", 1, 12, b"enUS", len(raw), 28) + raw
    if kind == b"text":
        return b"text" + bytes(4) + text + b"\0"
    return b"desc" + bytes(4) + struct.pack(">I", len(text) + 1) + text + b"\0" + bytes(78)


def _profile(colours: dict[bytes, bytes], secret: bytes, version: int, space: bytes) -> bytes:
    tags = {
        b"desc": _text(version, secret + b" scanner", b"desc"),
        b"cprt": _text(version, secret + b" hospital", b"text"),
        b"dmnd": _text(version, secret + b" maker", b"desc"),
        b"priv": b"data" + bytes(4) + secret,
        b"wtpt": _xyz(_D50),
        **colours,
    }
    place, table, body = 132 + 12 * len(tags), b"", b""
    for tag, content in tags.items():
        table += struct.pack(">4sII", tag, place + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    header = struct.pack(">I4sB3x4s4s4s", place + len(body), b"lcms", version, b"scnr", b"RGB ", space)
    header += (
        struct.pack(
            ">6H4s4sI4s4sQI3i",
            2019,
            3,
            14,
            1,
            2,
            3,
            b"acsp",
            b"MSFT",
            1,
            b"MAKE",
            b"MODL",
            7,
            0,
            *(round(value * 65536) for value in _D50),
        )
        + b"CREA"
        + bytes(range(44))
    )
    return header + struct.pack(">I", len(tags)) + table + body
