"""What is wrong is put right from the slides, and nothing else is touched."""

import os
import random
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from commands import Facts, snapshot, staged
from made_slides import write_synthetic
from published_trees import EDITS, ONE, SMALL_TILES, TILE, PublishedTree, add_stranger, told_paths

from slide2iiif.engines.base import Deadline, Result, Task
from slide2iiif.engines.serial import SerialEngine
from slide2iiif.geometry import Size
from slide2iiif.imaging.jpeg import encode
from slide2iiif.options import Options
from slide2iiif.samples.aperio import write_aperio
from slide2iiif.tiles.render import render
from slide2iiif.tiles.tasks import RenderTask


def contents(tree: PublishedTree) -> dict[str, str]:
    return {name: facts.digest for name, facts in snapshot(tree.root).items()}


def touched(before: dict[str, Facts], tree: PublishedTree) -> set[str]:
    after = snapshot(tree.root)
    return {name for name in before if after[name] != before[name]}


@pytest.mark.parametrize("seed", range(25))
def test_forty_random_edits_are_put_right_and_nothing_else_is_touched(tree: PublishedTree, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - damage, no secrets
    before, digests = snapshot(tree.root), contents(tree)
    edited = set()
    for number, name in enumerate(rng.sample(tree.files(), 40)):
        same = {each for each in before if before[each].inode == before[name].inode}
        EDITS[number % 3](tree.root / name, rng)
        edited |= same
    repaired = tree.repair()
    assert [each.reason for each in repaired if each.reason] == []
    assert contents(tree) == digests
    assert touched(before, tree) <= edited
    assert tree.findings() == []
    assert staged(tree.root) == []


def test_a_whole_tree_is_left_alone(tree: PublishedTree) -> None:
    before = snapshot(tree.root, private=True)
    assert tree.repair() == []
    del before[".slide2iiif/lock"]
    after = snapshot(tree.root, private=True)
    assert {name: after[name] for name in before} == before


def test_a_damaged_file_is_replaced_and_not_written_through(tree: PublishedTree, tmp_path: Path) -> None:
    name = "ward/two.synthetic/0,0,50,64/50,/0/default.jpg"
    aliases = [f"ward/two.synthetic/0,0,50,64/{size}/0/default.jpg" for size in ("full", "max")]
    good = (tree.root / name).read_bytes()
    (tree.root / name).write_bytes(b"damaged")
    os.link(tree.root / name, tmp_path / "elsewhere")
    [repaired] = tree.repair()
    assert repaired.files == 3
    assert (tmp_path / "elsewhere").read_bytes() == b"damaged"
    assert {(tree.root / each).read_bytes() for each in (name, *aliases)} == {good}
    assert {(tree.root / each).stat().st_ino for each in aliases} == {(tree.root / name).stat().st_ino}


def test_a_lost_alias_is_linked_to_what_is_intact_without_the_slide(tree: PublishedTree) -> None:
    alias = tree.root / "ward/two.synthetic/0,0,50,64/max/0/default.jpg"
    shutil.rmtree(alias.parents[1])
    [repaired] = PublishedTree(tree.root, tree.root.parent / "nowhere").repair()
    assert (repaired.files, repaired.reason) == (1, "")
    assert tree.findings() == []


PICTURES = ("label", "macro", "thumbnail")


@pytest.fixture(scope="session")
def pictured(tmp_path_factory: pytest.TempPathFactory) -> PublishedTree:
    """A slide with pictures beside its levels, all of them published; not to be changed."""
    folder = tmp_path_factory.mktemp("pictured")
    (folder / "slides").mkdir()
    write_aperio(folder / "slides" / "a.svs", Size(700, 500), scales=(1,), associated={"label", "macro", "thumbnail"})
    tree = PublishedTree(folder / "public", folder / "slides")
    assert tree.export(replace(SMALL_TILES, associated=PICTURES)).exit_code == 0
    return tree


@pytest.mark.parametrize("seed", range(5))
def test_pictures_beside_the_levels_are_made_again_and_nothing_else_is_touched(
    pictured: PublishedTree, tmp_path: Path, seed: int
) -> None:
    tree = pictured.copy(tmp_path / "public")
    rng = random.Random(seed)  # noqa: S311 - damage, no secrets
    before, digests = snapshot(tree.root), contents(tree)
    names = [name for name in tree.files() if "/associated/" in name]
    assert {name.split("/")[2] for name in names} == set(PICTURES)
    edited = set()
    for number, name in enumerate(rng.sample(names, 40)):
        edited |= {each for each in before if before[each].inode == before[name].inode}
        EDITS[number % 3](tree.root / name, rng)
    assert [each.reason for each in tree.repair()] == [""]
    assert contents(tree) == digests
    assert touched(before, tree) <= edited
    assert tree.findings() == []
    assert staged(tree.root) == []


@pytest.mark.parametrize("picture", PICTURES)
def test_a_picture_that_is_gone_as_a_whole_is_made_again(pictured: PublishedTree, tmp_path: Path, picture: str) -> None:
    tree = pictured.copy(tmp_path / "public")
    digests = contents(tree)
    shutil.rmtree(tree.root / "a.svs" / "associated" / picture)
    assert [each.reason for each in tree.repair()] == [""]
    assert contents(tree) == digests


def test_pictures_are_not_written_through_a_link_that_leads_elsewhere(pictured: PublishedTree, tmp_path: Path) -> None:
    tree = pictured.copy(tmp_path / "public")
    (tmp_path / "outside").mkdir()
    shutil.rmtree(tree.root / "a.svs" / "associated")
    (tree.root / "a.svs" / "associated").symlink_to(tmp_path / "outside")
    [repaired] = tree.repair()
    assert "is a link, which may lead out of the tree" in repaired.reason
    assert list((tmp_path / "outside").rglob("*")) == []


def test_a_document_that_is_gone_waits_for_what_it_announces(tree: PublishedTree) -> None:
    (tree.root / ONE / "info.json").unlink()
    (tree.root / ONE / "info-v3.json").write_bytes(b"{}")
    (tree.root / TILE).unlink()
    [repaired] = PublishedTree(tree.root, tree.root.parent / "nowhere").repair()
    assert repaired.reason
    assert not (tree.root / ONE / "info.json").exists()
    assert told_paths(tree.findings()) == {f"{ONE}/info.json", TILE}


def test_documents_come_last(tree: PublishedTree) -> None:
    shutil.rmtree(tree.root / ONE)
    engine = Counting((tree.root / ONE / "info.json").exists)
    assert [each.reason for each in tree.repair(engine)] == [""]
    assert engine.blocks
    assert not engine.was_seen
    assert (tree.root / ONE / "info.json").exists()


def test_documents_are_written_again(tree: PublishedTree) -> None:
    digests = contents(tree)
    (tree.root / ONE / "info.json").unlink()
    (tree.root / ONE / "info-v3.json").write_bytes(b"{}")
    assert [each.files for each in tree.repair()] == [2]
    assert contents(tree) == digests


def test_a_slide_that_is_gone_as_a_whole_is_made_again(tree: PublishedTree) -> None:
    digests = contents(tree)
    shutil.rmtree(tree.root / "ward")
    [repaired] = tree.repair()
    assert repaired.reason == ""
    assert contents(tree) == digests


def test_strangers_are_told_and_left(tree: PublishedTree) -> None:
    stranger = add_stranger(tree.root / TILE, random.Random(1))  # noqa: S311 - damage, no secrets
    (tree.root / TILE).unlink()
    [repaired] = tree.repair()
    assert (repaired.files, repaired.reason) == (1, "")
    assert told_paths(repaired.left) == {stranger.relative_to(tree.root).as_posix()}
    assert os.path.lexists(stranger)


class Counting(SerialEngine):
    """Counts what is rendered, and notes what was seen after a task."""

    def __init__(self, sees: Callable[[], bool] = lambda: False) -> None:
        self.blocks: list[tuple[int, ...]] = []
        self.was_seen = False
        self._sees = sees

    def run(
        self, function: Callable[[Task], Result], tasks: Iterable[Task], within: Deadline | None = None
    ) -> Iterator[tuple[Task, Result]]:
        for task, result in super().run(function, tasks, within):
            if function is render and isinstance(task, RenderTask):
                self.blocks += [(task.pass_.input_level, *block) for block in task.blocks]
                self.was_seen |= self._sees()
            yield task, result


def test_only_the_blocks_of_what_is_damaged_are_rendered(tmp_path: Path) -> None:
    write_synthetic(tmp_path / "slides" / "a.synthetic", 9000, 5000)
    tree = PublishedTree(tmp_path / "public", tmp_path / "slides")
    tree.export(Options())
    digests = contents(tree)
    (tree.root / "a.synthetic/8192,4096,512,512/512,/0/default.jpg").unlink()
    engine = Counting()
    assert [each.files for each in tree.repair(engine)] == [1]
    assert engine.blocks == [(0, 2, 1)]
    # What is made from the picture that a pass hands on needs that pass as a whole.
    (tree.root / "a.synthetic/full/max/0/default.jpg").unlink()
    for name in [name for name in tree.files() if name.endswith("full/90,/0/default.jpg")]:
        (tree.root / name).unlink()
    engine = Counting()
    tree.repair(engine)
    assert contents(tree) == digests
    assert len(engine.blocks) == 3 * 2 + 1


def test_a_copy_of_a_slide_will_do_for_a_repair(tree: PublishedTree, tmp_path: Path) -> None:
    source = tmp_path / "slides"
    shutil.copytree(tree.source, source)
    digests = contents(tree)
    (tree.root / TILE).unlink()
    [repaired] = PublishedTree(tree.root, source).repair()
    assert (repaired.files, repaired.reason) == (1, "")
    assert contents(tree) == digests


@pytest.mark.parametrize("change", ["changed", "gone"])
def test_a_slide_that_is_not_what_it_was_is_not_repaired_from(tree: PublishedTree, tmp_path: Path, change: str) -> None:
    source = tmp_path / "slides"
    shutil.copytree(tree.source, source)
    if change == "gone":
        (source / ONE).unlink()
    else:
        (source / ONE).write_bytes((source / ONE).read_bytes() + b" ")
    (tree.root / TILE).unlink()
    before = snapshot(tree.root)
    [repaired] = PublishedTree(tree.root, source).repair()
    assert repaired.files == 0
    assert {"changed": "export it again", "gone": "no such file"}[change] in repaired.reason
    assert snapshot(tree.root) == before


def test_a_receipt_that_is_damaged_asks_for_an_export(tree: PublishedTree) -> None:
    tree.digest_file(ONE).write_bytes(b"")
    (tree.root / TILE).unlink()
    [repaired] = tree.repair()
    assert "export it again" in repaired.reason
    assert not (tree.root / TILE).exists()


def test_bytes_of_another_digest_are_not_published(tree: PublishedTree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "slide2iiif.tiles.render.encode", lambda *what: encode(*what)[:-2] + b"\xff\xfe\x00\x03x\xff\xd9"
    )
    (tree.root / TILE).unlink()
    [repaired] = tree.repair()
    assert "gives other bytes than it was published with" in repaired.reason
    assert not (tree.root / TILE).exists()
    assert staged(tree.root) == []


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_nothing_is_written_through_a_link_that_leads_elsewhere(
    tree: PublishedTree, tmp_path: Path, depth: int
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    folder = (tree.root / TILE).parents[depth]
    shutil.rmtree(folder)
    folder.symlink_to(outside)
    [repaired] = tree.repair()
    assert "is a link, which may lead out of the tree" in repaired.reason
    assert list(outside.rglob("*")) == []


def test_a_link_in_the_place_of_a_file_is_replaced(tree: PublishedTree, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"precious")
    digests = contents(tree)
    (tree.root / TILE).unlink()
    (tree.root / TILE).symlink_to(outside)
    tree.repair()
    assert outside.read_bytes() == b"precious"
    assert contents(tree) == digests
    assert not (tree.root / TILE).is_symlink()


def test_a_link_to_a_folder_in_the_place_of_a_file_is_replaced(tree: PublishedTree, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    digests = contents(tree)
    (tree.root / TILE).unlink()
    (tree.root / TILE).symlink_to(outside)
    tree.repair()
    assert list(outside.iterdir()) == []
    assert contents(tree) == digests
    assert not (tree.root / TILE).is_symlink()


def test_a_folder_in_the_place_of_a_file_is_in_the_way(tree: PublishedTree) -> None:
    (tree.root / TILE).unlink()
    (tree.root / TILE).mkdir()
    [repaired] = tree.repair()
    assert "is in the way" in repaired.reason
