"""The lock of a tree in a bucket."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from patience import wait_until

from slide2iiif.errors import TargetBusyError, TargetError
from slide2iiif.stores.bucket import lock as module
from slide2iiif.stores.bucket.address import Address
from slide2iiif.stores.bucket.client import open_client
from slide2iiif.stores.bucket.lock import BucketLock


@pytest.fixture
def private() -> Address:
    return Address(f"memory://{uuid.uuid4().hex}", "private/")


@pytest.fixture
def dead_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every run for dead that has shown no sign of life this moment."""
    monkeypatch.setattr(module, "_STALE", timedelta(0))


def is_lost(lock: BucketLock) -> Callable[[], bool]:
    def ask() -> bool:
        try:
            lock.check()
        except TargetError:
            return True
        return False

    return ask


def test_one_run_holds_a_tree_and_the_next_one_after_it(private: Address) -> None:
    first, second = BucketLock(private), BucketLock(private)
    assert second.holder() is None
    first.acquire()
    with pytest.raises(TargetBusyError, match="is in use by process"):
        second.acquire()
    first.check()
    first.release()
    second.acquire()
    assert not second.was_taken_over
    second.release()
    assert second.holder() is None


@pytest.mark.usefixtures("dead_at_once")
def test_a_dead_run_is_taken_over_and_finds_that_out_if_it_was_only_asleep(private: Address) -> None:
    first, second = BucketLock(private, renew_seconds=0.05), BucketLock(private)
    first.acquire()
    second.acquire()
    assert second.was_taken_over
    assert wait_until(is_lost(first))
    first.release()
    # What is not its own any more it does not delete.
    assert second.holder() is not None
    second.check()
    second.release()


def test_signs_of_life_do_not_lose_the_lock(private: Address) -> None:
    lock = BucketLock(private, renew_seconds=0.01)
    lock.acquire()
    client = open_client(private.bucket)
    before = client.head("private/lock")["e_tag"]
    assert wait_until(lambda: client.head("private/lock")["e_tag"] != before)
    lock.check()
    lock.release()
    assert lock.holder() is None


@pytest.mark.parametrize("note", [b"", b"[1]", b"{" * 100_000, b'{"host": ["\\n"], "process": {}}', b"\xff"])
def test_a_lock_of_any_bytes_is_held_by_somebody(private: Address, note: bytes) -> None:
    open_client(private.bucket).put("private/lock", note)
    with pytest.raises(TargetBusyError, match="is in use by process") as refusal:
        BucketLock(private).acquire()
    assert len(str(refusal.value)) < 500


def test_a_place_that_makes_anew_what_is_there_cannot_be_locked(
    private: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = BucketLock(private)
    put = lock._put
    monkeypatch.setattr(lock, "_put", lambda _mode: put("overwrite"))
    with pytest.raises(TargetError, match="two runs could write there at the same time"):
        lock.acquire()
    assert lock.holder() is None


def test_a_creation_whose_answer_was_lost_is_known_by_its_nonce(
    private: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = BucketLock(private)
    put = lock._put

    def answer_is_lost(mode: object) -> dict[str, str]:
        put(mode)
        # The library sends the request again, and is told that the object exists.
        return put(mode)

    monkeypatch.setattr(lock, "_put", answer_is_lost)
    lock.acquire()
    lock.check()
    lock.release()
