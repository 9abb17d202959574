"""Staging folders of interrupted runs: some can be resumed, the others are deleted.

The name of a staging folder decides that. It consists of digests that disclose nothing of a slide:
`BOOT-SLIDE-STATE-NONCE`.

* BOOT: boot id of the system. Staged files are surely on the disk only once they are published, so those that a power
  cut may have hit are not resumed.
* SLIDE: identifier. STATE: everything that affects the files. Both are salted with the boot id, which only this system
  knows, so that names cannot be guessed.
* NONCE: new whenever a run takes the folder over. A worker that outlives its run finds its folder gone, and cannot
  write into files that another run has finished.
"""

import hashlib
import re
import uuid
from pathlib import Path

from slide2iiif.stores.base import JOURNAL
from slide2iiif.stores.folder.deletion import delete_tree

_IDENTITY = "folder"
SCRATCH = ".scratch"
"""Suffix of the scratch folder beside a staging folder."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_NAME = re.compile(r"([0-9a-f]{16})-([0-9a-f]{16})-([0-9a-f]{16})-[0-9a-f]{12}")
_DIGITS = 16


def staging_name(identifier: str, state: str) -> str:
    """Return a new name for the staging folder of a slide."""
    return "-".join((_tag(""), _tag("slide", identifier), _tag("state", state), uuid.uuid4().hex[:12]))


class Unfinished:
    """Staging folders of earlier runs. The tree is locked, so no other run uses them."""

    def __init__(self, folder: Path) -> None:
        """Open the staging folder, and delete everything in it that cannot be resumed.

        Raises:
            OSError: it cannot be listed, or something in it cannot be deleted.
        """
        self._folder = folder
        self._left: dict[str, list[str]] = {}
        names = {path.name for path in folder.iterdir()}
        for name in sorted(names):
            match = _NAME.fullmatch(name.removesuffix(SCRATCH))
            whole = name.removesuffix(SCRATCH)
            if match is None or match[1] != _tag("") or not {whole, whole + SCRATCH} <= names:
                _delete(folder / name)
            elif name == whole:
                self._left.setdefault(match[2], []).append(name)

    def take(self, identifier: str, state: str) -> Path | None:
        """Take over the staging of a slide in this state; delete those in other states.

        Raises:
            OSError: it cannot be renamed, or another one cannot be deleted.
        """
        taken: Path | None = None
        wanted = _tag("state", state)
        for name in self._left.pop(_tag("slide", identifier), []):
            match = _NAME.fullmatch(name)
            is_noted = _is_original(self._folder / (name + SCRATCH))
            if taken is None and is_noted and match is not None and match[3] == wanted:
                taken = self._folder / staging_name(identifier, state)
                (self._folder / name).rename(taken)
                (self._folder / (name + SCRATCH)).rename(taken.with_name(taken.name + SCRATCH))
            else:
                self._drop(name)
        return taken

    def drop(self) -> None:
        """Delete everything that was not taken over.

        Raises:
            OSError: it cannot be deleted.
        """
        for names in self._left.values():
            for name in names:
                self._drop(name)
        self._left.clear()

    def _drop(self, name: str) -> None:
        # The journal first: without it the rest cannot be mistaken for something to go on from.
        _delete(self._folder / (name + SCRATCH))
        _delete(self._folder / name)


def note_identity(scratch: Path) -> None:
    """Note in a new scratch folder which folder it is: a copy of it is not resumed, as it may be the half of one.

    Raises:
        OSError: the note cannot be written.
    """
    (scratch / _IDENTITY).write_bytes(_identity_of(scratch))


def _is_original(scratch: Path) -> bool:
    """Return True for a scratch folder that is the one that was made, and has a journal."""
    try:
        return (scratch / JOURNAL).is_file() and (scratch / _IDENTITY).read_bytes() == _identity_of(scratch)
    except OSError:
        return False


def _identity_of(folder: Path) -> bytes:
    status = folder.stat()
    return b"%d %d" % (status.st_dev, status.st_ino)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        # A worker may outlive its run by a moment.
        delete_tree(path, is_shared=True)
    else:
        path.unlink(missing_ok=True)


def _tag(*texts: str) -> str:
    digest = hashlib.sha256(_boot_id().encode())
    for text in texts:
        digest.update(b"\0" + text.encode(errors="surrogateescape"))
    return digest.hexdigest()[:_DIGITS]


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        # Whether the system went down meanwhile cannot be known then.
        return _UNKNOWN_BOOT


_UNKNOWN_BOOT = uuid.uuid4().hex
