"""A published tree in a bucket.

Law: `info.json` is there only if every URL that it announces is. A slide cannot be published in one step here, so what
it announces comes first, then `info.json`, then its pages; a removal goes the other way round. Between two versions of
a slide a reader may get tiles of both, each a whole picture of its region.
"""

import hashlib
import os
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Self

from slide2iiif.errors import TargetBusyError, TargetError
from slide2iiif.iiif.info import DOCUMENT_NAME
from slide2iiif.iiif.manifest import MANIFEST_NAME, PAGE_NAME
from slide2iiif.options import CONNECTIONS
from slide2iiif.stores.base import Head, Staging
from slide2iiif.stores.bucket.address import Address
from slide2iiif.stores.bucket.announced import announced_names
from slide2iiif.stores.bucket.client import is_readable_by_anybody
from slide2iiif.stores.bucket.listing import Listing, md5_of, write_listing
from slide2iiif.stores.bucket.lock import NAME as LOCK
from slide2iiif.stores.bucket.lock import BucketLock
from slide2iiif.stores.bucket.mirror import MirroredObjects
from slide2iiif.stores.bucket.objects import BucketObjects
from slide2iiif.stores.bucket.puts import Waiting
from slide2iiif.stores.bucket.staging import BucketStaging, bucket_staging_of
from slide2iiif.system_errors import PRIVATE, as_target_errors

_GRACE_SECONDS = 3.0
"""Time between the publication of a version and the removal of names that it lacks: for who has just read the older."""
_PAGES = frozenset({MANIFEST_NAME, PAGE_NAME})
_DELETED_TOGETHER = 10_000
_PUT_TOGETHER = 1000
"""Tiles in memory while they are put: some 16 MB."""
_RUN = "run"
"""Private object that each run writes when it begins and when it ends: unchanged, so are the records."""
_LEFTOVERS = "leftovers"
"""Private folder with a mark for each slide that may still have names of an older version: its documents, by lines."""


@dataclass(frozen=True, slots=True)
class _Leftover:
    """Slide that has names of an older version."""

    due: float
    """Time by the monotonic clock from which on they may go."""
    identifier: str
    """Identifier of the slide."""


