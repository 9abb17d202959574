"""File path <-> identifier. Pure and reversible.

An identifier is the path of a slide below the source root, extension kept: `dir2/image3.svs`. It is used as a
URL path, as a folder on disk and as an object key, so only `A-Z a-z 0-9 . _ -` stand for themselves. The law:

* Any other byte becomes `!XX`, two upper-case hexadecimal digits. `!` needs no escape in a URL path (RFC 3986,
  section 3.3, sub-delims) and is one of the few safe characters of an object key; `%` would be decoded on
  the way by every server. Bytes, not characters: names that are no valid UTF-8 survive too.
* A leading dot is escaped: hidden names are the publisher's own. So are a trailing dot and Windows' device names.
* So is the first byte of `RESERVED` names: pages and documents of the tree have them.
* An upper-case letter is escaped as well where a neighbour in the same folder differs only by case, so
  that no two slides meet on a host that ignores case. A name without one, whose neighbour is published already, has
  its first letter escaped.
* A name that grows beyond `NAME_LIMIT` is folded over several folders: all but the last end in `!`, which no
  complete escape does.
"""

import os
import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from enum import Enum
from pathlib import PurePath

NAME_LIMIT = 240
"""Longest name on disk, in bytes; file systems allow 255."""

RESERVED = frozenset({"index.html", "manifest.json", "collection.json", "info.json", "info-v2.json", "info-v3.json"})
"""Names, in lower case, that a tree has for itself."""

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
_UPPER = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)")
_NAME = re.compile(r"(?:[A-Za-z0-9._-]|![0-9A-F]{2})+!?")
_WHOLE_NAMES = re.compile(r"(?<!!)/")
_ESCAPE = re.compile(rb"!([0-9A-F]{2})")


class Spelling(Enum):
    """Ways to write one name of a path; all of them mean the same name."""

    PLAIN = 0
    """No more is escaped than must be."""
    UPPER = 1
    """Upper-case letters are escaped: two names written so never differ by case alone."""
    APART = 2
    """The first lower-case letter is escaped as well: differs from each PLAIN and UPPER spelling of another name, by
    more than case."""


def encode_name(name: str, spelling: Spelling = Spelling.PLAIN) -> str:
    """Return the part of an identifier that stands for one name of a path; it has `/` in it where it is folded."""
    return _encode_name(os.fsencode(name), spelling)


def encode_path(path: PurePath, crowded: AbstractSet[PurePath] = frozenset()) -> str:
    """Give the identifier of a file.

    Args:
        path: relative to the source root, without `..`.
        crowded: those of the path and its parents that have a neighbour which differs only by case.

    Raises:
        ValueError: the path is empty, absolute or leads upwards.
    """
    if path.is_absolute() or not path.parts or ".." in path.parts:
        raise ValueError(f"no identifier for the path {str(path)!r}: it is not below the source root")
    steps = [path, *path.parents][:-1][::-1]
    return "/".join(encode_name(step.name, Spelling.UPPER if step in crowded else Spelling.PLAIN) for step in steps)


def decode_identifier(identifier: str) -> PurePath:
    """Give the path, relative to the source root, that an identifier stands for.

    Raises:
        ValueError: not an identifier that `encode_path` makes.
    """
    texts = _WHOLE_NAMES.split(identifier)
    names = [_decode_name(text) for text in texts]
    for text, name in zip(texts, names, strict=True):
        # Most are plain: the others are spelt only where that one is not it.
        is_spelt_so = name and any(_encode_name(name, spelling) == text for spelling in Spelling)
        if not is_spelt_so or name in {b".", b".."} or b"/" in name or b"\0" in name:
            raise ValueError(f"not an identifier: {identifier!r}")
    return PurePath(*map(os.fsdecode, names))


def last_part(identifier: str) -> str:
    """Return the part of an identifier that stands for the last name of the path; it has `/` in it where it is folded.

    That part is an identifier itself.
    """
    place = identifier.rfind("/")
    while place > 0 and identifier[place - 1] == "!":
        place = identifier.rfind("/", 0, place)
    return identifier[place + 1 :]


def crowded_names(names: Iterable[str]) -> frozenset[str]:
    """Pick the names of one folder that differ from another one only by case."""
    seen: dict[bytes, list[str]] = {}
    for name in names:
        # Only ASCII letters stand for themselves in an identifier, and bytes.lower() knows only those.
        seen.setdefault(os.fsencode(name).lower(), []).append(name)
    return frozenset(name for group in seen.values() if len(group) > 1 for name in group)


def _decode_name(text: str) -> bytes:
    if not all(_NAME.fullmatch(piece) for piece in text.split("/")):
        return b""
    return _ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), text.replace("!/", "").encode("ascii"))


def _encode_name(name: bytes, spelling: Spelling) -> str:
    plain = _PLAIN if spelling is Spelling.PLAIN else _PLAIN - _UPPER
    parts = [chr(byte) if byte in plain else f"!{byte:02X}" for byte in name]
    text = "".join(parts)
    if text.startswith(".") or _DEVICE.match(text) or text.lower() in RESERVED:
        parts[0] = f"!{name[0]:02X}"
    if text.endswith("."):
        parts[-1] = "!2E"
    if spelling is Spelling.APART:
        first = next((index for index, part in enumerate(parts) if part.isalpha()), None)
        if first is not None:
            parts[first] = f"!{name[first]:02X}"
    return "/".join(_fold(parts))


def _fold(parts: list[str]) -> Iterable[str]:
    line = ""
    for index, part in enumerate(parts):
        if len(line) + len(part) > NAME_LIMIT:
            yield f"{line}!"
            # A continuation must not look hidden, like a folder's own dots or like a device either.
            starts_badly = part == "." or _DEVICE.match("".join(parts[index : index + 5]))
            line = f"!{ord(part):02X}" if starts_badly else part
        else:
            line += part
    yield line


def is_folded(path: str) -> bool:
    """Tell whether a path ends within a name that goes on in the next folder."""
    return path.endswith("!")


def is_plain_identifier(identifier: str) -> bool:
    """Tell whether a text can be an identifier as it stands, in names that need no escape on any host."""
    names = identifier.split("/")
    return all(name and encode_name(name) == name for name in names)
