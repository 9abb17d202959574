"""Ctrl-C and SIGTERM at any moment, to the command alone and to all of its processes, on slow disks too.

At most five seconds, one line, the exit code of the signal, and nothing published by halves.
"""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
from commands import COMMAND, end_with_children, run_command, started
from made_slides import write_image, write_synthetic
from patience import PATIENCE, wait_until
from published import contents, faults

URL = ["--base-url", "https://host.example/iiif"]
HELD_SECONDS = 40
"""Seconds that a call is held back: whoever waits for it does not stop sooner. That it takes five is measured apart."""
DEFAULTS = ["env", "--default-signal=INT,TERM"]
"""Shells start what runs in the background with Ctrl-C ignored, and so it stays until a command's handlers stand."""
STOPS, PIECE = 300, 50
"""Signals at random moments in the full form, and how many of them a test does."""


class Stop(NamedTuple):
    """How a command ended that was told to stop."""

    code: int | None
    """Exit code; None if it had ended by itself."""
    err: str
    """What it wrote to standard error."""
    seconds: float
    """From the signal to its end."""
    is_caught: bool
    """Whether its handlers stood already."""


def stop(
    command: Sequence[object],
    log: Path,
    when: Callable[[], bool] | float,
    number: signal.Signals,
    *,
    group: bool,
    slow: Sequence[str] = (),
) -> Stop:
    """Start a command, and send it a signal at a moment, or once something is so.

    Args:
        command: arguments of slide2iiif.
        log: takes what is written to standard error.
        when: seconds after the start, or what tells that the moment has come.
        number: the signal.
        group: whether all its processes get it, as from a terminal.
        slow: options of strace that hold calls back.
    """
    tracer = ["strace", "-f", "-o", f"{log}.trace", *slow, "--"] if slow else []
    arguments = [*tracer, *DEFAULTS, *(str(each) for each in (COMMAND, *command))]
    with log.open("wb") as err:
        process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=err, start_new_session=True)
    try:
        if isinstance(when, float):
            time.sleep(when)
        else:
            assert wait_until(when)
        pid = psutil.Process(process.pid).children()[0].pid if slow else process.pid
        if is_over(pid):
            return Stop(None, log.read_text(), 0, is_caught=True)
        is_caught = handles_signals(pid)
        begun = time.monotonic()
        send(process.pid if group else pid, number, group=group)
        while not is_over(pid):
            assert time.monotonic() < begun + PATIENCE, "it does not end"
            time.sleep(0.01)
        seconds = time.monotonic() - begun
        return Stop(process.wait(PATIENCE), told(log), seconds, is_caught)
    finally:
        # What is held back is waited for by strace alone.
        end_with_children(process.pid)
        process.wait()


def told(log: Path) -> str:
    """What a command wrote; strace speaks of calls that nobody waits for any more."""
    lines = log.read_text().splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("strace:"))


def send(pid: int, number: signal.Signals, *, group: bool) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number) if group else os.kill(pid, number)


def is_over(pid: int) -> bool:
    """Tell whether a process has ended with all its threads; its parent may not have taken note yet.

    A thread of which a call is held back ends when it is told to, and strace keeps what is left of it to the end of
    that time.
    """
    try:
        states = [task.read_text().rpartition(")")[2].split()[0] for task in Path(f"/proc/{pid}/task").glob("*/stat")]
    except OSError:
        return not Path(f"/proc/{pid}").exists()
    return all(state in {"Z", "X", "t"} for state in states)


def handles_signals(pid: int) -> bool:
    """Tell whether a process has a handler for SIGTERM, which is installed after that for SIGINT."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def assert_stopped(done: Stop, number: signal.Signals) -> None:
    """Assert what is promised of a command that was told to stop before it had ended."""
    if done.is_caught:
        line = f"slide2iiif: stopped by {number.name}; what was published stays, run again to go on\n"
        assert (done.code, done.err) == (128 + number, line)
    else:
        # Before our first line of code Python answers by itself; an interrupt of its own start is exit code 1.
        assert done.code in {128 + number, -number, 1}


def had_ended(done: Stop) -> bool:
    """Tell whether the signal came between a command's last line of code and its end."""
    return done.code in {0, 1} and done.err == ""


class Tree(NamedTuple):
    """A tree, some of whose files are missing, and its slides."""

    source: Path
    dest: Path
    whole: dict[str, str]
    """What it holds when nothing is missing."""

    def command(self, name: str) -> list[object]:
        """Give the arguments of a command that has something to do; an export gives other tiles than there are."""
        return [*self.last_command(name), *(["--quality", 60] if name == "export" else [])]

    def last_command(self, name: str) -> list[object]:
        """Give the arguments of a command that leaves the whole tree."""
        if name == "export":
            tiles = ["--tile-size", 64, "--quality", 85]
            return ["export", self.source, self.dest, *URL, "-q", "--jobs", 2, "--overwrite", *tiles]
        if name == "repair":
            return ["repair", self.dest, "--source", self.source, "-q", "--jobs", 2]
        return ["verify", self.dest, "-q", "--jobs", 2]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    made = Tree(tmp_path / "slides", tmp_path / "public", {})
    write_synthetic(made.source / "large.synthetic", 3000, 2000)
    for number in range(4):
        write_image(made.source / "ward" / f"{number}.png", 300, 200)
    run_command(*made.last_command("export")).check_returncode()
    made.whole.update(contents(made.dest))
    return made


def damage(tree: Tree) -> None:
    """Take from each slide a tile."""
    for document in tree.dest.rglob("info.json"):
        tile = next(document.parent.glob("0,0,64,64/*/0/default.jpg"))
        tile.unlink()


