"""The installed command, as a user runs it."""

import contextlib
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from patience import PATIENCE

COMMAND = Path(sys.executable).with_name("slide2iiif")
"""Console script of this environment."""

STRICT = {**os.environ, "PYTHONIOENCODING": "utf-8:strict", "PYTHONWARNINGS": "default"}
"""As in a locale such as en_US.UTF-8, where printing bytes that are no text is an error."""


def run_command(
    *arguments: object,
    stdin: bytes = b"",
    cwd: Path | None = None,
    timeout: float = PATIENCE,
    privileged: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run `slide2iiif` to its end. Nothing that a user does may show a traceback.

    Root may read and write everything: without privileges it is held to what the files say, as anybody is.
    """
    held = [] if privileged or os.geteuid() else ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    done = subprocess.run(
        [*held, COMMAND, *(str(each) for each in arguments)],
        input=stdin,
        capture_output=True,
        check=False,
        cwd=cwd,
        env=STRICT,
        timeout=timeout,
    )
    text = subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode(errors="replace")
    )
    assert "Traceback" not in text.stderr, text.stderr
    assert "Warning" not in text.stderr, text.stderr
    return text


@contextlib.contextmanager
def started(command: Sequence[object], **options: Any) -> Iterator["subprocess.Popen[Any]"]:
    """Start a program, and wait for its end after the block; whatever breaks the block off ends the program, too.

    A bare `with Popen` waits for ever for a program that a failed test, or a limit of time, has left in the middle.
    """
    process = subprocess.Popen(
        [os.fspath(each) if isinstance(each, Path) else str(each) for each in command], **options
    )
    with process:
        try:
            yield process
            process.wait(PATIENCE)
        finally:
            if process.poll() is None:
                end_with_children(process.pid)


def end_with_children(pid: int) -> None:
    """Kill a process and all that it has started: what strace leaves behind goes on by itself."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for each in (*process.children(recursive=True), process):
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()


class RealTree(NamedTuple):
    """What the command made of the real slides."""

    slides: Path
    """Source folder."""
    dest: Path
    """The tree."""
    planned: subprocess.CompletedProcess[str]
    """A dry run before; its summary is on standard output."""
    written: subprocess.CompletedProcess[str]
    """The export; its summary is on standard output."""


class Facts(NamedTuple):
    """What would show that a file was touched."""

    inode: int
    mtime_ns: int
    digest: str


def snapshot(tree: Path, *, private: bool = False) -> dict[str, Facts]:
    """Facts of every file below a folder, by path; of the private folder only if asked for."""
    found: dict[str, Facts] = {}
    for path in sorted(tree.rglob("*")):
        name = path.relative_to(tree).as_posix()
        if path.is_file() and (private or not name.startswith(".slide2iiif/")):
            status = path.stat()
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            found[name] = Facts(status.st_ino, status.st_mtime_ns, digest)
    return found


def is_of_site(name: str) -> bool:
    """Tell whether a file of a tree belongs to its folders' pages and not to a slide."""
    return (
        Path(name).name == "collection.json"
        or name.startswith("!site-")
        or (Path(name).name == "index.html" and not name.endswith(".synthetic/index.html"))
    )


def staged(tree: Path) -> list[Path]:
    """What is left in the staging folder of a tree."""
    folder = tree / ".slide2iiif" / "staging"
    return sorted(folder.iterdir()) if folder.is_dir() else []
