"""What is wrong with a tree is found, all of it and nothing else."""

import json
import os
import random
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from commands import snapshot
from made_slides import write_synthetic
from published_trees import EDITS, ONE, SMALL_TILES, TILE, PublishedTree, add_stranger, told_paths

from slide2iiif.engines.base import Deadline, Result, Task
from slide2iiif.engines.serial import SerialEngine
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.pyramid import Tile
from slide2iiif.maintenance import verify
from slide2iiif.options import Options
from slide2iiif.records.digests import DigestFile, Run, digest_of, digest_stream, record_of
from slide2iiif.records.findings import Kind
from slide2iiif.stores.folder.store import FolderStore


def test_a_whole_tree_has_nothing_wrong(whole: PublishedTree) -> None:
    look = whole.verification(deep=True)
    assert list(look.tree()) == []
    assert list(look.source(whole.source)) == []
    assert look.totals.slides == 2
    assert look.totals.files == sum(name.endswith(".jpg") for name in whole.files())


@pytest.mark.parametrize("api", list(Api))
@pytest.mark.parametrize(
    "size", [(1, 1), (64, 64), (65, 1), (1, 300), (129, 129), (513, 511), (2100, 70), (1025, 1025)]
)
def test_a_slide_of_whatever_size_has_nothing_wrong(tmp_path: Path, size: tuple[int, int], api: Api) -> None:
    write_synthetic(tmp_path / "slides" / "a.synthetic", *size)
    tree = PublishedTree(tmp_path / "public", tmp_path / "slides")
    assert tree.export(replace(SMALL_TILES, api=api)).exit_code == 0
    assert tree.findings() == []


@pytest.mark.parametrize("seed", range(25))
def test_forty_random_edits_are_found_and_nothing_else(tree: PublishedTree, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - damage, no secrets
    before = snapshot(tree.root)
    # A change of a file is one of all its names.
    names = rng.sample(tree.files(), 30)
    for number, name in enumerate(names):
        EDITS[number % 3](tree.root / name, rng)
    strangers = set()
    for name in rng.sample(names, 10):
        base = tree.root / name
        if base.parent.is_dir():
            strangers.add(add_stranger(base, rng).relative_to(tree.root).as_posix())
    after = snapshot(tree.root)
    changed = {name for name in before if name not in after or after[name].digest != before[name].digest}
    assert len(changed) + len(strangers) >= 38
    assert told_paths(tree.findings()) == changed | strangers


THOUSAND = 1000


@pytest.fixture(scope="module")
def large(quick_folder: Path) -> PublishedTree:
    """A slide of some 1,700 tiles, in memory; not to be changed."""
    write_synthetic(quick_folder / "slides" / ONE, 2600, 2000)
    tree = PublishedTree(quick_folder / "public", quick_folder / "slides")
    assert tree.export().exit_code == 0
    return tree


@pytest.mark.parametrize("edit", [*EDITS, add_stranger], ids=["flipped bits", "cuts", "deletions", "strangers"])
def test_a_thousand_edits_of_one_sort_are_all_found_and_nothing_else(
    large: PublishedTree, edit: Callable[[Path, random.Random], Path | None]
) -> None:
    rng = random.Random(edit.__name__)  # noqa: S311 - damage, no secrets
    copy = large.copy(large.root.with_name(edit.__name__))
    before = snapshot(copy.root)
    pictures = [name for name in before if name.endswith(".jpg")]
    put = {edit(copy.root / name, rng) for name in rng.sample(pictures, THOUSAND)} - {None}
    after = snapshot(copy.root)
    changed = {name for name in before if name not in after or after[name].digest != before[name].digest}
    strangers = {each.relative_to(copy.root).as_posix() for each in put if each is not None}
    assert len(changed) + len(strangers) >= THOUSAND
    assert told_paths(copy.findings()) == changed | strangers
    shutil.rmtree(copy.root)


def test_a_finding_names_slide_tile_and_path(tree: PublishedTree) -> None:
    (tree.root / TILE).unlink()
    [finding] = tree.findings()
    assert (finding.kind, finding.slide, finding.path) == (Kind.MISSING, ONE, TILE)
    assert finding.tile == Tile(0, 1, 2)


def replace_by_link(path: Path) -> None:
    copy = path.with_name("copy")
    path.rename(copy)
    path.symlink_to(copy)


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        (lengthen, {Kind.CHANGED}),
        (replace_by_link, {Kind.CHANGED, Kind.STRANGER}),
        (replace_by_folder, {Kind.CHANGED}),
        (replace_by_pipe, {Kind.CHANGED}),
        (lambda path: shutil.rmtree(path.parents[2]), {Kind.MISSING}),
        (lambda path: path.write_bytes(b""), {Kind.CHANGED}),
    ],
)
def test_what_is_not_the_file_that_was_published_is_found(
    tree: PublishedTree, change: Callable[[Path], None], kinds: set[Kind]
) -> None:
    change(tree.root / TILE)
    findings = tree.findings()
    assert {finding.kind for finding in findings} == kinds
    assert TILE in told_paths(findings)


