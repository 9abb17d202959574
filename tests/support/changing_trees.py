"""A tree that a run is about to change: what it may look like when the run is disturbed, and after the next one."""

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from commands import run_command, staged
from made_slides import write_image, write_synthetic
from published import contents, documents, faults, slide_of
from stagings import put
from traces import plain_run

from slide2iiif.engines.serial import SerialEngine
from slide2iiif.maintenance.verify import Verification
from slide2iiif.records.receipts import Receipts
from slide2iiif.stores.folder.store import FolderStore

URL = ["--base-url", "https://host.example/iiif"]
DEST = object()
"""Stands for the tree, wherever it is."""
SLIDES = ("one.synthetic", "ward/picture.png", "ward/two.synthetic")


class Scene(NamedTuple):
    """A tree that is about to be changed by a run, and what becomes of it."""

    source: Path
    before: Path
    """The tree; to be copied, not changed."""
    after: Path
    """The tree that an undisturbed run leaves."""
    words: tuple[object, ...]
    """Of the command; `DEST` stands for the tree."""
    is_by_file: bool = False
    """Whether files change one by one, each in one step, and not whole slides."""

    def start(self, dest: Path) -> Path:
        """Make a tree that the run is about to change."""
        shutil.rmtree(dest, ignore_errors=True)
        if self.before.exists():
            # With its hard links, and with the times that the receipts know.
            subprocess.run(["cp", "-a", self.before, dest], check=True)
        return dest

    def command(self, dest: Path) -> list[object]:
        """Give the arguments of the run."""
        return [dest if each is DEST else each for each in self.words]

    def assert_whole(self, dest: Path, what: str = "") -> None:
        """Whatever is published is the old version or the new one, and all that it announces is there."""
        if not dest.exists():
            return
        assert set(faults(dest)) <= set(faults(self.before)), what
        for identifier in (*SLIDES, "gone.synthetic"):
            now, old, new = (slide_of(tree, identifier) for tree in (dest, self.before, self.after))
            if self.is_by_file:
                for path in {*now, *old, *new}:
                    assert now.get(path) in {old.get(path), new.get(path)}, f"{identifier}/{path} {what}"
            else:
                assert now in [old, new], f"{identifier} {what}"

    def assert_known(self, dest: Path, what: str = "") -> None:
        """The records know each slide that is published, the old version or the new one, and all of its files."""
        if not self.is_by_file and (dest / ".slide2iiif" / "receipts").is_dir():
            verification = Verification(FolderStore(dest), Receipts(FolderStore(dest).private), SerialEngine())
            # One that is being removed goes before its receipt.
            assert [each for each in verification.tree() if each.slide != "gone.synthetic"] == [], what

    def assert_finished_by_the_next_run(self, dest: Path, what: str = "") -> None:
        """The next run leaves what an undisturbed one would."""
        done = plain_run(self.command(dest), dest.parent)
        assert (done.exit_code, done.err) == (0, ""), what
        assert contents(dest) == contents(self.after), what
        assert staged(dest) == [], what


def make_scene(folder: Path, *, is_again: bool) -> Scene:
    """Prepare a first export, or one over an older tree with other options and a slide less."""
    source, before = folder / "slides", folder / "before"
    write_slides(source)
    words: tuple[object, ...] = ("export", source, DEST, *URL, "-q", "--tile-size", 128)
    if is_again:
        gone = write_synthetic(source / "gone.synthetic", 70, 60)
        run_command("export", source, before, *URL, "-q", "--tile-size", 64, "--quality", 60).check_returncode()
        gone.unlink()
        words += ("--delete",)
    return _with_end(Scene(source, before, folder / "after", words))


def make_left_over(folder: Path) -> Scene:
    """Prepare a first export where runs that were stopped have left what cannot be gone on from."""
    source, before = folder / "slides", folder / "before"
    write_slides(source)
    with FolderStore(before) as store:
        put(store.stage("gone.synthetic", "another state"), ["full/max/0/default.jpg"], b"x")
        put(store.stage(None), ["full/max/0/default.jpg"], b"x")
    words = ("export", source, DEST, *URL, "-q", "--tile-size", 128)
    return _with_end(Scene(source, before, folder / "after", words))


def make_rebase(folder: Path) -> Scene:
    """Prepare a move of a tree to another URL."""
    source, before = folder / "slides", folder / "before"
    write_slides(source)
    run_command("export", source, before, *URL, "-q", "--tile-size", 128).check_returncode()
    words = ("rebase", DEST, "--base-url", "https://other.example/slides", "-q")
    return _with_end(Scene(source, before, folder / "after", words, is_by_file=True))


def make_repair(folder: Path) -> Scene:
    """Prepare a repair of a tree: of tiles, aliases, pictures, documents, and of all files of a slide."""
    source, sound, before = folder / "slides", folder / "sound", folder / "before"
    write_slides(source)
    run_command("export", source, sound, *URL, "-q", "--tile-size", 128).check_returncode()
    subprocess.run(["cp", "-a", sound, before], check=True)
    one = before / SLIDES[0]
    shutil.rmtree(one / "128,0,128,128")
    for cut in ("0,0,128,128/128,/0/default.jpg", "full/max/0/default.jpg"):
        (one / cut).write_bytes((one / cut).read_bytes()[:100])
    (one / "info.json").unlink()
    for path in (before / SLIDES[1]).iterdir():
        if path.is_dir():
            shutil.rmtree(path)
    (before / SLIDES[2] / "info-v3.json").write_text("{}")
    words = ("repair", DEST, "--source", source, "-q")
    scene = _with_end(Scene(source, before, folder / "after", words, is_by_file=True))
    assert contents(scene.after) == contents(sound)
    return scene


def write_slides(source: Path) -> None:
    """Write the slides that all of these trees are of."""
    write_synthetic(source / SLIDES[0], 300, 140)
    write_image(source / SLIDES[1], 150, 90)
    write_synthetic(source / SLIDES[2], 90, 300)


def _with_end(scene: Scene) -> Scene:
    """Make the tree that an undisturbed run leaves."""
    run_command(*scene.command(scene.start(scene.after))).check_returncode()
    assert len(list(documents(scene.after))) == len(SLIDES)
    assert faults(scene.after) == []
    return scene
