"""Two runs on one tree: the second is refused at once and told who holds it; a lock of a run that is gone binds nobody.

The first run is the installed command, stopped in the middle of a slide, so that it holds the tree for as long as it
takes and no core.
"""

import errno
import fcntl
import os
import re
import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from commands import COMMAND, run_command, started
from made_slides import write_endless, write_synthetic
from patience import wait_until
from published import contents, faults
from traces import traced_run

if TYPE_CHECKING:
    import subprocess

URL = ["--base-url", "https://host.example/iiif"]
HOLDER = re.compile(
    rf"slide2iiif: \S+/public is in use by process (\d+) on {re.escape(socket.gethostname())} "
    r"since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC; wait for it to end\n"
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write_synthetic(tmp_path / "slides" / "a.synthetic", 300, 200)
    return tmp_path / "slides"


@contextmanager
def held(source: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A run that is in the middle of a large slide, and is stopped there."""
    dest = source.parent / "public"
    write_endless(source / "large.synthetic")
    with started([COMMAND, "export", source, dest, *URL, "-q", "--jobs", "2"]) as process:
        try:
            assert wait_until(lambda: list(dest.glob(".slide2iiif/staging/*/0,0,*")) or process.poll() is not None)
            assert process.poll() is None
            process.send_signal(signal.SIGSTOP)
            yield process
        finally:
            process.kill()


def test_a_second_run_is_refused_and_told_who_holds_the_tree(source: Path) -> None:
    dest = source.parent / "public"
    run_command("export", source, dest, *URL, "-q").check_returncode()
    with held(source) as process:
        before = contents(dest)
        for command in (
            ["export", source, dest, *URL],
            ["export", source, dest, *URL, "--overwrite", "--delete"],
            ["repair", dest, "--source", source],
            ["rebase", dest, "--base-url", "https://other.example"],
        ):
            done = run_command(*command)
            assert done.returncode == 4
            assert (found := HOLDER.fullmatch(done.stderr)), done.stderr
            assert int(found[1]) == process.pid
        assert contents(dest) == before


def test_a_tree_can_be_verified_while_a_run_writes_it(source: Path) -> None:
    dest = source.parent / "public"
    run_command("export", source, dest, *URL, "-q").check_returncode()
    with held(source) as process:
        done = run_command("verify", dest)
        assert process.poll() is None
    assert (done.returncode, done.stderr) == (0, "")
    assert "nothing is wrong" in done.stdout


def test_the_lock_of_a_killed_run_needs_no_hand(source: Path) -> None:
    dest = source.parent / "public"
    with held(source):
        pass
    assert (dest / ".slide2iiif" / "lock").read_text()
    (source / "large.synthetic").unlink()
    done = run_command("export", source, dest, *URL, "-q")
    assert (done.returncode, done.stderr) == (0, "")
    assert faults(dest) == []
    run_command("verify", dest).check_returncode()


@pytest.mark.parametrize("error", ["ENOLCK", "EOPNOTSUPP", "ENOSYS"])
def test_a_file_system_without_flock_is_locked_in_the_other_way(source: Path, error: str) -> None:
    dest = source.parent / "public"
    command = ["export", source, dest, *URL, "-q"]
    run = traced_run(command, source.parent, ("flock", "fcntl"), f"flock:error={error}")
    assert (run.exit_code, run.err) == (0, "")
    assert run.injected
    assert any("F_SETLK" in call.text and ".slide2iiif/lock" in call.text for call in run.calls)
    with (dest / ".slide2iiif" / "lock").open("r+") as lock:
        # As another run would on that file system.
        fcntl.lockf(lock, fcntl.LOCK_EX)
        second = traced_run(command, source.parent, ("flock", "fcntl"), f"flock:error={error}")
    assert second.exit_code == 4
    assert HOLDER.fullmatch(second.err), second.err


def test_a_file_system_without_any_locks_is_refused_with_what_to_do(source: Path) -> None:
    dest = source.parent / "public"
    run = traced_run(
        ["export", source, dest, *URL, "-q"], source.parent, ("flock", "fcntl"), "flock,fcntl:error=ENOLCK"
    )
    assert run.injected
    assert run.exit_code == 3
    [line] = run.err.splitlines()
    assert line.startswith(f"slide2iiif: {dest}: the file system has no locks ({os.strerror(errno.ENOLCK)})")
    assert "mount it with locks, or publish into a local folder and copy the tree" in line
    assert contents(dest) == {}
    shutil.rmtree(dest)