class BucketStore:
    """A published tree in a bucket. See `Store`."""

    folders: tuple[Path, ...] = ()
    atomic_publish = False
    trusts_records = True

    def __init__(
        self,
        address: Address,
        private: Address | None = None,
        *,
        is_stopped: Callable[[], bool] = lambda: False,
        connections: int = CONNECTIONS.default,
        cache: Path | None = None,
        grace: float = _GRACE_SECONDS,
    ) -> None:
        """Describe a tree; nothing is asked before it is needed.

        Args:
            address: of the tree.
            private: of its records; None for a prefix below it.
            is_stopped: returns True once the run was told to stop.
            connections: number of requests that a process may have under way.
            cache: local folder of copies of records; None for that of the user.
            grace: seconds from the publication of a version to the removal of names that it lacks.
        """
        self.address = address
        self.private_address = private or address.below(PRIVATE)
        self._cache = (cache or _user_cache()) / hashlib.sha256(str(self.private_address).encode()).hexdigest()[:32]
        self._is_stopped = is_stopped
        self._connections = connections
        self._lock = BucketLock(self.private_address)
        self._scratch: Path | None = None
        self._grace = grace
        self._leftovers: list[_Leftover] = []
        self._leftovers_lock = threading.Lock()

    def __enter__(self) -> Self:
        """Take the lock, and look at the records anew.

        Raises:
            TargetBusyError: another run holds the tree.
            TargetError: the place refuses, or everybody can read the records.
        """
        self._lock.acquire()
        try:
            self._check_private()
            self._mark_run(is_known=not self._lock.was_taken_over)
            self.private.fetch("receipts", "/receipt.json")
            self._clear_scratch()
            # Of a run that was killed in between; before this one puts anything beside them.
            self._leftovers = [_Leftover(0, name) for name in self._marked()]
            self._delete_leftovers(everything=True)
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *raised: object) -> None:
        try:
            if raised[0] is None:
                self._delete_leftovers(everything=True)
            self.private.write(_RUN, uuid.uuid4().hex.encode())
        finally:
            self._lock.release()
            if self._scratch is not None:
                shutil.rmtree(self._scratch, ignore_errors=True)
                self._scratch = None

    def _mark_run(self, *, is_known: bool) -> None:
        """List the records anew if another run has changed them since they were listed, and mark that this one may.

        Args:
            is_known: False if the run before has ended without a word.
        """
        if not is_known or not self.private.is_current(_RUN):
            self.private.refresh()
        self.private.write(_RUN, uuid.uuid4().hex.encode())

    def _check_private(self) -> None:
        """Check that not everybody can read the records.

        Raises:
            TargetError: everybody can.
        """
        if is_readable_by_anybody(self.private_address, LOCK):
            raise TargetError(
                f"{self.private_address}: everybody can read the records that lie there; close that prefix by the "
                "policy of the bucket, or keep them in another bucket: --private-dir"
            )

    @property
    def place(self) -> str:
        """See `Store.place`."""
        return str(self.address)

    @property
    def public(self) -> BucketObjects:
        """See `Store.public`."""
        return BucketObjects(self.address)

    @property
    def private(self) -> MirroredObjects:
        """See `Store.private`."""
        return MirroredObjects(self.private_address, self._cache)

    def is_tree(self) -> bool:
        """See `Store.is_tree`."""
        return self.private.is_folder("")

    def holder(self) -> str | None:
        """See `Store.holder`."""
        return self._lock.holder()

    def check_free(self) -> None:
        """See `Store.check_free`. A lock of a dead run is found out on entry."""
        holder = self._lock.holder()
        if holder is not None and not self._lock.is_stale():
            raise TargetBusyError(f"{self.private_address}: is in use by {holder}")

    def holds(self, identifier: str) -> bool:
        """See `Store.holds`."""
        return self.public.head(f"{identifier}/{DOCUMENT_NAME}") is not None

    def access_note(self, identifier: str) -> str:
        """See `Store.access_note`. Who may read is the policy of the bucket."""
        del identifier
        return ""

    def identifiers(self) -> Iterator[str]:
        """See `Store.identifiers`. Lists the whole tree, 1,000 objects a request."""
        names = (name for name, _ in self.public.below("") if not name.startswith(f"{PRIVATE}/"))
        found = {name.removesuffix(f"/{DOCUMENT_NAME}") for name in names if name.endswith(f"/{DOCUMENT_NAME}")}
        # A service below a slide is none: it is listed before the document of the slide itself.
        yield from sorted(each for each in found if not any(above in found for above in _folders_above(each)))

    def capacity(self) -> None:
        """See `Store.capacity`: a bucket has no end."""

    def left_over(self) -> tuple[int, int]:
        """See `Store.left_over`: nothing waits here between two runs."""
        return 0, 0

    def resume(self, identifier: str, state: str) -> BucketStaging | None:
        """See `Store.resume`. What an interrupted run has put is known by listing, from whatever computer."""
        del identifier, state
        return None

    def stage(self, identifier: str | None, state: str = "") -> BucketStaging:
        """See `Store.stage`."""
        del state
        with as_target_errors(self._cache):
            scratch = Path(tempfile.mkdtemp(prefix="slide-", dir=self._scratch_root()))
        held = scratch / "held"
        with as_target_errors(scratch):
            held.mkdir()
        if identifier is None:
            return BucketStaging(self.address, "", scratch, held, None, self._connections, is_direct=False)
        found = self.public.below(identifier)
        first = next(found, None)
        listing = None if first is None else write_listing(scratch / "listing.sqlite", chain([first], found))
        is_direct = listing is None or not _has(listing, f"{identifier}/{DOCUMENT_NAME}")
        return BucketStaging(self.address, identifier, scratch, held, listing, self._connections, is_direct=is_direct)

    def publish(self, identifier: str, staging: Staging) -> None:
        """See `Store.publish`."""
        slide = bucket_staging_of(staging)
        self._lock.check()
        waiting = Waiting(self.address, self._connections)
        for name, content in slide.tiles():
            waiting.put(name, content)
            if waiting.count >= _PUT_TOGETHER:
                waiting.wait()
        waiting.wait()
        documents = dict(slide.documents())
        last = f"{identifier}/{DOCUMENT_NAME}"
        self._lock.check()
        if slide.listing is not None and self._has_leftovers(slide, documents):
            self.private.write(_mark_of(identifier), "\n".join(documents).encode())
            with self._leftovers_lock:
                self._leftovers.append(_Leftover(time.monotonic() + self._grace, identifier))
        for name in sorted(documents, key=lambda name: (name.rpartition("/")[2] in _PAGES, name == last, name)):
            if not _is_there(slide.listing, name, documents[name]):
                self.public.write(name, documents[name])

    def drop(self, staging: Staging) -> None:
        """See `Store.drop`."""
        shutil.rmtree(bucket_staging_of(staging).scratch, ignore_errors=True)
        self._delete_leftovers()

    def discard(self, staging: Staging) -> None:
        """See `Store.discard`."""
        slide = bucket_staging_of(staging)
        if slide.place and slide.is_direct and not self._is_stopped() and not self.holds(slide.place):
            # What is left the next run of the slide finds, as after a kill.
            with suppress(TargetError):
                self._delete_below(slide.place)
        shutil.rmtree(slide.scratch, ignore_errors=True)

    def drop_unfinished(self) -> None:
        """See `Store.drop_unfinished`: nothing waits here between two runs."""

    def remove(self, identifier: str) -> None:
        """See `Store.remove`."""
        self._lock.check()
        for page in (PAGE_NAME, MANIFEST_NAME):
            self.public.delete(f"{identifier}/{page}")
        self.public.delete(f"{identifier}/{DOCUMENT_NAME}")
        self._delete_below(identifier)

    def _delete_below(self, folder: str) -> None:
        names = (name for name, _ in self.public.below(folder))
        while together := list(islice(names, _DELETED_TOGETHER)):
            self.public.delete_all(together)

    def _marked(self) -> Iterator[str]:
        """Yield the slides that are marked for names of an older version."""
        waiting = [_LEFTOVERS]
        while waiting:
            folder = waiting.pop()
            for entry in self.private.list(folder):
                if entry.is_folder:
                    waiting.append(f"{folder}/{entry.name}")
                else:
                    yield folder.removeprefix(f"{_LEFTOVERS}/")

    def _has_leftovers(self, slide: BucketStaging, documents: dict[str, bytes]) -> bool:
        """Return True if there were names that the documents of a new version do not announce."""
        assert slide.listing is not None  # noqa: S101 - for the checker of types
        with slide.listing.opened() as listing:
            return any(True for _ in _unannounced(slide.place, listing.names(), documents))

    def _delete_leftovers(self, *, everything: bool = False) -> None:
        """Delete names of older versions, those whose time has come, or all of them in their time."""
        while True:
            with self._leftovers_lock:
                if not self._leftovers or not (everything or self._leftovers[0].due <= time.monotonic()):
                    return
                leftover = self._leftovers.pop(0)
            time.sleep(max(0.0, leftover.due - time.monotonic()))
            self._lock.check()
            self._delete_unannounced(leftover.identifier)
            self.private.delete(_mark_of(leftover.identifier))

    def _delete_unannounced(self, identifier: str) -> None:
        """Delete the objects of a slide that its documents do not announce."""
        names = (self.private.read(_mark_of(identifier)) or b"").decode(errors="replace").splitlines()
        documents = {name: self.public.read(name) or b"" for name in names if name.startswith(f"{identifier}/")}
        unannounced = _unannounced(identifier, (name for name, _ in self.public.below(identifier)), documents)
        while together := list(islice(unannounced, _DELETED_TOGETHER)):
            self.public.delete_all(together)

    def _clear_scratch(self) -> None:
        """Delete scratch folders that killed runs have left here: this one holds the tree, so they are nobody's."""
        for folder in self._cache.glob("scratch-*"):
            shutil.rmtree(folder, ignore_errors=True)

    def _scratch_root(self) -> Path:
        if self._scratch is None:
            with as_target_errors(self._cache):
                self._cache.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._scratch = Path(tempfile.mkdtemp(prefix="scratch-", dir=self._cache))
        return self._scratch


