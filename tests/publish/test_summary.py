"""What a run came to."""

import json

import pytest

from slide2iiif.publish.summary import Outcome, Status, Summary


def outcome(identifier: str, status: Status, tiles: int = 0) -> Outcome:
    return Outcome(identifier, status, tiles=tiles, files=2 * tiles, inodes=4 * tiles, stored_bytes=1000 * tiles)


@pytest.fixture
def summary() -> Summary:
    made = Summary()
    for each in (
        outcome("a.svs", Status.EXPORTED, 3),
        outcome("b.svs", Status.UNCHANGED, 7),
        outcome("c.svs", Status.EXPORTED, 5),
    ):
        made.add(each)
    return made


def test_slides_are_counted_by_what_became_of_them(summary: Summary) -> None:
    assert (summary.counts[Status.EXPORTED], summary.counts[Status.UNCHANGED]) == (2, 1)


def test_unchanged_slides_are_counted_and_not_kept(summary: Summary) -> None:
    assert [each.identifier for each in summary.outcomes] == ["a.svs", "c.svs"]
    assert summary.total("tiles") == 8


def test_one_failure_makes_the_exit_code_1(summary: Summary) -> None:
    assert summary.exit_code == 0
    summary.add(outcome("d.svs", Status.FAILED))
    assert summary.exit_code == 1


def test_the_form_for_machines_is_json_with_all_counts_and_totals(summary: Summary) -> None:
    form = json.loads(json.dumps(summary.as_json()))
    assert set(form["counts"]) == {status.value for status in Status}
    assert {key: form[key] for key in ("tiles", "files", "inodes", "bytes")} == {
        "tiles": 8, "files": 16, "inodes": 32, "bytes": 8000,
    }  # fmt: skip
    assert [slide["identifier"] for slide in form["slides"]] == ["a.svs", "c.svs"]
    assert form["slides"][0]["status"] == "exported"
    assert form["slides"][0]["bytes"] == 3000


def test_an_empty_run_is_all_well() -> None:
    assert Summary().exit_code == 0
    assert Summary().as_json()["slides"] == []
