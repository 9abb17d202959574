"""Runs under strace: what a run asks of the system, and a system call that fails, or kills, at a chosen moment.

The run is the command line in one process and one thread, forked from a server that has loaded everything, so that the
same calls come in the same order every time; strace is attached when it is about to begin. strace counts the calls of
each name by itself, so a moment is a name and a number.
"""

import contextlib
import multiprocessing
import os
import pkgutil
import re
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import one_process
from commands import started
from patience import PATIENCE

import slide2iiif

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

CHANGES = (
    "write",
    "pwrite64",
    "?mkdir",
    "mkdirat",
    "?link",
    "linkat",
    "?rename",
    "renameat",
    "renameat2",
    "?unlink",
    "unlinkat",
    "?rmdir",
    "ftruncate",
)
"""System calls that change what is on the disk, apart from those that open."""

SYNCS = ("fsync", "fdatasync", "syncfs", "sync")
"""System calls that wait for the disk."""

_ATTACH_SECONDS = _RUN_SECONDS = PATIENCE
_LOADED = [
    *(module.name for module in pkgutil.walk_packages(slide2iiif.__path__, "slide2iiif.")),
    *("openslide", "simplejpeg", "tifffile", "PIL.ImageFile", "encodings.ascii", "encodings.unicode_escape"),
]
"""What the server loads: installed modules only, because it does not know where the tests lie."""
_ERR = "err.txt"
_LINE = re.compile(r"^(\d+) +(\w+)\((.*)$")


class Call(NamedTuple):
    """One system call of a run."""

    thread: int
    name: str
    number: int
    """Of the calls of this name in this thread; the first is 1."""
    text: str
    """Arguments and result, as strace writes them."""


class Run(NamedTuple):
    """How a run ended."""

    exit_code: int
    """Negative for a signal."""
    err: str
    """What it wrote to standard error."""
    calls: list[Call]
    """What was traced, in order."""

    @property
    def injected(self) -> list[Call]:
        """The calls that were tampered with; if there is none, the run proves nothing."""
        return [call for call in self.calls if "(INJECTED)" in call.text]


def traced_run(
    arguments: Iterable[object], folder: Path, calls: Sequence[str] = CHANGES, inject: str = "", prepare: str = ""
) -> Run:
    """Run a command line in one process under strace.

    Args:
        arguments: of the command.
        folder: for logs.
        calls: names of system calls to trace.
        inject: what to do at which call, as strace spells it.
        prepare: a limit to run under: `files=N`, the number of files it may open.
    """
    log = folder / "trace.log"
    log.unlink(missing_ok=True)
    options = ["-f", "-y", "-s", "400", "-o", str(log), "-e", f"trace={','.join(calls)}", "-e", "signal=none"]
    if inject:
        options += ["-e", f"inject={inject}"]
    with _forked(arguments, folder, prepare) as (process, begin):
        command = ["strace", *options, "-p", str(process.pid)]
        with started(command, stderr=subprocess.PIPE, text=True) as strace:
            try:
                _wait_for_tracer(process.pid or 0, strace)
                begin()
                process.join(_RUN_SECONDS)
            finally:
                process.kill()
                strace.wait(_ATTACH_SECONDS)
    return Run(process.exitcode or 0, (folder / _ERR).read_text(errors="replace"), read_calls(log))


def plain_run(arguments: Iterable[object], folder: Path) -> Run:
    """Run a command line in one process, and trace nothing."""
    with _forked(arguments, folder, "") as (process, begin):
        begin()
        process.join(_RUN_SECONDS)
    return Run(process.exitcode or 0, (folder / _ERR).read_text(errors="replace"), [])


@contextlib.contextmanager
def _forked(
    arguments: Iterable[object], folder: Path, limit: str
) -> "Iterator[tuple[BaseProcess, Callable[[], None]]]":
    """Give a process that has loaded everything and waits for the word, and how to give it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_LOADED)
    ours, theirs = context.Pipe()
    words = [os.fsencode(str(each)) for each in arguments]
    process = context.Process(target=one_process.serve, args=(theirs, words, str(folder / _ERR), limit))
    process.start()
    theirs.close()
    # What it opens to get ready must not be counted.
    ours.recv()
    try:
        yield process, lambda: ours.send("begin")
    finally:
        process.kill()
        process.join()


def _wait_for_tracer(pid: int, strace: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + _ATTACH_SECONDS
    while time.monotonic() < deadline:
        if re.search(r"^TracerPid:\s+[1-9]", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE):
            return
        if strace.poll() is not None:
            assert strace.stderr is not None
            raise AssertionError(f"strace cannot trace: {strace.stderr.read()}")
        time.sleep(0.002)
    raise AssertionError("strace does not attach")


def read_calls(log: Path) -> list[Call]:
    """Read the calls that a log of strace has, numbered for each thread and name."""
    counts: Counter[tuple[int, str]] = Counter()
    calls = []
    for line in log.read_text(errors="replace").splitlines():
        if found := _LINE.match(line):
            thread, name = int(found[1]), found[2]
            counts[thread, name] += 1
            calls.append(Call(thread, name, counts[thread, name], found[3]))
    return calls


def moments(calls: Iterable[Call]) -> list[tuple[str, int]]:
    """Give the moments of a run at which something can be injected, in order, each once."""
    return list(dict.fromkeys((call.name, call.number) for call in calls))


def spread(items: Sequence[tuple[str, int]], count: int) -> list[tuple[str, int]]:
    """Take some from all over a sequence, the first and the last among them."""
    if len(items) <= count:
        return list(items)
    return [items[round(index * (len(items) - 1) / (count - 1))] for index in range(count)]


def installed_run(command: Sequence[object], log: Path, *options: str, timeout: float = PATIENCE) -> tuple[int, str]:
    """Run a program under strace from its start; give its exit code and what it wrote to standard error."""
    done = subprocess.run(
        ["strace", "-f", "-o", log, *options, "--", *(str(each) for each in command)],
        capture_output=True,
        check=False,
        timeout=timeout,
        text=True,
    )
    return done.returncode, done.stderr
