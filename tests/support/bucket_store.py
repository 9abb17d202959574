"""A tree in a bucket, over obstore: proof that the contract of a store fits a place that cannot rename.

Tiles are put at their final keys as they are made; documents wait in the scratch folder and come last, `info.json` the
very last, and then the keys of the older version go. obstore is used by the process that asks, never before a fork.
"""

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from slide2iiif.errors import TargetBusyError, TargetError
from slide2iiif.iiif.info import DOCUMENT_NAME
from slide2iiif.stores.base import Entry, Head, NotAnObjectError, Staging, UnreadableObjectError

_LOCK = "lock"


@lru_cache
def open_bucket(url: str) -> Any:
    """Return the client of a bucket: one for each process, and for a bucket in memory the bucket itself."""
    from obstore.store import LocalStore, MemoryStore

    return (
        LocalStore(url.removeprefix("file://"), mkdir=True, automatic_cleanup=True)
        if url.startswith("file://")
        else MemoryStore()
    )


@dataclass(frozen=True, slots=True)
class BucketObjects:
    """Objects below a prefix. See `Objects`."""

    url: str
    """Of the bucket."""
    prefix: str
    """With a slash at its end."""

    def read(self, name: str) -> bytes | None:
        import obstore
        from obstore.exceptions import BaseError

        try:
            return bytes(obstore.get(open_bucket(self.url), self.prefix + name).bytes())
        except FileNotFoundError:
            return None
        except BaseError as error:
            if "Not a directory" in str(error):
                return None
            raise UnreadableObjectError(f"{self.url}/{self.prefix}{name}: {error}", str(error)) from None

    def read_range(self, name: str, start: int, length: int) -> bytes | None:
        head = self.head(name)
        if head is None:
            if self.is_folder(name):
                raise NotAnObjectError(f"{name} is no object")
            return None
        import obstore

        if not length or start >= head.size:
            return b""
        return bytes(obstore.get_range(open_bucket(self.url), self.prefix + name, start=start, length=length))

    def head(self, name: str) -> Head | None:
        import obstore
        from obstore.exceptions import BaseError

        try:
            meta = obstore.head(open_bucket(self.url), self.prefix + name)
        except (FileNotFoundError, BaseError):
            return None
        return Head(meta["size"], str(meta["e_tag"]))

    def list(self, folder: str) -> Iterator[Entry]:
        import obstore

        prefix = self.prefix + (f"{folder}/" if folder else "")
        found = obstore.list_with_delimiter(open_bucket(self.url), prefix)
        yield from (Entry(each["path"].removeprefix(prefix), is_folder=False) for each in found["objects"])
        yield from (Entry(each.removeprefix(prefix), is_folder=True) for each in found["common_prefixes"])

    def is_folder(self, name: str) -> bool:
        return next(self.keys(name), None) is not None

    def keys(self, folder: str) -> Iterator[str]:
        """Yield the names of all objects below a folder, without the prefix."""
        import obstore

        prefix = self.prefix + (f"{folder}/" if folder else "")
        for page in obstore.list(open_bucket(self.url), prefix=prefix):
            yield from (each["path"].removeprefix(self.prefix) for each in page if each["path"].startswith(prefix))

    def write(
        self, name: str, content: bytes | Iterable[bytes], *, durable: bool = False, secret: bool = False
    ) -> None:
        del durable, secret
        import obstore
        from obstore.exceptions import BaseError

        try:
            obstore.put(
                open_bucket(self.url),
                self.prefix + name,
                content if isinstance(content, bytes) else b"".join(content),
                use_multipart=False,
            )
        except BaseError as error:
            raise TargetError(f"{self.url}/{self.prefix}{name}: {error}") from None

    def copy(self, existing: str, name: str) -> None:
        import obstore

        obstore.copy(open_bucket(self.url), self.prefix + existing, self.prefix + name)

    def delete(self, name: str) -> None:
        import contextlib

        import obstore

        with contextlib.suppress(FileNotFoundError):
            obstore.delete(open_bucket(self.url), self.prefix + name)


