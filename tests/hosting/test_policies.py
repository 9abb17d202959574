"""Policies of the page on hosting: they are JSON, and the role may do what an export asks for and nothing else."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from buckets import Bucket
from patience import PATIENCE, wait_until
from s3_proxy import Request, s3_proxy
from seaweed import ADMIN_KEY, ADMIN_SECRET, seaweed

PAGE = Path(__file__).parents[2] / "docs" / "buckets-hosting.md"
ACTIONS = {
    "GET": "s3:GetObject",
    "HEAD": "s3:GetObject",
    "PUT": "s3:PutObject",
    "DELETE": "s3:DeleteObject",
    "LIST": "s3:ListBucket",
}
"""Permission that a request needs, by its kind."""


def policies() -> list[list[dict[str, Any]]]:
    blocks = re.findall(r"^```json\n(.+?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [json.loads(block)["Statement"] for block in blocks]


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[Bucket]:
    with seaweed(tmp_path / "server") as server, s3_proxy(server.endpoint) as proxy:
        server.make_bucket("slides")
        yield Bucket(server, proxy, tmp_path, "s3://slides/iiif")


def needed(request: Request) -> tuple[str, str]:
    """Return the permission that a request needs, and the place that it needs it for."""
    prefix = re.search(r"[?&]prefix=([^&]+)", request.path)
    key = prefix[1].replace("%2F", "/") if prefix else request.path.partition("?")[0].removeprefix("/slides/")
    return ACTIONS[request.kind], key


def test_the_role_may_do_what_an_export_asks_for_and_nothing_else(bucket: Bucket, source: Path) -> None:
    bucket.export(source).check_returncode()
    bucket.run("verify", bucket.address).check_returncode()
    (source / "one.synthetic").unlink()
    bucket.export(source, "--delete", "--quality", 60).check_returncode()
    bucket.run("repair", bucket.address, "--source", source).check_returncode()
    bucket.run("rebase", bucket.address, "--base-url", "https://new.example/iiif").check_returncode()
    objects, listing = policies()[0]
    asked = {needed(each) for each in bucket.proxy.requests if not each.path.endswith("?delete")}
    many = {"s3:DeleteObject" for each in bucket.proxy.requests if each.path.endswith("?delete")}
    assert {action for action, _ in asked} | many == {*objects["Action"], listing["Action"]}
    assert all(key.startswith("iiif/") for _, key in asked), asked
    assert (objects["Resource"], listing["Resource"]) == ("arn:aws:s3:::BUCKET/iiif/*", "arn:aws:s3:::BUCKET")
    assert listing["Condition"] == {"StringLike": {"s3:prefix": ["iiif/*"]}}


def test_the_distribution_may_read_what_is_published_and_not_the_records() -> None:
    allowed, denied = policies()[1]
    assert (allowed["Effect"], denied["Effect"]) == ("Allow", "Deny")
    assert allowed["Action"] == denied["Action"] == "s3:GetObject"
    assert allowed["Principal"] == denied["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert denied["Resource"] == allowed["Resource"].replace("iiif/*", "iiif/.slide2iiif/*")


def test_everybody_may_read_a_plain_bucket_but_not_the_records_beside_what_is_published(
    bucket: Bucket, source: Path
) -> None:
    endpoint = bucket.server.endpoint
    admin = boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=ADMIN_KEY,
        aws_secret_access_key=ADMIN_SECRET,
        region_name="us-east-1",
    )
    policy = {"Version": "2012-10-17", "Statement": policies()[2]}
    admin.put_bucket_policy(Bucket="slides", Policy=json.dumps(policy).replace("BUCKET", "slides"))
    for _ in range(2):
        bucket.export(source, "--private-dir", "s3://slides/records").check_returncode()
    names = [each["path"] for page in bucket.client.list() for each in page]
    public = {name for name in names if answer_to_anybody(f"{endpoint}/slides/{name}") == 200}
    assert public == {name for name in names if name.startswith("iiif/")}
    assert {name.partition("/")[0] for name in names} == {"iiif", "records"}
    assert wait_until(lambda: answer_to_anybody(f"{endpoint}/slides/iiif/missing") == 404)


def answer_to_anybody(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:  # noqa: S310 - our own server
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
