"""A run that is killed at any moment: what is published is whole, and the next run finishes it."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from commands import COMMAND, run_command, staged
from made_slides import write_image, write_synthetic
from published import contents, faults, slide_of
from traces import CHANGES, SYNCS, moments, plain_run, spread, traced_run

URL = ["--base-url", "https://host.example/iiif"]
POINTS, PIECE = 200, 50
"""Moments of a run, the first ones, that the full form tries, and how many of them a test does: minutes, not hours."""
KILLS, KILLS_AT_ONCE = 300, 25
"""Kills at random moments in the full form, on both scenes together, and how many of them a test does."""
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
        return ["export", self.source, dest, *URL, "-q", *self.options]


@pytest.fixture(scope="module", params=["first", "again"])
def scene(request: pytest.FixtureRequest, quick_folder: Path) -> Scene:
    """A first export, and one over an older tree with other options and a slide less."""
    folder = quick_folder / str(request.param)
    source, before, after = folder / "slides", folder / "before", folder / "after"
    write_synthetic(source / SLIDES[0], 300, 140)
    write_image(source / SLIDES[1], 150, 90)
    write_synthetic(source / SLIDES[2], 90, 300)
    options: list[object] = ["--tile-size", 128]
    if request.param == "again":
        gone = write_synthetic(source / "gone.synthetic", 70, 60)
        run_command("export", source, before, *URL, "-q", "--tile-size", 64, "--quality", 60).check_returncode()
        gone.unlink()
        options += ["--delete"]
    made = Scene(source, before, after, options)
    run_command(*made.command(made.start(after))).check_returncode()
    assert len(list(after.rglob("info.json"))) == len(SLIDES)
    return made


def assert_whole(scene: Scene, dest: Path) -> None:
    """Whatever is published is the old version or the new one, and all that it announces is there."""
    assert faults(dest) == []
    for identifier in (*SLIDES, "gone.synthetic"):
        now = slide_of(dest, identifier)
        assert now in [slide_of(scene.before, identifier), slide_of(scene.after, identifier)], identifier


def assert_finished_by_the_next_run(scene: Scene, dest: Path) -> None:
    done = plain_run(scene.command(dest), dest.parent)
    assert (done.exit_code, done.err) == (0, "")
    assert contents(dest) == contents(scene.after)
    assert staged(dest) == []


def kill_at(scene: Scene, folder: Path, moment: tuple[str, int]) -> None:
    dest = scene.start(folder / "public")
    name, number = moment
    run = traced_run(scene.command(dest), folder, (*CHANGES, *SYNCS), f"{name}:signal=SIGKILL:when={number}")
    assert run.exit_code == -signal.SIGKILL, f"{moment}: {run.err}"
    if dest.exists():
        assert_whole(scene, dest)
    assert_finished_by_the_next_run(scene, dest)


def all_moments(scene: Scene, folder: Path) -> list[tuple[str, int]]:
    run = traced_run(scene.command(scene.start(folder / "public")), folder, (*CHANGES, *SYNCS))
    assert run.exit_code == 0, run.err
    assert contents(folder / "public") == contents(scene.after)
    return moments(run.calls)


def test_a_run_that_is_killed_at_a_change_of_the_disk_loses_nothing(scene: Scene, quick_folder: Path) -> None:
    found = all_moments(scene, quick_folder)
    assert len(found) > 60
    for moment in spread(found, 12):
        kill_at(scene, quick_folder, moment)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("first", range(0, POINTS, PIECE))
def test_a_run_that_is_killed_at_each_of_the_first_changes_loses_nothing(
    scene: Scene, quick_folder: Path, first: int
) -> None:
    found = all_moments(scene, quick_folder)[first : min(first + PIECE, POINTS)]
    assert found
    for moment in found:
        kill_at(scene, quick_folder, moment)


def kill_at_random(scene: Scene, dest: Path, moments: Iterator[float]) -> None:
    scene.start(dest)
    arguments = [str(each) for each in (COMMAND, *scene.command(dest), "--jobs", 2)]
    with subprocess.Popen(arguments, stderr=subprocess.DEVNULL) as process:
        time.sleep(next(moments))
        process.kill()
    if dest.exists():
        assert_whole(scene, dest)
    assert_finished_by_the_next_run(scene, dest)


def random_moments(scene: Scene, dest: Path) -> Iterator[float]:
    """Moments from the first change of the disk to the end of a run, drawn from a seed that is told."""
    begun = time.monotonic()
    run_command(*scene.command(scene.start(dest)), "--jobs", 2)
    seconds = time.monotonic() - begun
    seed = int(os.environ.get("SLIDE2IIIF_SEED", time.time_ns()))
    sys.stdout.write(f"SLIDE2IIIF_SEED={seed} does the same again\n")
    drawn = random.Random(seed)  # noqa: S311 - for moments, not for secrets
    while True:
        yield drawn.uniform(0.2 * seconds, 1.05 * seconds)


def test_a_run_that_is_killed_at_any_time_loses_nothing(scene: Scene, quick_folder: Path) -> None:
    moments = random_moments(scene, quick_folder / "public")
    for _ in range(10):
        kill_at_random(scene, quick_folder / "public", moments)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("first", range(0, KILLS // 2, KILLS_AT_ONCE))
def test_hundreds_of_kills_at_any_time_lose_nothing(scene: Scene, quick_folder: Path, first: int) -> None:
    moments = random_moments(scene, quick_folder / "public")
    for _ in range(first, min(first + KILLS_AT_ONCE, KILLS // 2)):
        kill_at_random(scene, quick_folder / "public", moments)
