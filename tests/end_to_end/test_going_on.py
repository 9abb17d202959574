"""A run that is killed in the middle of a slide costs the blocks that were under way, and no other."""

import hashlib
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from commands import run_command, staged, started
from made_slides import write_synthetic

BASE_URL = "https://host.example/iiif"


def content_of(tree: Path) -> dict[str, str]:
    """Digest of every published file, by path."""
    return {
        path.relative_to(tree).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in tree.rglob("*")
        if path.is_file() and ".slide2iiif" not in path.parts
    }


def facts_of(tree: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of every file below a folder, by path."""
    found = {}
    for path in tree.rglob("*"):
        if path.is_file():
            status = path.stat()
            found[path.relative_to(tree).as_posix()] = (status.st_ino, status.st_mtime_ns)
    return found


ENDING = """
import os
from slide2iiif.__main__ import run
from slide2iiif.tiles.journal import Journal

add, done = Journal.add, []

def add_and_end(journal, task, rendered):
    add(journal, task, rendered)
    done.append(task)
    if len(done) == {tasks}:
        os.kill(os.getpid(), {number})

Journal.add = add_and_end
run()
"""


def kill_in_the_middle(source: Path, dest: Path, *options: str, tasks: int = 4, number: int = signal.SIGKILL) -> Path:
    """Start an export, end it when some tasks are done, and give the folder with what is staged."""
    words: list[str | Path] = [
        sys.executable,
        "-c",
        ENDING.format(tasks=tasks, number=int(number)),
        "export",
        source,
        dest,
    ]
    with started([*words, "--base-url", BASE_URL, "--jobs", "2", *options], stderr=subprocess.PIPE) as process:
        # Its workers hold the other end as well: it is closed when the last of them has gone.
        assert process.stderr is not None
        process.stderr.read()
    assert process.returncode not in {0, 1}
    [folder] = [path for path in staged(dest) if not path.name.endswith(".scratch")]
    return folder


def receipt_of(dest: Path, name: str) -> dict[str, object]:
    receipt: dict[str, object] = json.loads((dest / ".slide2iiif" / "receipts" / name / "receipt.json").read_bytes())
    return receipt


def journaled_tiles(folder: Path) -> int:
    lines = (folder.with_name(folder.name + ".scratch") / "journal").read_bytes().splitlines()
    return sum(count for line in lines for _, _, count in json.loads(line[9:])["made"])


@pytest.mark.parametrize(("tasks", "number"), [(1, signal.SIGKILL), (5, signal.SIGKILL), (3, signal.SIGTERM)])
def test_a_run_goes_on_where_the_last_one_was_ended(tmp_path: Path, tasks: int, number: signal.Signals) -> None:
    source = write_synthetic(tmp_path / "slides" / "a.synthetic", 9_000, 5_000)
    whole, dest = tmp_path / "whole", tmp_path / "public"
    run_command("export", source.parent, whole, "--base-url", BASE_URL, "-q").check_returncode()
    folder = kill_in_the_middle(source.parent, dest, tasks=tasks, number=number)
    before, done = facts_of(folder), journaled_tiles(folder)
    assert 0 < done < 2 * len(before)
    run_command("export", source.parent, dest, "--base-url", BASE_URL, "-q").check_returncode()
    assert content_of(dest) == content_of(whole)
    assert receipt_of(dest, "a.synthetic") == receipt_of(whole, "a.synthetic")
    assert staged(dest) == []
    after = facts_of(dest / "a.synthetic")
    untouched = sum(after[path] == facts for path, facts in before.items())
    # The finished blocks are the same files as before; others are made again.
    assert untouched >= done
    digests = [tree / ".slide2iiif" / "receipts" / "a.synthetic" / "ledger" for tree in (dest, whole)]
    assert digests[0].read_bytes() == digests[1].read_bytes()


def test_copied_tiles_and_the_list_of_damaged_ones_survive(slides: Path, tmp_path: Path) -> None:
    source = tmp_path / "slides"
    source.mkdir()
    shutil.copyfile(slides / "broken" / "made-zeroed-tiles.svs", source / "a.svs")
    options = ["--damaged", "placeholder", "--tile-size", "240"]
    whole, dest = tmp_path / "whole", tmp_path / "public"
    first = run_command("export", source, whole, "--base-url", BASE_URL, "--json", "-", *options)
    kill_in_the_middle(source, dest, *options, tasks=1)
    second = run_command("export", source, dest, "--base-url", BASE_URL, "--json", "-", *options)
    assert first.returncode == second.returncode == 1
    told = [json.loads(done.stdout) for done in (first, second)]
    for summary in told:
        del summary["seconds"], summary["slides"][0]["seconds"], summary["start"], summary["end"]
    assert told[0] == told[1]
    assert receipt_of(dest, "a.svs") == receipt_of(whole, "a.svs")
    assert content_of(dest) == content_of(whole)


@pytest.mark.parametrize("change", ["options", "source"])
def test_what_was_staged_for_other_files_is_not_gone_on_from(tmp_path: Path, change: str) -> None:
    source = write_synthetic(tmp_path / "slides" / "a.synthetic", 9_000, 5_000)
    dest = tmp_path / "public"
    before = facts_of(kill_in_the_middle(source.parent, dest))
    options = ["--quality", 60] if change == "options" else []
    if change == "source":
        write_synthetic(source, 9_001, 5_000)
    run_command("export", source.parent, dest, "--base-url", BASE_URL, "-q", *options).check_returncode()
    assert staged(dest) == []
    assert not set(before.values()) & set(facts_of(dest / "a.synthetic").values())


def test_what_was_staged_of_a_slide_that_is_gone_is_deleted_by_a_run_that_sees_all(tmp_path: Path) -> None:
    source = write_synthetic(tmp_path / "slides" / "a.synthetic", 9_000, 5_000)
    other = write_synthetic(tmp_path / "slides" / "b.synthetic", 300, 300)
    dest = tmp_path / "public"
    kill_in_the_middle(source, dest)
    run_command("export", other, dest, "--base-url", BASE_URL, "-q").check_returncode()
    assert len(staged(dest)) == 2
    run_command("rebase", dest, "--base-url", "https://other.example", "-q").check_returncode()
    assert len(staged(dest)) == 2
    source.unlink()
    run_command("export", source.parent, dest, "-q").check_returncode()
    assert staged(dest) == []


def test_a_staging_that_lacks_the_picture_for_the_next_pass_begins_anew(tmp_path: Path) -> None:
    source = write_synthetic(tmp_path / "slides" / "a.synthetic", 9_000, 5_000)
    whole, dest = tmp_path / "whole", tmp_path / "public"
    run_command("export", source.parent, whole, "--base-url", BASE_URL, "-q").check_returncode()
    folder = kill_in_the_middle(source.parent, dest)
    scratch = folder.with_name(folder.name + ".scratch")
    assert {path.name for path in scratch.iterdir()} == {"folder", "journal", "ledger", "level-3.rgb"}
    (scratch / "level-3.rgb").unlink()
    run_command("export", source.parent, dest, "--base-url", BASE_URL, "-q").check_returncode()
    assert content_of(dest) == content_of(whole)
    assert receipt_of(dest, "a.synthetic") == receipt_of(whole, "a.synthetic")
