"""A published tree gets another base URL without its slides."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from commands import run_command, snapshot, staged

NEW = "https://new.example/pictures"


def rebase(dest: Path, *options: object) -> subprocess.CompletedProcess[str]:
    return run_command("rebase", dest, "--base-url", NEW, *options)


def test_every_document_gets_the_new_id_and_no_tile_is_touched(source: Path, published: Path) -> None:
    shutil.rmtree(source)
    before = snapshot(published)
    done = rebase(published)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["rebased", "2", "to", NEW]
    after = snapshot(published)
    assert before.keys() == after.keys()
    for name, facts in after.items():
        assert (facts != before[name]) == name.endswith(".json"), name
    for name in ("one.synthetic", "ward/two.synthetic"):
        assert json.loads((published / name / "info.json").read_bytes())["@id"] == f"{NEW}/{name}"
        assert json.loads((published / name / "info-v3.json").read_bytes())["id"] == f"{NEW}-v3/{name}"


def test_only_the_id_of_a_document_changes(published: Path) -> None:
    file = published / "one.synthetic" / "info.json"
    before = json.loads(file.read_bytes())
    rebase(published)
    after = json.loads(file.read_bytes())
    assert after == {**before, "@id": f"{NEW}/one.synthetic"}


def test_a_reader_of_a_document_that_is_replaced_reads_on(published: Path) -> None:
    file = published / "one.synthetic" / "info.json"
    with file.open("rb") as reader:
        before = os.fstat(reader.fileno()).st_ino
        rebase(published)
        assert b"host.example" in reader.read()
    assert file.stat().st_ino != before
    assert staged(published) == []


def test_a_second_time_there_is_nothing_to_do(published: Path) -> None:
    rebase(published)
    before = snapshot(published)
    assert rebase(published).stdout.split()[1] == "0"
    assert snapshot(published) == before


def test_an_export_with_the_new_base_url_finds_everything_unchanged(source: Path, published: Path) -> None:
    rebase(published)
    done = run_command("export", source, published, "--base-url", NEW)
    assert done.stdout.splitlines()[0].split() == ["unchanged", "2"]


def test_a_tree_of_version_3_has_one_document_a_slide(source: Path, dest: Path) -> None:
    run_command("export", source, dest, "--base-url", "https://old.example", "--api", 3).check_returncode()
    assert rebase(dest).stdout.split()[1] == "2"
    assert json.loads((dest / "one.synthetic" / "info.json").read_bytes())["id"] == f"{NEW}/one.synthetic"
    assert not (dest / "one.synthetic" / "info-v2.json").exists()


def test_quiet_says_nothing(published: Path) -> None:
    done = rebase(published, "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", ["missing", "slides", "slides/one.synthetic"])
def test_what_is_no_published_tree_is_refused_and_left_alone(source: Path, tmp_path: Path, name: str) -> None:
    before = sorted(source.rglob("*"))
    done = rebase(tmp_path / name)
    assert (done.returncode, done.stdout) == (3, "")
    assert str(tmp_path / name) in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert sorted(source.rglob("*")) == before
    assert not (tmp_path / "missing").exists()


@pytest.mark.parametrize("url", ["host", "https://host/?x", "ftp://host"])
def test_a_bad_base_url_is_refused_and_nothing_changed(published: Path, url: str) -> None:
    before = snapshot(published)
    done = run_command("rebase", published, "--base-url", url)
    assert done.returncode == 2
    assert url in done.stderr
    assert snapshot(published) == before


def test_a_tree_in_use_is_refused(published: Path) -> None:
    from slide2iiif.stores.folder.store import FolderStore

    with FolderStore(published):
        assert rebase(published).returncode == 4


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"settings": {}}', b"null", b'{"settings": 5, "width": "x"}'])
def test_a_damaged_receipt_changes_nothing_of_its_slide(published: Path, damage: bytes) -> None:
    receipt = published / ".slide2iiif" / "receipts" / "one.synthetic" / "receipt.json"
    receipt.write_bytes(damage)
    before = snapshot(published)
    done = rebase(published)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "slide2iiif: not rebased, it has no receipt: one.synthetic",
        "slide2iiif: 1 published slides keep their old URL; export them again, or remove them",
    ]
    after = snapshot(published)
    assert {name for name in before if before[name] != after[name]} == {
        "ward/two.synthetic/info.json",
        "ward/two.synthetic/info-v3.json",
        "ward/two.synthetic/manifest.json",
        "ward/collection.json",
        "collection.json",
        "index.html",
    }


@pytest.mark.parametrize(
    ("field", "value"), [("width", 0), ("width", "x"), ("tile_size", None), ("identifier", "../x")]
)
def test_a_receipt_that_cannot_be_true_is_not_believed(published: Path, field: str, value: object) -> None:
    receipt = published / ".slide2iiif" / "receipts" / "one.synthetic" / "receipt.json"
    receipt.write_text(json.dumps({**json.loads(receipt.read_text()), field: value}))
    done = rebase(published)
    assert done.returncode == 1
    assert "it has no receipt: one.synthetic\n" in done.stderr
    assert done.stdout.split()[1] == "1"
    assert not (published.parent / "x").exists()


def test_a_slide_that_was_announced_and_never_published_is_passed_by(published: Path) -> None:
    shutil.rmtree(published / "one.synthetic")
    done = rebase(published)
    assert (done.returncode, done.stdout.split()[1]) == (0, "1")
    assert not (published / "one.synthetic" / "info.json").exists()


def announce(dest: Path, **changes: object) -> None:
    """Leave what a run leaves that is killed before it publishes the first slide in another form."""
    receipt = dest / ".slide2iiif" / "receipts" / "one.synthetic" / "receipt.json"
    receipt.write_text(json.dumps({**json.loads(receipt.read_bytes()), "fingerprint": "", **changes}))


def test_a_slide_that_did_not_come_to_be_published_is_neither_written_to_nor_shown(
    source: Path, published: Path
) -> None:
    announce(published)
    shutil.rmtree(published / "one.synthetic")
    done = rebase(published)
    assert (done.returncode, done.stderr) == (0, "")
    assert not (published / "one.synthetic").exists()
    assert b"one.synthetic" not in (published / "collection.json").read_bytes()
    assert b"one.synthetic" not in (published / "index.html").read_bytes()
    assert run_command("export", source, published, "--base-url", NEW, "-q").returncode == 0
    assert b"one.synthetic" in (published / "collection.json").read_bytes()


def test_an_older_version_does_not_get_the_documents_of_one_that_did_not_come_to_be_published(published: Path) -> None:
    before = snapshot(published / "one.synthetic")
    announce(published, tile_size=128)
    done = rebase(published)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == "slide2iiif: not rebased, it has no receipt: one.synthetic"
    assert snapshot(published / "one.synthetic") == before


def test_a_version_that_was_published_just_before_the_end_of_its_run_is_rebased(published: Path) -> None:
    announce(published)
    assert rebase(published).stdout.split()[1] == "2"
    assert json.loads((published / "one.synthetic" / "info.json").read_bytes())["@id"] == f"{NEW}/one.synthetic"
