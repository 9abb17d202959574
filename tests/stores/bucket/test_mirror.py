"""Copies of the records of a bucket on this computer."""

import uuid
from pathlib import Path

import pytest

from slide2iiif.stores.base import Entry, NotAnObjectError
from slide2iiif.stores.bucket import mirror as module
from slide2iiif.stores.bucket.address import Address
from slide2iiif.stores.bucket.mirror import MirroredObjects
from slide2iiif.stores.bucket.objects import BucketObjects

RECEIPT = "receipts/a.svs/receipt.json"


@pytest.fixture
def place() -> Address:
    return Address(f"memory://{uuid.uuid4().hex}", "private/")


def computer(place: Address, cache: Path) -> MirroredObjects:
    """Return the records as a process sees them that has just begun."""
    module._open_mirror.cache_clear()
    return MirroredObjects(place, cache)


def no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the bucket was asked")

    for name in ("read", "head"):
        monkeypatch.setattr(BucketObjects, name, refuse)


def test_what_was_listed_and_read_is_not_asked_for_again(
    place: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    BucketObjects(place).write(RECEIPT, b"{}")
    records = computer(place, tmp_path)
    records.refresh()
    assert records.read(RECEIPT) == b"{}"
    records = computer(place, tmp_path)
    records.refresh()
    no_request(monkeypatch)
    assert records.read(RECEIPT) == b"{}"
    assert records.read("receipts/other.svs/receipt.json") is None
    assert list(records.list("receipts")) == [Entry("a.svs", is_folder=True)]


def test_what_another_computer_has_written_is_seen_when_it_is_listed(place: Address, tmp_path: Path) -> None:
    ours, theirs = computer(place, tmp_path / "ours"), MirroredObjects(place, tmp_path / "theirs")
    ours.write(RECEIPT, b"old")
    ours.refresh()
    theirs.refresh()
    assert ours.is_current(RECEIPT)
    theirs.write(RECEIPT, b"new")
    theirs.write("settings.json", b"{}")
    assert not ours.is_current(RECEIPT)
    ours.refresh()
    assert (ours.read(RECEIPT), ours.read("settings.json")) == (b"new", b"{}")
    theirs.delete(RECEIPT)
    ours.refresh()
    assert ours.read(RECEIPT) is None


def test_a_large_record_is_not_kept_and_read_in_parts(place: Address, tmp_path: Path) -> None:
    records = computer(place, tmp_path)
    content = bytes(range(256)) * 1024
    records.write("receipts/a.svs/ledger", iter([content[:100_000], content[100_000:]]))
    assert records.read_range("receipts/a.svs/ledger", 256, 4) == bytes(range(4))
    assert records.read("receipts/a.svs/ledger") == content
    assert (tmp_path / "records.sqlite").stat().st_size < len(content)


def test_many_records_are_fetched_by_their_kind(
    place: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(200):
        BucketObjects(place).write(f"receipts/{number}.svs/receipt.json", f"{number}".encode())
        BucketObjects(place).write(f"receipts/{number}.svs/ledger", b"digests")
    records = computer(place, tmp_path)
    records.refresh()
    records.fetch("receipts", "/receipt.json")
    no_request(monkeypatch)
    assert [records.read(f"receipts/{number}.svs/receipt.json") for number in (0, 199)] == [b"0", b"199"]
    with pytest.raises(AssertionError, match="the bucket was asked"):
        records.read("receipts/0.svs/ledger")


@pytest.mark.parametrize("harm", [b"", b"this is no database" * 100])
def test_a_damaged_copy_is_made_anew(place: Address, tmp_path: Path, harm: bytes) -> None:
    computer(place, tmp_path).write(RECEIPT, b"{}")
    module._open_mirror.cache_clear()
    (tmp_path / "records.sqlite").write_bytes(harm)
    assert computer(place, tmp_path).read(RECEIPT) == b"{}"


def test_the_copy_is_closed_to_others(place: Address, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    computer(place, cache).write(RECEIPT, b"{}")
    assert cache.stat().st_mode & 0o077 == 0


def test_nothing_is_written_over_a_folder(place: Address, tmp_path: Path) -> None:
    records = computer(place, tmp_path)
    records.write(RECEIPT, b"{}")
    records.refresh()
    with pytest.raises(NotAnObjectError):
        records.write("receipts/a.svs", b"{}")
