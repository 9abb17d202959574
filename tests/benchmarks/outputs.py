"""Where contestants write, and when that is deleted.

In memory at once, for room. On disk at the end: ext4 without a journal, which virtual machines often have, gives no
inode again that was deleted in the last minutes, and looks at each of those for every new file. What one run's
deleted output cost the next one was up to three quarters of its time.
"""

import itertools
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from cases import DISK

_LEAST_FREE = 0.1
"""Part of the disk's bytes and inodes below which what was kept is deleted all the same."""


class Outputs:
    """A folder in each place, made when it is needed. Use in a `with` statement."""

    def __init__(self, parents: Mapping[str, Path]) -> None:
        """Take the folder that each place's own lies in."""
        self._parents = parents
        self._folders: dict[str, Path] = {}
        self._kept = (f"kept-{number}" for number in itertools.count())
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._stack.close()

    def folder(self, place: str) -> Path:
        """Give the folder of a place."""
        if place not in self._folders:
            parent = self._parents[place]
            parent.mkdir(parents=True, exist_ok=True)
            made = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="slide2iiif-compare-", dir=parent))
            self._folders[place] = Path(made)
        return self._folders[place]

    def clear(self, out: Path) -> None:
        """Take an output out of the way; on disk it is kept until the end, or until there is little room."""
        folder = self._folders.get(DISK)
        if folder is None or out.parent != folder:
            shutil.rmtree(out, ignore_errors=True)
        elif out.exists():
            out.rename(folder / next(self._kept))
            if _is_nearly_full(folder):
                for kept in folder.glob("kept-*"):
                    shutil.rmtree(kept)


def _is_nearly_full(folder: Path) -> bool:
    found = os.statvfs(folder)
    return found.f_bavail < _LEAST_FREE * found.f_blocks or 0 < found.f_files * _LEAST_FREE > found.f_favail
