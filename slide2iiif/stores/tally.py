"""Count of the documents, manifests and pages of a tree that a run writes and removes, each once.

Written is what was not there, or was other bytes. Files of a slide are written once in a run, and perhaps removed with
it later; those of a folder may be written several times, so that their first and last bytes are compared.
"""

import hashlib
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum

from slide2iiif.iiif.info import PROFILE_NAME
from slide2iiif.stores.base import Entry, Head, Objects, Store
from slide2iiif.stores.wrapped import WrappedStore


class Written(StrEnum):
    """Kinds of files that are counted."""

    PAGES = "pages"
    """Pages of slides and folders, for people."""
    MANIFESTS = "manifests"
    """Manifests of slides, and collections of folders."""
    DOCUMENTS = "documents"
    """`info.json` of either version, and colour profiles."""


_KINDS = (
    (re.compile(r"index\.html|!page[0-9]+\.html"), Written.PAGES),
    (re.compile(r"manifest\.json|collection\.json|!page[0-9]+\.json"), Written.MANIFESTS),
    (re.compile(rf"info(-v[23])?\.json|{re.escape(PROFILE_NAME)}"), Written.DOCUMENTS),
)


def kind_of(path: str) -> Written | None:
    """Return the kind of a published file; None for those that are not counted."""
    name = path.rpartition("/")[2]
    return next((kind for pattern, kind in _KINDS if pattern.fullmatch(name)), None)


class Tally:
    """Numbers of files that were written and removed. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[Written, bool]] = Counter()
        self._folder_files: dict[str, tuple[bytes, bytes]] = {}
        """First and last digest of each file of a folder; empty where there is none."""
        self._slide_files: dict[int, bool] = {}
        """Hash of the path of each file that was written to a published slide: True if it was not there before."""

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the numbers by kind."""
        with self._lock:
            totals = self._counts.copy()
            for path, (first, last) in self._folder_files.items():
                kind = kind_of(path)
                if kind is not None and first != last:
                    totals[kind, bool(last)] += 1
        return {
            "written": {kind.value: totals[kind, True] for kind in Written},
            "removed": {kind.value: totals[kind, False] for kind in Written},
        }

    def slide_file(self, path: str, *, is_written: bool) -> None:
        """Count a file of a published slide that is written with it, or removed."""
        kind = kind_of(path)
        if kind is None:
            return
        with self._lock:
            if not is_written and (created := self._slide_files.pop(hash(path), None)) is not None:
                # It was written for nothing.
                self._counts[kind, True] -= 1
                if created:
                    return
            self._counts[kind, is_written] += 1

    def later_file(self, path: str, *, is_new: bool) -> None:
        """Count a file that is written to a slide that was published before."""
        with self._lock:
            self._slide_files[hash(path)] = is_new
        self.slide_file(path, is_written=True)

    def folder_file(self, path: str, before: bytes | None, after: bytes | None) -> None:
        """Note a file of a folder that is written or removed."""
        if kind_of(path) is None:
            return
        with self._lock:
            first, _ = self._folder_files.get(path, (_digest(before), b""))
            self._folder_files[path] = first, _digest(after)


def _digest(content: bytes | None) -> bytes:
    return b"" if content is None else hashlib.blake2b(content, digest_size=16).digest()


class TalliedObjects:
    """Published objects of a store, counted as they change. See `Objects`."""

    def __init__(self, store: Store, tally: Tally) -> None:
        """Count in a tally."""
        self._store = store
        self._tally = tally

    def __reduce__(self) -> tuple[Callable[[Objects], Objects], tuple[Objects]]:
        # Workers only read, and get the objects themselves.
        return _as_they_are, (self._store.public,)

    @property
    def _objects(self) -> Objects:
        return self._store.public

    def read(self, name: str) -> bytes | None:
        """See `Objects.read`."""
        return self._objects.read(name)

    def read_range(self, name: str, start: int, length: int) -> bytes | None:
        """See `Objects.read_range`."""
        return self._objects.read_range(name, start, length)

    def head(self, name: str) -> Head | None:
        """See `Objects.head`."""
        return self._objects.head(name)

    def list(self, folder: str) -> Iterator[Entry]:
        """See `Objects.list`."""
        return self._objects.list(folder)

    def is_folder(self, name: str) -> bool:
        """See `Objects.is_folder`."""
        return self._objects.is_folder(name)

    def write(
        self, name: str, content: bytes | Iterable[bytes], *, durable: bool = False, secret: bool = False
    ) -> None:
        """Write an object, and count it if its bytes change. See `Objects.write`."""
        whole = content if isinstance(content, bytes) else b"".join(content)
        before = self.read(name) if kind_of(name) is not None else None
        self._objects.write(name, whole, durable=durable, secret=secret)
        self._note(name, before, whole)

    def copy(self, existing: str, name: str) -> None:
        """See `Objects.copy`."""
        self._objects.copy(existing, name)

    def delete(self, name: str) -> None:
        """Delete an object, and count it if it was there. See `Objects.delete`."""
        before = self.read(name) if kind_of(name) is not None else None
        self._objects.delete(name)
        if before is not None:
            self._note(name, before, None)

    def _note(self, name: str, before: bytes | None, after: bytes | None) -> None:
        if kind_of(name) is None or before == after:
            return
        folder = name.rpartition("/")[0]
        if kind_of(name) is Written.DOCUMENTS or (folder and self._store.holds(folder)):
            if after is None:
                self._tally.slide_file(name, is_written=False)
            else:
                self._tally.later_file(name, is_new=before is None)
        else:
            self._tally.folder_file(name, before, after)


def _as_they_are(objects: Objects) -> Objects:
    return objects


class TalliedStore(WrappedStore):
    """A store whose published files are counted as they change."""

    def __init__(self, store: Store) -> None:
        """Count from now on."""
        super().__init__(store)
        self.tally = Tally()
        self._public = TalliedObjects(store, self.tally)

    @property
    def public(self) -> TalliedObjects:
        """See `Store.public`."""
        return self._public
