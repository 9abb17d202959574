"""Slides that are damaged or hostile: copies of good ones, changed by a generator of random numbers.

Half of the changes know the format: fields of TIFF directories, segments of JPEG, chunks of PNG, boxes and markers of
JPEG 2000, elements of DICOM. The others hit bytes wherever they are.
"""

import random
import re
import struct
import zlib
from collections.abc import Callable
from typing import NamedTuple

Mutation = Callable[[bytearray, random.Random], None]

_NASTY = (0, 1, 2, 7, 255, 256, 65_535, 65_536, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFE, 0xFFFF_FFFF)
"""Numbers that arithmetic trips over."""
_HEAD = 2048
"""Bytes at the beginning in which most headers lie."""


def mutate(content: bytes, rng: random.Random) -> bytes:
    """Give a copy with one to three changes."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if len(changed) < 32:
            break
        rng.choice((_structural, rng.choice(_BLIND)))(changed, rng)
    return bytes(changed)


def _structural(content: bytearray, rng: random.Random) -> None:
    head = bytes(content[:4])
    if head in {b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"}:
        _change_directory(content, rng)
    elif head == b"\x89PNG":
        _change_chunk(content, rng)
    elif content[128:132] == b"DICM":
        _change_element(content, rng)
    elif head[:2] == b"\xff\xd8" or content[:12].find(b"jP") >= 0:
        _change_marker(content, rng)
    else:
        _set_number(content, rng)


class _Layout(NamedTuple):
    """How a TIFF writes its numbers."""

    order: str
    entries: str
    """Of the entries of a directory."""
    entry: str
    word: str
    """Of a count of values, and of an offset."""

    @property
    def value_at(self) -> int:
        """Where the value of an entry is."""
        return struct.calcsize(f"{self.order}HH{self.word}")

    def size(self, form: str) -> int:
        return struct.calcsize(self.order + form)

    def read(self, content: bytearray, form: str, place: int) -> int:
        return int(struct.unpack_from(self.order + form, content, place)[0])


def _change_directory(content: bytearray, rng: random.Random) -> None:
    """Change one field of one directory of a TIFF: its tag, type, count or value, or where the next directory is."""
    order = "<" if content[:2] == b"II" else ">"
    is_big = bytes(content[2:4]) in {b"+\0", b"\0+"}
    layout = _Layout(order, "Q", "HHQQ", "Q") if is_big else _Layout(order, "H", "HHII", "I")
    places = _directories(content, layout, layout.read(content, layout.word, 8 if is_big else 4))
    if not places:
        return
    place = rng.choice(places)
    count = layout.read(content, layout.entries, place)
    first = place + layout.size(layout.entries)
    end = first + count * layout.size(layout.entry)
    if not count or end + layout.size(layout.word) > len(content):
        return
    if rng.random() < 0.15:
        # The next directory: this one again, the first, or nowhere.
        following = rng.choice((place, places[0], len(content) - 3, 0xFFFF_FFF0))
        struct.pack_into(order + layout.word, content, end, following)
    else:
        _change_entry(content, rng, layout, first + rng.randrange(count) * layout.size(layout.entry))


def _directories(content: bytearray, layout: _Layout, offset: int) -> list[int]:
    """Follow the chain of directories as far as it is whole."""
    places: list[int] = []
    while 0 < offset < len(content) - 16 and offset not in places:
        places.append(offset)
        entries = layout.read(content, layout.entries, offset) * layout.size(layout.entry)
        end = offset + layout.size(layout.entries) + entries
        if end + layout.size(layout.word) > len(content):
            break
        offset = layout.read(content, layout.word, end)
    return places


def _change_entry(content: bytearray, rng: random.Random, layout: _Layout, entry: int) -> None:
    word = layout.order + layout.word
    part = rng.choice(("tag", "type", "count", "value", "value", "array"))
    if part in {"tag", "type"}:
        number = rng.choice((0, 1, 3, 4, 5, 12, 16, 330, 65_535))
        struct.pack_into(f"{layout.order}H", content, entry + 2 * (part == "type"), number)
    elif part == "count":
        struct.pack_into(word, content, entry + 4, rng.choice(_NASTY))
    elif part == "value":
        struct.pack_into(word, content, entry + layout.value_at, rng.choice((*_NASTY, entry, len(content))))
    else:
        pointed = layout.read(content, layout.word, entry + layout.value_at)
        if 0 < pointed < len(content) - 64:
            struct.pack_into(word, content, pointed + 4 * rng.randrange(8), rng.choice(_NASTY))


def _change_chunk(content: bytearray, rng: random.Random) -> None:
    """Change a chunk of a PNG, and let its checksum be right: the decoder must see what is in it."""
    place, chunks = 8, []
    while place + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, place)
        if place + 12 + length > len(content):
            break
        chunks.append((place, length))
        place += 12 + length
    if not chunks:
        return
    place, length = rng.choice((chunks[0], rng.choice(chunks)))
    if length >= 4 and rng.random() < 0.7:
        struct.pack_into(">I", content, place + 8 + rng.randrange(length - 3), rng.choice(_NASTY))
        struct.pack_into(">I", content, place + 8 + length, zlib.crc32(content[place + 4 : place + 8 + length]))
    else:
        struct.pack_into(">I", content, place, rng.choice(_NASTY))


def _change_element(content: bytearray, rng: random.Random) -> None:
    """Change the length or the value of an element of DICOM that has a short explicit header."""
    found = [
        match.start()
        for match in re.finditer(rb"(?s)..[\0-\x08]\0(?:US|UL|IS|DS|CS|UI|LO|OB|OW|SQ|FL)", content[:8192])
    ]
    if not found:
        return
    place = rng.choice(found)
    if rng.random() < 0.5:
        struct.pack_into("<H", content, place + 6, rng.choice((0, 1, 2, 0xFF, 0xFFFE, 0xFFFF)))
    else:
        struct.pack_into("<I", content, place + 8, rng.choice(_NASTY))


def _change_marker(content: bytearray, rng: random.Random) -> None:
    """Change a segment of JPEG or JPEG 2000, or a box: its length, or the first numbers in it."""
    found = [match.start() for match in re.finditer(rb"(?s)\xff[\x51-\x64\x90\xc0-\xcf\xda-\xef]", content[:8192])]
    if not found:
        _set_number(content, rng)
        return
    place = rng.choice(found) + 2 + rng.choice((0, 0, 2, 3, 4, 5, 6, 8, 12))
    if place + 4 <= len(content):
        if rng.random() < 0.5:
            struct.pack_into(">H", content, place, rng.choice(_NASTY) & 0xFFFF)
        else:
            struct.pack_into(">I", content, place, rng.choice(_NASTY))


def _set_number(content: bytearray, rng: random.Random) -> None:
    """Put a nasty number somewhere in the head or the tail."""
    span = min(len(content) - 4, _HEAD)
    place = rng.randrange(span) if rng.random() < 0.7 else len(content) - 4 - rng.randrange(span)
    struct.pack_into(rng.choice("<>") + "I", content, place, rng.choice(_NASTY))


def _truncate(content: bytearray, rng: random.Random) -> None:
    del content[rng.randrange(1, len(content)) :]


def _zero(content: bytearray, rng: random.Random) -> None:
    begin = rng.randrange(len(content))
    end = min(len(content), begin + rng.choice((16, 512, 4096, 100_000)))
    content[begin:end] = bytes(end - begin)


def _flip(content: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 4, 32))):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)


def _flip_head(content: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 2, 8))):
        content[rng.randrange(min(len(content), _HEAD))] = rng.randrange(256)


def _noise(content: bytearray, rng: random.Random) -> None:
    begin = rng.randrange(len(content))
    end = min(len(content), begin + rng.choice((8, 512)))
    content[begin:end] = rng.randbytes(end - begin)


def _move(content: bytearray, rng: random.Random) -> None:
    """Leave bytes out, or repeat some: all offsets behind them are wrong then."""
    begin = rng.randrange(len(content))
    piece = bytes(content[begin : begin + rng.choice((1, 3, 64))])
    if rng.random() < 0.5:
        del content[begin : begin + len(piece)]
    else:
        content[begin:begin] = piece


_BLIND: tuple[Mutation, ...] = (_truncate, _zero, _flip, _flip_head, _noise, _move, _set_number)
