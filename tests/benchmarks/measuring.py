"""Commands -> what they cost: wall time, processor time and memory of all their processes.

Processor time is the kernel's own account. This process adopts what a command leaves behind (it is a "child
subreaper"), so every descendant is waited for, and counted, by its parent or by us. Memory is the kernel's
high-water mark of each process, looked up while it lives. This module must stay light: it runs beside what
it measures.
"""

import ctypes
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

_PR_SET_CHILD_SUBREAPER = 36
_SAMPLE_SECONDS = 0.1
_STRAGGLER_SECONDS = 10.0
_KIBIBYTE = 1024
_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"
"""Set here and there for development; installed programs are compiled once, and not at every start."""
_MEGABYTE = 1_000_000


class CommandFailedError(Exception):
    """A command ended with an error; the message is the last line it wrote."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run cost."""

    wall: float
    """Seconds from the start of the first command to the end of the last one."""
    cpu: float
    """Seconds of processor time, user and system, of all processes."""
    process_mb: float
    """Most memory that one process had resident, in MB."""
    total_mb: float
    """Most memory that all processes together had resident, in MB; pages that they share count for each."""


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run."""

    arguments: tuple[str, ...]
    """The program and what it is given."""
    environment: Mapping[str, str]
    """Variables that it sees besides ours."""


def measure(commands: Sequence[Command]) -> Cost:
    """Run commands one after the other as one piece of work.

    Raises:
        CommandFailedError: one of them failed; the others are not run.
    """
    _adopt_orphans()
    cpu = 0.0
    with _MemoryWatch() as memory:
        begun = time.perf_counter()
        for command in commands:
            cpu += _run(command)
        wall = time.perf_counter() - begun
    cpu += _reap_orphans()
    total_bytes = max(memory.total_bytes, memory.process_bytes)
    return Cost(wall, cpu, memory.process_bytes / _MEGABYTE, total_bytes / _MEGABYTE)


def _run(command: Command) -> float:
    """Run a command and give its processor time and that of its descendants which it waited for."""
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            command.arguments,
            env={name: value for name, value in os.environ.items() if name != _NO_BYTECODE} | dict(command.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
        )
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            complaints.seek(0)
            lines = complaints.read().decode(errors="replace").strip().splitlines() or ["without a word"]
            raise CommandFailedError(f"exit code {process.returncode}: {lines[-1]}")
    return usage.ru_utime + usage.ru_stime


def _adopt_orphans() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "cannot adopt orphans, so their processor time would be lost")


def _reap_orphans() -> float:
    """Wait for processes that outlived their parent and give their processor time; end those that stay."""
    cpu = 0.0
    deadline = time.monotonic() + _STRAGGLER_SECONDS
    while True:
        try:
            pid, _, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return cpu
        if pid:
            cpu += usage.ru_utime + usage.ru_stime
            continue
        if time.monotonic() > deadline:
            for child in psutil.Process().children():
                child.kill()
        time.sleep(_SAMPLE_SECONDS / 10)


class _MemoryWatch:
    """Looks at all descendants now and then, in a thread."""

    def __init__(self) -> None:
        self._marks: dict[int, int] = {}
        self.total_bytes = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @property
    def process_bytes(self) -> int:
        return max(self._marks.values(), default=0)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        us = psutil.Process()
        while not self._ended.wait(_SAMPLE_SECONDS):
            total = 0
            for process in us.children(recursive=True):
                fields = _memory_of(process.pid)
                total += fields.get("VmRSS", 0)
                if "VmHWM" in fields:
                    # The latest mark counts: before a process becomes another program it has its parent's.
                    self._marks[process.pid] = fields["VmHWM"]
            self.total_bytes = max(self.total_bytes, total)


def _memory_of(pid: int) -> dict[str, int]:
    """Read a process's memory in bytes; nothing if it is gone or has none any more."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in lines if line.startswith("Vm"))
    return {name: int(value.split()[0]) * _KIBIBYTE for name, value in pairs}
