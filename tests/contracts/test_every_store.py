"""Every command on every kind of store: the same trees, the same findings, the same repairs."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from made_slides import write_synthetic
from stores import KINDS, Opener, opener_of

from slide2iiif.discovery.walk import walk
from slide2iiif.engines.processes import ProcessEngine
from slide2iiif.engines.serial import SerialEngine
from slide2iiif.maintenance.rebase import rebase, unrecorded
from slide2iiif.maintenance.repair import Repair, Repaired
from slide2iiif.maintenance.verify import Verification
from slide2iiif.options import Options, SiteOptions
from slide2iiif.progress import Silent
from slide2iiif.publish.prune import removals
from slide2iiif.publish.run import Export
from slide2iiif.publish.summary import Status, Summary
from slide2iiif.publish.tree import Tree
from slide2iiif.records.findings import Kind
from slide2iiif.records.receipts import Receipts
from slide2iiif.site.gallery import SLIDE_FILES, Gallery, known_pages
from slide2iiif.stores.base import Objects, Store

URL = "https://host.example/iiif"
ONE, TWO = "one.synthetic", "ward/two.synthetic"
TILE = f"{ONE}/64,128,64,64/64,/0/default.jpg"
OPTIONS = Options(tile_size=64)


@dataclass(frozen=True)
class Made:
    """A published tree in some place, with its source."""

    open: Opener
    source: Path

    def export(self, options: Options = OPTIONS, *, delete: bool = False, base_url: str = URL) -> Summary:
        with SerialEngine() as engine, self.open() as store:
            receipts = Receipts(store.private)
            gallery = Gallery(store, receipts, SiteOptions(), base_url)
            other = f"{base_url}-v3"
            flow = Export(
                Tree(store, receipts, options, base_url, other, gallery=gallery, page_count=SLIDE_FILES),
                engine,
                Silent(),
            )
            found = list(walk(self.source))
            summary = flow.slides(found)
            gallery.update()
            if delete:
                kept = [each.identifier for each in found if hasattr(each, "identifier")]
                for outcome in removals(store, receipts, kept, gallery, dry=False):
                    summary.add(outcome)
            return summary

    def findings(self) -> list[tuple[Kind, str]]:
        store = self.open()
        receipts = Receipts(store.private)
        look = Verification(store, receipts, SerialEngine(), pages=known_pages(store, receipts), is_held=True)
        return sorted((finding.kind, finding.path) for finding in look.tree())

    def repair(self) -> list[Repaired]:
        with SerialEngine() as engine, self.open() as store:
            receipts = Receipts(store.private)
            return list(Repair(store, receipts, engine, self.source).slides(list(receipts.identifiers())))

    @property
    def store(self) -> Store:
        return self.open()

    def contents(self) -> dict[str, bytes]:
        return dict(contents_below(self.store.public, ""))


def contents_below(objects: Objects, folder: str) -> Iterator[tuple[str, bytes]]:
    for entry in objects.list(folder):
        path = f"{folder}/{entry.name}" if folder else entry.name
        if entry.name == ".slide2iiif":
            continue
        if entry.is_folder:
            yield from contents_below(objects, path)
        else:
            content = objects.read(path)
            assert content is not None
            yield path, content


def make_tree(kind: str, folder: Path) -> Made:
    source = folder / "slides"
    write_synthetic(source / ONE, 700, 500)
    write_synthetic(source / TWO, 90, 1300)
    return Made(opener_of(kind, folder), source)


@pytest.fixture(params=KINDS)
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> Made:
    made = make_tree(request.param, tmp_path)
    assert made.export().counts == {Status.EXPORTED: 2}
    return made


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The tree that a folder gets."""
    made = make_tree("folder", tmp_path_factory.mktemp("expected"))
    made.export()
    return made.contents()


def test_the_same_tree_is_published_everywhere(tree: Made, expected: dict[str, bytes]) -> None:
    assert tree.contents() == expected
    assert tree.findings() == []