def _user_cache() -> Path:
    """Return the user's folder for what can be made anew (XDG Base Directory Specification)."""
    named = os.environ.get("XDG_CACHE_HOME")
    return (Path(named) if named else Path.home() / ".cache") / "slide2iiif"


def _folders_above(name: str) -> Iterator[str]:
    """Yield the folders that a name lies in, the innermost first."""
    while "/" in name:
        name = name.rpartition("/")[0]
        yield name


def _has(listing: Listing, name: str) -> bool:
    with listing.opened() as found:
        return found.head(name) is not None


def _mark_of(identifier: str) -> str:
    return f"{_LEFTOVERS}/{identifier}/mark"


def _unannounced(identifier: str, names: Iterable[str], documents: dict[str, bytes]) -> Iterator[str]:
    """Yield the names of a slide that its documents do not announce; none if they say nothing of its tiles."""
    prefix = f"{identifier}/"
    announced = announced_names((name.removeprefix(prefix), content) for name, content in documents.items())
    if any(place == "" for place, *_ in announced.services):
        yield from (name for name in names if not announced.has(name.removeprefix(prefix)))


def _is_there(listing: Listing | None, name: str, content: bytes) -> bool:
    """Return True if the place has an object with this content already."""
    if listing is None:
        return False
    with listing.opened() as found:
        return _is_same(found.head(name), content)


def _is_same(head: Head | None, content: bytes) -> bool:
    if head is None or head.size != len(content):
        return False
    return md5_of(head.version) == hashlib.md5(content, usedforsecurity=False).digest()
