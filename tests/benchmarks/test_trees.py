"""The script is run as its user runs it, on a tiny case, so that it cannot rot. Nothing is timed."""

import subprocess
import sys
from pathlib import Path

from patience import PATIENCE

SCRIPT = Path(__file__).with_name("trees.py")


def test_both_lines_are_printed(tmp_path: Path) -> None:
    command: list[str | Path] = [sys.executable, SCRIPT, "--slides", "3", "--pixels", "600", "--where", tmp_path]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE)
    first, second = done.stdout.splitlines()
    assert first.startswith("unchanged: 3 slides in ")
    assert second.startswith("verified: ")
    assert list(tmp_path.iterdir()) == []
