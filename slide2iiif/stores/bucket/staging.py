"""Files of one slide on their way into a bucket.

A bucket cannot rename. The tiles of a slide that is not published yet, which nobody asks for before a document
announces them, go to their final keys as they are made. Those of a slide that is published wait in the scratch folder
until all are made: one that fails then costs nothing, and a reader sees both versions no longer than the requests take.
Either way what the place has already, byte for byte, is not put again. Documents always wait.
"""

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from slide2iiif.iiif.paths import SUFFIX
from slide2iiif.stores.base import Staging
from slide2iiif.stores.bucket.address import Address
from slide2iiif.stores.bucket.listing import Listing, OpenListing
from slide2iiif.stores.bucket.objects import BucketObjects
from slide2iiif.stores.bucket.puts import Waiting
from slide2iiif.system_errors import as_target_errors

_DOCUMENTS, _TILES = "documents", "tiles"
"""Folders of what waits: a file for each document; a file for each task, with its tiles one after the other."""
_LENGTH_BYTES = 4


@dataclass(frozen=True, slots=True)
class BucketStaging:
    """Files of one slide, or of a service below it. See `Staging`."""

    public: Address
    """Root of the published tree."""
    place: str
    """Path of the slide or service below it; empty for single files."""
    scratch: Path
    """Local folder, for intermediate images."""
    held: Path
    """Local folder of what waits."""
    listing: Listing | None
    """Objects of the slide that were there before; None if there were none."""
    connections: int
    """Number of requests that a process may have under way."""
    is_direct: bool
    """True if tiles go to the bucket at once."""

    def below(self, place: str) -> "BucketStaging":
        """See `Staging.below`."""
        scratch = self.scratch / place
        with as_target_errors(self.scratch):
            scratch.mkdir(parents=True, exist_ok=True)
        inner = f"{self.place}/{place}" if self.place else place
        return BucketStaging(
            self.public, inner, scratch, self.held, self.listing, self.connections, is_direct=self.is_direct
        )

    @property
    def staged(self) -> BucketObjects:
        """See `Staging.staged`."""
        return BucketObjects(self.public.below(self.place))

    def read(self, path: str) -> bytes | None:
        """See `Staging.read`."""
        name = f"{self.place}/{path}" if self.place else path
        waiting = _document_file(self.held, name)
        if waiting.is_file():
            return waiting.read_bytes().partition(b"\0")[2]
        return BucketObjects(self.public).read(name) if self.is_direct else None

    def opened(self) -> "BucketFiles":
        """See `Staging.opened`."""
        return BucketFiles(self)

    def documents(self) -> Iterator[tuple[str, bytes]]:
        """Yield name and content of the documents that wait, in no order."""
        for file in sorted((self.held / _DOCUMENTS).glob("*")):
            name, _, content = file.read_bytes().partition(b"\0")
            yield name.decode(), content

    def tiles(self) -> Iterator[tuple[str, bytes]]:
        """Yield name and content of the tiles that wait, in no order."""
        for path in sorted((self.held / _TILES).glob("*")):
            with path.open("rb") as file:
                while name := _read_part(file):
                    yield name.decode(), _read_part(file)


class BucketFiles:
    """Files of one task. See `Files`; all requests are answered when the `with` block ends."""

    def __init__(self, staging: BucketStaging) -> None:
        """Open the listing of what is there."""
        self._staging = staging
        self._prefix = f"{staging.place}/" if staging.place else ""
        self._open = ExitStack()
        self._waiting: Waiting | None = None
        self._file: BinaryIO | None = None
        self._known: OpenListing | None = None
        if staging.listing is not None:
            self._known = self._open.enter_context(staging.listing.opened())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for all requests.

        Raises:
            TargetError: one was refused, or the scratch folder is full.
        """
        with as_target_errors(self._staging.held), self._open:
            if self._waiting is not None:
                self._waiting.wait()

    def put(self, paths: Sequence[str], content: bytes) -> None:
        """See `Files.put`."""
        staging, md5 = self._staging, b""
        for path in paths:
            name = self._prefix + path
            if not staging.place or not path.endswith(SUFFIX):
                _hold_document(staging.held, name, content)
                continue
            known = None if self._known is None else self._known.known(name)
            if known is not None and known.md5 and known.size == len(content):
                md5 = md5 or hashlib.md5(content, usedforsecurity=False).digest()
                if known.md5 == md5:
                    continue
            if staging.is_direct:
                self._waiting = self._waiting or Waiting(staging.public, staging.connections)
                self._waiting.put(name, content)
            else:
                self._hold_tile(name, content)

    def put_shared(self, paths: Sequence[str], content: bytes) -> bool:
        """See `Files.put_shared`; a bucket has no links."""
        self.put(paths, content)
        return True

    def _hold_tile(self, name: str, content: bytes) -> None:
        held = self._staging.held / _TILES
        with as_target_errors(held):
            if self._file is None:
                held.mkdir(parents=True, exist_ok=True)
                self._file = self._open.enter_context((held / uuid.uuid4().hex).open("wb"))
            for part in (name.encode(), content):
                self._file.write(len(part).to_bytes(_LENGTH_BYTES) + part)


def bucket_staging_of(staging: Staging) -> BucketStaging:
    """Return the staging of a store of this kind.

    Raises:
        TypeError: it is of another store.
    """
    if not isinstance(staging, BucketStaging):
        raise TypeError(f"staging of another store: {staging!r}")
    return staging


def _document_file(held: Path, name: str) -> Path:
    return held / _DOCUMENTS / hashlib.sha256(name.encode()).hexdigest()


def _hold_document(held: Path, name: str, content: bytes) -> None:
    file = _document_file(held, name)
    with as_target_errors(held):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode() + b"\0" + content)


def _read_part(file: BinaryIO) -> bytes:
    return file.read(int.from_bytes(file.read(_LENGTH_BYTES)))
