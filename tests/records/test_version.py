"""Two versions of a slide, of which one is published: the records know it, whatever has ended the run in between."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import snapshot
from made_slides import write_synthetic
from published_trees import ONE, SMALL_TILES, PublishedTree

from slide2iiif.errors import TargetError
from slide2iiif.maintenance.rebase import rebase
from slide2iiif.options import Options
from slide2iiif.publish.summary import Status
from slide2iiif.records.receipts import Receipts
from slide2iiif.stores.base import Staging
from slide2iiif.stores.folder.store import FolderStore

Change = Callable[[pytest.MonkeyPatch], None]
OTHERS = {
    "quality": Options(tile_size=64, quality=30),
    "tile size": Options(tile_size=128),
    "version": Options(tile_size=64, api=SMALL_TILES.api.other),
    "pixel size": Options(tile_size=64, quality=30, mpp=0.5),
}


class Killed(BaseException):
    """Stands for kill -9: nothing catches it, and nothing is cleaned up."""


def refuse_the_swap(patch: pytest.MonkeyPatch) -> None:
    def publish(_store: FolderStore, _identifier: str, _staging: Staging) -> None:
        raise TargetError("the disk fails")

    patch.setattr(FolderStore, "publish", publish)


def end_before_the_swap(patch: pytest.MonkeyPatch) -> None:
    def publish(_store: FolderStore, _identifier: str, _staging: Staging) -> None:
        raise Killed

    patch.setattr(FolderStore, "publish", publish)


def end_after_the_swap(patch: pytest.MonkeyPatch) -> None:
    swap = FolderStore.publish

    def publish(store: FolderStore, identifier: str, staging: Staging) -> None:
        swap(store, identifier, staging)
        raise Killed

    patch.setattr(FolderStore, "publish", publish)


def fail_after_the_swap(patch: pytest.MonkeyPatch) -> None:
    swap = FolderStore.publish

    def publish(store: FolderStore, identifier: str, staging: Staging) -> None:
        swap(store, identifier, staging)
        raise TargetError("the disk fails")

    patch.setattr(FolderStore, "publish", publish)


@pytest.fixture
def tree(tmp_path: Path) -> PublishedTree:
    write_synthetic(tmp_path / "slides" / ONE, 300, 200)
    made = PublishedTree(tmp_path / "public", tmp_path / "slides")
    made.export()
    return made


def disturb(tree: PublishedTree, change: Change, options: Options) -> None:
    with pytest.MonkeyPatch.context() as patch:
        change(patch)
        with pytest.raises((Killed, TargetError)):
            tree.export(options)


@pytest.fixture(params=OTHERS)
def other(request: pytest.FixtureRequest) -> Options:
    return OTHERS[request.param]


@pytest.mark.parametrize("change", [refuse_the_swap, end_before_the_swap])
def test_a_slide_that_was_not_replaced_is_verified_and_repaired_as_what_it_is(
    tree: PublishedTree, change: Change, other: Options
) -> None:
    before = snapshot(tree.root)
    disturb(tree, change, other)
    assert tree.findings() == []
    tile = next((tree.root / ONE).glob("0,0,64,64/*/0/default.jpg"))
    tile.unlink()
    [repaired] = tree.repair()
    assert repaired.reason == ""
    assert repaired.files
    assert {name: facts.digest for name, facts in snapshot(tree.root).items()} == {
        name: facts.digest for name, facts in before.items()
    }


@pytest.mark.parametrize("change", [refuse_the_swap, end_before_the_swap])
def test_a_slide_that_was_not_replaced_is_unchanged_for_a_run_with_its_options(
    tree: PublishedTree, change: Change, other: Options
) -> None:
    before = snapshot(tree.root)
    disturb(tree, change, other)
    assert tree.export().counts == {Status.UNCHANGED: 1}
    assert snapshot(tree.root) == before
    assert tree.findings() == []
    assert sorted(path.name for path in tree.receipt_file(ONE).parent.iterdir()) == ["ledger", "receipt.json"]


@pytest.mark.parametrize("change", [end_after_the_swap, fail_after_the_swap])
def test_a_slide_that_was_replaced_just_before_the_end_is_verified_as_what_it_is(
    tree: PublishedTree, change: Change, other: Options
) -> None:
    disturb(tree, change, other)
    assert tree.findings() == []
    assert tree.export().counts == {Status.EXPORTED: 1}
    assert tree.findings() == []
    assert sorted(path.name for path in tree.receipt_file(ONE).parent.iterdir()) == ["ledger", "receipt.json"]


@pytest.mark.parametrize("change", [end_before_the_swap, end_after_the_swap])
def test_the_version_that_is_there_is_rebased(tree: PublishedTree, change: Change, other: Options) -> None:
    disturb(tree, change, other)
    with FolderStore(tree.root) as store:
        assert list(rebase(store, tree.receipts, "https://new.example", "https://new.example/v3")) == [ONE]
    assert b"https://new.example/one" in (tree.root / ONE / "info.json").read_bytes()
    assert tree.findings() == []


def test_one_damaged_file_does_not_hide_which_version_is_there(tree: PublishedTree) -> None:
    disturb(tree, end_before_the_swap, OTHERS["quality"])
    for tile in sorted((tree.root / ONE).glob("*,*,64,64"))[:3]:
        shutil.rmtree(tile)
    assert {finding.path.split("/")[1] for finding in tree.findings()} == {"0,0,64,64", "0,64,64,64", "0,128,64,64"}


def test_a_second_run_that_is_refused_forgets_nothing(tree: PublishedTree) -> None:
    disturb(tree, end_before_the_swap, OTHERS["quality"])
    disturb(tree, end_before_the_swap, OTHERS["tile size"])
    assert tree.findings() == []
    assert tree.export().counts == {Status.UNCHANGED: 1}


class Cut:
    """Ends the run at a write or delete of the private side, each in turn."""

    def __init__(self, number: int) -> None:
        self._left = number

    def __call__(self, patch: pytest.MonkeyPatch) -> None:
        from slide2iiif.stores.folder.objects import FolderObjects

        for name in ("write", "delete"):
            patch.setattr(FolderObjects, name, self._counted(getattr(FolderObjects, name)))

    def _counted(self, function: Callable[..., None]) -> Callable[..., None]:
        def counted(objects: object, name: str, *more: object, **named: object) -> None:
            if name.startswith("receipts/"):
                if not self._left:
                    raise Killed
                self._left -= 1
            function(objects, name, *more, **named)

        return counted


MOMENTS = 7
"""Changes of the records of a slide that is replaced: four files written, the receipt twice, two deleted."""


@pytest.mark.parametrize("number", range(MOMENTS))
def test_records_are_right_wherever_their_writing_ends(tree: PublishedTree, number: int) -> None:
    before = {name: facts.digest for name, facts in snapshot(tree.root).items()}
    disturb(tree, Cut(number), OTHERS["quality"])
    assert tree.findings() == []
    tree.export()
    assert {name: facts.digest for name, facts in snapshot(tree.root).items()} == before
    assert tree.findings() == []
    # What a run has left before it announced anything stays until the next one that replaces the slide.
    tree.export(OTHERS["tile size"])
    assert sorted(path.name for path in tree.receipt_file(ONE).parent.iterdir()) == ["ledger", "receipt.json"]


def test_a_slide_that_is_removed_leaves_no_record_of_what_was_to_come(tree: PublishedTree) -> None:
    disturb(tree, end_before_the_swap, OTHERS["quality"])
    Receipts(FolderStore(tree.root).private).remove(ONE)
    assert not tree.receipt_file(ONE).parent.exists()