def test_an_unchanged_slide_is_not_touched_again(tree: Made) -> None:
    before = {name: tree.store.public.head(name) for name in tree.contents()}
    assert tree.export().counts == {Status.UNCHANGED: 2}
    assert {name: tree.store.public.head(name) for name in tree.contents()} == before


def test_other_options_publish_anew_and_leave_nothing_of_the_older_version(tree: Made) -> None:
    options = replace(OPTIONS, tile_size=128)
    assert tree.export(options).counts == {Status.EXPORTED: 2}
    assert TILE not in tree.contents()
    assert tree.findings() == []


def test_verify_finds_what_is_missing_changed_and_strange(tree: Made) -> None:
    public = tree.store.public
    other = TILE.replace("64,128", "128,128")
    public.delete(TILE)
    public.write(other, b"x")
    public.write(f"{ONE}/strange.jpg", b"x")
    public.write(f"{TWO}/info.json", b"{}")
    assert tree.findings() == sorted(
        [
            (Kind.MISSING, TILE),
            (Kind.CHANGED, other),
            (Kind.STRANGER, f"{ONE}/strange.jpg"),
            (Kind.DOCUMENT, f"{TWO}/info.json"),
        ]
    )


def test_verify_names_a_slide_that_is_gone_and_records_that_are_damaged(tree: Made) -> None:
    store = tree.store
    store.remove(ONE)
    store.private.write(f"receipts/{TWO}/ledger", b"damaged")
    found = tree.findings()
    assert (Kind.MISSING, ONE) in found
    assert (Kind.RECEIPT, TWO) in found


def test_repair_makes_what_is_damaged_again_and_nothing_else(tree: Made, expected: dict[str, bytes]) -> None:
    public = tree.store.public
    other = TILE.replace("64,128", "128,128")
    heads = {name: public.head(name) for name in expected}
    public.delete(TILE)
    public.write(other, b"x")
    public.write(f"{TWO}/info.json", b"{}")
    assert sum(each.files for each in tree.repair()) == 3
    assert tree.contents() == expected
    changed = {name for name in expected if public.head(name) != heads[name]}
    assert changed == {TILE, other, f"{TWO}/info.json"}


def test_rebase_writes_documents_and_no_tile(tree: Made) -> None:
    public = tree.store.public
    tiles = {name: public.head(name) for name in tree.contents() if name.endswith(".jpg")}
    with tree.open() as store:
        receipts = Receipts(store.private)
        assert sorted(rebase(store, receipts, "https://new.example", "https://new.example/3")) == [ONE, TWO]
        assert list(unrecorded(store, receipts)) == []
    assert b'"https://new.example/one.synthetic"' in (public.read(f"{ONE}/info.json") or b"")
    assert {name: public.head(name) for name in tiles} == tiles


def test_a_slide_without_a_source_is_removed_with_its_pages(tree: Made) -> None:
    (tree.source / TWO).unlink()
    assert tree.export(delete=True).counts == {Status.UNCHANGED: 1, Status.REMOVED: 1}
    left = tree.contents()
    assert not [name for name in left if name.startswith("ward")]
    assert b"two.synthetic" not in left["index.html"]
    assert tree.findings() == []


@pytest.mark.parametrize("kind", ["folder", "bucket in a folder"])
def test_worker_processes_publish_the_same_tree(kind: str, tmp_path: Path, expected: dict[str, bytes]) -> None:
    made = make_tree(kind, tmp_path)
    # The engine first: a client of a bucket must not be open when it forks.
    with ProcessEngine(2) as engine, made.open() as store:
        receipts = Receipts(store.private)
        gallery = Gallery(store, receipts, SiteOptions(), URL)
        flow = Export(
            Tree(store, receipts, OPTIONS, URL, f"{URL}-v3", gallery=gallery, page_count=SLIDE_FILES), engine, Silent()
        )
        assert flow.slides(walk(made.source)).counts == {Status.EXPORTED: 2}
        gallery.update()
    assert made.contents() == expected
