"""Fingerprint of the files of a slide, to detect changes without reading them.

The digest covers name, size, inode, mtime and ctime, compared for equality: a file that was replaced by an older one
differs too, and so does one that was edited in place and had its mtime reset, by its ctime. OpenSlide's quickhash is
no alternative: it misses damaged tiles.
"""

import hashlib
import time
from collections.abc import Iterable
from pathlib import Path

from slide2iiif.errors import SourceError
from slide2iiif.sources.unsupported import system_refusal

_TICK_SECONDS = 0.01
"""Coarsest clock of file systems; two changes within a tick may have the same time."""


def take_fingerprint(members: Iterable[Path]) -> str:
    """Return the fingerprint of all files of a slide, in hexadecimal.

    After a file that has just changed it waits for a tick, so that a later change gets another time.

    Raises:
        SourceError: a file is gone, or its status cannot be read.
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
    """Check that the files of a slide have not changed.

    Raises:
        SourceError: they have.
    """
    if take_fingerprint(members) != fingerprint:
        raise SourceError("has changed while it was read; run again when nothing writes to it")
