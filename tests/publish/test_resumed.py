"""What an interrupted run has staged is published only if it is what was made."""

import itertools
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from commands import snapshot
from made_slides import write_synthetic
from published_trees import BASE_URL, SMALL_TILES, PublishedTree

from slide2iiif.discovery.walk import walk
from slide2iiif.engines.base import Deadline, Result, Task
from slide2iiif.engines.serial import SerialEngine
from slide2iiif.errors import TargetError
from slide2iiif.progress import Silent
from slide2iiif.publish.run import Export
from slide2iiif.publish.summary import Status
from slide2iiif.publish.tree import Tree
from slide2iiif.records.receipts import Receipts
from slide2iiif.stores.folder.store import FolderStore
from slide2iiif.tiles.render import render

ONE = "one.synthetic"


class Ending(SerialEngine):
    """Ends the run after some tasks that make tiles, and counts them."""

    def __init__(self, tasks: int | None = None) -> None:
        self.made = 0
        self._tasks = tasks

    def run(
        self, function: Callable[[Task], Result], tasks: Iterable[Task], within: Deadline | None = None
    ) -> Iterator[tuple[Task, Result]]:
        if function.__name__ != render.__name__:
            yield from super().run(function, tasks, within)
            return
        for each in super().run(function, itertools.islice(tasks, self._tasks), within):
            self.made += 1
            yield each
        if self._tasks is not None:
            raise TargetError("the disk is full")


def run(root: Path, source: Path, engine: Ending, *, is_stopped: bool = False) -> dict[Status, int]:
    with FolderStore(root, lambda: is_stopped) as store, engine:
        receipts = Receipts(store.private)
        flow = Export(Tree(store, receipts, SMALL_TILES, BASE_URL, f"{BASE_URL}-v3"), engine, Silent())
        return dict(flow.slides(walk(source)).counts)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write_synthetic(tmp_path / "slides" / ONE, 4200, 700)
    return tmp_path / "slides"


@pytest.fixture
def left(tmp_path: Path, source: Path) -> Path:
    """A tree in which a run has ended in the middle of a slide."""
    with pytest.raises(TargetError, match="the disk is full"):
        run(tmp_path / "public", source, Ending(1), is_stopped=True)
    assert len(staged(tmp_path / "public")) > 100
    return tmp_path / "public"


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    folder = tmp_path_factory.mktemp("expected")
    write_synthetic(folder / "slides" / ONE, 4200, 700)
    run(folder / "public", folder / "slides", Ending())
    return {name for name in snapshot(folder / "public") if not name.startswith(".slide2iiif")}


def staged(root: Path) -> list[Path]:
    [folder] = [path for path in (root / ".slide2iiif/staging").iterdir() if not path.name.endswith(".scratch")]
    return sorted(path for path in folder.rglob("*") if path.is_file())


def scratch_of(root: Path) -> Path:
    [folder] = (root / ".slide2iiif/staging").glob("*.scratch")
    return folder


def assert_whole(root: Path, source: Path, expected: set[str]) -> None:
    assert PublishedTree(root, source).findings() == []
    assert {name for name in snapshot(root) if not name.startswith(".slide2iiif")} == expected
    assert list((root / ".slide2iiif/staging").iterdir()) == []


def test_a_run_goes_on_from_what_was_staged(left: Path, source: Path, expected: set[str]) -> None:
    engine, whole = Ending(), Ending()
    assert run(left, source, engine) == {Status.EXPORTED: 1}
    run(left.parent / "other", source, whole)
    assert engine.made == whole.made - 1
    assert_whole(left, source, expected)


def delete_one(root: Path) -> None:
    staged(root)[40].unlink()


def delete_many(root: Path) -> None:
    for path in staged(root)[::7]:
        path.unlink()


def empty_some(root: Path) -> None:
    for path in staged(root)[10:13]:
        path.unlink()
        path.touch()


def flip_a_bit(root: Path) -> None:
    path = staged(root)[33]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()
    path.write_bytes(content)


def swap_two(root: Path) -> None:
    one, other = staged(root)[20], staged(root)[60]
    aside = one.with_name("aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def replace_by_a_link(root: Path) -> None:
    path = staged(root)[25]
    shutil.copy(path, root.parent / "elsewhere.jpg")
    path.unlink()
    path.symlink_to(root.parent / "elsewhere.jpg")


def plant_a_page(root: Path) -> None:
    folder = staged(root)[0].parents[3]
    (folder / "planted.html").write_text("<script>")


def plant_a_tile(root: Path) -> None:
    path = staged(root)[0].parents[3] / "1,2,3,4" / "3," / "0" / "default.jpg"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"planted")


def plant_beside_a_tile(root: Path) -> None:
    (staged(root)[5].with_name("gray.jpg")).write_bytes(b"planted")


def forget_digests(root: Path) -> None:
    digests = scratch_of(root) / "ledger"
    content = bytearray(digests.read_bytes())
    content[16 * 10 : 16 * 30] = bytes(16 * 20)
    digests.write_bytes(content)


def garble_the_journal(root: Path) -> None:
    journal = scratch_of(root) / "journal"
    content = journal.read_bytes()
    journal.write_bytes(content[:50] + b"x" + content[51:])


def lose_the_scratch(root: Path) -> None:
    shutil.rmtree(scratch_of(root))


@pytest.mark.parametrize(
    "change",
    [
        delete_one, delete_many, empty_some, flip_a_bit, swap_two, replace_by_a_link, plant_a_page, plant_a_tile,
        plant_beside_a_tile, forget_digests, garble_the_journal, lose_the_scratch,
    ],
)  # fmt: skip
def test_what_is_not_what_was_made_is_never_published(
    left: Path, source: Path, expected: set[str], change: Callable[[Path], None]
) -> None:
    change(left)
    assert run(left, source, Ending()) == {Status.EXPORTED: 1}
    assert_whole(left, source, expected)


def test_a_copy_of_a_tree_is_not_gone_on_from(left: Path, source: Path, expected: set[str]) -> None:
    """It may have been made while the run went on: then half of it is older than the other."""
    copy = left.parent / "copy"
    subprocess.run(["cp", "-a", left, copy], check=True)
    engine, whole = Ending(), Ending()
    assert run(copy, source, engine) == {Status.EXPORTED: 1}
    run(left.parent / "other", source, whole)
    assert engine.made == whole.made
    assert_whole(copy, source, expected)
