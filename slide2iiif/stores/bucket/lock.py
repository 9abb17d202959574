"""Lock of a tree in a bucket: an object that is made only if there is none, and renewed as long as the run lives.

A bucket has no locks, but what it is asked to create it creates once (RFC 9110 section 13.1.2, `If-None-Match: *`), and
replaces only in the version that was seen (section 13.1.1, `If-Match`). A run that ends without a word leaves its lock;
after five minutes without a sign of life, by the clock of the place, another may take it over.
"""

import json
import os
import socket
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from slide2iiif.errors import TargetBusyError, TargetError
from slide2iiif.stores.bucket.address import Address
from slide2iiif.stores.bucket.client import load, open_client
from slide2iiif.stores.bucket.refusals import target_error

Answer = TypeVar("Answer")

NAME = "lock"
"""Name of the lock below the private prefix."""

RENEW_SECONDS = 30.0
"""Interval of the signs of life."""

_STALE = timedelta(minutes=5)
"""Time without a sign of life after which a lock is that of a dead run."""

_UNLOCKED = "two runs could write there at the same time, as it makes an object anew that is there"


class BucketLock:
    """Lock of one tree."""

    def __init__(self, private: Address, *, renew_seconds: float = RENEW_SECONDS) -> None:
        """Describe the lock of a private prefix; nothing is asked yet."""
        self._private = private
        self._key = private.prefix + NAME
        self._renew_seconds = renew_seconds
        self._nonce = ""
        self._version: dict[str, str] = {}
        self._ended = threading.Event()
        self._lost = False
        self.was_taken_over = False
        """True if the run before ended without a word."""
        self._renewer: threading.Thread | None = None

    def acquire(self) -> None:
        """Take the lock, and hold it until `release`.

        Raises:
            TargetBusyError: another run holds it.
            TargetError: the place refuses, or knows no conditional requests.
        """
        self._nonce = uuid.uuid4().hex
        if not self._create():
            self._take_over()
        self._check_conditions()
        self._ended.clear()
        self._renewer = threading.Thread(target=self._renew, name="lock", daemon=True)
        self._renewer.start()

    def release(self) -> None:
        """Delete the lock, unless another run has taken it over."""
        self._ended.set()
        if self._renewer is not None:
            self._renewer.join()
            self._renewer = None
        if self._nonce and not self._lost:
            note = self._read()
            if note is not None and note.get("nonce") == self._nonce:
                self._try(lambda obstore, client: obstore.delete(client, self._key))
        self._nonce = ""

    def check(self) -> None:
        """Check that this run still holds the lock, before it announces anything.

        Raises:
            TargetError: another run has taken it over.
        """
        if self._lost:
            raise TargetError(f"{self._private}: another run has taken this tree over, as this one was taken for dead")

    def holder(self) -> str | None:
        """Return a description of the run that holds the lock; None if it is free."""
        note = self._read()
        return None if note is None else _described(note)

    def is_stale(self) -> bool:
        """Return True if the run that holds the lock shows no sign of life."""
        found = self._head()
        return found is not None and self._now() - found["last_modified"] > _STALE

    def _create(self) -> bool:
        """Make the lock; return False if there is one."""
        try:
            self._version = self._put("create")
        except FileExistsError:
            note = self._read()
            # The first try may have been taken though no answer came, and the second then finds it.
            return note is not None and note.get("nonce") == self._nonce and self._adopt()
        return True

    def _adopt(self) -> bool:
        found = self._head()
        self._version = {} if found is None else _version(found)
        return found is not None

    def _take_over(self) -> None:
        """Take over the lock of a dead run.

        Raises:
            TargetBusyError: it is not dead, or another one was faster.
        """
        found, note = self._head(), self._read()
        if found is None or note is None:
            # It was released meanwhile.
            if self._create():
                return
            note = self._read() or {}
        elif self._now() - found["last_modified"] > _STALE:
            try:
                self._version = self._put(_version(found))
            except FileExistsError:
                note = self._read() or {}
            else:
                self.was_taken_over = True
                return
        raise TargetBusyError(f"{self._private}: is in use by {_described(note)}")

    def _check_conditions(self) -> None:
        """Check that the place refuses to create what is there, as the lock relies on it.

        Raises:
            TargetError: it does not.
        """
        try:
            self._put("create")
        except FileExistsError:
            return
        self._try(lambda obstore, client: obstore.delete(client, self._key))
        raise TargetError(f"{self._private}: cannot be locked: {_UNLOCKED}; use a place with conditional writes")

    def _renew(self) -> None:
        while not self._ended.wait(self._renew_seconds):
            try:
                self._version = self._put(self._version)
            except FileExistsError:
                note = self._read()
                if note is not None and note.get("nonce") == self._nonce and self._adopt():
                    continue
                self._lost = True
                return
            except TargetError:
                # No answer this time; the next one may come through. Whoever takes over meanwhile is noticed then.
                continue

    def _now(self) -> datetime:
        """Return the time by the clock of the place: that of an object made now."""
        key = f"{self._key}-{uuid.uuid4().hex}"

        def ask(obstore: Any, client: Any) -> datetime:
            obstore.put(client, key, b"", use_multipart=False)
            now: datetime = obstore.head(client, key)["last_modified"]
            obstore.delete(client, key)
            return now

        return self._try(ask)

    def _put(self, mode: object) -> dict[str, str]:
        """Write the lock under a condition; return its version.

        Raises:
            FileExistsError: the condition does not hold.
            TargetError: the place refuses.
        """
        obstore = load()
        note = {
            "nonce": self._nonce,
            "host": socket.gethostname(),
            "process": os.getpid(),
            "renewed": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        content = json.dumps(note).encode()
        try:
            answer = obstore.put(open_client(self._private.bucket), self._key, content, mode=mode, use_multipart=False)
        except (obstore.exceptions.AlreadyExistsError, obstore.exceptions.PreconditionError, FileNotFoundError):
            raise FileExistsError(self._key) from None
        except (OSError, obstore.exceptions.BaseError, NotImplementedError) as error:
            raise target_error(error, self._private) from None
        return _version(answer)

    def _read(self) -> dict[str, Any] | None:
        def read(obstore: Any, client: Any) -> bytes | None:
            try:
                return bytes(obstore.get(client, self._key).bytes())
            except FileNotFoundError:
                return None

        content = self._try(read)
        if content is None:
            return None
        try:
            note = json.loads(content)
        except (ValueError, RecursionError):
            return {}
        return note if isinstance(note, dict) else {}

    def _head(self) -> Any:
        def head(obstore: Any, client: Any) -> Any:
            try:
                return obstore.head(client, self._key)
            except FileNotFoundError:
                return None

        return self._try(head)

    def _try(self, ask: Callable[[Any, Any], Answer]) -> Answer:
        obstore = load()
        try:
            return ask(obstore, open_client(self._private.bucket))
        except (OSError, obstore.exceptions.BaseError) as error:
            raise target_error(error, self._private) from None


def _version(answer: Any) -> dict[str, str]:
    """Return what a conditional request names the version of an object by."""
    return {name: answer[name] for name in ("e_tag", "version") if answer.get(name)}


def _described(note: dict[str, Any]) -> str:
    """Return a description of a run from the text of its lock, which anybody may have written."""
    host, process, renewed = (str(note.get(name, "?"))[:100] for name in ("host", "process", "renewed"))
    return f"process {process} on {host}, which showed its last sign of life at {renewed}"
