"""What the named objects of every store promise, on either side of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from stores import KINDS, opener_of

from slide2iiif.errors import TargetError
from slide2iiif.stores.base import Entry, NotAnObjectError, Objects
from slide2iiif.stores.tally import TalliedStore
from slide2iiif.stores.trial import TrialStore

NAME = "dir/a!20b.svs/0,0,256,256/256,/0/default.jpg"


SIDES = [(kind, side) for kind in KINDS for side in ("public", "private")]
SIDES += [(kind, wrapped) for kind in ("folder", "memory") for wrapped in ("on trial", "counted")]


@pytest.fixture(params=SIDES, ids=" ".join)
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Objects]:
    kind, side = request.param
    with opener_of(kind, tmp_path)() as store:
        if side == "on trial":
            yield TrialStore(store).public
        elif side == "counted":
            yield TalliedStore(store).public
        else:
            yield getattr(store, side)


def test_what_was_written_is_read_whole_and_in_parts(objects: Objects) -> None:
    objects.write(NAME, b"0123456789")
    assert objects.read(NAME) == b"0123456789"
    assert objects.read_range(NAME, 0, 3) == b"012"
    assert objects.read_range(NAME, 4, 2) == b"45"
    assert objects.read_range(NAME, 8, 100) == b"89"
    assert objects.read_range(NAME, 10, 5) == b""
    assert objects.read_range(NAME, 99, 5) == b""


def test_an_object_of_no_bytes_is_an_object(objects: Objects) -> None:
    objects.write(NAME, b"")
    assert objects.read(NAME) == b""
    assert objects.read_range(NAME, 0, 1) == b""
    head = objects.head(NAME)
    assert head is not None
    assert head.size == 0


def test_pieces_are_written_in_order(objects: Objects) -> None:
    objects.write(NAME, (bytes([number]) for number in range(5)), durable=True, secret=True)
    assert objects.read(NAME) == bytes(range(5))


def test_what_is_not_there_is_none(objects: Objects) -> None:
    assert objects.read("none/at all") is None
    assert objects.read_range("none/at all", 0, 10) is None
    assert objects.head("none") is None
    assert list(objects.list("none")) == []
    assert not objects.is_folder("none")


def test_a_folder_is_no_object(objects: Objects) -> None:
    objects.write(NAME, b"x")
    assert objects.read("dir") is None
    assert objects.head("dir") is None
    assert objects.is_folder("dir")
    with pytest.raises(NotAnObjectError):
        objects.read_range("dir", 0, 1)


def test_below_an_object_there_is_nothing(objects: Objects) -> None:
    objects.write("a.svs/info.json", b"{}")
    assert objects.read("a.svs/info.json/below") is None
    assert objects.head("a.svs/info.json/below") is None
    assert not objects.is_folder("a.svs/info.json")


def test_the_version_changes_whenever_an_object_is_written(objects: Objects) -> None:
    versions = []
    for content in (b"one", b"two", b"two"):
        objects.write(NAME, content)
        head = objects.head(NAME)
        assert head is not None
        versions.append(head.version)
    assert versions[0] != versions[1]
    again = objects.head(NAME)
    assert again is not None
    assert again.version == versions[2]


def test_a_list_has_what_lies_directly_below(objects: Objects) -> None:
    for name in ("x/one", "x/two/three", "x/two/four", "xy/five"):
        objects.write(name, b"")
    assert sorted(objects.list("x")) == [Entry("one", is_folder=False), Entry("two", is_folder=True)]
    assert {Entry("x", is_folder=True), Entry("xy", is_folder=True)} <= set(objects.list(""))


def test_a_copy_has_the_same_bytes_and_a_life_of_its_own(objects: Objects) -> None:
    objects.write("a", b"first")
    objects.copy("a", "b/c")
    objects.write("a", b"second")
    assert objects.read("b/c") == b"first"
    objects.delete("a")
    assert objects.read("b/c") == b"first"


def test_a_copy_replaces_what_was_there(objects: Objects) -> None:
    objects.write("a", b"first")
    objects.write("b", b"second")
    objects.copy("a", "b")
    assert objects.read("b") == b"first"


def test_what_is_deleted_is_gone_with_the_folders_that_it_leaves_empty(objects: Objects) -> None:
    objects.write("x/y/one", b"")
    objects.write("x/two", b"")
    objects.delete("x/y/one")
    objects.delete("x/y/one")
    objects.delete("never/there")
    assert objects.read("x/y/one") is None
    assert list(objects.list("x")) == [Entry("two", is_folder=False)]


def test_objects_of_the_two_sides_do_not_meet(tmp_path: Path) -> None:
    for kind in KINDS:
        with opener_of(kind, tmp_path / kind)() as store:
            store.private.write("receipts/a.svs/receipt.json", b"{}")
            assert store.public.read("receipts/a.svs/receipt.json") is None


@pytest.mark.parametrize("kind", ["folder", "memory"])
def test_nothing_is_written_through_an_object_or_over_a_folder(tmp_path: Path, kind: str) -> None:
    with opener_of(kind, tmp_path)() as store:
        store.public.write("a/b", b"x")
        for name in ("a", "a/b/c"):
            with pytest.raises(TargetError):
                store.public.write(name, b"y")
            with pytest.raises(TargetError):
                store.public.copy("a/b", name)
        assert store.public.read("a/b") == b"x"
