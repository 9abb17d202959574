"""`--identifier` and `--private-dir`: names that say nothing, and a tree that holds nothing but what is public."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from commands import is_of_site, run_command, snapshot, staged

BASE_URL = "https://host.example/iiif"
PRIVATE = ".slide2iiif"


def export(source: Path, dest: Path, *more: object) -> subprocess.CompletedProcess[str]:
    return run_command("export", source, dest, "--base-url", BASE_URL, "--jobs", 1, *more)


def slides_in(dest: Path) -> list[str]:
    return sorted(path.parent.relative_to(dest).as_posix() for path in dest.rglob("info.json"))


def records(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, object]]:
    return {record["source"]: record for record in json.loads(done.stdout)["slides"]}


def test_hashed_identifiers_are_stable_told_in_the_summary_and_skip_what_is_unchanged(source: Path, dest: Path) -> None:
    first = export(source, dest, "--identifier", "hash", "--json", "-")
    assert first.returncode == 0
    told = records(first)
    assert set(told) == {"one.synthetic", "ward/two.synthetic"}
    assert slides_in(dest) == sorted(str(record["identifier"]) for record in told.values())
    assert "synthetic" not in "".join(snapshot(dest))
    before = snapshot(dest)
    again = export(source, dest, "--identifier", "hash", "--delete", "--json", "-")
    assert json.loads(again.stdout)["counts"]["unchanged"] == 2
    assert snapshot(dest) == before


def test_the_key_is_its_owners_only_and_gives_the_same_names_elsewhere(
    source: Path, dest: Path, tmp_path: Path
) -> None:
    export(source, dest, "--identifier", "hash", "-q")
    key = dest / PRIVATE / "identifier.key"
    assert key.stat().st_mode & 0o777 == 0o600
    shutil.copy(key, tmp_path / "key")
    other = tmp_path / "other"
    assert not export(source, other, "--identifier", "hash", "--identifier-key", tmp_path / "key", "-q").returncode
    assert slides_in(other) == slides_in(dest)
    assert not (other / PRIVATE / "identifier.key").exists()
    third = tmp_path / "third"
    export(source, third, "--identifier", "hash", "-q")
    assert not set(slides_in(third)) & set(slides_in(dest))


def test_a_table_names_slides_and_those_that_it_lacks_fail(source: Path, dest: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("path,identifier\none.synthetic,case-1/block-2\n")
    done = export(source, dest, "--identifier", table)
    assert done.returncode == 1
    assert "two.synthetic: has no identifier" in done.stdout
    assert slides_in(dest) == ["case-1/block-2"]
    assert json.loads((dest / "case-1/block-2/info.json").read_text())["@id"] == f"{BASE_URL}/case-1/block-2"
    table.write_text("one.synthetic,case-1/block-2\nward/two.synthetic,other\n")
    assert not export(source, dest, "--identifier", table, "-q").returncode
    assert slides_in(dest) == ["case-1/block-2", "other"]


def test_slides_that_a_table_has_given_other_names_are_told_of_and_deleted(
    source: Path, dest: Path, tmp_path: Path
) -> None:
    table = tmp_path / "table.csv"
    table.write_text("one.synthetic,old\nward/two.synthetic,two\n")
    export(source, dest, "--identifier", table, "-q")
    table.write_text("one.synthetic,new\nward/two.synthetic,two\n")
    told = export(source, dest, "--identifier", table)
    assert "1 published slides are not in" in told.stderr
    assert "(old)" in told.stderr
    assert slides_in(dest) == ["new", "old", "two"]
    assert not export(source, dest, "--identifier", table, "--delete").returncode
    assert slides_in(dest) == ["new", "two"]


def test_a_line_of_a_table_whose_slide_is_gone_is_told_with_its_number(
    source: Path, dest: Path, tmp_path: Path
) -> None:
    table = tmp_path / "table.csv"
    gone = "".join(f"gone{number}.svs,g{number}\n" for number in range(5))
    table.write_text(f"path,identifier\none.synthetic,one\n{gone}ward/two.synthetic,two\n")
    told = export(source, dest, "--identifier", table).stderr.splitlines()
    assert [line for line in told if "line" in line] == [
        *(
            f"slide2iiif: warning: {table}, line {number + 3}: gone{number}.svs is no slide of SOURCE that would be "
            "published"
            for number in range(3)
        ),
        "slide2iiif: warning: and 2 more lines of the table",
    ]


@pytest.mark.parametrize(("before", "after"), [("path", "hash"), ("hash", "path")])
def test_a_tree_of_other_names_is_not_left_behind_unseen(source: Path, dest: Path, before: str, after: str) -> None:
    export(source, dest, "--identifier", before, "-q")
    old = snapshot(dest)
    refused = export(source, dest, "--identifier", after)
    assert refused.returncode == 2
    assert f"holds 2 slides that were named otherwise ({before}" in refused.stderr
    assert "--delete" in refused.stderr
    assert snapshot(dest) == old
    replaced = export(source, dest, "--identifier", after, "--delete", "--json", "-")
    counts = json.loads(replaced.stdout)["counts"]
    assert (counts["exported"], counts["removed"]) == (2, 2)
    assert not [name for name in set(snapshot(dest)) & set(old) if not is_of_site(name)]
    assert not export(source, dest, "--identifier", after).returncode


def test_a_lost_key_is_noticed_before_slides_are_published_twice(source: Path, dest: Path) -> None:
    export(source, dest, "--identifier", "hash", "-q")
    (dest / PRIVATE / "identifier.key").unlink()
    assert "named otherwise (hash" in export(source, dest, "--identifier", "hash").stderr
    assert not (dest / PRIVATE / "identifier.key").exists()


def test_a_key_or_a_table_in_the_tree_is_refused(source: Path, dest: Path) -> None:
    dest.mkdir()
    (dest / "table.csv").write_text("one.synthetic,one\n")
    (dest / "key").write_text("0123456789abcdef0123456789abcdef")
    refused = export(source, dest, "--identifier", dest / "table.csv")
    assert (refused.returncode, "would be published" in refused.stderr) == (2, True)
    refused = export(source, dest, "--identifier", "hash", "--identifier-key", dest / "key")
    assert (refused.returncode, "would be published" in refused.stderr) == (2, True)


def test_with_a_private_folder_the_tree_holds_only_what_is_public(source: Path, dest: Path, tmp_path: Path) -> None:
    private = tmp_path / "private"
    assert not export(source, dest, "--private-dir", private, "-q").returncode
    assert [path.name for path in dest.iterdir() if path.name.startswith(".")] == []
    assert sorted(path.name for path in (private / "receipts").iterdir()) == ["one.synthetic", "ward"]
    assert private.stat().st_mode & 0o777 == 0o700
    again = export(source, dest, "--private-dir", private, "--json", "-")
    assert json.loads(again.stdout)["counts"]["unchanged"] == 2
    shutil.rmtree(source / "ward")
    export(source, dest, "--private-dir", private, "--delete", "-q")
    assert slides_in(dest) == ["one.synthetic"]
    other = "https://other.example/x"
    assert not run_command("rebase", dest, "--base-url", other, "--private-dir", private).returncode
    assert json.loads((dest / "one.synthetic/info.json").read_text())["@id"] == f"{other}/one.synthetic"


@pytest.mark.parametrize("place", ["{dest}/x", "{dest}", "{source}/x", "{parent}"])
def test_a_private_folder_that_would_be_published_or_read_as_slides_is_refused(
    source: Path, dest: Path, place: str
) -> None:
    private = place.format(dest=dest, source=source, parent=dest.parent)
    refused = export(source, dest, "--private-dir", private)
    assert (refused.returncode, "choose a folder elsewhere" in refused.stderr) == (2, True)
    assert not dest.exists()


def test_receipts_in_the_tree_are_to_be_moved_before_a_private_folder_is_used(
    source: Path, published: Path, tmp_path: Path
) -> None:
    private = tmp_path / "private"
    refused = export(source, published, "--private-dir", private)
    assert refused.returncode == 2
    assert f"move all that is in it to {private}" in refused.stderr
    shutil.move(published / PRIVATE, private)
    again = export(source, published, "--private-dir", private, "--json", "-")
    assert json.loads(again.stdout)["counts"]["unchanged"] == 2


def test_a_private_folder_belongs_to_one_tree(source: Path, dest: Path, tmp_path: Path) -> None:
    private = tmp_path / "private"
    export(source, dest, "--private-dir", private, "-q")
    refused = export(source, tmp_path / "other", "--private-dir", private)
    assert refused.returncode == 2
    assert f"belongs to {dest}" in refused.stderr


def test_a_rebase_without_the_private_folder_says_what_may_be_missing(source: Path, dest: Path, tmp_path: Path) -> None:
    export(source, dest, "--private-dir", tmp_path / "private", "-q")
    refused = run_command("rebase", dest, "--base-url", BASE_URL)
    assert (refused.returncode, "--private-dir" in refused.stderr) == (3, True)


def test_a_private_folder_on_another_file_system_leaves_only_staging_in_the_tree(source: Path, dest: Path) -> None:
    elsewhere = Path("/dev/shm")  # noqa: S108 - a file system that every Linux has beside the one of the tests
    if elsewhere.stat().st_dev == dest.parent.stat().st_dev:
        pytest.skip("the tests run on /dev/shm themselves")
    private = elsewhere / f"slide2iiif-{dest.parent.name}"
    try:
        assert not export(source, dest, "--private-dir", private, "--identifier", "hash", "-q").returncode
        left = sorted(path.relative_to(dest).as_posix() for path in (dest / PRIVATE).rglob("*"))
        assert left == [f"{PRIVATE}/staging"]
        assert staged(dest) == []
    finally:
        shutil.rmtree(private)
