"""A skip without a reason fails the run where CI is set, and nowhere else."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SKIPPING = """\
import pytest

def test_runs():
    pass

def test_skips():
    pytest.skip("the moon is not full")

@pytest.mark.xfail
def test_is_known_to_fail():
    assert False
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a small project that has the runner, and a conftest so that pytest filters plugins by folder."""
    (tmp_path / "tests").mkdir()
    for name in ("strict.py", "allowed_skips.txt"):
        (tmp_path / "tests" / name).write_bytes((TESTS / name).read_bytes())
    (tmp_path / "tests" / "conftest.py").touch()
    (tmp_path / "tests" / "test_moon.py").write_text(SKIPPING)
    (tmp_path / "pytest.ini").touch()
    return tmp_path


def run(project: Path, *, ci: bool) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if name != "CI"} | ({"CI": "true"} if ci else {})
    command = [sys.executable, "-P", "tests/strict.py", "tests"]
    return subprocess.run(command, check=False, cwd=project, env=environment, capture_output=True, text=True)


def test_a_skip_fails_the_run_and_is_listed_before_the_closing_line(project: Path) -> None:
    result = run(project, ci=True)
    assert result.returncode == 1
    *_, title, listed, closing = (line for line in result.stdout.splitlines() if line)
    assert "unexpected skips" in title
    assert listed == "tests/test_moon.py::test_skips: Skipped: the moon is not full"
    assert "1 passed, 1 skipped, 1 xfailed" in closing


def test_a_file_that_is_skipped_as_a_whole_fails_the_run_too(project: Path) -> None:
    (project / "tests" / "test_moon.py").write_text("import pytest\npytest.importorskip('no_such_module')\n")
    assert run(project, ci=True).returncode == 1


def test_without_ci_a_skip_is_a_skip(project: Path) -> None:
    assert run(project, ci=False).returncode == 0


@pytest.mark.parametrize(("system", "code"), [("{}", 0), ("*", 0), ("plan9-4", 1)])
def test_a_skip_with_a_reason_is_allowed_on_its_system(project: Path, system: str, code: int) -> None:
    release = platform.freedesktop_os_release()
    here = system.format(f"{release['ID']}-{release.get('VERSION_ID', '')}")
    line = f"tests/test_moon.py::* | {here} | the moon is rarely full\n"
    (project / "tests" / "allowed_skips.txt").write_text(line)
    assert run(project, ci=True).returncode == code


def test_a_line_without_a_reason_is_refused(project: Path) -> None:
    (project / "tests" / "allowed_skips.txt").write_text("tests/* | * |\n")
    result = run(project, ci=True)
    assert result.returncode == 1
    assert "not `test | system | reason`" in result.stderr