@pytest.mark.parametrize("depth", [1, 2, 3], ids=["rotation", "size", "region"])
def test_a_folder_that_is_a_link_is_a_stranger_whatever_it_leads_to(
    tree: PublishedTree, tmp_path: Path, depth: int
) -> None:
    folder = (tree.root / TILE).parents[depth - 1]
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    found = {(each.kind, each.path) for each in tree.findings()}
    assert found == {(Kind.STRANGER, folder.relative_to(tree.root).as_posix())}


def test_a_link_to_a_slide_elsewhere_is_a_stranger_and_not_looked_into(tree: PublishedTree, tmp_path: Path) -> None:
    shutil.copytree(tree.root / ONE, tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "odd").touch()
    (tree.root / "linked").symlink_to(tmp_path / "elsewhere")
    assert [(each.kind, each.path) for each in tree.findings()] == [(Kind.STRANGER, "linked")]


def test_an_alias_that_differs_is_told_as_one(tree: PublishedTree) -> None:
    alias = tree.root / "ward/two.synthetic/0,0,50,64/full/0/default.jpg"
    alias.unlink()
    alias.write_bytes(b"other")
    [finding] = tree.findings()
    assert (finding.kind, finding.tile) == (Kind.ALIAS, Tile(0, 0, 0))


@pytest.mark.parametrize(
    "name",
    ["file", "folder/", "ward/file", "ward/folder/", f"{ONE}/.slide2iiif/", f"{ONE}/0,0,64,65/", f"{ONE}/full/file"],
)
def test_a_stranger_is_found_wherever_it_is(tree: PublishedTree, name: str) -> None:
    path = tree.root / name
    if name.endswith("/"):
        path.mkdir()
        (path / "inside").write_bytes(b"")
    else:
        path.write_bytes(b"")
    [finding] = tree.findings()
    assert (finding.kind, finding.path) == (Kind.STRANGER, name.rstrip("/"))


@pytest.mark.parametrize("name", ["info.json", "info-v3.json"])
def test_a_document_that_differs_or_is_gone_is_found(tree: PublishedTree, name: str) -> None:
    path = tree.root / ONE / name
    path.write_bytes(path.read_bytes().replace(b"host.example", b"evil.example"))
    assert [(each.kind, each.path) for each in tree.findings()] == [(Kind.DOCUMENT, f"{ONE}/{name}")]
    path.unlink()
    assert [(each.kind, each.path) for each in tree.findings()] == [(Kind.MISSING, f"{ONE}/{name}")]


def test_what_a_wrong_document_announces_is_told_as_missing(tree: PublishedTree) -> None:
    path = tree.root / ONE / "info.json"
    document = json.loads(path.read_bytes())
    document["width"] = 764
    path.write_text(json.dumps(document))
    findings = tree.findings()
    assert findings[0].kind is Kind.DOCUMENT
    assert {each.kind for each in findings[1:]} == {Kind.MISSING}
    assert f"{ONE}/704,0,60,64/60,/0/default.jpg" in told_paths(findings)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"tiles": [{"width": 0}]}', b"\xff", b"[" * 100_000])
def test_a_document_that_is_none_is_no_more_than_a_finding(tree: PublishedTree, content: bytes) -> None:
    (tree.root / ONE / "info.json").write_bytes(content)
    assert [each.kind for each in tree.findings()] == [Kind.DOCUMENT]


@pytest.mark.parametrize("damage", ["gone", "empty", "bit"])
@pytest.mark.parametrize("name", ["receipt.json", "ledger"])
def test_a_receipt_or_digests_that_are_gone_or_damaged_is_found(tree: PublishedTree, name: str, damage: str) -> None:
    path = tree.root / ".slide2iiif" / "receipts" / ONE / name
    content = path.read_bytes()
    path.unlink()
    if damage != "gone":
        path.write_bytes(
            b"" if damage == "empty" else content.replace(b"\x00" if name == "ledger" else b"{", b"\x04", 1)
        )
    [finding] = tree.findings()
    assert (finding.kind, finding.slide) == (Kind.RECEIPT, ONE)
    # What the document announces is asked for even so.
    (tree.root / TILE).unlink()
    assert told_paths(tree.findings()) == {ONE, TILE}


def test_a_slide_without_a_receipt_and_a_receipt_without_its_slide_are_found(tree: PublishedTree) -> None:
    (tree.root / ONE).rename(tree.root / "moved.synthetic")
    findings = tree.findings()
    assert {(each.kind, each.path) for each in findings} == {
        (Kind.RECEIPT, "moved.synthetic"),
        (Kind.MISSING, ONE),
    }


