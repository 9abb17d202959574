"""What lies in a bucket after an export, and what an export asks of it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from buckets import BASE_URL, Bucket
from made_slides import write_synthetic

Tree = Callable[..., dict[str, str]]


@pytest.mark.parametrize("options", [[], ["--api", 3], ["--no-site"]], ids=["2.1", "3.0", "no pages"])
def test_a_bucket_holds_what_a_folder_would(bucket: Bucket, source: Path, tree: Tree, options: list[object]) -> None:
    done = bucket.export(source, *options)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("exported         2 ")
    assert bucket.public() == tree(*options)


def test_each_object_has_the_type_and_cache_of_its_kind(bucket: Bucket, source: Path) -> None:
    bucket.export(source, "--viewer", "cdn").check_returncode()
    kinds = {
        "one.synthetic/info.json": ("application/json", "no-cache"),
        "one.synthetic/manifest.json": ("application/json", "no-cache"),
        "one.synthetic/full/max/0/default.jpg": ("image/jpeg", "public, max-age=3600"),
        "index.html": ("text/html; charset=utf-8", "no-cache"),
        "collection.json": ("application/json", "no-cache"),
    }
    for name, kind in kinds.items():
        found = bucket.client.get(bucket.key(name)).attributes
        assert (found["Content-Type"], found["Cache-Control"]) == kind, name
    [style] = [name for name in bucket.public() if name.startswith("!site-") and name.endswith(".css")]
    assert bucket.client.get(bucket.key(style)).attributes == {
        "Content-Type": "text/css; charset=utf-8",
        "Cache-Control": "public, max-age=31536000, immutable",
    }


def test_a_document_comes_after_all_that_it_announces_and_pages_after_it(bucket: Bucket, source: Path) -> None:
    bucket.export(source).check_returncode()
    for slide in ("one.synthetic", "ward/two.synthetic"):
        puts = [path for path in bucket.proxy.puts() if f"/{slide}/" in path and "/.slide2iiif/" not in path]
        document = next(number for number, path in enumerate(puts) if path.endswith(f"{slide}/info.json"))
        assert [path.rpartition("/")[2] for path in puts[document + 1 :]] == ["index.html", "manifest.json"]
        assert sum(path.endswith("/default.jpg") for path in puts[:document]) > 3


def test_nothing_is_put_for_what_has_not_changed_not_even_from_another_computer(bucket: Bucket, source: Path) -> None:
    bucket.export(source).check_returncode()
    for computer in ("first", "second"):
        bucket.computer = computer
        bucket.proxy.requests.clear()
        done = bucket.export(source)
        assert done.stdout.startswith("unchanged        2")
        assert {path.rpartition("/")[2] for path in bucket.proxy.puts()} == {"lock", "run"}
        gets = [each.path for each in bucket.proxy.requests if each.kind == "GET" and "/receipts/" in each.path]
        assert len(gets) == (0 if computer == "first" else 2)
        assert bucket.proxy.counts()["LIST"] == 1
        # The slides are known by their receipts, and the pages of the folders by their state.
        assert not [each.path for each in bucket.proxy.requests if ".synthetic/info" in each.path]
        assert bucket.proxy.counts()["GET"] - len(gets) <= 6


def test_only_what_differs_is_put(bucket: Bucket, source: Path, tree: Tree) -> None:
    bucket.export(source, "--quality", 85).check_returncode()
    before = bucket.public()
    bucket.proxy.requests.clear()
    bucket.export(source, "--quality", 60).check_returncode()
    after = bucket.public()
    assert after == tree("--quality", 60)
    differing = {name for name in after if before.get(name) != after[name]}
    put = {path.partition(bucket.key(""))[2] for path in bucket.proxy.puts("default.jpg")}
    assert len(put) == sum(name.endswith("default.jpg") for name in differing)
    bucket.proxy.requests.clear()
    bucket.export(source, "--quality", 60, "--overwrite").check_returncode()
    assert bucket.proxy.puts("default.jpg") == []


def test_names_that_the_new_version_lacks_go(bucket: Bucket, source: Path, tree: Tree) -> None:
    bucket.export(source, "--tile-size", 256).check_returncode()
    bucket.export(source, "--tile-size", 128).check_returncode()
    assert bucket.public() == tree("--tile-size", 128)


def test_what_has_no_source_any_more_is_removed_its_document_first(bucket: Bucket, source: Path, tree: Tree) -> None:
    bucket.export(source).check_returncode()
    (source / "one.synthetic").unlink()
    bucket.proxy.requests.clear()
    done = bucket.export(source, "--delete")
    assert done.returncode == 0, done.stderr
    assert "removed          1" in done.stdout
    assert bucket.public() == tree()
    gone = [each for each in bucket.proxy.requests if each.kind == "DELETE" and "/.slide2iiif/" not in each.path]
    assert len(gone) >= 2
    assert not bucket.contents(".slide2iiif/receipts/one.synthetic/")
    # This server goes on listing the folder for a while.
    done = bucket.run("verify", bucket.address)
    assert (done.returncode, done.stdout.split(":")[-1]) == (0, " nothing is wrong\n")


def test_a_dry_run_writes_nothing(bucket: Bucket, source: Path) -> None:
    done = bucket.export(source, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "2" in done.stdout
    assert bucket.proxy.puts() == []
    assert bucket.contents() == {}


def test_records_lie_where_they_are_asked_for(bucket: Bucket, source: Path, tree: Tree) -> None:
    records = f"{bucket.address}-records"
    bucket.export(source, "--private-dir", records, "--identifier", "hash").check_returncode()
    assert not any(name.startswith(".slide2iiif") for name in bucket.contents())
    assert len(bucket.public()) == len(tree("--identifier", "hash"))
    done = bucket.run("verify", bucket.address, "--private-dir", records)
    assert done.returncode == 0, done.stdout
    assert bucket.run("verify", bucket.address).returncode == 3


def test_the_summary_for_machines_is_that_of_a_folder(bucket: Bucket, source: Path) -> None:
    summary = json.loads(bucket.export(source, "--json", "-").stdout)
    assert summary["counts"]["exported"] == 2
    assert {slide["identifier"] for slide in summary["slides"]} == {"one.synthetic", "ward/two.synthetic"}


def test_pages_know_slides_that_another_computer_has_published(bucket: Bucket, tmp_path: Path, tree: Tree) -> None:
    """A CI job starts from nothing: each push brings some slides, and the pages name all."""
    pushed = tmp_path / "pushed"
    write_synthetic(pushed / "a.synthetic", 300, 200)
    bucket.computer = "runner 1"
    bucket.export(pushed).check_returncode()
    write_synthetic(pushed / "b.synthetic", 400, 200)
    bucket.computer = "runner 2"
    done = bucket.export(pushed)
    assert [line.split()[:2] for line in done.stdout.splitlines()[:2]] == [["exported", "1"], ["unchanged", "1"]]
    assert bucket.public() == tree(source=pushed)
    shutil.move(pushed / "a.synthetic", pushed / "c.synthetic")
    bucket.computer = "runner 3"
    bucket.export(pushed, "--delete").check_returncode()
    assert bucket.public() == tree(source=pushed)


def test_a_tree_moves_to_another_url(bucket: Bucket, source: Path) -> None:
    bucket.export(source).check_returncode()
    before = bucket.public()
    bucket.proxy.requests.clear()
    done = bucket.run("rebase", bucket.address, "--base-url", "https://new.example/iiif")
    assert (done.returncode, done.stdout) == (0, "rebased          2   to https://new.example/iiif\n")
    after = bucket.public()
    assert bucket.proxy.puts("default.jpg") == []
    assert {name for name in before if before[name] == after[name]} >= {
        name for name in before if name.endswith(".jpg")
    }
    document = bytes(bucket.client.get(bucket.key("one.synthetic/info.json")).bytes())
    assert b"https://new.example/iiif/one.synthetic" in document
    assert bucket.run("verify", bucket.address).returncode == 0
    bucket.run("rebase", bucket.address, "--base-url", BASE_URL).check_returncode()
    assert bucket.public() == before