@dataclass(frozen=True, slots=True)
class BucketStaging:
    """Keys of one slide, its documents held back."""

    public: BucketObjects
    """Where tiles go."""
    slide: str
    """Place below it."""
    scratch: Path
    """Temporary folder on disk, which has the documents."""
    is_local: bool = False
    """Whether tiles wait in the scratch folder too: those of a repair."""

    def below(self, place: str) -> "BucketStaging":
        scratch = self.scratch / place
        scratch.mkdir(parents=True, exist_ok=True)
        return BucketStaging(self.public, f"{self.slide}/{place}", scratch, self.is_local)

    @property
    def staged(self) -> BucketObjects:
        return BucketObjects(self.public.url, f"{self.public.prefix}{self.slide}/")

    def read(self, path: str) -> bytes | None:
        held = self.scratch / "held" / path
        if held.is_file():
            return held.read_bytes()
        return None if self.is_local else self.public.read(f"{self.slide}/{path}")

    def put(self, paths: Sequence[str], content: bytes) -> None:
        for path in paths:
            if self.is_local or path.endswith(".json"):
                held = self.scratch / "held" / path
                held.parent.mkdir(parents=True, exist_ok=True)
                held.write_bytes(content)
            else:
                self.public.write(f"{self.slide}/{path}", content)
                with (self.scratch / "put").open("a", encoding="utf-8") as note:
                    note.write(f"{self.slide}/{path}\n")

    def put_shared(self, paths: Sequence[str], content: bytes) -> bool:
        self.put(paths, content)
        return True

    def opened(self) -> AbstractContextManager["BucketStaging"]:
        return nullcontext(self)


class BucketStore:
    """A published tree in a bucket."""

    folders: tuple[Path, ...] = ()
    atomic_publish = False

    def __init__(self, url: str) -> None:
        self.place = url
        self.public = BucketObjects(url, "public/")
        self.private = BucketObjects(url, "private/")

    def __enter__(self) -> Self:
        import obstore
        from obstore.exceptions import AlreadyExistsError

        try:
            obstore.put(open_bucket(self.place), f"private/{_LOCK}", b"this process", mode="create")
        except AlreadyExistsError:
            raise TargetBusyError(f"{self.place} is in use by {self.holder()}") from None
        return self

    def __exit__(self, *raised: object) -> None:
        self.private.delete(_LOCK)

    def is_tree(self) -> bool:
        return self.private.is_folder("")

    def holder(self) -> str | None:
        note = self.private.read(_LOCK)
        return None if note is None else note.decode()

    def check_free(self) -> None:
        if self.holder() is not None:
            raise TargetBusyError(f"{self.place} is in use by {self.holder()}")

    def holds(self, identifier: str) -> bool:
        return self.public.head(f"{identifier}/{DOCUMENT_NAME}") is not None

    def access_note(self, identifier: str) -> str:
        del identifier
        return ""

    def identifiers(self) -> Iterator[str]:
        found = sorted(key for key in self.public.keys("") if key.endswith(f"/{DOCUMENT_NAME}"))
        slides = [key.removesuffix(f"/{DOCUMENT_NAME}") for key in found]
        return (each for each in slides if not any(each.startswith(f"{other}/") for other in slides))

    def capacity(self) -> None:
        """Nothing is known of a bucket."""

    def left_over(self) -> tuple[int, int]:
        return 0, 0

    def resume(self, identifier: str, state: str) -> BucketStaging | None:
        """Nothing outlives a run here."""

    def stage(self, identifier: str | None, state: str = "") -> BucketStaging:
        del state
        scratch = Path(tempfile.mkdtemp(prefix="slide2iiif-"))
        return BucketStaging(self.public, identifier or "", scratch, is_local=identifier is None)

    def publish(self, identifier: str, staging: Staging) -> None:
        if not isinstance(staging, BucketStaging):
            raise TypeError(f"staging of another store: {staging!r}")
        before = set(self.public.keys(identifier))
        held = {f"{identifier}/{path}": content for path, content in _held(staging.scratch)}
        for path in sorted(held, key=lambda path: (path == f"{identifier}/{DOCUMENT_NAME}", path)):
            self.public.write(path, held[path])
        for path in before - held.keys() - _put(staging.scratch):
            self.public.delete(path)

    def drop(self, staging: Staging) -> None:
        shutil.rmtree(staging.scratch, ignore_errors=True)

    def discard(self, staging: Staging) -> None:
        assert isinstance(staging, BucketStaging)
        if staging.slide and not self.holds(staging.slide):
            for path in _put(staging.scratch):
                self.public.delete(path)
        self.drop(staging)

    def drop_unfinished(self) -> None:
        """There is never anything."""

    def remove(self, identifier: str) -> None:
        self.public.delete(f"{identifier}/{DOCUMENT_NAME}")
        for path in list(self.public.keys(identifier)):
            self.public.delete(path)


def _held(scratch: Path) -> Iterator[tuple[str, bytes]]:
    for folder in sorted(scratch.rglob("held")):
        place = folder.parent.relative_to(scratch).as_posix()
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            path = file.relative_to(folder).as_posix()
            yield path if place == "." else f"{place}/{path}", file.read_bytes()


def _put(scratch: Path) -> set[str]:
    notes = [note for note in scratch.rglob("put") if note.is_file()]
    return {line for note in notes for line in note.read_text(encoding="utf-8").splitlines()}
