"""No test leaves a program behind, or waits for one for ever."""

import ast
import sys
from contextlib import suppress
from pathlib import Path

import psutil
from commands import started
from patience import PATIENCE

TESTS = Path(__file__).parents[1]
OWN_CARE = {
    "support/commands.py": "this is where it is done for all",
    "benchmarks/measuring.py": "it waits by wait4, and kills where that is broken off",
    "faults/test_stops.py": "it looks at the program from outside while strace holds it, and kills it in the end",
    "cli/test_signals.py": "it sends signals to programs by itself",
}
"""Modules that start programs otherwise than by `commands.started`, and why they may."""


def starts_programs(path: Path) -> bool:
    found = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    calls = (node.func for node in found if isinstance(node, ast.Call))
    return any(isinstance(call, ast.Attribute) and call.attr == "Popen" for call in calls)


def test_a_program_that_a_test_starts_ends_with_it() -> None:
    """A failure within a bare `with Popen` waits for ever where the program does not end by itself."""
    names = {path.relative_to(TESTS).as_posix() for path in TESTS.rglob("*.py") if starts_programs(path)}
    assert names == set(OWN_CARE)


CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(3600)'])"


class BrokenOff(BaseException):
    """A limit of time, or whatever breaks a test off."""


def test_a_test_that_is_broken_off_ends_its_program_and_what_that_has_started() -> None:
    with suppress(BrokenOff), started([sys.executable, "-c", CHILD]) as process:
        parent = psutil.Process(process.pid)
        while not (children := parent.children()):
            pass
        raise BrokenOff
    assert process.poll() is not None
    psutil.wait_procs(children, timeout=PATIENCE)
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)
