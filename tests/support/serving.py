"""A tree behind the nginx configuration that is shipped."""

import secrets
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from commands import started
from patience import wait_until

PORTS = range(10_000, 32_000)
"""Below those that Linux gives to connections."""
SERVE = Path(__file__).parents[1] / "nginx" / "serve.py"


def program(*names: str) -> str:
    """Give the first of these programs that is installed; without any, the test is skipped."""
    for name in names:
        path = shutil.which(name)
        if path is not None:
            return path
    pytest.skip(f"{names[0]} is not installed")


def free_port() -> int:
    """Give a port that nobody listens on, and that the system gives to nobody who asks for any."""
    while True:
        port = secrets.choice(PORTS)
        with closing(socket.socket()) as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def is_listening(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def running_nginx(tree: Path, runtime: Path, port: int, *options: str) -> Iterator[None]:
    program("nginx")
    command = [sys.executable, str(SERVE), str(tree), "--port", str(port), "--runtime", str(runtime), *options]
    with started(command) as process:
        try:
            assert wait_until(lambda: process.poll() is not None or is_listening(port)), "nginx does not answer"
            assert process.poll() is None, "nginx did not start"
            yield
        finally:
            process.terminate()
