"""Contract of a store: it takes a slide's files aside, then publishes them, at once where the place can.

A store is a published tree in some place: a folder, a bucket, memory. What is served lies in `public`, what is recorded
of it in `private`; both are named byte strings below one root.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, Self

from slide2iiif.errors import TargetError

JOURNAL = "journal"
"""File in the scratch folder of a staging. Without it nothing that is staged is believed."""


class NotAnObjectError(TargetError):
    """Something that is no object, a folder or a link, is in an object's place."""


class UnreadableObjectError(TargetError):
    """An object is there and cannot be read."""

    def __init__(self, message: str, detail: str) -> None:
        """Take the message, and the reason alone."""
        super().__init__(message, detail)

    def __str__(self) -> str:
        return str(self.args[0])

    @property
    def detail(self) -> str:
        """Reason in words, without the place."""
        return str(self.args[1])


class Head(NamedTuple):
    """Facts of an object that cost no reading."""

    size: int
    """Length in bytes."""
    version: str
    """Another text whenever the object was written again."""


class Entry(NamedTuple):
    """A name directly below a folder."""

    name: str
    is_folder: bool
    """False for an object, a link, and anything else."""


class Objects(Protocol):
    """Named byte strings below one root. A value: it travels to workers.

    Names are relative paths with slashes. No link is followed.
    """

    def read(self, name: str) -> bytes | None:
        """Read a whole object; None where there is none, or something else is in its place.

        Raises:
            UnreadableObjectError: it cannot be read.
        """
        ...

    def read_range(self, name: str, start: int, length: int) -> bytes | None:
        """Read a part of an object, less where it ends; None where there is none.

        Raises:
            NotAnObjectError: something else is in its place.
            UnreadableObjectError: it cannot be read.
        """
        ...

    def head(self, name: str) -> Head | None:
        """Return size and version of an object; None where there is none."""
        ...

    def list(self, folder: str) -> Iterator[Entry]:
        """Yield what lies directly below a folder, in no order; nothing where there is no folder.

        Raises:
            UnreadableObjectError: it cannot be listed.
        """
        ...

    def is_folder(self, name: str) -> bool:
        """Return True if something may lie below a name."""
        ...

    def write(
        self, name: str, content: bytes | Iterable[bytes], *, durable: bool = False, secret: bool = False
    ) -> None:
        """Write or replace an object in one step.

        Args:
            name: of the object.
            content: all of it, or pieces of it in order.
            durable: let it outlast a power cut before this returns, not only when the store is left.
            secret: let nobody but the owner of the place read it.

        Raises:
            NotAnObjectError: something else is in its place, or on the way to it.
            TargetError: the place cannot take it.
        """
        ...

    def copy(self, existing: str, name: str) -> None:
        """Give the bytes of an object a second name, in one step.

        Raises:
            NotAnObjectError: something else is in its place, or on the way to it.
            TargetError: the place cannot take it.
        """
        ...

    def delete(self, name: str) -> None:
        """Delete an object, if it is there, and folders that it leaves empty.

        Raises:
            TargetError: it cannot be deleted.
        """
        ...


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

    def rounded(self, size: int) -> int:
        """Give the bytes that a file of so many takes."""
        return -(-size // self.block) * self.block


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
    """Place of the files of one slide before anybody sees them. A value: it travels to workers, and hashes."""

    @property
    def scratch(self) -> Path:
        """Local folder that all workers share, for intermediate images; deleted with the staging."""
        ...

    def below(self, place: str) -> "Staging":
        """Give the staging of a service that is published below the slide, with a scratch folder of its own.

        Raises:
            TargetError: the place cannot take it.
        """
        ...

    def read(self, path: str) -> bytes | None:
        """Read a file that was put; None where there is none."""
        ...

    def opened(self) -> AbstractContextManager[Files]:
        """Open it for many files; use it in a `with` statement, in one process and thread.

        Raises:
            TargetError: it is not there.
        """
        ...


class Store(Protocol):
    """A published tree, held by one exporter at a time."""

    @property
    def place(self) -> str:
        """Name of the place as its owner knows it: a path or a URL."""
        ...

    @property
    def public(self) -> Objects:
        """Everything that is served."""
        ...

    @property
    def private(self) -> Objects:
        """Receipts, digests, state of pages, key: never served."""
        ...

    @property
    def folders(self) -> tuple[Path, ...]:
        """Folders of this computer that the tree and its records lie in; none of a place that is elsewhere."""
        ...

    @property
    def atomic_publish(self) -> bool:
        """Whether a slide is published in one step; else documents come last, and a reader may meet two versions."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *raised: object) -> None: ...

    def is_tree(self) -> bool:
        """Return True if something was published here, by a look and no more."""
        ...

    def holder(self) -> str | None:
        """Return who holds the tree, without touching the lock; None if nobody does."""
        ...

    def check_free(self) -> None:
        """Check that no other exporter holds the tree, and change nothing: before work that goes before the lock.

        Raises:
            TargetBusyError: another one holds it.
            TargetError: it cannot be asked.
        """
        ...

    def holds(self, identifier: str) -> bool:
        """Return True if a slide is published: its document exists."""
        ...

    def identifiers(self) -> Iterator[str]:
        """Yield identifiers of all slides that are published, whoever has put them there."""
        ...

    def capacity(self) -> "Capacity | None":
        """Return what the place has room for, entered or not; None where nothing is known.

        Raises:
            TargetError: the place cannot be asked.
        """
        ...

    def left_over(self) -> tuple[int, int]:
        """Count inodes and bytes of what earlier runs have left in staging; that takes as long as there are files."""
        ...

    def resume(self, identifier: str, state: str) -> Staging | None:
        """Take over the place where a run that was stopped has put files of a slide; None where there is none.

        What was staged of the slide in another state is deleted.

        Args:
            identifier: of the slide.
            state: all that decides the files and the steps to them: the same text, the same files.

        Raises:
            TargetError: the place cannot be used.
        """
        ...

    def stage(self, identifier: str | None, state: str = "") -> Staging:
        """Prepare an empty place for the files of a slide; a later run in the same state can go on from it.

        Args:
            identifier: of the slide; None for single files of a slide that is there.
            state: see `resume`.

        Raises:
            SourceError: something that is not ours is in the way of this slide.
            TargetError: the place cannot be used.
        """
        ...

    def publish(self, identifier: str, staging: Staging) -> None:
        """Replace what is published of a slide by what is staged.

        Nothing can be resumed from the staging any more. It holds what was published before, until it is dropped.
        """
        ...

    def drop(self, staging: Staging) -> None:
        """Delete what is left of a staging whose files were taken; if the run was told to stop, leave it.

        Raises:
            TargetError: it cannot be deleted; what was published stays published.
        """
        ...

    def discard(self, staging: Staging) -> None:
        """Throw staged files away; if the run was told to stop, leave them to the next one. No error is raised."""
        ...

    def drop_unfinished(self) -> None:
        """Delete what earlier runs have staged and this one has not gone on from.

        Raises:
            TargetError: it cannot be deleted.
        """
        ...

    def remove(self, identifier: str) -> None:
        """Unpublish a slide; nobody sees a part of it go, where the place can.

        Raises:
            TargetError: it cannot be moved away, or not be deleted then.
        """
        ...
