"""A run that is told to stop ends at once, leaves no process, and publishes nothing by halves."""

import contextlib
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from commands import COMMAND, run_command, staged
from made_slides import write_endless, write_synthetic
from patience import PATIENCE, wait_until

BASE_URL = "https://host.example/iiif"

JOBS = 2


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """Source with one small slide, and some that no run gets done with.

    One less than are in work at a time: else the small one might never have its turn.
    """
    folder = tmp_path / "slides"
    write_synthetic(folder / "a-small.synthetic", 300, 300)
    for number in range(JOBS):
        write_endless(folder / f"large-{number}.synthetic")
    return folder


@pytest.fixture
def running(large: Path, dest: Path) -> Iterator[subprocess.Popen[str]]:
    """An export in the middle of its work: the small slide is published, large ones are under way."""
    with started(large, dest) as process:
        wait_for_the_small_slide(process)
        yield process


@contextlib.contextmanager
def started(source: Path, dest: Path, **how: Any) -> Iterator[subprocess.Popen[str]]:
    """Start an export; at the end it is killed, whatever happened: one of large slides never ends by itself."""
    arguments: list[str | Path] = [COMMAND, "export", source, dest, "--base-url", BASE_URL, "--jobs", str(JOBS)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for_the_small_slide(process: subprocess.Popen[str]) -> None:
    assert process.stderr is not None
    # Where the machine is busy, a large one may be told of first.
    assert "exported: a-small.synthetic\n" in iter(process.stderr.readline, "")


def descendants(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def none_left(processes: list[psutil.Process]) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=PATIENCE)
    return not [each for each in alive if each.status() != psutil.STATUS_ZOMBIE]


def assert_nothing_by_halves(dest: Path) -> None:
    """What is published is complete, and the next run can go on."""
    for folder in dest.iterdir():
        is_no_slide = folder.is_file() or folder.name.startswith((".slide2iiif", "!site-"))
        assert is_no_slide or (folder / "info.json").is_file()


def assert_can_be_gone_on_from(left: list[Path]) -> None:
    """What a run that was told to stop leaves are folders of files, each with one that says which are whole."""
    names = {path.name for path in left}
    # Of a slide that was published just before, the scratch folder may be left alone: the next run deletes it.
    assert {name for name in names if name + ".scratch" in names} == {
        name for name in names if not name.endswith(".scratch")
    }


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_a_run_with_its_own_code_and_one_line(
    running: subprocess.Popen[str], dest: Path, number: signal.Signals, code: int
) -> None:
    workers = descendants(running)
    assert len(workers) >= 2
    running.send_signal(number)
    out, err = running.communicate(timeout=PATIENCE)
    assert running.returncode == code
    assert out == ""
    assert err == f"slide2iiif: stopped by {number.name}; what was published stays, run again to go on\n"
    assert none_left(workers)
    assert {path.parent.name for path in dest.glob("*/info.json")} == {"a-small.synthetic"}
    assert_can_be_gone_on_from(staged(dest))


def test_an_interrupt_of_the_whole_group_ends_as_one_of_the_parent(large: Path, dest: Path) -> None:
    with started(large, dest, start_new_session=True) as process:
        wait_for_the_small_slide(process)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    # A signal that comes just when a line is written may have it written again.
    assert [line for line in err.splitlines() if not line.startswith("exported: ")] == [
        "slide2iiif: stopped by SIGINT; what was published stays, run again to go on"
    ]
    assert_nothing_by_halves(dest)


@pytest.mark.parametrize("delay", [0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_at_any_moment_leaves_nothing_by_halves(
    large: Path, dest: Path, delay: float, number: signal.Signals
) -> None:
    with started(large, dest) as process:
        time.sleep(delay)
        workers = descendants(process)
        caught = handles_signals(process.pid)
        process.send_signal(number)
        try:
            _, err = process.communicate(timeout=PATIENCE if caught else 10)
        except subprocess.TimeoutExpired:
            # Before its handlers stand a process may have been started with the signal ignored, as shells do.
            assert not caught
            process.send_signal(number)
            _, err = process.communicate(timeout=PATIENCE)
    if caught:
        assert process.returncode == 128 + number
        assert "Traceback" not in err
    else:
        # Before our first line of code Python answers signals itself; an interrupt of its own start is exit code 1.
        assert process.returncode in {128 + number, -number, 1}
    assert none_left(workers)
    if dest.exists():
        assert_nothing_by_halves(dest)
        assert_can_be_gone_on_from(staged(dest))


def handles_signals(pid: int) -> bool:
    """Tell whether a process has a handler for SIGTERM, which is installed after that for SIGINT."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(caught >> (signal.SIGTERM - 1) & 1)


DURING_A_CALL = """
import os, signal, sys
from slide2iiif import cli

def run(_):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except {caught}:
        {then}
    return 0

cli.inspect.run = run
sys.exit(cli.main(["inspect", "x"]))
"""


@pytest.mark.parametrize(
    ("caught", "then"),
    [
        ("Exception", "print('taken for an error of a library')"),
        ("BaseException", "raise ImportError('as C code that was interrupted in its start does')"),
        ("BaseException", "raise OSError('the same of a library')"),
    ],
)
def test_a_signal_is_not_taken_for_an_error_of_what_it_came_into(caught: str, then: str) -> None:
    code = DURING_A_CALL.format(caught=caught, then=then)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert (done.returncode, done.stdout) == (143, "")
    assert done.stderr.startswith("slide2iiif: stopped by SIGTERM;")


IN_A_FINALIZER = """
import os, signal, sys, time
from slide2iiif import cli

class Held:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)

def run(_):
    held = Held()
    del held
    time.sleep(3600)

cli.inspect.run = run
sys.exit(cli.main(["inspect", "x"]))
"""


def test_a_signal_that_comes_into_a_finalizer_ends_the_command_in_time_and_without_a_traceback() -> None:
    code = [sys.executable, "-c", IN_A_FINALIZER]
    done = subprocess.run(code, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 143
    assert done.stderr == "slide2iiif: stopped by SIGTERM; what was published stays, run again to go on\n"


def test_two_signals_end_it_as_well(running: subprocess.Popen[str], dest: Path) -> None:
    workers = descendants(running)
    running.send_signal(signal.SIGTERM)
    running.send_signal(signal.SIGTERM)
    _, err = running.communicate(timeout=PATIENCE)
    assert running.returncode in {143, -signal.SIGTERM}
    assert "Traceback" not in err
    assert none_left(workers)
    assert_nothing_by_halves(dest)


def test_workers_end_and_the_target_is_free_after_the_run_was_killed(
    running: subprocess.Popen[str], tmp_path: Path, dest: Path
) -> None:
    workers = descendants(running)
    running.kill()
    running.wait()
    assert none_left(workers)
    write_synthetic(tmp_path / "next" / "b.synthetic", 300, 300)
    done = run_command("export", tmp_path / "next", dest, "--base-url", BASE_URL)
    assert done.returncode == 0
    assert staged(dest) == []
    assert {path.parent.name for path in dest.glob("*/info.json")} == {"a-small.synthetic", "b.synthetic"}


def test_the_target_is_free_the_moment_the_run_was_killed(
    running: subprocess.Popen[str], tmp_path: Path, dest: Path
) -> None:
    running.kill()
    running.wait()
    write_synthetic(tmp_path / "next" / "b.synthetic", 300, 300)
    assert run_command("export", tmp_path / "next", dest, "--base-url", BASE_URL).returncode == 0


def test_a_run_that_was_stopped_goes_on_where_it_was(running: subprocess.Popen[str], large: Path, dest: Path) -> None:
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=PATIENCE)
    for path in large.glob("large-*"):
        write_synthetic(path, 400, 300)
    done = run_command("export", large, dest, "--base-url", BASE_URL)
    assert done.returncode == 0
    assert [line.split()[:2] for line in done.stdout.splitlines()[:2]] == [["exported", str(JOBS)], ["unchanged", "1"]]


def test_a_worker_that_is_killed_costs_its_slide_alone(running: subprocess.Popen[str], dest: Path) -> None:
    at_work: list[psutil.Process] = []

    def is_one_at_work() -> bool:
        at_work[:] = [each for each in descendants(running) if each.status() == psutil.STATUS_RUNNING]
        return bool(at_work)

    assert wait_until(is_one_at_work)
    at_work[0].kill()
    assert running.stderr is not None
    # Where the machine is busy, progress may be told of first.
    line = next(line for line in iter(running.stderr.readline, "") if line.startswith("failed: "))
    assert line.startswith("failed: large-")
    assert "the process that worked on it died: SIGKILL" in line
    time.sleep(0.3)
    assert running.poll() is None
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=PATIENCE)
    assert_nothing_by_halves(dest)


def read_terminal(source: Path, dest: Path, *options: str) -> tuple[int, str]:
    """Run an export whose standard error is a terminal; give its exit code and what it drew."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(ours, (24, 100))
    arguments: list[str | Path] = [COMMAND, "export", source, dest, "--base-url", BASE_URL, "--jobs", "2", *options]
    drawn = b""
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        while True:
            try:
                drawn += os.read(ours, 65536)
            except OSError:
                break
    os.close(ours)
    return process.returncode, drawn.decode()


def test_a_terminal_gets_one_bar_that_counts_stored_tiles_and_names_the_slide(source: Path, dest: Path) -> None:
    (source / "bad.svs").write_bytes(b"nothing of the kind")
    code, drawn = read_terminal(source, dest)
    assert code == 1
    # 2 and 1 tiles of the one, 3, 2 and 1 of the other; only stored ones are counted.
    last = drawn.replace("\r", "\n").strip().splitlines()[-1]
    assert "9/9" in last
    assert "100%" in last
    assert "tile/s" in drawn
    assert "two.synthetic" in drawn or "one.synthetic" in drawn
    assert "failed: bad.svs: is not a slide" in drawn
    assert "Traceback" not in drawn


def test_a_quiet_run_draws_nothing_on_a_terminal(source: Path, dest: Path) -> None:
    assert read_terminal(source, dest, "-q") == (0, "")
