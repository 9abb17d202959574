"""Refusals: files that are not one picture that can be shown as it is, and advice for their owners, in words.

A slide is published as one picture in 8-bit colour. A stack of focal planes, a set of fluorescence channels, a time
series or scenes apart are not that, and to show the first of many as if it were the whole would be wrong.
"""

import errno
import os
import re
from pathlib import Path

from slide2iiif.errors import SourceError
from slide2iiif.machine import too_large

_ADVICE = {
    "focal planes": "export one plane, or a projection of all, as a slide of its own",
    "time points": "export one of them as a slide of its own",
    "channels": "which colour each has is a choice, so compose them to one RGB picture first",
    "scenes": "export each as a slide of its own",
    "pictures of different sizes": "export each as a file of its own",
    "frames": "export one of them as an image of its own",
    "optical paths": "which colour each has is a choice, so compose them to one RGB picture first",
    "pictures of one size": "they may be focal planes or channels; export one of them as a slide of its own",
}
"""Advice by the kind of thing that there are several of."""

_REASONS = (
    (r'dimension "Z"|[Mm]ultiple Z layers|TotalPixelMatrixFocalPlanes|NoLayers', "focal planes"),
    (r'dimension "T"', "time points"),
    (r"Nonzero subblock channel", "channels"),
    (r"Slide contains unexpected image", "pictures of one size"),
    (r"dissimilar main images|Inconsistent main image resolutions|Expected one WSI image", "scenes"),
)
"""Patterns of OpenSlide's messages (4.0), and what they say there are several of."""
_DEPTH = r"BitsAllocated|BitsStored|Pixel type \w*(?:16|32|48|64|96|FLOAT|COMPLEX)"
_NEWER_VENTANA = r"Bad direction attribute|iScan element|EncodeInfo"
_ONE_CHANNEL = r"SamplesPerPixel value 1|Pixel type GRAY8|Can't find main image"


_SYSTEM = {
    errno.ENOENT: "no such file: it is gone, or was never there",
    errno.ENOTDIR: "no such file: a part of its path is no folder",
    errno.EACCES: "no permission to read it: give the user of this command the right to (chmod, chown)",
    errno.EPERM: "no permission to read it: give the user of this command the right to (chmod, chown)",
    errno.EMFILE: "too many open files: raise the limit (ulimit -n) or lower --jobs",
    errno.ENFILE: "too many open files on this computer: end other programs, or raise the limit (sysctl fs.file-max)",
    errno.EIO: "cannot be read: the disk or the network failed (Input/output error); copy it to another disk",
    errno.ESTALE: "cannot be read: the file server has lost it (Stale file handle); run again",
    errno.ELOOP: "cannot be read: its links lead in a circle",
}
"""Words for errors of the system, with advice."""

COMPARE = "compare it with where it was made, or move it out of SOURCE"
"""Advice for a file that may be no slide at all."""

COPY_AGAIN = "copy it again from where it was made"
"""Advice for a damaged file."""

_SPARE_FILES = 8
"""Number of files that a reader may open at once for one slide: with fewer left, that may be why it refuses."""


def system_refusal(error: OSError) -> str:
    """Return the words for an error of the system, with advice."""
    known = _SYSTEM.get(error.errno or 0)
    return known or f"cannot be read: {error.strerror or error}"


def check_open_files(path: Path) -> None:
    """Check that a reader that refuses a file was not out of open files or of permission, which it does not tell.

    Raises:
        SourceError: it was.
    """
    opened: list[int] = []
    try:
        while len(opened) < _SPARE_FILES:
            opened.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK))
    except OSError as error:
        raise SourceError(system_refusal(error)) from None
    finally:
        for file in opened:
            os.close(file)


def is_of_system(error: Exception) -> bool:
    """Return True if an error comes from the system and not from what is in the file."""
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in _SYSTEM)


def damaged_directory(error: Exception) -> SourceError:
    """Translate what a TIFF reader raises: an error of the system is one, and anything else is damage."""
    if isinstance(error, OSError) and error.errno in _SYSTEM:
        return SourceError(system_refusal(error))
    if isinstance(error, MemoryError):
        return SourceError(too_large())
    words = " ".join(str(error).split())
    return SourceError(f"is truncated or damaged: its TIFF directory cannot be read ({words}); {COPY_AGAIN}")


def several(what: str, count: int | None = None) -> str:
    """Return the refusal of several of something, with advice.

    Args:
        what: one of the keys of the advice.
        count: how many, if that is known.
    """
    return f"holds {'several' if count is None else count} {what}, and one picture is published: {_ADVICE[what]}"


def other_depth(kind: str) -> str:
    """Return the refusal of samples that are not of 8 bits."""
    return f"holds {kind} samples, and how bright they should look is not said: convert it to 8 bits a sample first"


def fluorescence() -> str:
    """Return the refusal of a picture of one channel where a colour picture is asked for."""
    return f"holds no colour picture, perhaps fluorescence: {_ADVICE['channels']}"


def explain(message: str) -> str:
    """Return the words for a refusal of OpenSlide: its own are for those who know its source."""
    message = " ".join(message.split())
    for number, advice in _SYSTEM.items():
        if os.strerror(number) in message:
            return advice
    if "out of memory" in message.lower():
        return too_large()
    for pattern, what in _REASONS:
        if re.search(pattern, message):
            return f"{several(what)} ({message})"
    words = next((words for pattern, words in _PATTERNS if re.search(pattern, message)), None)
    return f"{words} ({message})" if words else f"is damaged or of an unknown variant: {message}; {COPY_AGAIN}"


_NOT_ALL_FILES = r"SOP instances? in concatenation|[Mm]issing (?:SOP )?instance"
_CONTRADICTION = r"JPEG component count|Bogus JPEG colorspace|Dimensional mismatch|exceeds expected dimensions"
_PATTERNS = (
    (_NOT_ALL_FILES, "lacks some of the files of its series: copy all of them into one folder"),
    (_CONTRADICTION, "its tiles are not what its header says of them: export it anew"),
    (_DEPTH, other_depth("longer")),
    (_ONE_CHANNEL, fluorescence()),
    (
        _NEWER_VENTANA,
        (
            "is written by a Ventana scanner that OpenSlide does not know, perhaps a newer one: export it as TIFF "
            "with the scanner's own software"
        ),
    ),
)
"""Patterns of other messages of OpenSlide, with words for them."""
