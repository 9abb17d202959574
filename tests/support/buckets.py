"""A place in a bucket, the computers that publish into it, and a proxy that watches them."""

import contextlib
import hashlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commands import COMMAND, started
from patience import PATIENCE
from s3_proxy import Proxy
from seaweed import Seaweed

BASE_URL = "https://host.example/iiif"


@dataclass(slots=True)
class Bucket:
    """A place in a bucket of its own, and the computers that publish into it."""

    server: Seaweed
    proxy: Proxy
    folder: Path
    """Folder of this computer for caches."""
    address: str
    """The place, as the command takes it."""
    computer: str = "first"
    """Name of the computer: each has a cache of its own."""

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of the command."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        given = {**self.server.environment(), "AWS_ENDPOINT_URL_S3": self.proxy.endpoint}
        own = {"XDG_CACHE_HOME": str(self.folder / self.computer), "HOME": str(self.folder / self.computer)}
        return {**kept, **given, **own, "PYTHONWARNINGS": "default", **more}

    def run(self, command: str, *arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command on the place to its end; nothing that a user does may show a traceback."""
        words = [str(each) for each in arguments]
        done = subprocess.run(
            [COMMAND, command, *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
            env=self.environment(**more),
        )
        assert "Traceback" not in done.stderr, done.stderr
        assert "Warning" not in done.stderr, done.stderr
        return done

    @contextlib.contextmanager
    def started(self, command: str, *arguments: object) -> Iterator["subprocess.Popen[str]"]:
        """Run a command on the place beside the block, and kill it at its end."""
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with started([COMMAND, command, *arguments], env=self.environment(), **pipes) as process:
            yield process
            process.kill()

    def export(self, source: Path, *options: object, **more: str) -> subprocess.CompletedProcess[str]:
        """Export into the place."""
        return self.run("export", source, self.address, "--base-url", BASE_URL, "--jobs", 2, *options, **more)

    def contents(self, folder: str = "") -> dict[str, bytes]:
        """Return all objects below a folder of the place, not counted by the proxy."""
        prefix = self._prefix + folder
        names = [each["path"] for page in self.client.list(prefix=prefix, chunk_size=1000) for each in page]
        return {name.removeprefix(self._prefix): bytes(self.client.get(name).bytes()) for name in names}

    def public(self) -> dict[str, str]:
        """Return the digests of what is published, by name."""
        found = self.contents()
        return {
            name: hashlib.sha256(content).hexdigest()
            for name, content in found.items()
            if not name.startswith(".slide2iiif/")
        }

    def key(self, name: str) -> str:
        """Return the key of an object."""
        return self._prefix + name

    @property
    def client(self) -> Any:
        """A client of the server itself, past the proxy."""
        from obstore.store import S3Store
        from seaweed import KEY, SECRET

        return S3Store(
            "slides",
            endpoint=self.server.endpoint,
            access_key_id=KEY,
            secret_access_key=SECRET,
            region="us-east-1",
            client_options={"allow_http": True},
        )

    @property
    def _prefix(self) -> str:
        return self.address.removeprefix("s3://slides/") + "/"
