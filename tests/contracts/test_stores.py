"""What every store promises, checked on each."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from stagings import put
from stores import KINDS, opener_of

from slide2iiif.errors import TargetBusyError
from slide2iiif.geometry import Size
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.info import ImageService, write_info
from slide2iiif.iiif.pyramid import plan_pyramid
from slide2iiif.stores.base import Store
from slide2iiif.stores.folder.store import FolderStore
from slide2iiif.stores.memory import MemoryStore

TILE = "0,0,256,256/256,/0/default.jpg"
ALIASES = (TILE, "full/256,/0/default.jpg", "full/max/0/default.jpg")


@pytest.fixture(params=KINDS)
def again(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """Give the same place twice: what a second exporter would open."""
    return opener_of(request.param, tmp_path)


@pytest.fixture
def store(again: Callable[[], Store]) -> Iterator[Store]:
    with again() as opened:
        yield opened


def read(store: Store, identifier: str, path: str) -> bytes | None:
    return store.public.read(f"{identifier}/{path}")


def publish(store: Store, identifier: str, files: dict[str, bytes]) -> None:
    staging = store.stage(identifier)
    for path, content in {**files, "info.json": files.get("info.json", b"{}")}.items():
        put(staging, [path], content)
    store.publish(identifier, staging)


def info(tile_size: int) -> bytes:
    """Document of a square image of 512 pixels in tiles of this size."""
    return write_info(ImageService("https://h/a.svs", plan_pyramid(Size(512, 512), tile_size)), Api.V2)


def test_an_empty_store_holds_nothing(store: Store) -> None:
    assert not store.holds("a.svs")
    assert read(store, "a.svs", "info.json") is None


def test_staged_files_are_not_seen(store: Store) -> None:
    staging = store.stage("dir/a.svs")
    put(staging, ["info.json"], b"{}")
    assert not store.holds("dir/a.svs")
    assert read(store, "dir/a.svs", "info.json") is None
    store.discard(staging)


def test_published_files_are_read_back(store: Store) -> None:
    publish(store, "dir/a.svs", {TILE: b"tile", "info.json": b'{"a": 1}'})
    assert store.holds("dir/a.svs")
    assert read(store, "dir/a.svs", TILE) == b"tile"
    assert read(store, "dir/a.svs", "info.json") == b'{"a": 1}'


def test_every_alias_gives_the_same_bytes(store: Store) -> None:
    staging = store.stage("a.svs")
    put(staging, ALIASES, b"tile")
    put(staging, ["info.json"], b"{}")
    store.publish("a.svs", staging)
    assert [read(store, "a.svs", path) for path in ALIASES] == [b"tile"] * 3


def test_a_path_that_was_not_put_is_none(store: Store) -> None:
    publish(store, "a.svs", {})
    assert read(store, "a.svs", TILE) is None
    assert read(store, "a.svs", "info.json/below") is None


def test_what_is_put_again_is_what_was_put_last(store: Store) -> None:
    staging = store.stage("a.svs")
    put(staging, ALIASES, b"first")
    put(staging, ALIASES, b"second")
    put(staging, ["info.json"], b"{}")
    store.publish("a.svs", staging)
    assert [read(store, "a.svs", path) for path in ALIASES] == [b"second"] * 3


def test_discarded_files_never_appear(store: Store) -> None:
    staging = store.stage("a.svs")
    put(staging, ["info.json"], b"{}")
    scratch = staging.scratch
    store.discard(staging)
    assert not store.holds("a.svs")
    assert not scratch.exists()


def test_discarding_twice_or_after_publishing_harms_nothing(store: Store) -> None:
    staging = store.stage("a.svs")
    put(staging, ["info.json"], b"{}")
    store.publish("a.svs", staging)
    store.discard(staging)
    store.discard(staging)
    assert store.holds("a.svs")


def test_a_staging_has_a_scratch_folder_of_its_own_until_it_is_dropped(store: Store) -> None:
    first, second = store.stage("a.svs"), store.stage("b.svs")
    assert first.scratch.is_dir()
    assert first.scratch != second.scratch
    (first.scratch / "picture").write_bytes(b"pixels")
    put(first, ["info.json"], b"{}")
    store.publish("a.svs", first)
    store.drop(first)
    assert not first.scratch.exists()
    assert read(store, "a.svs", "picture") is None
    store.discard(second)


def test_publishing_again_replaces_everything(store: Store) -> None:
    older, of_both, newer = (f"0,0,{size},/0/default.jpg" for size in ("64,64/64", "128,128/128", "256,256/128"))
    publish(store, "a.svs", {older: b"old", of_both: b"old", "info.json": info(64), "old.json": b"{}"})
    staging = store.stage("a.svs")
    for path, content in {of_both: b"new", newer: b"new", "info.json": info(128)}.items():
        put(staging, [path], content)
    store.publish("a.svs", staging)
    assert [read(store, "a.svs", path) for path in (of_both, newer, "info.json")] == [b"new", b"new", info(128)]
    store.drop(staging)
    assert [read(store, "a.svs", path) for path in (of_both, newer, "info.json")] == [b"new", b"new", info(128)]
    assert [read(store, "a.svs", path) for path in (older, "old.json")] == [None, None]


def test_the_old_slide_stays_readable_until_the_new_one_is_published(store: Store) -> None:
    publish(store, "a.svs", {TILE: b"old"})
    staging = store.stage("a.svs")
    put(staging, [TILE], b"new")
    possible = {b"old"} if store.atomic_publish else {b"old", b"new"}
    assert read(store, "a.svs", TILE) in possible
    store.discard(staging)
    assert read(store, "a.svs", TILE) in possible
    assert store.holds("a.svs")


def test_slides_are_listed_by_their_names_and_services_below_them_are_none(store: Store) -> None:
    names = {"a.svs", "ward/!20a.svs", "!20ward/b.svs", "z/deep!20er/c.svs"}
    for name in names:
        publish(store, name, {"associated/label/info.json": b"{}"})
    assert set(store.identifiers()) == names


def test_one_file_is_replaced_alone(store: Store) -> None:
    publish(store, "a.svs", {TILE: b"tile"})
    store.public.write("a.svs/info.json", b'{"new": 1}')
    assert read(store, "a.svs", "info.json") == b'{"new": 1}'
    assert read(store, "a.svs", TILE) == b"tile"


def test_a_removed_slide_is_gone_and_its_neighbour_is_not(store: Store) -> None:
    publish(store, "dir/a.svs", {TILE: b"a"})
    publish(store, "dir/b.svs", {TILE: b"b"})
    store.remove("dir/a.svs")
    assert not store.holds("dir/a.svs")
    assert read(store, "dir/a.svs", TILE) is None
    assert read(store, "dir/b.svs", TILE) == b"b"


def test_removing_what_is_not_there_is_no_error(store: Store) -> None:
    store.remove("dir/a.svs")
    assert not store.holds("dir/a.svs")


def test_several_slides_are_staged_at_once(store: Store) -> None:
    stagings = {name: store.stage(name) for name in ("a.svs", "b.svs", "c/d.svs")}
    for name, staging in stagings.items():
        put(staging, ["info.json"], name.encode())
    for name, staging in stagings.items():
        store.publish(name, staging)
    assert [read(store, name, "info.json") for name in stagings] == [name.encode() for name in stagings]


def test_a_second_exporter_is_refused(store: Store, again: Callable[[], Store]) -> None:
    assert not store.holds("a.svs")
    with pytest.raises(TargetBusyError, match="in use"), again():
        pass


def test_the_next_exporter_finds_what_the_last_one_published(again: Callable[[], Store]) -> None:
    with again() as first:
        publish(first, "a.svs", {TILE: b"tile"})
    with again() as second:
        assert read(second, "a.svs", TILE) == b"tile"


def test_a_store_is_free_again_after_an_error(again: Callable[[], Store]) -> None:
    with pytest.raises(KeyError), again():
        raise KeyError
    with again() as store:
        assert not store.holds("a.svs")


def test_the_staging_of_another_kind_of_store_is_refused(store: Store, tmp_path: Path) -> None:
    other: Store = MemoryStore() if isinstance(store, FolderStore) else FolderStore(tmp_path / "other")
    with other:
        staging = other.stage("a.svs")
        with pytest.raises(TypeError, match="another store"):
            store.publish("a.svs", staging)
        other.discard(staging)


def test_a_service_below_a_slide_is_published_with_it(store: Store) -> None:
    staging = store.stage("a.svs")
    below = staging.below("associated/label")
    put(below, [TILE], b"label")
    (below.scratch / "file").write_bytes(b"scratch")
    put(staging, [TILE], b"tile")
    put(staging, ["info.json"], b"{}")
    store.publish("a.svs", staging)
    store.drop(staging)
    assert read(store, "a.svs", TILE) == b"tile"
    assert read(store, "a.svs", f"associated/label/{TILE}") == b"label"
    assert not below.scratch.exists()


def test_what_is_put_again_while_the_staging_is_open_is_what_was_put_last(store: Store) -> None:
    staging = store.stage("a.svs")
    with staging.opened() as files:
        files.put(ALIASES, b"half of it")
        files.put(ALIASES, b"tile")
    put(staging, ["info.json"], b"{}")
    store.publish("a.svs", staging)
    assert [read(store, "a.svs", path) for path in ALIASES] == [b"tile"] * len(ALIASES)


def test_a_shared_file_is_read_back_under_every_path(store: Store) -> None:
    staging = store.stage("a.svs")
    with staging.opened() as files:
        for path in (TILE, "256,0,256,256/256,/0/default.jpg"):
            files.put_shared([path, f"x/{path}"], b"blank")
    put(staging, ["info.json"], b"{}")
    store.publish("a.svs", staging)
    for path in (TILE, f"x/{TILE}", "256,0,256,256/256,/0/default.jpg"):
        assert read(store, "a.svs", path) == b"blank"