def test_a_tile_that_is_no_image_is_found_when_tiles_are_decoded(tree: PublishedTree, tmp_path: Path) -> None:
    receipt = tree.receipts.read(ONE)
    assert receipt is not None
    content = bytearray((tree.root / TILE).read_bytes())
    content[-40:-2] = bytes(38)
    (tree.root / TILE).write_bytes(content)
    records = tree.digest_file(ONE).read_bytes()[16:]
    with DigestFile(tmp_path / "ledger", len(records) // 16) as digests:
        (tmp_path / "ledger").write_bytes(records)
        digests.write([Run(2 * 11 + 1, record_of(bytes(content)))])
        tree.receipts.write(replace(receipt, ledger=digest_of(digest_stream([digests]))), [digests])
    assert tree.findings() == []
    [finding] = tree.findings(deep=True)
    assert (finding.kind, finding.path) == (Kind.UNDECODABLE, TILE)


def test_the_source_is_compared(tmp_path: Path) -> None:
    tree = PublishedTree(tmp_path / "public", tmp_path / "slides")
    for name in ("same", "changed", "gone"):
        write_synthetic(tree.source / f"{name}.synthetic", 100, 100)
    tree.export()
    write_synthetic(tree.source / "changed.synthetic", 100, 101)
    write_synthetic(tree.source / "new.synthetic", 100, 101)
    (tree.source / "gone.synthetic").unlink()
    findings = list(tree.verification().source(tree.source))
    assert {(each.kind, each.path) for each in findings} == {
        (Kind.OUTDATED, "changed.synthetic"),
        (Kind.UNPUBLISHED, "new.synthetic"),
        (Kind.NO_SOURCE, "gone.synthetic"),
    }
    [alone] = tree.verification().source(tree.source / "changed.synthetic")
    assert alone.kind is Kind.OUTDATED


class Meddling(SerialEngine):
    """Does something once, when files are about to be checked."""

    def __init__(self, change: Callable[[], object]) -> None:
        self._change: Callable[[], object] | None = change

    def run(
        self, function: Callable[[Task], Result], tasks: Iterable[Task], within: Deadline | None = None
    ) -> Iterator[tuple[Task, Result]]:
        for task in tasks:
            change, self._change = self._change, None
            if change is not None:
                change()
            yield from super().run(function, [task], within)


def test_a_slide_that_is_exchanged_meanwhile_is_looked_at_again(tree: PublishedTree) -> None:
    look = tree.verification(Meddling(lambda: tree.export(Options(tile_size=64, quality=40))))
    assert list(look.tree()) == []
    assert look.totals.slides == 2


def test_a_damaged_slide_is_told_of_once_though_it_is_exchanged_meanwhile(tree: PublishedTree) -> None:
    def change() -> None:
        tree.export(Options(tile_size=64, quality=40))
        (tree.root / TILE).unlink()

    assert told_paths(tree.verification(Meddling(change)).tree()) == {TILE}


def test_a_tree_in_use_is_looked_at_without_its_lock(tree: PublishedTree) -> None:
    look = FolderStore(tree.root)
    assert look.holder() is None
    with FolderStore(tree.root):
        assert f"process {os.getpid()} on " in (look.holder() or "")
        assert tree.findings() == []
    assert look.holder() is None


def test_a_slide_that_is_published_before_its_receipt_is_written_is_not_told_of(
    tree: PublishedTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = tree.receipt_file(ONE)
    aside = tree.root.parent / "receipt.json"
    receipt.rename(aside)

    # While it waits to look again.
    monkeypatch.setattr(verify, "time", SimpleNamespace(sleep=lambda _: aside.rename(receipt)))
    with FolderStore(tree.root):
        assert tree.findings() == []


def test_a_slide_that_was_about_to_be_published_is_not_missing(tree: PublishedTree) -> None:
    receipt = tree.receipts.read(ONE)
    assert receipt is not None
    shutil.rmtree(tree.root / ONE)
    assert told_paths(tree.findings()) == {ONE}
    tree.receipts.write(replace(receipt, fingerprint=""))
    assert tree.findings() == []


def test_a_slide_that_is_removed_meanwhile_is_not_missing(tree: PublishedTree, monkeypatch: pytest.MonkeyPatch) -> None:
    with FolderStore(tree.root) as store:
        store.remove(ONE)
        # The run that removes it comes to its receipt while the look pauses.
        monkeypatch.setattr(time, "sleep", lambda _: tree.receipts.remove(ONE))
        assert tree.findings() == []


def test_nothing_is_written(tree: PublishedTree) -> None:
    (tree.root / TILE).unlink()
    before = snapshot(tree.root, private=True)
    assert len(tree.findings(deep=True)) == 1
    assert snapshot(tree.root, private=True) == before


def test_a_slide_whose_receipt_is_gone_is_told_of_as_that_and_its_pages_are_no_strangers(tree: PublishedTree) -> None:
    for name in ("index.html", "manifest.json", "profile.icc"):
        (tree.root / ONE / name).write_bytes(b"x")
    tree.receipt_file(ONE).unlink()
    assert [(finding.kind, finding.path) for finding in tree.findings()] == [(Kind.RECEIPT, ONE)]
