"""An unchanged slide is passed over by a look at a handful of files, however many tiles it has."""

import io
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from commands import snapshot
from made_slides import write_synthetic
from pointers import write_pointer
from published_trees import PublishedTree

from slide2iiif.discovery.fingerprint import take_fingerprint
from slide2iiif.geometry import Size
from slide2iiif.options import Options
from slide2iiif.publish.summary import Status
from slide2iiif.samples import write_aperio


class Asked:
    """Counts files that are opened and asked for, by path."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.paths: Counter[str] = Counter()
        for module, name in ((io, "open"), (os, "open"), (os, "stat"), (os, "lstat"), (os, "scandir"), (os, "listdir")):
            monkeypatch.setattr(module, name, self._counted(getattr(module, name)))

    def _counted(self, function: Any) -> Any:
        def counted(path: Any, *more: Any, **named: Any) -> Any:
            self.paths[os.fsdecode(path) if not isinstance(path, int) else str(path)] += 1
            return function(path, *more, **named)

        return counted

    def below(self, folder: Path) -> Counter[str]:
        return Counter({path: count for path, count in self.paths.items() if path.startswith(f"{folder}/")})


@pytest.mark.parametrize("side", [64, 2000])
def test_an_unchanged_slide_costs_a_handful_of_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, side: int
) -> None:
    tree = PublishedTree(tmp_path / "public", tmp_path / "slides")
    for number in range(5):
        write_synthetic(tree.source / f"{number}.synthetic", side, side)
    tree.export(Options(tile_size=64))
    with monkeypatch.context() as patch:
        asked = Asked(patch)
        summary = tree.export(Options(tile_size=64))
    assert summary.counts == {Status.UNCHANGED: 5}
    for number in range(5):
        name = f"{number}.synthetic"
        looks = asked.below(tree.root / name) + asked.below(tree.root / ".slide2iiif" / "receipts" / name)
        # The receipt, the size of the digests, and the two documents; that one is there is asked for first.
        assert set(looks) == {
            f"{tree.root}/{name}/info.json",
            f"{tree.root}/{name}/info-v3.json",
            f"{tree.root}/.slide2iiif/receipts/{name}/receipt.json",
            f"{tree.root}/.slide2iiif/receipts/{name}/ledger",
        }
        assert looks.total() <= 5


def test_a_slide_whose_digests_are_gone_is_not_unchanged(tmp_path: Path) -> None:
    tree = PublishedTree(tmp_path / "public", write_synthetic(tmp_path / "slides" / "a.synthetic", 64, 64).parent)
    tree.export()
    tree.digest_file("a.synthetic").unlink()
    assert tree.export().counts == {Status.EXPORTED: 1}
    assert tree.findings() == []


def test_a_move_to_another_url_that_was_cut_short_is_finished(tmp_path: Path) -> None:
    tree = PublishedTree(tmp_path / "public", write_synthetic(tmp_path / "slides" / "a.synthetic", 64, 64).parent)
    tree.export()
    document = tree.root / "a.synthetic" / "info-v3.json"
    document.write_bytes(document.read_bytes().replace(b"host.example", b"new.example"))
    assert tree.export().counts == {Status.REBASED: 1}
    assert tree.findings() == []


def copy_anew(source: Path) -> None:
    """Replace each slide by a copy with other times, as a restored backup or a fresh checkout has them."""
    for path in [path for path in source.rglob("*") if path.is_file()]:
        fresh = path.with_name("fresh")
        fresh.write_bytes(path.read_bytes())
        os.utime(fresh, (1_000_000_000, 1_000_000_000))
        fresh.replace(path)


def test_a_copy_of_a_slide_is_unchanged_whatever_its_inode_and_times(tmp_path: Path) -> None:
    tree = PublishedTree(tmp_path / "public", tmp_path / "slides")
    for name in ("a.synthetic", "ward/b.synthetic"):
        write_synthetic(tree.source / name, 300, 200)
    tree.export(Options())
    before = snapshot(tree.root)
    copy_anew(tree.source)
    summary = tree.export(Options())
    assert summary.counts == {Status.UNCHANGED: 2}
    assert snapshot(tree.root) == before
    receipt = tree.receipts.read("a.synthetic")
    assert receipt is not None
    # Found out once: the next run reads none of it.
    assert receipt.fingerprint == take_fingerprint([tree.source / "a.synthetic"])
    assert tree.export(Options()).counts == {Status.UNCHANGED: 2}


def test_other_content_of_the_same_size_is_no_copy(tmp_path: Path) -> None:
    tree = PublishedTree(tmp_path / "public", write_synthetic(tmp_path / "slides" / "a.synthetic", 300, 200).parent)
    tree.export(Options())
    write_synthetic(tree.source / "a.synthetic", 200, 300)
    assert tree.export(Options()).counts == {Status.EXPORTED: 1}


def test_a_copy_is_made_anew_where_the_options_are_others(tmp_path: Path) -> None:
    tree = PublishedTree(tmp_path / "public", write_synthetic(tmp_path / "slides" / "a.synthetic", 300, 200).parent)
    tree.export(Options())
    copy_anew(tree.source)
    assert tree.export(Options(quality=70)).counts == {Status.EXPORTED: 1}


def test_an_unfetched_pointer_is_unchanged_where_the_file_that_it_stands_for_is_published(tmp_path: Path) -> None:
    tree = PublishedTree(tmp_path / "public", tmp_path / "slides")
    for name in ("a.synthetic", "ward/b.synthetic"):
        write_synthetic(tree.source / name, 300, 200)
    tree.export(Options())
    before = snapshot(tree.root)
    for path in tree.source.rglob("*.synthetic"):
        write_pointer(path)
    assert tree.export(Options()).counts == {Status.UNCHANGED: 2}
    assert snapshot(tree.root) == before


def test_an_unfetched_pointer_to_another_file_fails_and_what_is_published_stays(tmp_path: Path) -> None:
    tree = PublishedTree(tmp_path / "public", tmp_path / "slides")
    tree.source.mkdir()
    write_aperio(tree.source / "a.svs", Size(300, 200))
    tree.export(Options())
    before = snapshot(tree.root)
    write_aperio(tree.source / "a.svs", Size(320, 200))
    write_pointer(tree.source / "a.svs")
    summary = tree.export(Options())
    assert summary.counts == {Status.FAILED: 1}
    assert "is a pointer of Git LFS and not the file" in summary.outcomes[0].reason
    assert snapshot(tree.root) == before
