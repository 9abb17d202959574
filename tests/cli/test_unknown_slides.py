"""A tree that holds slides of which the private folder knows nothing is not published into by mistake."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from commands import run_command, snapshot

from slide2iiif.errors import TargetError, UsageError
from slide2iiif.records.ownership import check_known
from slide2iiif.records.receipts import Receipts
from slide2iiif.stores.base import Entry
from slide2iiif.stores.memory import MemoryObjects, MemoryStore

BASE_URL = "https://host.example/iiif"


def export(source: Path, dest: Path, *more: object) -> subprocess.CompletedProcess[str]:
    return run_command("export", source, dest, "--base-url", BASE_URL, "--jobs", 1, *more)


@pytest.fixture
def hashed(source: Path, dest: Path, tmp_path: Path) -> Path:
    """Tree of hashed names; its private folder is `private` beside it."""
    export(source, dest, "--identifier", "hash", "--private-dir", tmp_path / "private", "-q").check_returncode()
    return dest


@pytest.mark.parametrize("more", [(), ("--identifier", "hash"), ("--dry-run",), ("--delete",)])
def test_a_run_that_forgets_the_private_folder_is_refused_with_the_ways_out(
    source: Path, hashed: Path, more: tuple[str, ...]
) -> None:
    before = snapshot(hashed, private=True)
    refused = export(source, hashed, *more)
    assert refused.returncode == 2
    assert refused.stderr.endswith("--private-dir, or publish here nevertheless by --adopt\n")
    assert f"DEST {hashed}: holds published slides, such as " in refused.stderr
    assert snapshot(hashed, private=True) == before


def test_a_private_folder_that_is_lost_is_noticed_before_slides_get_a_second_hash(
    source: Path, hashed: Path, tmp_path: Path
) -> None:
    private = tmp_path / "private"
    shutil.rmtree(private)
    before = snapshot(hashed)
    refused = export(source, hashed, "--identifier", "hash", "--private-dir", private)
    assert (refused.returncode, "--adopt" in refused.stderr) == (2, True)
    assert snapshot(hashed) == before
    adopted = export(source, hashed, "--identifier", "hash", "--private-dir", private, "--adopt", "--json", "-")
    assert json.loads(adopted.stdout)["counts"]["exported"] == 2
    # From now on the folder knows the tree.
    again = export(source, hashed, "--identifier", "hash", "--private-dir", private, "--json", "-")
    assert json.loads(again.stdout)["counts"]["unchanged"] == 2


@pytest.mark.parametrize("more", [(), ("--identifier", "table.csv")])
def test_hashed_names_are_told_by_a_receipt_where_the_note_of_them_is_gone(
    source: Path, hashed: Path, tmp_path: Path, more: tuple[str, ...]
) -> None:
    private = tmp_path / "private"
    (private / "identifiers.json").unlink()
    (tmp_path / "table.csv").write_text("one.synthetic,one\nward/two.synthetic,two\n")
    table = [more[0], tmp_path / more[1]] if more else ["--identifier", "path"]
    before = snapshot(hashed)
    refused = export(source, hashed, "--private-dir", private, *table)
    assert refused.returncode == 2
    assert "holds 2 slides that were named otherwise (names that are no paths)" in refused.stderr
    assert snapshot(hashed) == before
    again = export(source, hashed, "--private-dir", private, "--identifier", "hash", "--json", "-")
    assert json.loads(again.stdout)["counts"]["unchanged"] == 2


@pytest.mark.parametrize("command", ["rebase", "repair"])
def test_no_other_command_takes_the_tree_for_its_own(source: Path, hashed: Path, command: str) -> None:
    (hashed / ".slide2iiif").mkdir(exist_ok=True)
    before = snapshot(hashed)
    options = ["--base-url", "https://other.example"] if command == "rebase" else ["--source", source]
    refused = run_command(command, hashed, *options)
    assert (refused.returncode, "--private-dir" in refused.stderr) == (2, True)
    assert snapshot(hashed) == before


def test_a_first_run_into_a_folder_with_other_files_is_none_of_it(source: Path, dest: Path) -> None:
    (dest / "docs" / "deep").mkdir(parents=True)
    (dest / "index.html").write_text("mine")
    export(source, dest, "-q").check_returncode()
    # A slide that was added by hand later is found by verify, and keeps nobody from publishing.
    shutil.copytree(dest / "one.synthetic", dest / "docs" / "stray")
    export(source, dest, "-q").check_returncode()


class Closed(MemoryObjects):
    """Objects with a folder that nobody but root may list."""

    def list(self, folder: str):  # type: ignore[no-untyped-def] # noqa: ANN201
        if folder == "lost+found":
            raise TargetError("no permission")
        yield Entry("lost+found", is_folder=True)
        yield from super().list(folder)


def test_a_folder_that_cannot_be_listed_ends_no_run_and_hides_no_other() -> None:
    store = MemoryStore()
    store.public = Closed()
    check_known(store, Receipts(store.private), "")
    store.public.write("z.svs/info.json", b"{}")
    with pytest.raises(UsageError, match=r"such as z\.svs"):
        check_known(store, Receipts(store.private), "")
