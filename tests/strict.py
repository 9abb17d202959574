"""Run pytest; where CI is set, a skip that nobody has given a reason for is a failure.

`allowed_skips.txt` has a line for each skip that is allowed: a pattern for the ids of tests, a pattern for the
system (`debian-12`, `ubuntu-24.04`), and why. What fails is listed before pytest's closing line.
"""

import fnmatch
import os
import platform
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ALLOWED = Path(__file__).with_name("allowed_skips.txt")


@dataclass(slots=True, eq=False)
class UnexpectedSkips:
    """A plugin that turns skips into a failed run."""

    allowed: list[str]
    """Patterns of test ids that may be skipped here."""
    found: list[str] = field(default_factory=list)
    """Skips that may not be."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Look at one test; one that is expected to fail is no skip."""
        if report.skipped and not hasattr(report, "wasxfail"):
            self._look(report.nodeid, report.longrepr)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Look at one file: it may be skipped as a whole."""
        if report.skipped:
            self._look(report.nodeid, report.longrepr)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail the run."""
        if self.found and session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """List what was skipped."""
        if self.found:
            terminalreporter.write_sep("=", "unexpected skips", red=True, bold=True)
            for line in self.found:
                terminalreporter.write_line(line)

    def _look(self, nodeid: str, reason: object) -> None:
        if not any(fnmatch.fnmatchcase(nodeid, pattern) for pattern in self.allowed):
            self.found.append(f"{nodeid}: {reason[2] if isinstance(reason, tuple) else reason}")


def allowed_here(text: str, system: str) -> list[str]:
    """Give the patterns of the lines that hold on a system.

    Raises:
        ValueError: a line without a reason.
    """
    patterns = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        parts = [part.strip() for part in line.split("|")]
        if len(parts) != 3 or not all(parts):
            raise ValueError(f"{ALLOWED.name}: not `test | system | reason`: {line}")
        if fnmatch.fnmatchcase(system, parts[1]):
            patterns.append(parts[0])
    return patterns


def main() -> int:
    """Run pytest with the arguments of the command line."""
    release = platform.freedesktop_os_release()
    system = f"{release['ID']}-{release.get('VERSION_ID', '')}"
    strict = [UnexpectedSkips(allowed_here(ALLOWED.read_text(encoding="utf-8"), system))]
    return pytest.main(sys.argv[1:], plugins=strict if os.environ.get("CI") else [])


if __name__ == "__main__":
    sys.exit(main())
