"""The command line in one process and one thread, so that the same calls come in the same order every time.

Workers are replaced by the process itself, and threads by what they would do, at the moment when they would begin.
What a run loads while it goes on, modules and templates, is loaded before.
"""

import os
import resource
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from importlib import import_module
from multiprocessing.connection import Connection
from typing import ParamSpec, TypeVar

from slide2iiif import cli
from slide2iiif.engines import processes
from slide2iiif.engines.serial import SerialEngine
from slide2iiif.publish import run as export
from slide2iiif.site.pages import load_templates
from slide2iiif.tiles.preload import PRELOAD

Given = ParamSpec("Given")
Result = TypeVar("Result")

PRELOAD()


class OneProcess(SerialEngine):
    """Stands for the engine of the command line."""

    def __init__(self, jobs: int, *ahead: object, **limits: object) -> None:
        del jobs, ahead, limits

    def is_cancelled(self) -> bool:
        """Never: one process is interrupted as a whole."""
        return False


class NoThread:
    """Stands for a thread that somebody waits for, or that makes something ready."""

    def __init__(self, target: Callable[[], None], **told: object) -> None:
        del told
        self.start = target

    def join(self) -> None:
        """It is over."""


class OneAfterTheOther(Executor):
    """Stands for the threads of slides: with one process, one slide is under way at a time."""

    def __init__(self, *told: object) -> None:
        del told

    def submit(self, fn: Callable[Given, Result], /, *args: Given.args, **kwargs: Given.kwargs) -> Future[Result]:
        """Do it now."""
        future: Future[Result] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - raised where the result is taken
            future.set_exception(error)
        return future


def serve(start: Connection, arguments: list[bytes], err: str, limit: str) -> None:
    """Wait for the word, run the command line, and leave with its exit code."""
    sys.stdin.close()
    file = os.open(err, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    for number in (1, 2):
        os.dup2(file, number)
    os.close(file)
    processes.ProcessEngine = OneProcess  # type: ignore[misc, assignment]
    export.ThreadPoolExecutor = OneAfterTheOther  # type: ignore[assignment, attr-defined]
    threading.Thread = NoThread  # type: ignore[misc, assignment]
    load_templates()
    # Here and not in the server: libvips must not be forked.
    import_module("pyvips")
    start.send("ready")
    start.recv()
    if limit:
        name, _, value = limit.partition("=")
        assert name == "files"
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(value), int(value)))
    code = cli.main([os.fsdecode(each) for each in arguments])
    sys.stdout.flush()
    sys.stderr.flush()
    assert threading.active_count() == 1, "a thread outlives the command"
    os._exit(code)
