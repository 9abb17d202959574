"""Names as they are shown, and in which order. Pure."""

import re
import unicodedata

from slide2iiif.iiif.identifiers import decode_identifier, is_folded, last_part

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories of characters that change how others are shown, or cannot be shown: controls, marks of direction, line
separators, what is no character."""
_SITE = re.compile(r"index\.html|collection\.json|!page[1-9][0-9]*\.(html|json)|!site-[0-9a-f]+")
_NUMBER = re.compile(r"(\d{1,18})")


def display_name(path: str) -> str:
    """Return the last name of an identifier or of a folder as people wrote it, safe to show."""
    try:
        # The names before it are not read: with many folders, one in the other, they would be read for each of them.
        name = decode_identifier(last_part(path)).name
    except ValueError:
        # A name that was chosen in a table is shown as it is.
        name = path.rpartition("/")[2]
    return visible(name)


def visible(text: str) -> str:
    r"""Spell out what cannot be seen: a mark that turns the direction of writing becomes `\u202e`.

    Bytes that are no text become `\xNN`.
    """
    raw = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(_spell(each) if unicodedata.category(each) in _HIDDEN else each for each in raw)


def natural_order(path: str) -> tuple[list[tuple[bool, int, str]], str]:
    """Sort as people do: `slide2` before `slide10`, without regard to case."""
    parts = _NUMBER.split(display_name(path).casefold())
    return [(not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts if part], path


def parent_folder(path: str) -> str:
    """Give the folder that shows a slide or a folder; empty for the root. Folded names belong to one folder."""
    parent = path.rpartition("/")[0]
    while parent and is_folded(parent):
        parent = parent.rpartition("/")[0]
    return parent


def is_site_name(name: str) -> bool:
    """Tell whether a name in a folder of a tree is one of its pages or documents, or holds their style and scripts."""
    return _SITE.fullmatch(name) is not None


def _spell(character: str) -> str:
    code = ord(character)
    if code <= 0xFF:  # noqa: PLR2004 - two hexadecimal digits
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - four hexadecimal digits
