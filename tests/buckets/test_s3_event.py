"""The example for uploads to a bucket: an event comes in, a slide goes out, and the pages have all of them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from buckets import BASE_URL, Bucket
from patience import PATIENCE

from slide2iiif.geometry import Size
from slide2iiif.samples import write_aperio

EXAMPLE = Path(__file__).parents[2] / "examples" / "s3_event.py"
Tree = Callable[..., dict[str, str]]


def created(*keys: str) -> dict[str, Any]:
    places = [{"bucket": {"name": "slides"}, "object": {"key": quote_plus(key, safe="/")}} for key in keys]
    return {"Records": [{"eventName": "ObjectCreated:Put", "s3": place} for place in places]}


def publish(bucket: Bucket, event: object) -> "subprocess.CompletedProcess[str]":
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = bucket.environment(TARGET=bucket.address, BASE_URL=BASE_URL, PATH=path)
    return subprocess.run(
        [sys.executable, str(EXAMPLE)],
        check=False,
        input=json.dumps(event),
        capture_output=True,
        text=True,
        env=environment,
        timeout=PATIENCE,
    )


def test_each_upload_is_published_and_joins_the_pages(bucket: Bucket, tmp_path: Path, tree: Tree) -> None:
    source = tmp_path / "uploaded"
    keys = ["incoming/ward 1/a+b.svs", "incoming/ü.svs"]
    for number, key in enumerate(keys):
        (source / key).parent.mkdir(parents=True, exist_ok=True)
        write_aperio(source / key, Size(300 + number, 200))
        bucket.client.put(key, (source / key).read_bytes())
    first = publish(bucket, created(keys[0]))
    assert first.returncode == 0, first.stderr
    bucket.computer = "another"
    second = publish(bucket, {"Records": [{"body": json.dumps(created(keys[1]))}]})
    assert second.returncode == 0, second.stderr
    assert bucket.public() == tree(source=source)


def test_other_events_publish_nothing(bucket: Bucket) -> None:
    removed = created("incoming/a.svs")
    removed["Records"][0]["eventName"] = "ObjectRemoved:Delete"
    for event in (removed, {"Service": "Amazon S3", "Event": "s3:TestEvent"}):
        assert publish(bucket, event).returncode == 0
    for wrong in ("[]", '{"Records": [{}]}', '{"Records": 7}'):
        done = publish(bucket, json.loads(wrong))
        assert (done.returncode, done.stderr) == (2, "standard input has no event of S3\n")
    assert bucket.contents() == {}


@pytest.mark.parametrize("key", ["../../outside.svs", "/etc/passwd.svs", "a//b.svs", "folder/", "./a.svs"])
def test_a_key_that_is_no_path_is_refused_before_anything_is_written(bucket: Bucket, key: str) -> None:
    done = publish(bucket, created(key))
    assert done.returncode == 1
    assert "is no path of a slide" in done.stderr
    assert bucket.contents() == {}
