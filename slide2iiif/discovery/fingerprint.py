"""Fingerprint of the files of a slide, to detect changes without reading them, and the digest of their content.

The fingerprint covers name, size, inode, mtime and ctime, compared for equality: a file that was replaced by an older
one differs too, and so does one that was edited in place and had its mtime reset, by its ctime. OpenSlide's quickhash
is no alternative: it misses damaged tiles.

A copy, a restored backup, a fresh checkout have another fingerprint and the same content. That is read only where the
fingerprint differs and the size does not. A pointer of Git LFS counts as the file that it stands for.
"""

import hashlib
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from slide2iiif.discovery.pointer import read_pointer
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


def size_of(members: Iterable[Path]) -> int:
    """Return the bytes of all files of a slide; those of a file that is gone do not count."""
    size = 0
    for path in members:
        with suppress(OSError):
            length = path.stat().st_size
            pointer = read_pointer(path, length)
            size += pointer.size if pointer else length
    return size


@dataclass(frozen=True, slots=True)
class ContentTask:
    """Files of a slide whose content is to be digested."""

    members: tuple[Path, ...]
    """The files, in the order of their fingerprint."""


def digest_content(task: ContentTask) -> str:
    """Return the digest of the content of a slide's files, in hexadecimal: SHA-256 of their names, sizes and SHA-256.

    Raises:
        SourceError: a file is gone, or cannot be read.
    """
    whole = hashlib.sha256()
    for path in task.members:
        try:
            digest, size = read_pointer(path, path.stat().st_size) or _digest_file(path)
        except OSError as error:
            raise SourceError(f"{path.name}: {system_refusal(error)}") from None
        whole.update(repr((path.name, size, digest)).encode(errors="surrogateescape"))
    return whole.hexdigest()


def _digest_file(path: Path) -> tuple[str, int]:
    with path.open("rb", buffering=0) as file:
        digest = hashlib.file_digest(file, "sha256")
        return digest.hexdigest(), file.tell()


def check_unchanged(members: Iterable[Path], fingerprint: str) -> None:
    """Check that the files of a slide have not changed.

    Raises:
        SourceError: they have.
    """
    if take_fingerprint(members) != fingerprint:
        raise SourceError("has changed while it was read; run again when nothing writes to it")
