"""Who can read what is published: by the umask and by the group of DEST; told once where no web server can."""

import json
import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from commands import run_command, snapshot
from made_slides import write_synthetic

from slide2iiif.stores.folder.access import access_note

URL = ["--base-url", "https://host.example/iiif"]
NOBODY = 65534
SetMask = Callable[[int], object]


@pytest.fixture
def umask() -> Iterator[SetMask]:
    """Sets the umask of this process, and of the commands that it runs."""
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name in ("a.synthetic", "ward/b.synthetic"):
        write_synthetic(tmp_path / "slides" / name, 100, 80)
    return tmp_path / "slides"


def notes(source: Path, dest: Path, *options: object) -> list[str]:
    done = run_command("export", source, dest, *URL, "--json", "-", *options)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["notes"]
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize(("mask", "modes"), [(0o077, "0600, folders 0700"), (0o027, "0640, folders 0750")])
def test_a_tree_that_no_web_server_can_read_is_told_of_in_one_line_at_every_run(
    source: Path, tmp_path: Path, umask: SetMask, mask: int, modes: str
) -> None:
    dest = tmp_path / "public tree"
    umask(mask)
    [note] = notes(source, dest)
    assert note.startswith("a web server of another user cannot read what is published (files have mode " + modes)
    assert notes(source, dest) == [note]
    text = run_command("export", source, dest, *URL).stdout
    assert [line for line in text.splitlines() if line.startswith("note ")] == [f"note       {note}"]
    assert notes(source, dest, "--dry-run") == []


def test_the_command_that_is_told_opens_the_tree_and_not_its_private_folder(
    source: Path, tmp_path: Path, umask: SetMask
) -> None:
    dest = tmp_path / "public tree"
    umask(0o077)
    [note] = notes(source, dest)
    before = {name: facts.inode for name, facts in snapshot(dest).items()}
    subprocess.run(note.rpartition("and once: ")[2], shell=True, check=True)  # noqa: S602 - the command that is told
    umask(0o022)
    assert notes(source, dest) == []
    assert {name: facts.inode for name, facts in snapshot(dest).items()} == before
    for path in [dest, *dest.rglob("*")]:
        is_private = ".slide2iiif" in path.parts
        assert bool(path.stat().st_mode & stat.S_IROTH) is not is_private, path


def test_a_run_with_another_umask_makes_files_that_can_be_read(source: Path, tmp_path: Path, umask: SetMask) -> None:
    dest = tmp_path / "public"
    umask(0o077)
    assert notes(source, dest)
    umask(0o022)
    dest.chmod(0o755)
    (dest / "ward").chmod(0o755)
    assert notes(source, dest, "--overwrite") == []
    assert all(path.stat().st_mode & stat.S_IROTH for path in (dest / "ward" / "b.synthetic").rglob("*"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to any group")
def test_a_group_that_was_chosen_for_the_tree_may_be_the_servers(source: Path, tmp_path: Path, umask: SetMask) -> None:
    dest = tmp_path / "public"
    dest.mkdir()
    os.chown(dest, -1, NOBODY)
    dest.chmod(0o2750)
    umask(0o027)
    assert notes(source, dest) == []
    assert {path.stat().st_gid for path in (dest / "ward" / "b.synthetic").rglob("*")} == {NOBODY}
    document = dest / "a.synthetic" / "info.json"
    os.chown(document, -1, os.getegid())
    assert access_note(dest, document)


def test_files_with_a_list_of_access_are_left_to_who_made_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = tmp_path / "tree" / "a" / "info.json"
    document.parent.mkdir(parents=True)
    document.write_text("{}")
    document.chmod(0o640)
    assert access_note(tmp_path / "tree", document)
    monkeypatch.setattr(os, "listxattr", lambda _: ["system.posix_acl_access"])
    assert access_note(tmp_path / "tree", document) == ""
    assert access_note(tmp_path / "tree", document.with_name("none")) == ""
