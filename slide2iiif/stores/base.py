"""Contract of a store: files of a slide are staged, then published, in one step where the place can.

A store is a published tree in some place: a folder, a bucket, memory. Served files lie in `public`, records of them in
`private`; both are named byte strings below one root.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, Self

from slide2iiif.errors import TargetError

JOURNAL = "journal"
"""File in the scratch folder of a staging. Staged files without it are not resumed."""


class NotAnObjectError(TargetError):
    """A folder, a link or something else that is no object is in an object's place."""


class UnreadableObjectError(TargetError):
    """An object exists and cannot be read."""

    def __init__(self, message: str, detail: str) -> None:
        """Make an error of the whole message, and the reason alone."""
        super().__init__(message, detail)

    def __str__(self) -> str:
        return str(self.args[0])

    @property
    def detail(self) -> str:
        """Reason in words, without the place."""
        return str(self.args[1])


class Head(NamedTuple):
    """Size and version of an object, known without reading it."""

    size: int
    """Length in bytes."""
    version: str
    """Version tag; changes whenever the object is written."""


class Entry(NamedTuple):
    """A name directly below a folder."""

    name: str
    is_folder: bool
    """False for an object, a link, and anything else."""


class Objects(Protocol):
    """Named byte strings below one root. A value, which can be sent to workers.

    Names are relative paths with slashes. No link is followed.
    """

    def read(self, name: str) -> bytes | None:
        """Read a whole object; None where there is none, or something else is in its place.

        Raises:
            UnreadableObjectError: it cannot be read.
        """
        ...

    def read_range(self, name: str, start: int, length: int) -> bytes | None:
        """Read a part of an object, cut at its end; None where there is no object.

        Raises:
            NotAnObjectError: something else is in its place.
            UnreadableObjectError: it cannot be read.
        """
        ...

    def head(self, name: str) -> Head | None:
        """Return size and version of an object; None where there is none."""
        ...

    def list(self, folder: str) -> Iterator[Entry]:
        """Yield the entries directly below a folder, in no order; none where there is no folder.

        Raises:
            UnreadableObjectError: it cannot be listed.
        """
        ...

    def is_folder(self, name: str) -> bool:
        """Return True if objects may lie below a name."""
        ...

    def write(
        self, name: str, content: bytes | Iterable[bytes], *, durable: bool = False, secret: bool = False
    ) -> None:
        """Write or replace an object in one step.

        Args:
            name: of the object.
            content: all of it, or pieces of it in order.
            durable: sync it to disk before this returns, not only when the store is left.
            secret: make it readable for the owner of the place only.

        Raises:
            NotAnObjectError: something else is in its place, or on the way to it.
            TargetError: the place cannot take it.
        """
        ...

    def copy(self, existing: str, name: str) -> None:
        """Copy an object to a second name in one step, by a link where the place has them.

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
    """Free space of a file system, and its units of allocation."""

    place: Path
    """Folder that was asked about, as the user named it."""
    inodes: int | None
    """Free inodes; None where the file system allocates them dynamically."""
    size: int
    """Free bytes."""
    block: int = 4096
    """Bytes of an allocation block: a file takes a whole number of blocks."""
    folder: int = 4096
    """Bytes that a small folder takes."""
    counts_names: bool = False
    """True if every name of a file counts as an inode, hard links too."""

    def rounded(self, size: int) -> int:
        """Return the size of a file in bytes, rounded up to whole blocks."""
        return -(-size // self.block) * self.block


class Files(Protocol):
    """An open staging, for storing many files."""

    def put(self, paths: Sequence[str], content: bytes) -> None:
        """Store a file under its first path, and the same bytes under the others.

        Raises:
            TargetError: the place cannot take it.
        """
        ...

    def put_shared(self, paths: Sequence[str], content: bytes) -> bool:
        """Store a file that has the same bytes as many others: once, where the place has links.

        Returns:
            True if the bytes took space, False if the file was linked to an existing one.

        Raises:
            TargetError: the place cannot take it.
        """
        ...


class Staging(Protocol):
    """Files of one slide before they are published. A hashable value, which can be sent to workers."""

    @property
    def scratch(self) -> Path:
        """Local folder that all workers share, for intermediate images; deleted with the staging."""
        ...

    def below(self, place: str) -> "Staging":
        """Return the staging of a service that is published below the slide, with a scratch folder of its own.

        Raises:
            TargetError: the place cannot take it.
        """
        ...

    @property
    def staged(self) -> Objects:
        """Staged files, to be checked before they are published."""
        ...

    def read(self, path: str) -> bytes | None:
        """Read a staged file; None where there is none."""
        ...

    def opened(self) -> AbstractContextManager[Files]:
        """Open the staging for many files. Use it in a `with` statement, in one process and thread.

        Raises:
            TargetError: it is not there.
        """
        ...


class Store(Protocol):
    """A published tree, held by one exporter at a time."""

    @property
    def place(self) -> str:
        """Name of the place as the user gave it: a path or a URL."""
        ...

    @property
    def public(self) -> Objects:
        """Served files."""
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
        """True if a slide is published in one step; else documents come last, and a reader may see both versions."""
        ...

    @property
    def trusts_records(self) -> bool:
        """True if what is on record as published is not looked at again, as each look is a request."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *raised: object) -> None: ...

    def is_tree(self) -> bool:
        """Return True if something was published here; takes no lock, changes nothing."""
        ...

    def holder(self) -> str | None:
        """Return a description of the process that holds the tree, without touching the lock; None if it is free."""
        ...

    def check_free(self) -> None:
        """Check that no other exporter holds the tree, before work that is done before locking. Changes nothing.

        Raises:
            TargetBusyError: another one holds it.
            TargetError: it cannot be asked.
        """
        ...

    def holds(self, identifier: str) -> bool:
        """Return True if a slide is published: its document exists."""
        ...

    def access_note(self, identifier: str) -> str:
        """Return a note that whoever serves a published slide cannot read it, with what to do; empty if they can."""
        ...

    def identifiers(self) -> Iterator[str]:
        """Yield identifiers of all published slides, with or without a receipt."""
        ...

    def capacity(self) -> "Capacity | None":
        """Return the free space of the place, entered or not; None where it is unknown.

        Raises:
            TargetError: the place cannot be asked.
        """
        ...

    def left_over(self) -> tuple[int, int]:
        """Count inodes and bytes that earlier runs have left in staging. Visits every file, so it may take long."""
        ...

    def resume(self, identifier: str, state: str) -> Staging | None:
        """Resume the staging of a slide from an interrupted run; None where there is none.

        Staged files of the slide in another state are deleted.

        Args:
            identifier: of the slide.
            state: key of everything that affects the files and the steps to them: equal keys, equal files.

        Raises:
            TargetError: the place cannot be used.
        """
        ...

    def stage(self, identifier: str | None, state: str = "") -> Staging:
        """Prepare an empty staging for the files of a slide; a later run in the same state can resume it.

        Args:
            identifier: of the slide; None for single files of a slide that is there.
            state: see `resume`.

        Raises:
            SourceError: something else than a published slide is in its place.
            TargetError: the place cannot be used.
        """
        ...

    def publish(self, identifier: str, staging: Staging) -> None:
        """Replace the published files of a slide by the staged ones.

        The staging cannot be resumed any more. It may hold the files that were published before, until it is dropped.
        """
        ...

    def drop(self, staging: Staging) -> None:
        """Delete the rest of a staging that was published; leave it if the run was stopped.

        Raises:
            TargetError: it cannot be deleted; what was published stays published.
        """
        ...

    def discard(self, staging: Staging) -> None:
        """Discard staged files; if the run was stopped, leave them to the next one. Raises no error."""
        ...

    def drop_unfinished(self) -> None:
        """Delete staged files of earlier runs that this run has not resumed.

        Raises:
            TargetError: it cannot be deleted.
        """
        ...

    def remove(self, identifier: str) -> None:
        """Unpublish a slide, in one step where the place can.

        Raises:
            TargetError: it cannot be moved away, or not be deleted then.
        """
        ...