def drawn_stop(tree: Tree, rng: random.Random, name: str) -> None:
    """Stop a command at a random moment, and let the next one finish."""
    if name != "export":
        damage(tree)
    number = rng.choice([signal.SIGINT, signal.SIGTERM])
    done = stop(tree.command(name), tree.dest.parent / "err", rng.uniform(0.02, 1.4), number, group=rng.random() < 0.6)
    if done.code is not None and not had_ended(done):
        assert_stopped(done, number)
    if name == "export":
        assert faults(tree.dest) == []
    run_command(*tree.last_command("repair" if name == "verify" else name)).check_returncode()
    assert run_command(*tree.command("verify")).returncode == 0
    assert contents(tree.dest) == tree.whole


def seeded(first: int) -> random.Random:
    seed = int(os.environ.get("SLIDE2IIIF_SEED", time.time_ns())) + first
    sys.stdout.write(f"SLIDE2IIIF_SEED={seed} does the same again\n")
    return random.Random(seed)  # noqa: S311 - for moments, not for secrets


@pytest.mark.parametrize("name", ["export", "verify", "repair"])
def test_a_command_that_is_told_to_stop_does_so_whenever_that_is(tree: Tree, name: str) -> None:
    rng = seeded(0)
    for _ in range(2):
        drawn_stop(tree, rng, name)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("first", range(0, STOPS, PIECE))
def test_hundreds_of_commands_stop_whenever_they_are_told_to(tree: Tree, first: int) -> None:
    rng = seeded(first)
    for number in range(first, min(first + PIECE, STOPS)):
        drawn_stop(tree, rng, ("export", "verify", "repair")[number % 3])


HELD = ["-e", "trace=syncfs,fsync", "-e", f"inject=syncfs,fsync:delay_enter={HELD_SECONDS}s"]


@pytest.mark.parametrize(("name", "group"), [("export", True), ("repair", False)])
def test_a_disk_that_is_waited_for_keeps_nobody_from_stopping(tree: Tree, name: str, group: bool) -> None:  # noqa: FBT001
    log = tree.dest.parent / "err"
    trace = Path(f"{log}.trace")
    if name == "repair":
        for document in tree.dest.rglob("info-v3.json"):
            document.unlink()

    def is_waiting() -> bool:
        return trace.exists() and "sync" in trace.read_text()

    def ends_in_time() -> bool:
        trace.unlink(missing_ok=True)
        done = stop(tree.command(name), log, is_waiting, signal.SIGINT, group=group, slow=HELD)
        assert_stopped(done, signal.SIGINT)
        return done.seconds < HELD_SECONDS

    # Where the machine is busy, strace may hold the signal back as well; what waits for the disk never ends in time.
    assert any(ends_in_time() for _ in range(3))
    run_command(*tree.last_command(name)).check_returncode()
    assert contents(tree.dest) == tree.whole


@pytest.mark.parametrize("name", ["verify", "repair"])
def test_a_worker_that_hangs_keeps_nobody_from_stopping(tree: Tree, name: str) -> None:
    log = tree.dest.parent / "err"
    tile = next((tree.dest / "large.synthetic").glob("64,64,64,64/*/0/default.jpg"))
    slow = ["-P", str(tile), "-e", "trace=openat", "-e", f"inject=openat:delay_enter={HELD_SECONDS}s"]
    trace = Path(f"{log}.trace")

    def ends_in_time() -> bool:
        trace.unlink(missing_ok=True)
        done = stop(
            tree.command(name), log, lambda: trace.exists() and "openat" in trace.read_text(), signal.SIGTERM,
            group=False, slow=slow,
        )  # fmt: skip
        assert_stopped(done, signal.SIGTERM)
        return done.seconds < HELD_SECONDS

    # As above: one that waited for the worker would never end in time.
    assert any(ends_in_time() for _ in range(3))


PATIENT = """
from slide2iiif.__main__ import run
from slide2iiif.cli import interrupts
interrupts._PATIENCE_SECONDS = 3600
run()
"""


def test_a_second_signal_ends_a_command_at_once(tree: Tree) -> None:
    log = tree.dest.parent / "err"
    trace = Path(f"{log}.trace")
    # With no patience of its own: it must be the second signal that ends it.
    patient = [sys.executable, "-c", PATIENT, *(str(each) for each in tree.command("export"))]
    # That of a slide, which a thread beside the main one waits for; not that of the settings before all.
    held = ["-e", "trace=syncfs", "-e", f"inject=syncfs:delay_enter={HELD_SECONDS}s"]
    command = ["strace", "-f", "-o", str(trace), *held, "--", *patient]
    with log.open("wb") as err, started(command, stderr=err, start_new_session=True) as process:
        assert wait_until(lambda: trace.exists() and "syncfs(" in trace.read_text())
        pid = psutil.Process(process.pid).children()[0].pid
        os.killpg(process.pid, signal.SIGINT)
        assert wait_until(lambda: not handles_signals(pid))
        assert not is_over(pid)
        os.killpg(process.pid, signal.SIGINT)
        assert wait_until(lambda: is_over(pid))
        # Of the signal itself, as strace ends by what its program ended by.
        assert process.wait(PATIENCE) == -signal.SIGINT
    assert faults(tree.dest) == []


@pytest.mark.parametrize("group", [True, False], ids=["group", "alone"])
def test_a_preview_ends_by_a_signal_as_it_is_meant_to(tree: Tree, group: bool) -> None:  # noqa: FBT001
    command = [*DEFAULTS, str(COMMAND), "serve", str(tree.dest), "--port", "0"]
    with started(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("http://")
        send(process.pid, signal.SIGINT, group=group)
        _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, "")
