"""A server that speaks S3, a proxy that watches it, and the command as a user runs it against them."""

import hashlib
import itertools
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from buckets import BASE_URL, Bucket
from commands import COMMAND
from patience import PATIENCE
from s3_proxy import s3_proxy
from seaweed import Seaweed, seaweed

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    """The server, with nothing in it."""
    with seaweed(tmp_path_factory.mktemp("seaweed")) as running:
        running.make_bucket("slides")
        yield running


@pytest.fixture
def bucket(server: Seaweed, tmp_path: Path) -> Iterator[Bucket]:
    """An empty place in a bucket."""
    with s3_proxy(server.endpoint) as proxy:
        yield Bucket(server, proxy, tmp_path, f"s3://slides/place-{os.getpid()}-{next(_numbers)}")


@pytest.fixture
def tree(source: Path, tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Export the source folder into a folder, and return the digests of what is published there by name."""

    def export(*options: object, source: Path = source) -> dict[str, str]:
        dest = tmp_path / f"tree-{next(_numbers)}"
        words = [str(each) for each in options]
        command: list[str | Path] = [
            COMMAND,
            "export",
            source,
            dest,
            "--base-url",
            BASE_URL,
            "--jobs",
            "2",
            "-q",
            *words,
        ]
        subprocess.run(command, check=True, timeout=PATIENCE, env=dict(os.environ))
        paths = [path for path in dest.rglob("*") if path.is_file()]
        names = {path.relative_to(dest).as_posix(): path for path in paths}
        return {
            name: hashlib.sha256(path.read_bytes()).hexdigest()
            for name, path in names.items()
            if not name.startswith(".slide2iiif/")
        }

    return export
