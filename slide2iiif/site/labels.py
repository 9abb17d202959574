"""Display names and their order. Pure."""

import re
import unicodedata

from slide2iiif.iiif.identifiers import decode_identifier, is_folded, last_part

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that are invisible or change the display of other characters: controls, direction marks, line
separators, surrogates, unassigned."""
_SITE = re.compile(r"index\.html|collection\.json|!page[1-9][0-9]*\.(html|json)|!site-[0-9a-f]+")
_NUMBER = re.compile(r"(\d{1,18})")


def display_name(path: str) -> str:
    """Return the original last name of an identifier or folder, with invisible characters escaped."""
    try:
        # The names before it are not read: with many folders, one in the other, they would be read for each of them.
        name = decode_identifier(last_part(path)).name
    except ValueError:
        # A name from a naming table is shown as it is.
        name = path.rpartition("/")[2]
    return visible(name)


def visible(text: str) -> str:
    r"""Escape invisible characters: a mark that changes the direction of writing becomes `\u202e`.

    Bytes that are not UTF-8 become `\xNN`.
    """
    raw = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(_escape(each) if unicodedata.category(each) in _HIDDEN else each for each in raw)


def natural_order(path: str) -> tuple[list[tuple[bool, int, str]], str]:
    """Return a key for natural sort order: `slide2` before `slide10`, case ignored."""
    parts = _NUMBER.split(display_name(path).casefold())
    return [(not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts if part], path


def parent_folder(path: str) -> str:
    """Return the folder whose page lists a slide or folder; empty for the root. A folded name counts as one folder."""
    parent = path.rpartition("/")[0]
    while parent and is_folded(parent):
        parent = parent.rpartition("/")[0]
    return parent


def is_site_name(name: str) -> bool:
    """Return True if a name in a tree is that of a page, a collection or the asset folder."""
    return _SITE.fullmatch(name) is not None


def _escape(character: str) -> str:
    code = ord(character)
    if code <= 0xFF:  # noqa: PLR2004 - two hexadecimal digits
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - four hexadecimal digits
