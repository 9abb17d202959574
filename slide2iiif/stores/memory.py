"""A tree in memory: for tests and for trying plans. It works with the serial engine only."""

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from slide2iiif.errors import TargetBusyError
from slide2iiif.iiif.info import DOCUMENT_NAME
from slide2iiif.stores.base import Entry, Head, NotAnObjectError, Staging


class MemoryObjects:
    """Objects in a dictionary. See `Objects`."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self._versions: dict[str, int] = {}
        self._written = 0

    def read(self, name: str) -> bytes | None:
        """See `Objects.read`."""
        return self.contents.get(name)

    def read_range(self, name: str, start: int, length: int) -> bytes | None:
        """See `Objects.read_range`."""
        content = self.contents.get(name)
        if content is None and self.is_folder(name):
            raise NotAnObjectError(f"{name} is a folder")
        return None if content is None else content[start : start + length]

    def head(self, name: str) -> Head | None:
        """See `Objects.head`."""
        content = self.contents.get(name)
        return None if content is None else Head(len(content), str(self._versions[name]))

    def list(self, folder: str) -> Iterator[Entry]:
        """See `Objects.list`."""
        start = f"{folder}/" if folder else ""
        below = [name.removeprefix(start) for name in tuple(self.contents) if name.startswith(start)]
        for name in sorted({each.partition("/")[0] for each in below}):
            yield Entry(name, is_folder=name not in below)

    def is_folder(self, name: str) -> bool:
        """See `Objects.is_folder`."""
        return any(each.startswith(f"{name}/" if name else "") for each in tuple(self.contents))

    def write(
        self, name: str, content: bytes | Iterable[bytes], *, durable: bool = False, secret: bool = False
    ) -> None:
        """See `Objects.write`."""
        del durable, secret
        self._check_way(name)
        self._written += 1
        self._versions[name] = self._written
        self.contents[name] = content if isinstance(content, bytes) else b"".join(content)

    def copy(self, existing: str, name: str) -> None:
        """See `Objects.copy`."""
        self.write(name, self.contents[existing])

    def delete(self, name: str) -> None:
        """See `Objects.delete`."""
        self.contents.pop(name, None)

    def _check_way(self, name: str) -> None:
        parts = name.split("/")
        way = ("/".join(parts[:count]) for count in range(1, len(parts)))
        if self.is_folder(name) or any(each in self.contents for each in way):
            raise NotAnObjectError(f"{name}: something else is in the way")


@dataclass(frozen=True, slots=True)
class MemoryStaging:
    """The files of one slide."""

    scratch: Path
    """Temporary folder on disk."""
    files: dict[str, bytes] = field(default_factory=dict, hash=False)
    """Content by path."""
    prefix: str = ""
    """Place below the slide, with a slash."""

    def below(self, place: str) -> "MemoryStaging":
        """See `Staging.below`."""
        scratch = self.scratch / place
        scratch.mkdir(parents=True, exist_ok=True)
        return MemoryStaging(scratch, self.files, f"{self.prefix}{place}/")

    @property
    def staged(self) -> MemoryObjects:
        """See `Staging.staged`."""
        objects = MemoryObjects()
        for path, content in self.files.items():
            if path.startswith(self.prefix):
                objects.write(path.removeprefix(self.prefix), content)
        return objects

    def read(self, path: str) -> bytes | None:
        """See `Staging.read`."""
        return self.files.get(self.prefix + path)

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
    """A published tree in two dictionaries."""

    place = "memory"
    folders: tuple[Path, ...] = ()
    atomic_publish = True
    trusts_records = False

    def __init__(self) -> None:
        self.public = MemoryObjects()
        self.private = MemoryObjects()
        self._held = False

    @property
    def slides(self) -> dict[str, dict[str, bytes]]:
        """Files of each slide, by identifier and path below it."""
        return {each: self._files_of(each) for each in self.identifiers()}

    def _files_of(self, identifier: str) -> dict[str, bytes]:
        start = f"{identifier}/"
        contents = self.public.contents.copy()
        return {name.removeprefix(start): content for name, content in contents.items() if name.startswith(start)}

    def __enter__(self) -> Self:
        """Take the lock.

        Raises:
            TargetBusyError: it is taken.
        """
        self.check_free()
        self._held = True
        return self

    def __exit__(self, *raised: object) -> None:
        """Release the lock."""
        self._held = False

    def is_tree(self) -> bool:
        """See `Store.is_tree`."""
        return bool(self.private.contents)

    def holder(self) -> str | None:
        """See `Store.holder`."""
        return "this process" if self._held else None

    def check_free(self) -> None:
        """See `Store.check_free`."""
        if self._held:
            raise TargetBusyError("the store in memory is in use")

    def holds(self, identifier: str) -> bool:
        """See `Store.holds`."""
        return f"{identifier}/{DOCUMENT_NAME}" in self.public.contents

    def access_note(self, identifier: str) -> str:
        """See `Store.access_note`; nobody serves it."""
        del identifier
        return ""

    def identifiers(self) -> Iterator[str]:
        """See `Store.identifiers`."""
        found = sorted(path for path in tuple(self.public.contents) if path.endswith(f"/{DOCUMENT_NAME}"))
        slides = [path.removesuffix(f"/{DOCUMENT_NAME}") for path in found]
        # Services of pictures beside the levels lie below their slide.
        return (each for each in slides if not any(each.startswith(f"{other}/") for other in slides))

    def capacity(self) -> None:
        """See `Store.capacity`; that of memory is unknown."""

    def left_over(self) -> tuple[int, int]:
        """See `Store.left_over`; nothing outlives a run."""
        return 0, 0

    def resume(self, identifier: str, state: str) -> MemoryStaging | None:
        """See `Store.resume`; nothing outlives a run."""

    def drop_unfinished(self) -> None:
        """See `Store.drop_unfinished`; there is never anything."""

    def stage(self, identifier: str | None, state: str = "") -> MemoryStaging:
        """See `Store.stage`."""
        del identifier, state  # Nothing can be in the way.
        return MemoryStaging(Path(tempfile.mkdtemp(prefix="slide2iiif-")))

    def publish(self, identifier: str, staging: Staging) -> None:
        """See `Store.publish`."""
        if not isinstance(staging, MemoryStaging):
            raise TypeError(f"staging of another store: {staging!r}")
        files = dict(staging.files)
        for path in self._files_of(identifier).keys() - files.keys():
            self.public.delete(f"{identifier}/{path}")
        for path, content in files.items():
            self.public.contents.pop(f"{identifier}/{path}", None)
            self.public.write(f"{identifier}/{path}", content)
        staging.files.clear()

    def drop(self, staging: Staging) -> None:
        """See `Store.drop`."""
        self.discard(staging)

    def discard(self, staging: Staging) -> None:
        """See `Store.discard`."""
        shutil.rmtree(staging.scratch, ignore_errors=True)

    def remove(self, identifier: str) -> None:
        """See `Store.remove`."""
        for path in self._files_of(identifier):
            self.public.delete(f"{identifier}/{path}")
