"""Objects below a prefix of a bucket."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from slide2iiif.stores.base import Entry, Head, NotAnObjectError, UnreadableObjectError
from slide2iiif.stores.bucket.address import Address
from slide2iiif.stores.bucket.client import load, open_client, put
from slide2iiif.stores.bucket.kinds import headers_of
from slide2iiif.stores.bucket.refusals import refusal_of, target_error

_WHOLE_BYTES = 8 << 20
"""Largest content that is put by one request; a larger one goes in parts, and is there at once or not at all, too."""
_UNSATISFIABLE = 416
_PAGE_KEYS = 1000
"""Keys of one listing request (Amazon S3, ListObjectsV2)."""
_DELETED_TOGETHER = 1000
"""Keys of one request to delete (Amazon S3, DeleteObjects)."""


@dataclass(frozen=True, slots=True)
class BucketObjects:
    """Objects below an address. See `Objects`."""

    address: Address
    """Place of the objects."""

    def read(self, name: str) -> bytes | None:
        """See `Objects.read`."""
        obstore = load()
        try:
            return bytes(obstore.get(self._client, self._key(name)).bytes())
        except FileNotFoundError:
            return None
        except obstore.exceptions.BaseError as error:
            if _is_folder_on_disk(error):
                return None
            raise self._unreadable(name, error) from None

    def read_range(self, name: str, start: int, length: int) -> bytes | None:
        """See `Objects.read_range`."""
        obstore = load()
        if length == 0:
            return None if self._exists(name) is None else b""
        try:
            return bytes(obstore.get_range(self._client, self._key(name), start=start, length=length))
        except FileNotFoundError:
            return self._exists(name) and b""
        except (obstore.exceptions.BaseError, ValueError) as error:
            head = self._exists(name)
            if head is not None and (start >= head.size or refusal_of(error).status == _UNSATISFIABLE):
                return b""
            raise self._unreadable(name, error) from None

    def head(self, name: str) -> Head | None:
        """See `Objects.head`."""
        obstore = load()
        try:
            found = obstore.head(self._client, self._key(name))
        except FileNotFoundError:
            return None
        except obstore.exceptions.BaseError as error:
            if _is_folder_on_disk(error):
                return None
            raise self._unreadable(name, error) from None
        return Head(found["size"], version_of(found))

    def list(self, folder: str) -> Iterator[Entry]:
        """See `Objects.list`."""
        obstore = load()
        prefix = self._key(f"{folder}/" if folder else "")
        try:
            found = obstore.list_with_delimiter(self._client, prefix)
        except FileNotFoundError:
            return
        except obstore.exceptions.BaseError as error:
            raise self._unreadable(folder, error) from None
        yield from (Entry(each["path"].removeprefix(prefix), is_folder=False) for each in found["objects"])
        yield from (Entry(each.removeprefix(prefix).rstrip("/"), is_folder=True) for each in found["common_prefixes"])

    def is_folder(self, name: str) -> bool:
        """See `Objects.is_folder`."""
        return next(self.below(name), None) is not None

    def below(self, folder: str) -> Iterator[tuple[str, Head]]:
        """Yield name, size and version of all objects below a folder, at any depth, in pages of one request.

        Raises:
            UnreadableObjectError: they cannot be listed.
        """
        obstore = load()
        prefix = self._key(f"{folder}/" if folder else "")
        try:
            for page in obstore.list(self._client, prefix=prefix, chunk_size=_PAGE_KEYS):
                for each in page:
                    # A client that lists a folder on disk knows no prefix that ends within a name.
                    if each["path"].startswith(prefix):
                        name = each["path"].removeprefix(self.address.prefix)
                        yield name, Head(each["size"], version_of(each))
        except FileNotFoundError:
            return
        except obstore.exceptions.BaseError as error:
            raise self._unreadable(folder, error) from None

    def write(
        self, name: str, content: bytes | Iterable[bytes], *, durable: bool = False, secret: bool = False
    ) -> None:
        """See `Objects.write`. Whatever was answered is durable; who may read is the bucket's own policy."""
        del durable, secret
        self.put(name, content)

    def put(self, name: str, content: bytes | Iterable[bytes]) -> str:
        """Write or replace an object; return its version.

        Raises:
            NotAnObjectError: something else is in its place.
            TargetError: the place cannot take it.
        """
        obstore = load()
        whole, rest = (content, iter(())) if isinstance(content, bytes) else _beginning(content)
        key, headers = self._key(name), headers_of(name)
        try:
            if len(whole) <= _WHOLE_BYTES:
                return version_of(put(self.address.bucket, key, whole, headers, use_multipart=False))
            return version_of(put(self.address.bucket, key, chain([whole], rest), headers))
        except (OSError, obstore.exceptions.BaseError) as error:
            if _is_folder_on_disk(error):
                raise NotAnObjectError(f"{self._place(name)}: is no object, or one is on the way to it") from None
            raise target_error(error, self.address) from None

    def copy(self, existing: str, name: str) -> None:
        """See `Objects.copy`."""
        obstore = load()
        try:
            obstore.copy(self._client, self._key(existing), self._key(name))
        except (OSError, obstore.exceptions.BaseError) as error:
            if _is_folder_on_disk(error):
                raise NotAnObjectError(f"{self._place(name)}: is no object, or one is on the way to it") from None
            raise target_error(error, self.address) from None

    def delete(self, name: str) -> None:
        """See `Objects.delete`."""
        self.delete_all([name])

    def delete_all(self, names: Iterable[str]) -> None:
        """Delete objects, as many with one request as the place takes.

        Raises:
            TargetError: one cannot be deleted.
        """
        obstore = load()
        keys = [self._key(name) for name in names]
        for first in range(0, len(keys), _DELETED_TOGETHER):
            together = keys[first : first + _DELETED_TOGETHER]
            try:
                obstore.delete(self._client, together)
            except FileNotFoundError:
                # A folder on disk stops at the first that is not there.
                for key in together:
                    self._delete_one(key)
            except obstore.exceptions.BaseError as error:
                raise target_error(error, self.address) from None

    def _delete_one(self, key: str) -> None:
        obstore = load()
        try:
            obstore.delete(self._client, key)
        except FileNotFoundError:
            pass
        except obstore.exceptions.BaseError as error:
            raise target_error(error, self.address) from None

    @property
    def _client(self) -> Any:
        return open_client(self.address.bucket)

    def _key(self, name: str) -> str:
        return self.address.prefix + name

    def _place(self, name: str) -> str:
        return f"{self.address.bucket}/{self._key(name)}"

    def _exists(self, name: str) -> Head | None:
        """Return size and version of an object; None where there is nothing.

        Raises:
            NotAnObjectError: there are objects below it.
        """
        head = self.head(name)
        if head is None and self.is_folder(name):
            raise NotAnObjectError(f"{self._place(name)}: is no object")
        return head

    def _unreadable(self, name: str, error: BaseException) -> UnreadableObjectError:
        advice = refusal_of(error).advice
        return UnreadableObjectError(f"{self._place(name)}: {advice}", advice)


def version_of(answer: Any) -> str:
    """Return the version tag of an answer or an entry of a listing: its ETag without quotes."""
    return str(answer["e_tag"] or answer.get("version") or "").strip('"')


def _beginning(pieces: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Return the first bytes of a content, one piece more than what is put at once, and the pieces that follow."""
    following, found, size = iter(pieces), [], 0
    for piece in following:
        found.append(piece)
        size += len(piece)
        if size > _WHOLE_BYTES:
            break
    return b"".join(found), following


def _is_folder_on_disk(error: BaseException) -> bool:
    """Return True if a client that keeps objects as files came upon a folder in their place."""
    return any(each in str(error) for each in ("Not a directory", "Is a directory"))
