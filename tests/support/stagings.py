"""Single files of a staging, for tests: the program itself puts many at a time."""

from collections.abc import Sequence
from pathlib import Path

from slide2iiif.stores.base import Staging
from slide2iiif.stores.folder.objects import FolderObjects


def put(staging: Staging, paths: Sequence[str], content: bytes) -> None:
    """Store one file under all of its paths."""
    with staging.opened() as files:
        files.put(paths, content)


def put_shared(staging: Staging, paths: Sequence[str], content: bytes) -> bool:
    """Store one of many files that have the same bytes."""
    with staging.opened() as files:
        return files.put_shared(paths, content)


def objects_in(folder: Path) -> FolderObjects:
    """The files of a folder as objects."""
    return FolderObjects(folder, folder / "staging")
