"""A finished run survives a power cut: what names lead to is on the disk before the names are."""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import run_command
from made_slides import write_synthetic
from traces import CHANGES, SYNCS, Call, traced_run

URL = ["--base-url", "https://host.example/iiif"]


def places(calls: list[Call], name: str, *words: str) -> list[int]:
    """Give the places in the order of calls of one name whose text has all these words."""
    return [
        place
        for place, call in enumerate(calls)
        if call.name.startswith(name) and all(word in call.text for word in words)
    ]


@pytest.fixture(params=["first", "again"])
def calls(request: pytest.FixtureRequest, tmp_path: Path) -> list[Call]:
    """What is asked of the system to publish one slide, anew or over an older version."""
    write_synthetic(tmp_path / "slides" / "ward" / "a.synthetic", 300, 140)
    command = ["export", tmp_path / "slides", tmp_path / "public", *URL, "-q"]
    if request.param == "again":
        run_command(*command).check_returncode()
    run = traced_run([*command, "--tile-size", 128], tmp_path, (*CHANGES, *SYNCS))
    assert run.exit_code == 0
    return run.calls


def test_what_is_staged_is_on_the_disk_before_it_is_published(calls: list[Call]) -> None:
    [published] = places(calls, "rename", "/staging/", 'ward/a.synthetic"')
    written = max(places(calls[:published], "write", "/staging/"))
    linked = max(places(calls[:published], "link", "/staging/"))
    synced = max(places(calls[:published], "syncfs", ".slide2iiif>"))
    assert max(written, linked) < synced < published


def test_what_is_published_is_on_the_disk_before_the_receipt_says_so(calls: list[Call]) -> None:
    [published] = places(calls, "rename", "/staging/", 'ward/a.synthetic"')
    announced, recorded = places(calls, "rename", "ward/a.synthetic/receipt.json")
    synced = [place for place in places(calls, "fsync", "public/ward>") if place > published]
    assert announced < max(places(calls[:published], "syncfs")) < published < synced[0] < recorded


def test_the_old_version_is_deleted_only_when_the_new_one_is_on_the_disk(calls: list[Call]) -> None:
    [published] = places(calls, "rename", "/staging/", 'ward/a.synthetic"')
    synced = next(place for place in places(calls, "fsync", "public/ward>") if place > published)
    deleted = [place for place in places(calls, "unlink", "default.jpg") if place > published]
    if "RENAME_EXCHANGE" in calls[published].text:
        assert deleted
        assert synced < deleted[0]
        # To delete a large one takes a while, and nobody is to make the new one again if a run ends meanwhile.
        assert max(places(calls, "rename", "ward/a.synthetic/receipt.json")) < deleted[0]
    else:
        assert deleted == []


def test_the_files_of_a_block_are_recorded_before_the_journal_says_that_it_is_done(calls: list[Call]) -> None:
    noted = places(calls, "write", "/journal>")
    recorded = places(calls, "pwrite", "/ledger>")
    assert noted
    for before, place in zip([0, *noted], noted, strict=False):
        assert any(before <= each < place for each in recorded)


def test_the_end_of_a_run_waits_for_the_receipts(calls: list[Call]) -> None:
    recorded = max(places(calls, "rename", "receipt.json"))
    assert max(places(calls, "syncfs")) > recorded
    assert not any("= -1" in call.text for call in calls if call.name in SYNCS)


def test_a_document_that_is_replaced_is_on_the_disk_before_it_has_its_name(tmp_path: Path) -> None:
    write_synthetic(tmp_path / "slides" / "a.synthetic", 100, 100)
    run_command("export", tmp_path / "slides", tmp_path / "public", *URL, "-q").check_returncode()
    run = traced_run(
        ["rebase", tmp_path / "public", "--base-url", "https://other.example"], tmp_path, (*CHANGES, *SYNCS)
    )
    [renamed] = places(run.calls, "rename", "a.synthetic/info.json")
    fresh = run.calls[renamed].text.split('"')[1]
    [synced] = places(run.calls, "fsync", Path(fresh).name)
    assert max(places(run.calls, "write", Path(fresh).name)) < synced < renamed


UNSYNCED = """
import sys
from slide2iiif.stores import durability, folder
durability._sync_file_system = lambda _: None
folder.sync_folder = lambda _: None
from slide2iiif.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.timed
@pytest.mark.timeout(1800)
def test_waiting_for_the_disk_costs_at_most_a_tenth(slides: Path, tmp_path: Path) -> None:
    """Both ways in turn, on the disk of the temporary folder; nothing else should use it meanwhile."""
    command = ["export", str(slides / "aperio"), str(tmp_path / "public"), *URL, "-q", "--overwrite"]
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(14):
        is_synced = turn % 2 == 0
        start = ["-m", "slide2iiif"] if is_synced else ["-c", UNSYNCED]
        os.sync()
        begun = time.monotonic()
        # Other bytes than the turn before, or nothing would be published.
        subprocess.run([sys.executable, *start, *command, "--quality", str(85 - turn % 2)], check=True)
        if turn > 1:
            seconds[is_synced].append(time.monotonic() - begun)
    ratio = statistics.median(seconds[True]) / statistics.median(seconds[False])
    sys.stdout.write(f"{ratio:.2f} times as long with the disk as without\n")
    assert ratio <= 1.1
