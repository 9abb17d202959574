"""A tree behind the nginx configuration that is shipped."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

SERVE = Path(__file__).parents[1] / "nginx" / "serve.py"


def program(*names: str) -> str:
    """Give the first of these programs that is installed; without any, the test is skipped."""
    for name in names:
        path = shutil.which(name)
        if path is not None:
            return path
    pytest.skip(f"{names[0]} is not installed")


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        return int(probe.getsockname()[1])


def is_listening(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running_nginx(tree: Path, runtime: Path, port: int, *options: str) -> Iterator[None]:
    program("nginx")
    command = [sys.executable, str(SERVE), str(tree), "--port", str(port), "--runtime", str(runtime), *options]
    with subprocess.Popen(command) as process:
        try:
            deadline = time.monotonic() + 20
            while not is_listening(port):
                assert process.poll() is None, "nginx did not start"
                assert time.monotonic() < deadline, "nginx does not answer"
                time.sleep(0.02)
            yield
        finally:
            process.terminate()
