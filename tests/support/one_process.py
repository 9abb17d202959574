"""The command line in one process: workers are replaced by the process itself, so that system calls can be counted."""

import os
import resource
import sys
import threading
from multiprocessing.connection import Connection

from slide2iiif import cli
from slide2iiif.engines import processes
from slide2iiif.engines.child import preload
from slide2iiif.engines.serial import SerialEngine

preload()


class OneProcess(SerialEngine):
    """Stands for the engine of the command line."""

    def __init__(self, jobs: int, *ahead: object, **limits: object) -> None:
        del jobs, ahead, limits

    def is_cancelled(self) -> bool:
        """Never: one process is interrupted as a whole."""
        return False


def serve(start: Connection, arguments: list[bytes], err: str, limit: str) -> None:
    """Wait for the word, run the command line, and leave with its exit code."""
    sys.stdin.close()
    file = os.open(err, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    for number in (1, 2):
        os.dup2(file, number)
    os.close(file)
    processes.ProcessEngine = OneProcess  # type: ignore[misc, assignment]
    start.send("ready")
    start.recv()
    if limit:
        name, _, value = limit.partition("=")
        assert name == "files"
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(value), int(value)))
    code = cli.main([os.fsdecode(each) for each in arguments])
    sys.stdout.flush()
    sys.stderr.flush()
    # What loads templates ahead may still do so: it has nothing to lose.
    left = [thread for thread in threading.enumerate() if thread.name not in {"MainThread", "templates"}]
    assert not left, "a thread outlives the command"
    os._exit(code)
