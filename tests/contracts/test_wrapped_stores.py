"""Stores over another one: a tree on trial, and one whose files are counted."""

import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slide2iiif.stores.folder.store import FolderStore
from slide2iiif.stores.memory import MemoryObjects, MemoryStore
from slide2iiif.stores.tally import TalliedStore, Tally, Written, kind_of
from slide2iiif.stores.trial import TrialObjects, TrialStore

NAMES = st.sampled_from(["a/x", "a/y", "a/b/x", "a/b/c/x", "d/x", "e"])
STEPS = st.lists(st.tuples(st.sampled_from(["write", "delete"]), NAMES, st.binary(max_size=2)), max_size=25)
FOLDERS = ("", "a", "a/b", "a/b/c", "d", "none")


def do(objects: MemoryObjects | TrialObjects, steps: list[tuple[str, str, bytes]]) -> None:
    for what, name, content in steps:
        if what == "write":
            objects.write(name, content)
        else:
            objects.delete(name)


@given(STEPS, STEPS)
def test_a_trial_looks_as_if_it_had_been_done_and_leaves_everything(
    before: list[tuple[str, str, bytes]], steps: list[tuple[str, str, bytes]]
) -> None:
    below, done = MemoryObjects(), MemoryObjects()
    do(below, before)
    do(done, [*before, *steps])
    kept = dict(below.contents)
    trial = TrialObjects(below)
    do(trial, steps)
    for folder in FOLDERS:
        assert sorted(trial.list(folder)) == sorted(done.list(folder))
        assert trial.is_folder(folder) == done.is_folder(folder) or not folder
    for name in ("a/x", "a/y", "a/b/x", "a/b/c/x", "d/x", "e", "a", "a/b"):
        assert trial.read(name) == done.read(name)
        assert (trial.head(name) is None) == (done.head(name) is None)
    assert below.contents == kept


def test_a_slide_that_is_removed_on_trial_is_gone_and_can_come_again(tmp_path: Path) -> None:
    with FolderStore(tmp_path / "tree") as store:
        store.public.write("a.svs/info.json", b"{}")
        trial = TrialStore(store)
        trial.remove("a.svs")
        assert not trial.holds("a.svs")
        trial.public.write("a.svs/manifest.json", b"{}")
        assert not trial.holds("a.svs")
        trial.public.write("a.svs/info.json", b"{}")
        assert trial.holds("a.svs")
        trial.remove("a.svs")
        assert trial.public.read("a.svs/manifest.json") is None
        assert store.holds("a.svs")
        with pytest.raises(TypeError, match="stages nothing"):
            trial.stage("a.svs")


def counts(tally: Tally) -> tuple[dict[str, int], dict[str, int]]:
    told = tally.counts()
    return tuple({kind: count for kind, count in told[what].items() if count} for what in ("written", "removed"))  # type: ignore[return-value]


def test_files_are_counted_once_and_only_where_bytes_change() -> None:
    store = TalliedStore(MemoryStore())
    store.public.write("index.html", b"1")
    store.public.write("index.html", b"2")
    store.public.write("a.svs/full/max/0/default.jpg", b"tile")
    store.public.write("a.svs/info.json", b"{}")
    store.public.write("a.svs/info.json", b"{}")
    assert counts(store.tally) == ({"pages": 1, "documents": 1}, {})
    again = TalliedStore(store.store)
    again.public.write("index.html", b"3")
    again.public.write("index.html", b"2")
    assert counts(again.tally) == ({}, {})
    again.public.delete("index.html")
    again.public.delete("index.html")
    assert counts(again.tally) == ({}, {"pages": 1})


def test_a_worker_gets_the_objects_that_are_counted(tmp_path: Path) -> None:
    with FolderStore(tmp_path / "tree") as store:
        store.public.write("a.svs/info.json", b"{}")
        sent = pickle.loads(pickle.dumps(TalliedStore(store).public))  # noqa: S301 - made here
        assert sent == store.public
        assert sent.read("a.svs/info.json") == b"{}"


def test_what_is_written_to_a_slide_that_is_removed_later_is_not_counted_as_written() -> None:
    store = TalliedStore(MemoryStore())
    store.store.public.write("a.svs/info.json", b"{}")
    store.store.public.write("a.svs/index.html", b"old")
    store.public.write("a.svs/index.html", b"new")
    store.public.write("a.svs/manifest.json", b"new")
    assert counts(store.tally) == ({"pages": 1, "manifests": 1}, {})
    for name in ("index.html", "manifest.json", "info.json"):
        store.tally.slide_file(f"a.svs/{name}", is_written=False)
    assert counts(store.tally) == ({}, {"pages": 1, "documents": 1})


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("index.html", Written.PAGES),
        ("a/!page12.html", Written.PAGES),
        ("a/!page12.json", Written.MANIFESTS),
        ("collection.json", Written.MANIFESTS),
        ("a.svs/manifest.json", Written.MANIFESTS),
        ("a.svs/associated/label/info-v3.json", Written.DOCUMENTS),
        ("!site-0/site.css", None),
        ("a.svs/full/max/0/default.jpg", None),
    ],
)
def test_files_are_told_apart_by_their_names(path: str, kind: Written | None) -> None:
    assert kind_of(path) == kind
