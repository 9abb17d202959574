"""Publish slides as they are uploaded to a bucket: the event of S3 comes in, each new slide goes out.

    TARGET=s3://public/iiif BASE_URL=https://iiif.example.org/iiif python s3_event.py < event.json

Takes an event notification of S3 (`ObjectCreated`), as it is or in messages of SQS, on standard input; `handler` is
for Lambda, with this module in the image of `Containerfile`. A slide keeps its key as its path. Those that are
published already stay and are in the pages: their records lie in the target. Ends with the exit code of the export,
and `handler` raises where it is not 0, so that the queue hands the message out again: exit code 4 is another run at
work. One at a time is enough (Lambda: a reserved concurrency of 1).

Slides of several files (MIRAX, DICOM) come in several events: upload them where a run over the whole folder finds them.
Nothing is removed here; a nightly run with `--delete` over all slides does that. Needs `slide2iiif[s3]`.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

from obstore.store import S3Store

WRONG_EVENT = 2
"""Exit code for an event that is none."""


class Upload(NamedTuple):
    """An object that was made."""

    bucket: str
    key: str


def handler(event: dict[str, Any], context: object) -> None:
    """Publish the slides of an event, as Lambda calls it."""
    del context
    code = publish(uploads(event), os.environ["TARGET"], os.environ["BASE_URL"])
    if code:
        raise RuntimeError(f"exit code {code}: the export says why")


def uploads(event: dict[str, Any]) -> Iterator[Upload]:
    """Yield the objects that an event tells of."""
    for record in event.get("Records", []):
        if "body" in record:
            yield from uploads(json.loads(record["body"]))
        elif record["eventName"].startswith("ObjectCreated:"):
            place = record["s3"]
            yield Upload(place["bucket"]["name"], unquote_plus(place["object"]["key"]))


def publish(found: Iterator[Upload], target: str, base_url: str) -> int:
    """Fetch objects and export them; return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        slides = Path(folder, "slides")
        slides.mkdir()
        for upload in found:
            fetch(upload, slides)
        if not any(slides.iterdir()):
            return 0
        command = ["slide2iiif", "export", str(slides), target, "--base-url", base_url]
        return subprocess.run(command, check=False).returncode


def fetch(upload: Upload, folder: Path) -> None:
    """Put an object into a folder, under its key.

    Raises:
        ValueError: the key is no path below a folder.
    """
    names = PurePosixPath(upload.key).parts
    if upload.key.endswith("/") or upload.key != "/".join(names) or ".." in names or "\0" in upload.key:
        raise ValueError(f"{upload.key!r}: is no path of a slide")
    path = folder.joinpath(*names)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for piece in client(upload.bucket).get(upload.key).stream():
            file.write(piece)


def client(bucket: str) -> S3Store:
    """Return the client of a bucket, by the variables that slide2iiif reads."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    if endpoint is None:
        return S3Store(bucket, region=region)
    is_plain = endpoint.startswith("http://")
    return S3Store(bucket, region=region, endpoint=endpoint, client_options={"allow_http": is_plain})


def main() -> int:
    """Publish the slides of the event on standard input."""
    try:
        found = list(uploads(json.load(sys.stdin)))
    except (ValueError, KeyError, TypeError, AttributeError):
        print("standard input has no event of S3", file=sys.stderr)
        return WRONG_EVENT
    return publish(iter(found), os.environ["TARGET"], os.environ["BASE_URL"])


if __name__ == "__main__":
    sys.exit(main())
