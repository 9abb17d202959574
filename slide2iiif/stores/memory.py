"""A tree in memory: for tests and for trying plans. It works with the serial engine only."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from slide2iiif.errors import TargetBusyError
from slide2iiif.iiif.info import DOCUMENT_NAME
from slide2iiif.stores.base import Staging


@dataclass(frozen=True, slots=True)
class MemoryStaging:
    """The files of one slide."""

    scratch: Path
    """A temporary folder on disk."""
    files: dict[str, bytes] = field(default_factory=dict)
    """Content by path."""
    prefix: str = ""
    """Place below the slide, with a slash."""

    def below(self, place: str) -> "MemoryStaging":
        """See `Staging.below`."""
        scratch = self.scratch / place
        scratch.mkdir(parents=True, exist_ok=True)
        return MemoryStaging(scratch, self.files, f"{self.prefix}{place}/")

    def put(self, paths: Sequence[str], content: bytes) -> None:
        """Keep a file and its aliases. See `Files.put`."""
        for path in paths:
            self.files[self.prefix + path] = content

    def opened(self) -> AbstractContextManager["MemoryStaging"]:
        """See `Staging.opened`."""
        return nullcontext(self)

    def put_shared(self, paths: Sequence[str], content: bytes) -> bool:
        """See `Files.put_shared`."""
        self.put(paths, content)
        return True


class MemoryStore:
    """A published tree: identifier -> path -> content."""

    def __init__(self) -> None:
        self.slides: dict[str, dict[str, bytes]] = {}
        self.pages: dict[str, bytes] = {}
        self._held = False

    def __enter__(self) -> Self:
        """Take the lock.

        Raises:
            TargetBusyError: it is taken.
        """
        if self._held:
            raise TargetBusyError("the store in memory is in use")
        self._held = True
        return self

    def __exit__(self, *raised: object) -> None:
        """Give the lock back."""
        self._held = False

    def holds(self, identifier: str) -> bool:
        """See `Store.holds`."""
        return DOCUMENT_NAME in self.slides.get(identifier, {})

    def identifiers(self) -> Iterator[str]:
        """See `Store.identifiers`."""
        return iter(sorted(self.slides))

    def capacity(self) -> None:
        """See `Store.capacity`; memory says when it is full."""

    def resume(self, identifier: str, state: str) -> MemoryStaging | None:
        """See `Store.resume`; nothing outlives a run."""

    def drop_unfinished(self) -> None:
        """See `Store.drop_unfinished`; there is never anything."""

    def stage(self, identifier: str, state: str = "") -> MemoryStaging:
        """See `Store.stage`."""
        del identifier, state  # Nothing can be in the way.
        return MemoryStaging(Path(tempfile.mkdtemp(prefix="slide2iiif-")))

    def publish(self, identifier: str, staging: Staging) -> None:
        """See `Store.publish`."""
        if not isinstance(staging, MemoryStaging):
            raise TypeError(f"staging of another store: {staging!r}")
        self.slides[identifier] = dict(staging.files)
        self.discard(staging)

    def discard(self, staging: Staging) -> None:
        """See `Store.discard`."""
        shutil.rmtree(staging.scratch, ignore_errors=True)

    def drop_replaced(self, staging: Staging) -> None:
        """Nothing is left of it."""

    def read(self, identifier: str, path: str) -> bytes | None:
        """See `Store.read`."""
        return self.slides.get(identifier, {}).get(path)

    def replace(self, identifier: str, path: str, content: bytes) -> None:
        """See `Store.replace`."""
        self.slides[identifier][path] = content

    def remove(self, identifier: str) -> None:
        """See `Store.remove`."""
        self.slides.pop(identifier, None)

    def read_page(self, path: str) -> bytes | None:
        """See `Store.read_page`."""
        return self.pages.get(path)

    def put_page(self, path: str, content: bytes) -> None:
        """See `Store.put_page`."""
        self.pages[path] = content

    def remove_page(self, path: str) -> None:
        """See `Store.remove_page`."""
        self.pages.pop(path, None)

    def remove_file(self, identifier: str, path: str) -> None:
        """See `Store.remove_file`."""
        self.slides.get(identifier, {}).pop(path, None)
