"""Limits that are set lower hold for published slides, too: they are told of, and stay."""

import json
from pathlib import Path

import pytest
from commands import run_command, snapshot
from made_slides import write_synthetic
from published_trees import BASE_URL, PublishedTree

from slide2iiif.options import Options
from slide2iiif.publish.summary import Status, Summary

LARGE, SMALL = "large.synthetic", "small.synthetic"
FEW_TILES, FEW_PIXELS = Options(tile_size=64, max_tiles=5), Options(tile_size=64, max_pixels=10_000)


@pytest.fixture
def tree(tmp_path: Path) -> PublishedTree:
    write_synthetic(tmp_path / "slides" / LARGE, 300, 200)
    write_synthetic(tmp_path / "slides" / SMALL, 70, 60)
    made = PublishedTree(tmp_path / "public", tmp_path / "slides")
    made.export()
    return made


def told(summary: Summary) -> dict[str, str]:
    return {outcome.identifier: outcome.note for outcome in summary.outcomes if outcome.is_beyond_limits}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (FEW_TILES, "has 29 tiles (300×200 pixels), and at most 5 are allowed now"),
        (FEW_PIXELS, "has 60,000 pixels (300×200), and at most 10,000 are allowed now"),
    ],
)
def test_a_published_slide_beyond_a_limit_is_told_of_and_stays(
    tree: PublishedTree, options: Options, words: str
) -> None:
    before = snapshot(tree.root)
    summary = tree.export(options)
    assert summary.counts == {Status.UNCHANGED: 2}
    option = "--max-tiles" if options is FEW_TILES else "--max-pixels"
    assert told(summary) == {LARGE: f"{words}: it stays published; remove it, or raise {option}"}
    assert summary.exit_code == 1
    assert snapshot(tree.root) == before


def test_slides_within_the_limits_are_not_told_of(tree: PublishedTree) -> None:
    summary = tree.export(Options(tile_size=64, max_tiles=29, max_pixels=60_000))
    assert (told(summary), summary.exit_code) == ({}, 0)


def test_a_summary_says_in_text_and_json_what_is_beyond_the_limits_dry_and_quiet_runs_too(tree: PublishedTree) -> None:
    words = ["export", tree.source, tree.root, "--base-url", BASE_URL, "--tile-size", 64, "--max-tiles", 5]
    note = f"{LARGE}: has 29 tiles (300×200 pixels), and at most 5 are allowed now"
    done = run_command(*words, "--dry-run", "--json", "-")
    summary = json.loads(done.stdout)
    assert (done.returncode, summary["beyond_limits"], summary["counts"]["unchanged"]) == (1, 1, 2)
    assert [slide["identifier"] for slide in summary["slides"] if slide["beyond_limits"]] == [LARGE]
    done = run_command(*words)
    assert (done.returncode, f"    {note}" in done.stdout) == (1, True)
    done = run_command(*words, "-q")
    assert (done.returncode, done.stderr.startswith(f"slide2iiif: {note}")) == (1, True)
