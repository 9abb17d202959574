"""Buckets that refuse, break off, are held by others, or are left in the middle."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from buckets import BASE_URL, Bucket
from made_slides import write_synthetic
from patience import wait_until
from s3_proxy import Request

from slide2iiif.iiif.file_order import order_files
from slide2iiif.iiif.info import read_info

Tree = Callable[..., dict[str, str]]


def dangling(bucket: Bucket) -> list[str]:
    """List the URLs that documents announce and that are not there."""
    found = bucket.contents()
    missing = []
    for name, content in found.items():
        service = read_info(content) if name.endswith("/info.json") else None
        if service is not None:
            order = order_files(*service)
            folder = name.removesuffix("info.json")
            paths = (path for ordinal in range(order.count) for path in order.paths_at(ordinal))
            missing += [folder + path for path in paths if folder + path not in found]
    return missing


def test_requests_that_are_refused_for_now_are_sent_again(bucket: Bucket, source: Path, tree: Tree) -> None:
    chance = random.Random(7)  # noqa: S311 - which requests are refused

    def verdict(_request: Request, _number: int) -> str:
        return chance.choices(["pass", "slow down", "reset"], [75, 20, 5])[0]

    bucket.proxy.verdict = verdict
    done = bucket.export(source)
    assert done.returncode == 0, done.stderr
    bucket.proxy.verdict = lambda _request, _number: "pass"
    assert bucket.public() == tree()


def test_a_permission_that_ends_in_the_middle_ends_the_run_with_one_line(
    bucket: Bucket, source: Path, tree: Tree
) -> None:
    def verdict(request: Request, number: int) -> str:
        return "forbid" if request.method == "PUT" and number > 30 else "pass"

    bucket.proxy.verdict = verdict
    done = bucket.export(source)
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1].startswith(f"slide2iiif: {bucket.address}")
    assert done.stderr.splitlines()[-1].endswith("no permission for that with these credentials")
    bucket.proxy.verdict = lambda _request, _number: "pass"
    assert dangling(bucket) == []
    bucket.export(source).check_returncode()
    assert bucket.public() == tree()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "the secret key is not that of the access key"),
        ({"AWS_ACCESS_KEY_ID": "nobody"}, "the access key is not known there"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "no credentials: set AWS_ACCESS_KEY_ID and"),
        ({"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"}, "it does not answer; is the endpoint right"),
    ],
)
def test_whoever_is_not_let_in_is_told_why(bucket: Bucket, source: Path, more: dict[str, str], says: str) -> None:
    done = bucket.export(source, **more)
    assert done.returncode == 3
    [line] = done.stderr.splitlines()
    assert says in line


@pytest.mark.parametrize(
    ("dest", "code", "says"),
    [
        ("s3://nowhere/public", 3, "there is no such bucket; make it, or name another"),
        ("s3:/slides/public", 2, "is no place that can be published into"),
        ("ftp://slides/public", 2, "is no place that can be published into"),
        ("s3://Slides/public", 2, "Slides is no name of a bucket"),
    ],
)
def test_a_place_that_is_none_is_told(bucket: Bucket, source: Path, dest: str, code: int, says: str) -> None:
    done = bucket.run("export", source, dest, "--base-url", "https://h/iiif")
    assert done.returncode == code
    assert says in done.stderr
    assert not Path("s3:").exists()


def test_records_lie_beside_what_is_published_and_of_the_same_kind(
    bucket: Bucket, source: Path, tmp_path: Path
) -> None:
    inside = bucket.export(source, "--private-dir", f"{bucket.address}/records")
    assert (inside.returncode, "lies in DEST" in inside.stderr) == (2, True)
    folder = bucket.export(source, "--private-dir", tmp_path / "records")
    assert (folder.returncode, "the tree lies in a bucket" in folder.stderr) == (2, True)
    done = bucket.run("export", source, tmp_path / "t", "--base-url", "https://h", "--private-dir", bucket.address)
    assert (done.returncode, "the tree lies in a folder" in done.stderr) == (2, True)


def test_a_second_run_is_told_who_holds_the_place(bucket: Bucket, tmp_path: Path) -> None:
    slides = tmp_path / "large"
    write_synthetic(slides / "a.synthetic", 60_000, 40_000)
    with bucket.started("export", slides, bucket.address, "--base-url", BASE_URL, "--jobs", "1") as first:
        assert wait_until(lambda: any(path.endswith("default.jpg") for path in bucket.proxy.puts()))
        bucket.computer = "second"
        done = bucket.export(slides)
        assert done.returncode == 4
        assert f"is in use by process {first.pid} on " in done.stderr
        assert "which showed its last sign of life at 2" in done.stderr


@pytest.mark.parametrize("is_published", [False, True], ids=["first run", "over an older version"])
@pytest.mark.parametrize("share", [0.1, 0.4, 0.7, 0.95])
def test_a_run_that_is_killed_costs_what_it_had_not_put(
    bucket: Bucket,
    tmp_path: Path,
    tree: Tree,
    share: float,
    is_published: bool,  # noqa: FBT001
) -> None:
    slides = tmp_path / "slides"
    write_synthetic(slides / "a.synthetic", 3000, 2000)
    write_synthetic(slides / "b.synthetic", 2000, 3000)
    if is_published:
        bucket.export(slides, "--tile-size", 128).check_returncode()
        bucket.proxy.requests.clear()
    total = sum(name.endswith(".jpg") for name in tree(source=slides))
    auto = ("--tile-size", "auto")
    words = ("export", slides, bucket.address, "--base-url", BASE_URL, "--jobs", "2", *auto)
    with bucket.started(*words) as run:
        assert wait_until(lambda: len(bucket.proxy.puts("default.jpg")) >= share * total or run.poll() is not None)
    assert dangling(bucket) == []
    bucket.client.delete(bucket.key(".slide2iiif/lock"))
    bucket.computer = "second"
    done_before = len(set(bucket.proxy.puts("default.jpg")))
    bucket.proxy.requests.clear()
    bucket.export(slides, *auto).check_returncode()
    assert bucket.public() == tree(source=slides)
    assert dangling(bucket) == []
    again = len(bucket.proxy.puts("default.jpg"))
    # What was under way when it was killed may be put twice: two workers with 32 requests each.
    assert again <= total - done_before + 2 * 64


def test_verify_finds_what_is_lost_changed_and_strange_and_repair_mends_it(
    bucket: Bucket, source: Path, tree: Tree
) -> None:
    bucket.export(source).check_returncode()
    lost = next(name for name in bucket.public() if name.startswith("one.synthetic/0,0,"))
    changed = "ward/two.synthetic/full/max/0/default.jpg"
    bucket.client.delete(bucket.key(lost))
    bucket.client.put(bucket.key(changed), b"something else")
    bucket.client.put(bucket.key("one.synthetic/strange"), b"what nobody put")
    done = bucket.run("verify", bucket.address)
    assert done.returncode == 1
    assert all(name in done.stdout for name in (lost, changed, "one.synthetic/strange"))
    done = bucket.run("repair", bucket.address, "--source", source)
    assert done.returncode == 1
    assert "one.synthetic/strange" in done.stderr
    bucket.client.delete(bucket.key("one.synthetic/strange"))
    assert bucket.run("verify", bucket.address).returncode == 0
    assert bucket.public() == tree()


def test_a_slide_that_fails_over_an_older_version_leaves_that_one_whole(bucket: Bucket, source: Path) -> None:
    bucket.export(source).check_returncode()
    before = bucket.public()
    (source / "one.synthetic").write_bytes(b"this is no slide any more")
    done = bucket.export(source)
    assert done.returncode == 1
    assert "one.synthetic" in done.stderr
    assert bucket.public() == before
