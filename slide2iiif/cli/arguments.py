"""Types of arguments that hold text or a path: an empty path is a variable that nobody has set, never the folder here.

Every option that takes a path has one of the two path types, and every other one that takes free text has `given_text`;
the numbers and names of the rest are checked in `options.py`.
"""

import re
from argparse import ArgumentTypeError
from pathlib import Path

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


class Unnamed(str):
    """Default of an option, told apart from an argument of the same value: what nobody names is remembered."""

    __slots__ = ()


def given_path(text: str) -> Path:
    """Read a path, whatever bytes it is made of.

    Raises:
        ArgumentTypeError: it is empty or blank, which `Path` would take for the current folder.
    """
    return Path(path_or_word(text))


def given_place(text: str) -> Path | str:
    """Read the place of a tree: a path, or the URL of a place in a bucket.

    Raises:
        ArgumentTypeError: it is empty or blank.
    """
    return given_word(text) if _URL.match(text) else given_path(text)


def path_or_word(text: str) -> str:
    """Read a path that may also be `-`, or a word such as `hash`.

    Raises:
        ArgumentTypeError: it is empty or blank.
    """
    if not text.strip():
        raise ArgumentTypeError(
            f"{text!r} is no path: is a variable not set? The current folder is ., and one named by blanks begins ./"
        )
    return text


def given_text(text: str) -> str:
    """Read text that goes into documents and pages, or is compared with what is in a slide.

    Raises:
        ArgumentTypeError: it holds bytes that are no text.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ArgumentTypeError(f"{text!r} holds bytes that are no text in the encoding of this system") from None
    return text


def given_word(text: str) -> str:
    """Read text that means nothing when it is empty, such as a URL or the name of a host.

    Raises:
        ArgumentTypeError: it is blank, or holds bytes that are no text.
    """
    if not text.strip():
        raise ArgumentTypeError(f"{text!r} is empty: is a variable not set?")
    return given_text(text)
