"""Whether the files of a slide are still what they were, without reading them.

The digest covers name, size, inode, and the times of last change of content and of attributes, compared for
equality: a file that was replaced by an older one is different too, and one that was edited in place with its
time put back shows in the second time. OpenSlide's quickhash is no alternative: it misses damaged tiles.
"""

import hashlib
import time
from collections.abc import Iterable
from pathlib import Path

from slide2iiif.errors import SourceError
from slide2iiif.sources.unsupported import system_refusal

_TICK_SECONDS = 0.01
"""Clocks of file systems that count no finer give two changes within a tick the same time."""


def take_fingerprint(members: Iterable[Path]) -> str:
    """Give the fingerprint of all files of a slide, in hexadecimal.

    A file that was changed in this moment is waited for: the next change of it must show.

    Raises:
        SourceError: a file is gone or cannot be asked.
    """
    digest = hashlib.sha256()
    for path in members:
        try:
            status = path.stat()
            if 0 <= time.time() - status.st_ctime < _TICK_SECONDS:
                time.sleep(_TICK_SECONDS)
                status = path.stat()
        except OSError as error:
            raise SourceError(f"{path.name}: {system_refusal(error)}") from None
        facts = (path.name, status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns)
        digest.update(repr(facts).encode(errors="surrogateescape"))
    return digest.hexdigest()


def check_unchanged(members: Iterable[Path], fingerprint: str) -> None:
    """Check that the files of a slide are still what they were.

    Raises:
        SourceError: they are not.
    """
    if take_fingerprint(members) != fingerprint:
        raise SourceError("has changed while it was read; run again when nothing writes to it")
