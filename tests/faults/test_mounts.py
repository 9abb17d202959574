"""File systems within the tree, and a tree in the lower layer of an overlay: what is refused, and what is told."""

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from commands import run_command, snapshot, staged
from made_slides import write_image, write_synthetic
from published import contents, faults
from published_trees import PublishedTree

from slide2iiif.options import Options
from slide2iiif.publish.summary import Status
from slide2iiif.stores.base import Staging
from slide2iiif.stores.folder.atomic import exchange
from slide2iiif.stores.folder.mounts import mounts, mounts_within
from slide2iiif.stores.folder.store import FolderStore

URL = ["--base-url", "https://host.example/iiif"]
Bind = Callable[[Path, Path], Path]


@contextmanager
def mounted(place: Path, *arguments: str | Path) -> Iterator[Path]:
    place.mkdir(parents=True, exist_ok=True)
    if subprocess.run(["mount", *arguments, place], capture_output=True, check=False).returncode:
        pytest.skip("this system does not let tests mount a file system")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


@pytest.fixture
def bind() -> Iterator[Bind]:
    """Mounts a folder within another; the file system is one and the same."""
    with ExitStack() as stack:

        def mount(folder: Path, place: Path) -> Path:
            folder.mkdir(exist_ok=True)
            return stack.enter_context(mounted(place, "--bind", folder))

        yield mount


@pytest.fixture
def source(tmp_path: Path) -> Path:
    source = tmp_path / "slides"
    write_synthetic(source / "a.synthetic", 300, 200)
    write_synthetic(source / "ward" / "b.synthetic", 300, 200)
    write_image(source / "ward" / "deep er" / "c.png", 150, 90)
    write_synthetic(source / "z.synthetic", 200, 100)
    return source


@pytest.mark.parametrize("at", ["ward", "ward/deep!20er"])
def test_slides_below_a_mount_fail_by_name_and_the_others_are_published(
    tmp_path: Path, source: Path, bind: Bind, at: str
) -> None:
    dest = tmp_path / "public tree"
    place = bind(tmp_path / "other", dest / at)
    done = run_command("export", source, dest, *URL)
    assert done.returncode == 1
    assert (dest / "a.synthetic" / "info.json").exists()
    assert (dest / "z.synthetic" / "info.json").exists()
    told = [line for line in done.stdout.splitlines() if f"{place} is on another file system than {dest}" in line]
    assert len(told) == (2 if at == "ward" else 1), done.stdout
    assert faults(dest) == []
    assert staged(dest) == []


def test_a_move_across_file_systems_that_no_mount_explains_costs_its_slide_alone(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = PublishedTree(tmp_path / "public", source)
    tree.export()

    def refuse(fresh: Path, old: Path) -> None:
        if old.name == "b.synthetic":
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        exchange(fresh, old)

    monkeypatch.setattr("slide2iiif.stores.folder.store.exchange", refuse)
    before = contents(tree.root / "ward")
    summary = tree.export(Options(tile_size=64, quality=40))
    assert summary.counts == {Status.EXPORTED: 3, Status.FAILED: 1}
    [failed] = [outcome for outcome in summary.outcomes if outcome.status is Status.FAILED]
    assert failed.identifier == "ward/b.synthetic"
    assert "ward/b.synthetic: the system moves nothing there in one step" in failed.reason
    assert contents(tree.root / "ward" / "b.synthetic") == {
        name.removeprefix("b.synthetic/"): digest for name, digest in before.items() if name.startswith("b.synthetic/")
    }
    assert tree.findings() == []


def test_a_mount_that_comes_during_a_run_costs_its_slides_alone(
    tmp_path: Path, source: Path, bind: Bind, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = PublishedTree(tmp_path / "public", source)
    swap = FolderStore.publish

    def publish(store: FolderStore, identifier: str, staging: Staging) -> None:
        if identifier == "ward/b.synthetic":
            bind(tmp_path / "other", tree.root / "ward")
        swap(store, identifier, staging)

    monkeypatch.setattr(FolderStore, "publish", publish)
    summary = tree.export()
    assert summary.counts == {Status.EXPORTED: 2, Status.FAILED: 2}
    reasons = {outcome.identifier: outcome.reason for outcome in summary.outcomes if outcome.reason}
    assert set(reasons) == {"ward/b.synthetic", "ward/deep!20er/c.png"}
    assert all("ward is on another file system" in reason for reason in reasons.values())
    assert staged(tree.root) == []


def test_a_part_of_a_tree_that_was_moved_to_another_disk_is_looked_after(
    tmp_path: Path, source: Path, bind: Bind
) -> None:
    """What is unchanged stays so; documents, pages and single files can be written, and slides be removed."""
    dest = tmp_path / "public"
    run_command("export", source, dest, *URL, "-q").check_returncode()
    (dest / "ward").rename(tmp_path / "other")
    place = bind(tmp_path / "other", dest / "ward")
    before, whole = snapshot(dest), contents(dest)
    run_command("export", source, dest, *URL, "-q").check_returncode()
    assert snapshot(dest) == before
    next(place.rglob("default.jpg")).unlink()
    run_command("repair", dest, "--source", source, "-q").check_returncode()
    assert contents(dest) == whole
    run_command("rebase", dest, "--base-url", "https://new.example/iiif", "-q").check_returncode()
    run_command("verify", dest, "-q").check_returncode()
    (source / "ward" / "b.synthetic").unlink()
    command = ["export", source, dest, "--base-url", "https://new.example/iiif", "-q", "--delete"]
    run_command(*command).check_returncode()
    assert not (place / "b.synthetic").exists()
    run_command("verify", dest, "-q").check_returncode()


@pytest.fixture
def layered(tmp_path: Path, source: Path) -> Iterator[Path]:
    """A tree in the lower layer of an overlay, as one is that comes with the image of a container."""
    run_command("export", source, tmp_path / "lower" / "public", *URL, "-q").check_returncode()
    # The disk of the temporary folder may be an overlay itself, on which none can lie.
    with mounted(tmp_path / "upper", "-t", "tmpfs", "none") as upper:
        for name in ("changes", "work"):
            (upper / name).mkdir()
        layers = f"lowerdir={tmp_path / 'lower'},upperdir={upper / 'changes'},workdir={upper / 'work'}"
        with mounted(tmp_path / "merged", "-t", "overlay", "none", "-o", layers) as merged:
            yield merged / "public"


def test_a_tree_in_a_lower_layer_is_replaced_removed_and_looked_after(source: Path, layered: Path) -> None:
    (source / "z.synthetic").unlink()
    for options in (["--quality", 60, "--tile-size", 64], ["--quality", 50, "--tile-size", "auto"]):
        run_command("export", source, layered, *URL, "-q", "--delete", *options).check_returncode()
        assert run_command("verify", layered).stdout.endswith(": nothing is wrong\n")
        assert not (layered / "z.synthetic").exists()
        assert staged(layered) == []
    fresh = source.parent / "fresh"
    run_command("export", source, fresh, *URL, "-q", "--quality", 50).check_returncode()
    assert contents(layered) == contents(fresh)


def test_the_list_of_mounts_is_read_with_its_escapes(tmp_path: Path, bind: Bind) -> None:
    place = bind(tmp_path / "other", tmp_path / "tree" / "a b\\c")
    assert mounts_within(tmp_path / "tree") == (place,)
    assert place in {mount.place for mount in mounts()}
    assert mounts_within(tmp_path / "tree" / "none") == ()
