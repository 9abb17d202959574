"""Policies of the page on hosting: they are JSON, and the role may do what an export asks for and nothing else."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from buckets import Bucket
from s3_proxy import Request, s3_proxy
from seaweed import seaweed

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


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


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


def test_policies_of_buckets_let_others_read_and_close_the_records() -> None:
    for allowed, denied in policies()[1:]:
        assert (allowed["Effect"], denied["Effect"]) == ("Allow", "Deny")
        assert listed(allowed["Action"]) == listed(denied["Action"]) == ["s3:GetObject"]
        assert allowed["Principal"] == denied["Principal"]
        assert denied["Resource"] == allowed["Resource"].replace("iiif/*", "iiif/.slide2iiif/*")
