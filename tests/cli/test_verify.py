"""The commands that check a tree and put it right."""

import json
import shutil
from pathlib import Path

import pytest
from commands import run_command, snapshot, staged

TILE = "one.synthetic/512,0,188,500/188,/0/default.jpg"


def test_a_whole_tree_is_told_in_one_line(published: Path) -> None:
    done = run_command("verify", published)
    assert (done.returncode, done.stderr) == (0, "")
    [line] = done.stdout.splitlines()
    assert line.startswith("2 slides, ")
    assert line.endswith("nothing is wrong")


def test_a_finding_names_kind_path_and_tile_and_is_an_exit_code(published: Path) -> None:
    (published / TILE).unlink()
    done = run_command("verify", published, "--jobs", 1)
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == f"missing: {TILE} (level 0, column 1, row 0)"
    assert done.stdout.splitlines()[1].endswith("1 missing")
    assert run_command("verify", published, "-q").stdout == ""
    assert run_command("verify", published, "-q").returncode == 1


@pytest.mark.parametrize("to_file", [True, False])
def test_machines_are_told_the_same(published: Path, tmp_path: Path, to_file: bool) -> None:  # noqa: FBT001
    (published / TILE).write_bytes(b"x")
    (published / "stranger\n").write_bytes(b"")
    name = str(tmp_path / "found.json") if to_file else "-"
    done = run_command("verify", published, "--json", name)
    assert done.returncode == 1
    told = json.loads((tmp_path / "found.json").read_bytes() if to_file else done.stdout)
    assert told["counts"] == {"changed": 1, "stranger": 1}
    assert told["slides"] == 2
    findings = {each["path"]: each for each in told["findings"]}
    assert findings[TILE]["tile"] == {"level": 0, "column": 1, "row": 0}
    assert findings["stranger\n"]["slide"] == ""
    if to_file:
        assert "stranger\\x0a" in done.stdout


def test_machines_are_told_of_a_whole_tree(published: Path) -> None:
    told = json.loads(run_command("verify", published, "--json", "-", "--deep").stdout)
    assert (told["findings"], told["counts"]) == ([], {})


def test_the_source_is_compared_if_it_is_named(source: Path, published: Path) -> None:
    assert run_command("verify", published, "--source", source).returncode == 0
    (source / "one.synthetic").unlink()
    done = run_command("verify", published, "--source", source)
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == "no source: one.synthetic"


def test_a_private_folder_outside_the_tree_is_found_by_its_name(source: Path, dest: Path, tmp_path: Path) -> None:
    private = ("--private-dir", tmp_path / "private")
    run_command("export", source, dest, "--base-url", "https://host.example", *private).check_returncode()
    assert run_command("verify", dest, *private).returncode == 0
    (dest / TILE).unlink()
    assert run_command("repair", dest, "--source", source, *private).returncode == 0
    assert run_command("verify", dest, *private).returncode == 0
    assert run_command("verify", dest).returncode == 3


@pytest.mark.parametrize("command", [("verify",), ("repair", "--source", "slides")])
def test_what_is_no_published_tree_is_refused(source: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    words = [source if word == "slides" else word for word in command]
    done = run_command(words[0], tmp_path / "missing", *words[1:])
    assert (done.returncode, done.stdout) == (3, "")
    assert "is not a tree" in done.stderr
    assert not (tmp_path / "missing").exists()


def test_a_damaged_tree_is_put_right(source: Path, published: Path) -> None:
    before = snapshot(published)
    (published / TILE).write_bytes(b"x")
    (published / "ward/two.synthetic/info.json").unlink()
    done = run_command("repair", published, "--source", source)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["repaired", "2", "files", "of", "2", "slides"]
    after = snapshot(published)
    assert {name for name in before if after[name] != before[name]} == {TILE, "ward/two.synthetic/info.json"}
    assert {name: facts.digest for name, facts in after.items()} == {
        name: facts.digest for name, facts in before.items()
    }
    assert staged(published) == []


def test_what_cannot_be_put_right_is_told_with_its_reason(source: Path, published: Path) -> None:
    (published / TILE).unlink()
    (published / "stranger").write_bytes(b"")
    (published / "one.synthetic" / "x").write_bytes(b"")
    (source / "one.synthetic").write_text(json.dumps({"width": 700, "height": 501}))
    done = run_command("repair", published, "--source", source)
    assert done.returncode == 1
    reasons = done.stderr.splitlines()
    assert len(reasons) == 2
    assert "one.synthetic is not what it was when it was published: export it again" in reasons[0]
    assert reasons[1] == "slide2iiif: stranger: one.synthetic/x: left alone"


def test_a_tree_in_use_is_checked_and_not_repaired(source: Path, published: Path) -> None:
    from slide2iiif.stores.folder.store import FolderStore

    with FolderStore(published):
        assert run_command("verify", published).returncode == 0
        assert run_command("repair", published, "--source", source).returncode == 4


def test_a_real_slide_with_copied_tiles_is_put_right(slides: Path, tmp_path: Path) -> None:
    source, dest = tmp_path / "slides", tmp_path / "public"
    source.mkdir()
    shutil.copyfile(slides / "hamamatsu" / "test3-DAPI-2-387.ndpi", source / "a.ndpi")
    run_command("export", source, dest, "--base-url", "https://host.example", "-q").check_returncode()
    before = {name: facts.digest for name, facts in snapshot(dest).items()}
    for number, name in enumerate(sorted(before)):
        if number % 7 == 0:
            (dest / name).write_bytes(b"")
    run_command("repair", dest, "--source", source).check_returncode()
    assert {name: facts.digest for name, facts in snapshot(dest).items()} == before


@pytest.mark.parametrize("name", ["index.html", "manifest.json"])
def test_the_page_and_the_manifest_of_a_slide_are_looked_at(source: Path, published: Path, name: str) -> None:
    page = published / "one.synthetic" / name
    content = page.read_bytes()
    page.write_bytes(content + b" ")
    assert run_command("verify", published).stdout.splitlines()[0] == f"document differs: one.synthetic/{name}"
    page.unlink()
    assert run_command("verify", published).stdout.splitlines()[0] == f"missing: one.synthetic/{name}"
    run_command("repair", published, "--source", source).check_returncode()
    assert page.read_bytes() == content
    assert run_command("verify", published).returncode == 0
