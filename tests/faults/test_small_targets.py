"""A target without room: a run that cannot fit is refused before it writes anything, one that can is not.

The targets are file systems in memory with few bytes or few inodes, mounted for the test; that needs the right to
mount.
"""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from commands import run_command
from made_slides import write_image, write_synthetic
from published import contents, faults
from stagings import put

from slide2iiif.errors import TargetError
from slide2iiif.stores.folder.store import FolderStore

URL = ["--base-url", "https://host.example/iiif"]
PLENTY = 1_000_000_000
BESIDE = 6_500_000
"""Bytes that a run is told to need beyond what its files take: the picture that a pass of the last slide hands on."""

Mount = Callable[..., Path]


class Taken(NamedTuple):
    """What a file system has given out."""

    inodes: int
    size: int


@contextmanager
def mounted(place: Path, size: int, inodes: int) -> Iterator[Path]:
    place.mkdir()
    options = f"size={size},nr_inodes={inodes}"
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", place], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("this system does not let tests mount a file system")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Mount]:
    """Mounts a file system with so many bytes and inodes."""
    with ExitStack() as stack:
        yield lambda name="target", size=PLENTY, inodes=PLENTY // 1000: stack.enter_context(
            mounted(tmp_path / name, size, inodes)
        )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Three slides, of about 3,300 inodes."""
    write_synthetic(tmp_path / "slides" / "a.synthetic", 4500, 3000)
    write_image(tmp_path / "slides" / "ward" / "b.png", 2500, 2000)
    write_synthetic(tmp_path / "slides" / "ward" / "c.synthetic", 2500, 3000)
    return tmp_path / "slides"


def taken(folder: Path) -> Taken:
    status = os.statvfs(folder)
    return Taken(status.f_files - status.f_ffree, (status.f_blocks - status.f_bfree) * status.f_frsize)


def export(source: Path, dest: Path, *options: object) -> "subprocess.CompletedProcess[str]":
    return run_command("export", source, dest, *URL, "-q", "--tile-size", 256, "--jobs", 1, *options)


@pytest.fixture
def needed(source: Path, mount: Mount) -> Taken:
    """What the tree takes, where there is room for anything."""
    place = mount("plenty")
    export(source, place / "public").check_returncode()
    return taken(place)


def assert_refused(done: "subprocess.CompletedProcess[str]", dest: Path, *words: str) -> None:
    assert done.returncode == 3, done.stderr
    [line] = done.stderr.splitlines()
    assert line.startswith(f"slide2iiif: {dest}: nothing was written, as ")
    for each in words:
        assert each in line, line


@pytest.mark.parametrize("share", [0.3, 0.7])
def test_a_first_run_that_does_not_fit_is_refused_before_it_writes_anything(
    source: Path, mount: Mount, needed: Taken, share: float
) -> None:
    few_bytes = mount("bytes", size=int(share * needed.size))
    done = export(source, few_bytes / "public")
    assert_refused(done, few_bytes / "public", "the 3 slides take", " MB are left: free some, or choose another DEST")
    few_inodes = mount("inodes", inodes=int(share * needed.inodes))
    done = export(source, few_inodes / "public")
    assert_refused(done, few_inodes / "public", "inodes (files and folders), and ", "--tile-size")
    assert list(few_bytes.iterdir()) == list(few_inodes.iterdir()) == []


def test_the_inodes_that_a_refusal_tells_are_those_that_a_run_takes(source: Path, mount: Mount, needed: Taken) -> None:
    few = mount("few", inodes=100)
    words = export(source, few / "public").stderr.split(" inodes (files")[0].split()
    told = int(words[-1].replace(",", ""))
    # Beside the tree: what slides have in staging while they are made.
    assert needed.inodes <= told <= 1.02 * needed.inodes + 20


def test_a_first_run_that_just_fits_is_not_refused(source: Path, mount: Mount, needed: Taken) -> None:
    place = mount("just", size=int(1.15 * needed.size) + BESIDE, inodes=int(1.02 * needed.inodes) + 40)
    done = export(source, place / "public")
    assert (done.returncode, done.stderr) == (0, "")
    assert faults(place / "public") == []


def test_a_dry_run_says_whether_the_run_would_fit(source: Path, mount: Mount, needed: Taken) -> None:
    """It ends as the run would, and writes nothing."""
    command = ["export", source, "DEST", *URL, "--tile-size", 256, "--jobs", 1, "--dry-run"]
    sizes = {"no": 0.3 * needed.size, "perhaps": needed.size + BESIDE, "yes": PLENTY}
    for word, size in sizes.items():
        place = mount(word, size=int(size))
        command[2] = place / "public"
        done = run_command(*command)
        assert done.returncode == (3 if word == "no" else 0), done.stderr
        [line] = [each for each in done.stdout.splitlines() if each.startswith("fits ")]
        assert line.startswith(f"fits       {word}: ")
        assert (f"slide2iiif: {place / 'public'}: nothing was written, as the 3 slides take" in done.stderr) == (
            word == "no"
        )
        told = json.loads(run_command(*command, "--json", "-").stdout)
        assert told["fits"] is {"no": False, "perhaps": None, "yes": True}[word]
        assert bool(told["shortage"]) == (word != "yes")
        assert told["bytes_left"] == os.statvfs(place).f_bavail * os.statvfs(place).f_frsize
        assert list(place.iterdir()) == []


def test_a_run_that_may_not_fit_is_warned_of_and_begins(source: Path, mount: Mount, needed: Taken) -> None:
    place = mount("narrow", size=needed.size + BESIDE)
    done = run_command("export", source, place / "public", *URL, "--tile-size", 256, "--jobs", 1)
    assert done.returncode == 0, done.stderr
    assert "slide2iiif: warning: there may be too little room: the 3 slides take up to " in done.stderr


def test_a_run_over_an_older_tree_counts_what_it_gives_back(source: Path, mount: Mount, needed: Taken) -> None:
    # Room for the tree and its largest slide beside it, and by far not for two trees.
    place = mount("again", size=int(1.65 * needed.size) + BESIDE, inodes=int(1.7 * needed.inodes) + 40)
    export(source, place / "public").check_returncode()
    again = export(source, place / "public", "--overwrite", "--quality", 74)
    assert (again.returncode, again.stderr) == (0, "")
    assert faults(place / "public") == []
    # What is unchanged takes nothing.
    done = export(source, place / "public", "--quality", 74)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_run_over_an_older_tree_that_does_not_fit_leaves_it_as_it_is(
    source: Path, mount: Mount, needed: Taken
) -> None:
    place = mount("older", size=int(1.15 * needed.size) + BESIDE, inodes=int(1.15 * needed.inodes))
    export(source, place / "public").check_returncode()
    before = contents(place / "public")
    done = export(source, place / "public", "--tile-size", 128)
    assert_refused(done, place / "public", "inodes (files and folders), and ")
    assert contents(place / "public") == before
    unchanged = export(source, place / "public")
    assert (unchanged.returncode, unchanged.stderr) == (0, "")


def test_a_run_that_was_cut_off_finds_room_in_what_it_has_left(source: Path, mount: Mount, needed: Taken) -> None:
    place = mount("left", size=int(1.15 * needed.size) + BESIDE, inodes=int(1.02 * needed.inodes) + 40)
    with FolderStore(place / "public") as store:
        staging = store.stage("a.synthetic", "another state")
        for number in range(needed.inodes // 8):
            put(staging, [f"{number}/full/0/default.jpg"], bytes(needed.size // needed.inodes))
    done = export(source, place / "public")
    assert (done.returncode, done.stderr) == (0, "")
    assert faults(place / "public") == []


def fill(root: Path) -> None:
    content = bytes(100_000)
    with FolderStore(root) as store:
        staging = store.stage("a.svs")
        for number in range(100):
            put(staging, [f"{number}/full/0/default.jpg"], content)


def test_inodes_that_run_out_meanwhile_are_told_from_bytes(mount: Mount) -> None:
    with pytest.raises(TargetError, match=r"no inodes left \(files, not bytes, are used up\)"):
        fill(mount("files", inodes=60) / "public")
    with pytest.raises(TargetError, match="no space left; free some, then run again"):
        fill(mount("bytes", size=400_000) / "public")
