"""File systems that keep a folder as long as a file of it is open: FUSE and NFS rename what is deleted meanwhile."""

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import run_command, snapshot
from made_slides import write_synthetic
from published_trees import PublishedTree

from slide2iiif.options import Options
from slide2iiif.publish.summary import Status

URL = ["--base-url", "https://host.example/iiif", "-q"]


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A folder that is reached through FUSE."""
    if shutil.which("bindfs") is None or not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("bindfs or /dev/fuse is not there")
    for name in ("behind", "mounted"):
        (tmp_path / name).mkdir()
    done = subprocess.run(
        ["bindfs", tmp_path / "behind", tmp_path / "mounted"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"bindfs cannot mount here: {done.stderr.strip()}")
    yield tmp_path / "mounted"
    subprocess.run(["umount", tmp_path / "mounted"], check=True)


def test_a_tree_on_fuse_is_published_replaced_verified_and_left_without_remains(tmp_path: Path, mounted: Path) -> None:
    source, dest = tmp_path / "slides", mounted / "public"
    write_synthetic(source / "a.synthetic", 700, 500)
    write_synthetic(source / "ward" / "b.synthetic", 300, 200)
    for options in ([], [], ["--quality", 70], ["--overwrite"]):
        run_command("export", source, dest, *URL, *options).check_returncode()
        run_command("verify", dest, "-q").check_returncode()
        assert list((dest / ".slide2iiif" / "staging").iterdir()) == []
    next(dest.rglob("default.jpg")).unlink()
    run_command("repair", dest, "--source", source, "-q").check_returncode()
    shutil.rmtree(source / "ward")
    run_command("export", source, dest, *URL, "--quality", 70, "--delete").check_returncode()
    assert not (dest / "ward").exists()
    assert run_command("export", source, tmp_path / "plain", *URL, "--quality", 70).returncode == 0
    ours, theirs = snapshot(dest), snapshot(tmp_path / "plain")
    assert {name for name in ours if ".slide2iiif" not in name} == {
        name for name in theirs if ".slide2iiif" not in name
    }


def test_nothing_is_deleted_that_is_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same without FUSE: a folder of which a file is open cannot be removed."""
    write_synthetic(tmp_path / "slides" / "a.synthetic", 700, 500)
    tree = PublishedTree(tmp_path / "public", tmp_path / "slides")
    rmdir = os.rmdir

    def refuse_if_open(path: str | Path, *, dir_fd: int | None = None) -> None:
        folder = (
            (Path(f"/proc/self/fd/{dir_fd}").readlink() if dir_fd is not None else Path("/")).joinpath(path).resolve()
        )
        for each in Path("/proc/self/fd").iterdir():
            # One that was deleted has a mark behind its name.
            if os.path.lexists(each) and each.readlink().parent == folder:
                raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY))
        rmdir(path, dir_fd=dir_fd)

    monkeypatch.setattr(os, "rmdir", refuse_if_open)
    for quality in (85, 70):
        assert tree.export(Options(quality=quality)).counts == {Status.EXPORTED: 1}
    assert list((tree.root / ".slide2iiif" / "staging").iterdir()) == []
