"""What a store must do: take a slide's files aside, then publish them all at once."""

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

_SECTOR_BYTES = 512
"""Unit of `st_blocks` (man 2 stat)."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What is left of a file system, and how it counts."""

    place: Path
    """Folder that was asked about, as its owner knows it."""
    inodes: int | None
    """Inodes left; None where the file system makes them as it goes."""
    size: int
    """Bytes left."""
    block: int = 4096
    """Bytes that it gives out at a time: a file takes a whole number of them."""
    folder: int = 4096
    """Bytes that a small folder takes."""
    counts_names: bool = False
    """Whether every name of a file counts as an inode, links too."""
    staged: Path | None = None
    """Folder of what earlier runs have left there; it is gone on from, or deleted."""

    def rounded(self, size: int) -> int:
        """Give the bytes that a file of so many takes."""
        return -(-size // self.block) * self.block

    def left_over(self) -> tuple[int, int]:
        """Count the inodes and bytes of what earlier runs have left; that takes as long as there are files."""
        seen: set[int] = set()
        size = 0
        for folder, _, names in os.walk(self.staged) if self.staged else ():
            # Vanishing files are no concern: this is a count.
            for path in (folder, *(f"{folder}/{name}" for name in names)):
                try:
                    status = os.lstat(path)
                except FileNotFoundError:
                    continue
                if status.st_ino not in seen:
                    seen.add(status.st_ino)
                    size += status.st_blocks * _SECTOR_BYTES
        return len(seen), size


class Files(Protocol):
    """A staging that is open for many files."""

    def put(self, paths: Sequence[str], content: bytes) -> None:
        """Store a file under its first path, and the same bytes under the others.

        Raises:
            TargetError: the place cannot take it.
        """
        ...

    def put_shared(self, paths: Sequence[str], content: bytes) -> bool:
        """Store a file of which many have the same bytes: once, where the place knows links.

        Returns:
            Whether the bytes took room; not where they were linked to what was there.

        Raises:
            TargetError: the place cannot take it.
        """
        ...


class Staging(Protocol):
    """Where the files of one slide are put before anybody sees them. A value: it travels to workers."""

    @property
    def scratch(self) -> Path:
        """A local folder for pictures that one pass hands to the next; gone when the slide is published."""
        ...

    def below(self, place: str) -> "Staging":
        """Give the staging of a service that is published below the slide, with a scratch folder of its own.

        Raises:
            TargetError: the place cannot take it.
        """
        ...

    def opened(self) -> AbstractContextManager[Files]:
        """Open it for many files; use it in a `with` statement, in one process and thread.

        Raises:
            TargetError: it is not there.
        """
        ...


class Store(Protocol):
    """A published tree, held by one exporter at a time."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *raised: object) -> None: ...

    def holds(self, identifier: str) -> bool:
        """Tell whether a slide is published: its document exists."""
        ...

    def identifiers(self) -> Iterator[str]:
        """Identifiers of all slides that are published, whoever has put them there."""
        ...

    def capacity(self) -> "Capacity | None":
        """Tell what the place has room for, entered or not; None where nothing is known.

        Raises:
            TargetError: the place cannot be asked.
        """
        ...

    def resume(self, identifier: str, state: str) -> Staging | None:
        """Give the place where a run that was stopped has put files of a slide; None where there is none to go on from.

        What was staged of the slide in another state is deleted.

        Args:
            identifier: of the slide.
            state: what decides the files and the steps to them: the same text, the same files.

        Raises:
            TargetError: the place cannot be used.
        """
        ...

    def stage(self, identifier: str, state: str = "") -> Staging:
        """Prepare an empty place for the files of a slide; a later run in the same state can go on from it.

        Raises:
            SourceError: something that is not ours is in the way of this slide.
            TargetError: the place cannot be used.
        """
        ...

    def publish(self, identifier: str, staging: Staging) -> None:
        """Replace what is published of a slide by what is staged, in one step.

        What was published before is where the files were staged then, to be discarded.
        """
        ...

    def discard(self, staging: Staging) -> None:
        """Throw staged files away; if the run was told to stop, leave them to the next one."""
        ...

    def drop_replaced(self, staging: Staging) -> None:
        """Delete the older version that a published slide has replaced; if the run was told to stop, leave it.

        Raises:
            TargetError: it cannot be deleted; the slide is published all the same.
        """
        ...

    def drop_unfinished(self) -> None:
        """Delete what earlier runs have staged and this one has not gone on from.

        Raises:
            TargetError: it cannot be deleted.
        """
        ...

    def read(self, identifier: str, path: str) -> bytes | None:
        """Give a published file, or None."""
        ...

    def replace(self, identifier: str, path: str, content: bytes) -> None:
        """Replace one published file in one step."""
        ...

    def remove(self, identifier: str) -> None:
        """Unpublish a slide: nobody sees a part of it go.

        Raises:
            TargetError: it cannot be moved away, or not be deleted then.
        """
        ...

    def read_page(self, path: str) -> bytes | None:
        """Give a file that belongs to the tree and to no slide, or None."""
        ...

    def put_page(self, path: str, content: bytes) -> None:
        """Write or replace a file that belongs to the tree and to no slide, in one step."""
        ...

    def remove_page(self, path: str) -> None:
        """Remove a file that belongs to the tree and to no slide, and folders that it leaves empty."""
        ...

    def remove_file(self, identifier: str, path: str) -> None:
        """Remove one published file of a slide, if it is there."""
        ...
