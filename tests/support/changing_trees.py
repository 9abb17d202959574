"""A tree that a run is about to change: what it may look like when the run is disturbed, and after the next one."""

import shutil
from pathlib import Path
from typing import NamedTuple

from commands import run_command, staged
from made_slides import write_image, write_synthetic
from published import contents, faults, slide_of
from traces import plain_run

URL = ["--base-url", "https://host.example/iiif"]
SLIDES = ("one.synthetic", "ward/picture.png", "ward/two.synthetic")


class Scene(NamedTuple):
    """A tree that is about to be changed by a run, and what becomes of it."""

    source: Path
    before: Path
    """The tree; to be copied, not changed."""
    after: Path
    """The tree that an undisturbed run leaves."""
    options: list[object]
    """Of that run."""

    def start(self, dest: Path) -> Path:
        """Make a tree that the run is about to change."""
        shutil.rmtree(dest, ignore_errors=True)
        if self.before.exists():
            shutil.copytree(self.before, dest)
        return dest

    def command(self, dest: Path) -> list[object]:
        """Give the arguments of the run."""
        return ["export", self.source, dest, *URL, "-q", *self.options]

    def assert_whole(self, dest: Path, what: str = "") -> None:
        """Whatever is published is the old version or the new one, and all that it announces is there."""
        if not dest.exists():
            return
        assert faults(dest) == [], what
        for identifier in (*SLIDES, "gone.synthetic"):
            now = slide_of(dest, identifier)
            assert now in [slide_of(self.before, identifier), slide_of(self.after, identifier)], f"{identifier} {what}"

    def assert_finished_by_the_next_run(self, dest: Path, what: str = "") -> None:
        """The next run leaves what an undisturbed one would."""
        done = plain_run(self.command(dest), dest.parent)
        assert (done.exit_code, done.err) == (0, ""), what
        assert contents(dest) == contents(self.after), what
        assert staged(dest) == [], what


def make_scene(folder: Path, *, is_again: bool) -> Scene:
    """Prepare a first export, or one over an older tree with other options and a slide less."""
    source, before, after = folder / "slides", folder / "before", folder / "after"
    write_synthetic(source / SLIDES[0], 300, 140)
    write_image(source / SLIDES[1], 150, 90)
    write_synthetic(source / SLIDES[2], 90, 300)
    options: list[object] = ["--tile-size", 128]
    if is_again:
        gone = write_synthetic(source / "gone.synthetic", 70, 60)
        run_command("export", source, before, *URL, "-q", "--tile-size", 64, "--quality", 60).check_returncode()
        gone.unlink()
        options += ["--delete"]
    made = Scene(source, before, after, options)
    run_command(*made.command(made.start(after))).check_returncode()
    assert len(list(after.rglob("info.json"))) == len(SLIDES)
    return made
