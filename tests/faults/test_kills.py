"""A run that is killed at any moment: what is published is whole, and the next run finishes it."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from changing_trees import Scene
from commands import COMMAND, run_command, started
from published import contents
from traces import CHANGES, SYNCS, moments, spread, traced_run

POINTS, PIECE = 200, 50
"""Moments of a run, the first ones, that the full form tries, and how many of them a test does: minutes, not hours."""
KILLS, KILLS_AT_ONCE = 300, 25
"""Kills at random moments in the full form, on both scenes together, and how many of them a test does."""


def kill_at(scene: Scene, folder: Path, moment: tuple[str, int]) -> None:
    dest = scene.start(folder / "public")
    name, number = moment
    run = traced_run(scene.command(dest), folder, (*CHANGES, *SYNCS), f"{name}:signal=SIGKILL:when={number}")
    assert run.exit_code == -signal.SIGKILL, f"{moment}: {run.err}"
    scene.assert_whole(dest)
    scene.assert_known(dest)
    scene.assert_finished_by_the_next_run(dest)


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
    with started([COMMAND, *scene.command(dest), "--jobs", 2], stderr=subprocess.DEVNULL) as process:
        time.sleep(next(moments))
        process.kill()
    scene.assert_whole(dest)
    scene.assert_known(dest)
    scene.assert_finished_by_the_next_run(dest)


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
