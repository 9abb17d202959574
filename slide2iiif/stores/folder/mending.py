"""Single files of a published slide: which differ, and how a new one gets into its place in one step.

Nothing is written through a link.
"""

import os
import stat
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from slide2iiif.errors import SourceError
from slide2iiif.stores.base import Files
from slide2iiif.stores.folder.staging import FolderStaging, link_or_copy
from slide2iiif.system_errors import as_target_errors


@dataclass(frozen=True, slots=True)
class MendedStaging:
    """A staging that takes only what a published slide does not have: most files of a block are as they should be."""

    staging: FolderStaging
    """Where files are put that differ."""
    published: Path
    """Folder of the slide, or of a service in it."""

    @property
    def scratch(self) -> Path:
        """See `Staging.scratch`."""
        return self.staging.scratch

    def below(self, place: str) -> "MendedStaging":
        """See `Staging.below`."""
        return MendedStaging(self.staging.below(place), self.published / place)

    @contextmanager
    def opened(self) -> Iterator["_MendedFiles"]:
        """See `Staging.opened`."""
        with self.staging.opened() as files:
            yield _MendedFiles(files, self.published)


class _MendedFiles:
    """The same, held open."""

    def __init__(self, files: Files, published: Path) -> None:
        self._files = files
        self._published = published

    def put(self, paths: Sequence[str], content: bytes) -> None:
        """Store a file unless it is there. See `Files.put`."""
        if not self._has(paths[0], content):
            self._files.put(paths, content)

    def put_shared(self, paths: Sequence[str], content: bytes) -> bool:
        """Store a file unless it is there. See `Files.put_shared`."""
        return not self._has(paths[0], content) and self._files.put_shared(paths, content)

    def _has(self, path: str, content: bytes) -> bool:
        try:
            return (self._published / path).read_bytes() == content
        except OSError:
            return False


def move_into_place(file: Path, folder: Path, path: str) -> None:
    """Rename a new file to a path of a slide, in place of what is there.

    Args:
        file: the new file, on the same file system.
        folder: of the slide.
        path: of the file below it; its folders are made where missing.

    Raises:
        SourceError: something that is no file of ours is in the way.
        TargetError: the file system refuses.
    """
    _make_way(folder, path)
    with as_target_errors(folder / path):
        file.rename(folder / path)


def link_into_place(existing: Path, folder: Path, path: str, staging: Path) -> None:
    """Make a path of a slide another name of a file, in place of what is there.

    Args:
        existing: the file.
        folder: of the slide.
        path: below it; its folders are made where missing.
        staging: a folder of the same file system, for the name before it is in its place.

    Raises:
        SourceError: something that is no file of ours is in the way.
        TargetError: the file system refuses.
    """
    _make_way(folder, path)
    fresh = staging / uuid.uuid4().hex
    with as_target_errors(folder / path):
        link_or_copy(str(existing), str(fresh), existing.read_bytes())
        fresh.rename(folder / path)


def _make_way(folder: Path, path: str) -> None:
    """Make the folders above a file, and see that they are folders and the file's place is none."""
    place = folder
    for name in ("", *path.split("/")[:-1]):
        place = place / name
        with as_target_errors(place):
            place.mkdir(parents=not name, exist_ok=True) if not os.path.lexists(place) else None
            if not stat.S_ISDIR(place.lstat().st_mode):
                raise SourceError(f"{place} is in the way: it is no folder; move it away, then run again")
    if (folder / path).is_dir() and not (folder / path).is_symlink():
        raise SourceError(f"{folder / path} is in the way: it is a folder; move it away, then run again")
