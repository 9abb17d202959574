"""Pointers of Git LFS: small texts that stand in a checkout for files which were not fetched, and name their content.

A slide that is published from that very content is unchanged, so a CI job fetches only those that are to be made. The
form is that of the specification of Git LFS, version 1; pointers of files that an extension changes on their way are
none here, as what they name is not the content of the file.
"""

import re
from pathlib import Path
from typing import NamedTuple

_LONGEST = 1024
"""Bytes that a pointer has less than, by its specification."""
_FORM = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\noid sha256:([0-9a-f]{64})\nsize (0|[1-9][0-9]{0,18})\n"
)


class Pointer(NamedTuple):
    """Content that a pointer stands for."""

    digest: str
    """SHA-256 of the content, in hexadecimal."""
    size: int
    """Its bytes."""


def read_pointer(path: Path, size: int) -> Pointer | None:
    """Return what a file of `size` bytes stands for; None where it is no pointer but a file itself.

    Raises:
        OSError: it cannot be read.
    """
    if not 0 < size < _LONGEST:
        return None
    with path.open("rb", buffering=0) as file:
        match = _FORM.fullmatch(file.read(_LONGEST))
    return match and Pointer(match[1].decode(), int(match[2]))
