"""ICC profiles as bytes: whether one is sRGB, what may go out of one, and the smallest that is sRGB. Pure.

A scanner's profile names its maker, model, serial number and the day of its calibration. What a decoder needs is the
few tags that tell colours; only those are carried, each cut to its length, under a neutral description.

Source: ICC.1:2022, section 7 (header and tag table), 9 (tags) and 10 (types); ICC.1:2001-04 for the descriptions of
version 2.
"""

import struct
from collections.abc import Mapping

_HEADER_BYTES = 128
_ENTRY_BYTES = 12
_COLUMNS = (b"rXYZ", b"gXYZ", b"bXYZ")
_CURVES = (b"rTRC", b"gTRC", b"bTRC")
_TABLES = (b"A2B0", b"A2B1", b"A2B2", b"B2A0", b"B2A1", b"B2A2")
_COLOUR_TAGS = (*_COLUMNS, *_CURVES, b"wtpt", b"bkpt", b"chad", *_TABLES)
"""The tags that tell colours of RGB profiles."""
_MOST_TAGS = 200
_RGB, _CONNECTION_SPACES = b"RGB ", (b"XYZ ", b"Lab ")
_CLASSES = (b"scnr", b"mntr", b"spac")
_VERSION_4 = 4
_NEUTRAL = "profile of the slide"
_D50 = (0.9642, 1.0, 0.8249)
_SRGB_COLUMNS = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
_SRGB_ADAPTATION = (1.04788, 0.02292, -0.05022, 0.02959, 0.99048, -0.01706, -0.00925, 0.01508, 0.75168)
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_COLUMN_TOLERANCE, _CURVE_TOLERANCE = 0.004, 0.01
_CURVE_PLACES = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9)
_FIXED = 65536.0
_PARAMETERS = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}
"""Numbers of a parametric curve, by its function type."""

_APP2_HEAD = b"ICC_PROFILE\0\1\1"
"""Of a profile in one segment: annex B.4 of ICC.1:2004-10."""


def strip_profile(profile: bytes) -> bytes | None:
    """Return a profile with nothing but what tells colours; None where it is not one for RGB pixels, or is damaged."""
    try:
        tags = _read_tags(profile)
        is_wanted = (
            profile[12:16] in _CLASSES and profile[16:20] == _RGB and profile[20:24] in _CONNECTION_SPACES and tags
        )
        if not is_wanted:
            return None
        kept = {tag: _cut(tags[tag]) for tag in _COLOUR_TAGS if tag in tags}
    except (ValueError, struct.error):
        return None
    if not all(tag in kept for tag in (*_COLUMNS, *_CURVES)) and _TABLES[0] not in kept:
        return None
    return _assemble(profile[8], profile[12:16], profile[20:24], profile[64:68], kept, _NEUTRAL)


def is_srgb(profile: bytes) -> bool:
    """Return True if a profile is sRGB, which viewers take for granted of a picture without one."""
    try:
        tags = _read_tags(profile)
        if _TABLES[0] in tags or profile[16:20] != _RGB:
            return False
        columns = [struct.unpack(">3i", tags[tag][8:20]) for tag in _COLUMNS]
        curves = [[_evaluate(tags[tag], place) for place in _CURVE_PLACES] for tag in _CURVES]
    except (KeyError, ValueError, IndexError, struct.error, ArithmeticError):
        return False
    expected = [_parametric(3, _SRGB_CURVE, place) for place in _CURVE_PLACES]
    return all(
        abs(value / _FIXED - ideal) <= _COLUMN_TOLERANCE
        for column, ideals in zip(columns, _SRGB_COLUMNS, strict=True)
        for value, ideal in zip(column, ideals, strict=True)
    ) and all(
        abs(value - ideal) <= _CURVE_TOLERANCE for curve in curves for value, ideal in zip(curve, expected, strict=True)
    )


def profile_segment(profile: bytes) -> bytes:
    """Return a profile as an application segment of JPEG.

    Raises:
        ValueError: it does not fit into one.
    """
    content = _APP2_HEAD + profile
    length = len(content) + 2
    if length > 0xFFFF:  # noqa: PLR2004 - T.81, section B.1.1.4
        raise ValueError(f"a profile of {len(profile)} bytes does not fit into one segment")
    return b"\xff\xe2" + length.to_bytes(2) + content


def _read_tags(profile: bytes) -> dict[bytes, bytes]:
    """Read the tag table.

    Raises:
        ValueError: it is damaged.
    """
    if profile[36:40] != b"acsp" or len(profile) < _HEADER_BYTES + 4:
        raise ValueError("not a profile")
    count = int.from_bytes(profile[_HEADER_BYTES : _HEADER_BYTES + 4])
    if count > _MOST_TAGS:
        raise ValueError(f"a profile of {count} tags")
    tags: dict[bytes, bytes] = {}
    for index in range(count):
        place = _HEADER_BYTES + 4 + index * _ENTRY_BYTES
        tag, offset, length = struct.unpack_from(">4sII", profile, place)
        if offset + length > len(profile):
            raise ValueError("a tag leaves the profile")
        tags[tag] = profile[offset : offset + length]
    return tags


