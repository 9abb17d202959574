"""What is promised of times, measured: for a machine that does nothing else, with `-m timed`."""

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import engine_tasks
import psutil
import pytest
from commands import COMMAND, run_command, started
from made_slides import write_endless, write_synthetic
from patience import FOREVER, wait_until

from slide2iiif.engines.processes import ProcessEngine
from slide2iiif.errors import WorkerError
from slide2iiif.geometry import Region, Size
from slide2iiif.samples.tissue import tissue

if TYPE_CHECKING:
    import subprocess

pytestmark = pytest.mark.timed

URL = ["--base-url", "https://host.example/iiif"]


@contextmanager
def start(source: Path, dest: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Start an export that does not end, and wait until it is in the middle of its work."""
    write_endless(source / "endless.synthetic")
    with started([COMMAND, "export", source, dest, *URL, "-q", "--jobs", "2"]) as process:
        assert wait_until(lambda: list(dest.glob(".slide2iiif/staging/*/0,0,*")))
        yield process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_told_to_stop_ends_within_five_seconds(
    tmp_path: Path, dest: Path, number: signal.Signals
) -> None:
    with start(tmp_path, dest) as process:
        begun = time.monotonic()
        process.send_signal(number)
        process.wait()
        assert time.monotonic() - begun < 5


def test_workers_end_within_two_seconds_of_a_run_that_was_killed(tmp_path: Path, dest: Path) -> None:
    with start(tmp_path, dest) as process:
        workers = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        begun = time.monotonic()
        psutil.wait_procs(workers, timeout=60)
        assert time.monotonic() - begun < 2


def test_a_tree_in_use_is_refused_within_a_second(tmp_path: Path, dest: Path) -> None:
    with start(tmp_path / "slides", dest) as process:
        process.send_signal(signal.SIGSTOP)
        write_synthetic(tmp_path / "other" / "a.synthetic", 300, 200)
        for command in (
            ["export", tmp_path / "other", dest, *URL],
            ["repair", dest, "--source", tmp_path / "other"],
            ["rebase", dest, "--base-url", "https://other.example"],
        ):
            begun = time.monotonic()
            assert run_command(*command).returncode == 4
            assert time.monotonic() - begun < 1, command
        process.kill()


@pytest.mark.parametrize("command", ["dry run", "inspect"])
def test_a_huge_slide_is_planned_within_five_seconds(tmp_path: Path, dest: Path, command: str) -> None:
    slide = write_synthetic(tmp_path / "slides" / "huge.synthetic", 200_000, 200_000)
    arguments = ["inspect", slide] if command == "inspect" else ["export", slide, dest, *URL, "--dry-run"]
    begun = time.monotonic()
    assert run_command(*arguments).returncode == 0
    assert time.monotonic() - begun < 5


def test_cancelling_ends_every_task_within_two_seconds() -> None:
    with ProcessEngine(2) as engine:
        begun: list[float] = []

        def cancel() -> None:
            begun.append(time.monotonic())
            engine.cancel()

        threading.Timer(1, cancel).start()
        with pytest.raises(WorkerError):
            list(engine.run(engine_tasks.nap, [FOREVER] * 3))
        assert time.monotonic() - begun[0] < 2


def test_tissue_is_painted_faster_than_it_is_encoded() -> None:
    size = Size(20_000, 15_000)
    tissue(Region(0, 0, 16, 16), size)
    begun = time.process_time()
    tissue(Region(8192, 4096, 2048, 2048), size)
    rate = 2048 * 2048 / (time.process_time() - begun)
    sys.stdout.write(f"{rate / 1e6:.0f} million pixels a second\n")
    assert rate > 20e6 / 4


def test_a_list_of_files_is_looked_up_in_the_time_of_a_walk(tmp_path: Path) -> None:
    from slide2iiif.discovery.walk import find_listed, walk

    for number in range(8000):
        write_synthetic(tmp_path / f"{number:05}.synthetic", 1, 1)
    begun = time.process_time()
    names = [slide.path.name for slide in walk(tmp_path)]
    walked = time.process_time() - begun
    begun = time.process_time()
    assert sum(1 for _ in find_listed(tmp_path, names)) == 8000
    listed = time.process_time() - begun
    sys.stdout.write(f"walk {walked:.2f} s, list {listed:.2f} s of the processor\n")
    assert listed < 5 * walked
