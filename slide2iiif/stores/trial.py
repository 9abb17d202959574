"""A store on trial: what is written to it and deleted from it is only remembered, over a store that stays as it is.

A dry run does to it what the run would do, so that both count the same.
"""

import threading
from collections.abc import Iterable, Iterator

from slide2iiif.iiif.info import DOCUMENT_NAME
from slide2iiif.stores.base import Entry, Head, NotAnObjectError, Objects, Staging, Store
from slide2iiif.stores.wrapped import WrappedStore


class TrialObjects:
    """Objects over others that stay as they are. See `Objects`. Safe for threads."""

    def __init__(self, below: Objects) -> None:
        """Put a layer over some objects."""
        self._below = below
        self._lock = threading.RLock()
        self._contents: dict[str, bytes] = {}
        self._gone: set[str] = set()
        """Objects and folders that were deleted."""
        self._inner: dict[str, dict[str, bool]] = {}
        """Names that were written below each folder: True for a folder."""
        self._left: dict[str, int] = {}
        """Entries of a folder that are there and not gone, for the folders that were asked about."""

    def read(self, name: str) -> bytes | None:
        """See `Objects.read`."""
        with self._lock:
            if name in self._contents:
                return self._contents[name]
            return None if self._is_gone(name) else self._below.read(name)

    def read_range(self, name: str, start: int, length: int) -> bytes | None:
        """See `Objects.read_range`."""
        with self._lock:
            if name in self._contents:
                return self._contents[name][start : start + length]
            if name in self._inner:
                raise NotAnObjectError(f"{name} is a folder")
            return None if self._is_gone(name) else self._below.read_range(name, start, length)

    def head(self, name: str) -> Head | None:
        """See `Objects.head`."""
        with self._lock:
            content = self._contents.get(name)
            if content is not None:
                return Head(len(content), f"trial {hash(content)}")
            return None if self._is_gone(name) else self._below.head(name)

    def list(self, folder: str) -> Iterator[Entry]:
        """See `Objects.list`."""
        with self._lock:
            written = dict(self._inner.get(folder, {}))
            below = [] if self._is_gone(folder) else list(self._below.list(folder))
            start = f"{folder}/" if folder else ""
            kept = [entry for entry in below if entry.name not in written and f"{start}{entry.name}" not in self._gone]
        yield from kept
        yield from (Entry(name, is_folder) for name, is_folder in written.items())

    def is_folder(self, name: str) -> bool:
        """See `Objects.is_folder`."""
        with self._lock:
            return name in self._inner or (not self._is_gone(name) and self._below.is_folder(name))

    def write(
        self, name: str, content: bytes | Iterable[bytes], *, durable: bool = False, secret: bool = False
    ) -> None:
        """Note an object. See `Objects.write`."""
        del durable, secret
        with self._lock:
            self._contents[name] = content if isinstance(content, bytes) else b"".join(content)
            is_folder = False
            place = name
            while place:
                folder, _, last = place.rpartition("/")
                self._inner.setdefault(folder, {})[last] = is_folder
                place, is_folder = folder, True

    def copy(self, existing: str, name: str) -> None:
        """See `Objects.copy`."""
        self.write(name, self.read(existing) or b"")

    def delete(self, name: str) -> None:
        """Note that an object is gone, and folders that it leaves empty. See `Objects.delete`."""
        with self._lock:
            if self.head(name) is None:
                return
            self._forget(name)
            folder = name.rpartition("/")[0]
            while folder and self._is_empty(folder):
                self._forget(folder)
                folder = folder.rpartition("/")[0]

    def delete_folder(self, name: str) -> None:
        """Note that a folder is gone with all that is in it."""
        with self._lock:
            self._forget(name)

    def _forget(self, name: str) -> None:
        folder, _, last = name.rpartition("/")
        if folder in self._left and not self._is_gone(name) and self._is_below(name):
            self._left[folder] -= 1
        self._gone.add(name)
        self._inner.get(folder, {}).pop(last, None)
        inner = [name]
        while inner:
            place = inner.pop()
            self._contents.pop(place, None)
            inner += [f"{place}/{each}" for each in self._inner.pop(place, {})]

    def _is_empty(self, folder: str) -> bool:
        """Return True if nothing is left in a folder, of which the entries are counted once."""
        if folder not in self._left:
            entries = [] if self._is_gone(folder) else self._below.list(folder)
            self._left[folder] = sum(f"{folder}/{entry.name}" not in self._gone for entry in entries)
        return not self._left[folder] and not self._inner.get(folder)

    def _is_below(self, name: str) -> bool:
        return self._below.head(name) is not None or self._below.is_folder(name)

    def _is_gone(self, name: str) -> bool:
        place = name
        while place:
            if place in self._gone:
                return True
            place = place.rpartition("/")[0]
        return False


class TrialStore(WrappedStore):
    """A tree on trial. Nothing can be staged: whoever would publish a slide replaces its documents."""

    def __init__(self, store: Store) -> None:
        """Put a layer over a store, which is not entered."""
        super().__init__(store)
        self._public, self._private = TrialObjects(store.public), TrialObjects(store.private)

    @property
    def public(self) -> TrialObjects:
        """See `Store.public`."""
        return self._public

    @property
    def private(self) -> TrialObjects:
        """See `Store.private`."""
        return self._private

    def holds(self, identifier: str) -> bool:
        """See `Store.holds`."""
        return self._public.head(f"{identifier}/{DOCUMENT_NAME}") is not None

    def stage(self, identifier: str | None, state: str = "") -> Staging:
        """Raise an error: there is no place for it."""
        raise TypeError(f"{identifier}: a trial stages nothing ({state})")

    def drop_unfinished(self) -> None:
        """Leave what there is."""

    def remove(self, identifier: str) -> None:
        """Note that a slide is gone. See `Store.remove`."""
        self._public.delete_folder(identifier)