def _cut(content: bytes) -> bytes:
    """Cut a tag to the length that its type gives it: nothing else needs to lie behind."""
    kind = content[:4]
    if kind == b"XYZ ":
        return content[:20]
    if kind == b"sf32":
        return content[: 8 + 9 * 4]
    if kind == b"curv":
        return content[: 12 + 2 * int.from_bytes(content[8:12])]
    if kind == b"para":
        return content[: 12 + 4 * _PARAMETERS[int.from_bytes(content[8:10])]]
    if kind in {b"mft1", b"mft2"}:
        return content[: _table_bytes(content)]
    if kind in {b"mAB ", b"mBA "}:
        return content
    raise ValueError(f"a tag of type {kind!r}")


def _table_bytes(content: bytes) -> int:
    inputs, outputs, points = content[8:11]
    nodes: int = points**inputs
    if content[:4] == b"mft1":
        return 48 + inputs * 256 + nodes * outputs + 256 * outputs
    first, last = int.from_bytes(content[48:50]), int.from_bytes(content[50:52])
    return 52 + 2 * (first * inputs + nodes * outputs + last * outputs)


def _evaluate(curve: bytes, place: float) -> float:
    kind, count = curve[:4], int.from_bytes(curve[8:12])
    if kind == b"para":
        number = int.from_bytes(curve[8:10])
        values = struct.unpack_from(f">{_PARAMETERS[number]}i", curve, 12)
        return _parametric(number, tuple(value / _FIXED for value in values), place)
    if kind != b"curv":
        raise ValueError(f"a curve of type {kind!r}")
    if count == 0:
        return place
    if count == 1:
        return float(place ** (int.from_bytes(curve[12:14]) / 256))
    index = round(place * (count - 1))
    return float(struct.unpack_from(">H", curve, 12 + 2 * index)[0]) / 65535


def _parametric(number: int, values: tuple[float, ...], place: float) -> float:
    """Evaluate a parametric curve of type 0, or of the type that sRGB is written in."""
    if number == 0:
        return float(place ** values[0])
    if number != 3:  # noqa: PLR2004 - table 68
        raise ValueError(f"a curve of function {number}")
    gamma, slope, offset, linear, limit = values
    return float((slope * place + offset) ** gamma if place >= limit else linear * place)


def _assemble(
    version: int, kind: bytes, space: bytes, intent: bytes, colours: Mapping[bytes, bytes], description: str
) -> bytes:
    """Write a profile. Tags of the same content share it."""
    tags = {b"desc": _description(version, description), b"cprt": _copyright(version), **colours}
    place = _HEADER_BYTES + 4 + _ENTRY_BYTES * len(tags)
    places: dict[bytes, int] = {}
    table, body = [len(tags).to_bytes(4)], bytearray()
    for tag, content in tags.items():
        if content not in places:
            places[content] = place + len(body)
            body += content + bytes(-len(content) % 4)
        table.append(struct.pack(">4sII", tag, places[content], len(content)))
    length = place + len(body)
    header = struct.pack(
        ">I4xB3x4s4s4s6H4s24x4s3i48x",
        *(length, version, kind, _RGB, space),
        *(2000, 1, 1, 0, 0, 0),
        *(b"acsp", intent),
        *(round(value * _FIXED) for value in _D50),
    )
    return header + b"".join(table) + bytes(body)


def _description(version: int, text: str) -> bytes:
    if version >= _VERSION_4:
        return _unicode(text)
    ascii_text = text.encode("ascii") + b"\0"
    return b"desc" + bytes(4) + len(ascii_text).to_bytes(4) + ascii_text + bytes(4 + 4 + 2 + 1 + 67)


def _copyright(version: int) -> bytes:
    return _unicode("none") if version >= _VERSION_4 else b"text" + bytes(4) + b"none\0"


def _unicode(text: str) -> bytes:
    raw = text.encode("utf-16-be")
    return b"mluc" + struct.pack(">4xII4sII", 1, _ENTRY_BYTES, b"enUS", len(raw), 28) + raw


def _numbers(kind: bytes, values: tuple[float, ...], before: bytes = b"") -> bytes:
    return kind + bytes(4) + before + struct.pack(f">{len(values)}i", *(round(value * _FIXED) for value in values))


SRGB = _assemble(
    _VERSION_4,
    b"mntr",
    b"XYZ ",
    bytes(4),
    {
        **{tag: _numbers(b"XYZ ", column) for tag, column in zip(_COLUMNS, _SRGB_COLUMNS, strict=True)},
        **dict.fromkeys(_CURVES, _numbers(b"para", _SRGB_CURVE, b"\0\3\0\0")),
        b"wtpt": _numbers(b"XYZ ", _D50),
        b"chad": _numbers(b"sf32", _SRGB_ADAPTATION),
    },
    "sRGB",
)
"""sRGB (IEC 61966-2-1) in some 500 bytes."""
