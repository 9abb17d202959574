"""Folders in a tree that are deeper than a stack, or whose paths are longer than the system takes."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commands import run_command, snapshot, staged
from made_slides import write_synthetic
from published_trees import PublishedTree

from slide2iiif.stores.folder.capacity import count_files
from slide2iiif.stores.folder.deletion import DeleteDeadline, delete_tree
from slide2iiif.stores.folder.store import FolderStore

URL = ["--base-url", "https://host.example/iiif", "-q"]
ONE = "one.synthetic"
SHAPES = {"1,500 deep": ("d", 1500), "of long names": ("x" * 255, 60), "deep and of long names": ("y" * 200, 1200)}


def dig(place: Path, name: str, depth: int) -> None:
    """Make folders in each other, with a file in each hundredth, as whoever goes down step by step can."""
    file = os.open(place, os.O_RDONLY)
    for number in range(depth):
        os.mkdir(name, dir_fd=file)
        inner = os.open(name, os.O_RDONLY, dir_fd=file)
        os.close(file)
        file = inner
        if number % 100 == 0:
            os.close(os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=file))
    os.close(file)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture(params=SHAPES)
def shape(request: pytest.FixtureRequest) -> tuple[str, int]:
    return SHAPES[request.param]


@pytest.fixture
def swept(tmp_path: Path) -> Iterator[Path]:
    """A folder that pytest need not delete: it cannot."""
    yield tmp_path
    for each in tmp_path.iterdir():
        if each.is_dir():
            delete_tree(each)


def test_a_deep_stranger_in_a_published_slide_goes_when_the_slide_is_replaced(
    swept: Path, shape: tuple[str, int]
) -> None:
    source, dest = swept / "slides", swept / "public"
    write_synthetic(source / ONE, 300, 200)
    run_command("export", source, dest, *URL).check_returncode()
    dig(dest / ONE, *shape)
    done = run_command("verify", dest)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith(f"stranger: {ONE}/{shape[0]}\n")
    for _ in range(2):
        # The first makes it anew because of what is in it, the second finds nothing to replace.
        run_command("export", source, dest, *URL, "--overwrite").check_returncode()
        assert staged(dest) == []
        assert run_command("verify", dest, "-q").returncode == 0


def test_a_deep_stranger_goes_with_a_slide_that_is_removed(swept: Path, shape: tuple[str, int]) -> None:
    source, dest = swept / "slides", swept / "public"
    for name in (ONE, "two.synthetic"):
        write_synthetic(source / name, 300, 200)
    run_command("export", source, dest, *URL).check_returncode()
    dig(dest / ONE, *shape)
    (source / ONE).unlink()
    run_command("export", source, dest, *URL, "--delete").check_returncode()
    assert not (dest / ONE).exists()
    assert staged(dest) == []


def test_a_deep_stranger_beside_slides_hinders_no_command(swept: Path, shape: tuple[str, int]) -> None:
    source, dest = swept / "slides", swept / "public"
    write_synthetic(source / ONE, 300, 200)
    run_command("export", source, dest, *URL).check_returncode()
    (dest / "ward").mkdir()
    dig(dest / "ward", *shape)
    run_command("export", source, dest, *URL, "--quality", 60).check_returncode()
    run_command("rebase", dest, "--base-url", "https://new.example/iiif", "-q").check_returncode()
    run_command("repair", dest, "--source", source, "-q").check_returncode()
    done = run_command("verify", dest)
    assert (done.returncode, done.stderr) == (1, "")
    assert "ward" in done.stdout


def test_what_an_earlier_run_has_left_is_counted_and_deleted_however_deep(swept: Path, shape: tuple[str, int]) -> None:
    tree = PublishedTree(swept / "public", swept / "slides")
    write_synthetic(tree.source / ONE, 300, 200)
    tree.export()
    dig(tree.root / ".slide2iiif" / "staging", *shape)
    inodes, size = count_files(tree.root / ".slide2iiif" / "staging")
    assert inodes > 10
    assert size > 0
    with FolderStore(tree.root):
        assert staged(tree.root) == []


def test_nothing_outside_is_deleted(tmp_path: Path) -> None:
    (tmp_path / "outside" / "inner").mkdir(parents=True)
    (tmp_path / "outside" / "file").write_text("x")
    folder = tmp_path / "folder" / "a" / "b"
    folder.mkdir(parents=True)
    (folder / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "folder" / "another").symlink_to(tmp_path / "outside" / "file")
    before = snapshot(tmp_path / "outside")
    delete_tree(tmp_path / "folder")
    assert not (tmp_path / "folder").exists()
    assert snapshot(tmp_path / "outside") == before
    (tmp_path / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(NotADirectoryError):
        delete_tree(tmp_path / "link")
    assert snapshot(tmp_path / "outside") == before


def test_a_deletion_holds_few_folders_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "top").mkdir()
    dig(tmp_path / "top", "d", 300)
    most = 0
    unlink: Callable[..., None] = os.unlink

    def counted(name: str, *, dir_fd: int) -> None:
        nonlocal most
        most = max(most, open_files())
        unlink(name, dir_fd=dir_fd)

    before = open_files()
    monkeypatch.setattr(os, "unlink", counted)
    delete_tree(tmp_path / "top")
    assert before < most <= before + 30
    assert open_files() == before


def test_a_deletion_ends_soon_after_a_run_was_told_to_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "top").mkdir()
    dig(tmp_path / "top", "d", 50)
    monkeypatch.setattr("slide2iiif.stores.folder.deletion._STOP_SECONDS", -1)
    delete_tree(tmp_path / "top", DeleteDeadline(lambda: True))
    assert (tmp_path / "top").exists()
    delete_tree(tmp_path / "top", DeleteDeadline(lambda: False))
    assert not (tmp_path / "top").exists()
