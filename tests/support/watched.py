"""A run whose processes are watched: how much memory each took at most, and how long the run was."""

import re
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import psutil
from commands import STRICT, started

_LOOK_SECONDS = 0.02
_PEAK = re.compile(r"VmHWM:\s+(\d+) kB")


class Watched(NamedTuple):
    """How a run went."""

    exit_code: int
    out: str
    err: str
    peaks: dict[int, int]
    """Most memory of each process, the first one included, in kB, by process id."""
    seconds: float


def watched_run(command: Sequence[object], timeout: float) -> Watched:
    """Run a program to its end; a run that does not come to one is a failure."""
    begun = time.monotonic()
    peaks: dict[int, int] = {}
    with started(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=STRICT) as process:
        watcher = threading.Thread(target=_watch, args=(process, peaks), daemon=True)
        watcher.start()
        out, err = process.communicate(timeout=timeout)
        watcher.join()
    return Watched(
        process.returncode,
        out.decode(errors="replace"),
        err.decode(errors="replace"),
        peaks,
        time.monotonic() - begun,
    )


def _watch(process: "subprocess.Popen[bytes]", peaks: dict[int, int]) -> None:
    while process.poll() is None:
        try:
            family = [process.pid, *(child.pid for child in psutil.Process(process.pid).children(recursive=True))]
        except psutil.NoSuchProcess:
            return
        for pid in family:
            try:
                found = _PEAK.search(Path(f"/proc/{pid}/status").read_text(errors="replace"))
            except OSError:
                continue
            if found:
                peaks[pid] = max(peaks.get(pid, 0), int(found[1]))
        time.sleep(_LOOK_SECONDS)
