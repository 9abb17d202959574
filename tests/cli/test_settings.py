"""A tree remembers the settings that shaped it, and tells what another value of one makes different."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from commands import run_command, snapshot
from made_slides import write_synthetic
from one_process import OneProcess

import slide2iiif
from slide2iiif.engines import processes
from slide2iiif.errors import TargetError, UsageError
from slide2iiif.publish.summary import Status, Summary
from slide2iiif.records.option_values import text_of
from slide2iiif.records.settings import SETTINGS

BASE_URL = "https://host.example/iiif"
OTHER = "https://other.example"
SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "summary.schema.json").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "ProcessEngine", OneProcess)


def export(source: Path, dest: Path, **options: Any) -> Summary:
    return slide2iiif.export(source, dest, **options)


def changes(summary: Summary) -> list[tuple[str, Any, Any]]:
    assert summary.facts is not None
    return [(each["setting"], each["before"], each["after"]) for each in summary.facts.changes]


def held(summary: Summary, name: str) -> Any:
    assert summary.facts is not None
    return summary.facts.settings[name]["value"]


def test_a_base_url_is_needed_the_first_time_only(source: Path, dest: Path) -> None:
    with pytest.raises(UsageError, match=r"--base-url is needed the first time"):
        export(source, dest)
    assert not dest.exists()
    export(source, dest, base_url=BASE_URL)
    assert export(source, dest).counts == {Status.UNCHANGED: 2}
    assert f"{BASE_URL}/one.synthetic" in (dest / "one.synthetic/info.json").read_text()


def test_another_base_url_must_be_meant(source: Path, dest: Path) -> None:
    export(source, dest, base_url=BASE_URL)
    before = snapshot(dest)
    for dry in (True, False):
        with pytest.raises(UsageError, match=rf"is published under {BASE_URL}; .* add --rebase"):
            export(source, dest, base_url=OTHER, dry_run=dry)
    assert snapshot(dest) == before
    assert export(source, dest, base_url=OTHER, rebase=True).counts == {Status.REBASED: 2}
    slide2iiif.rebase(dest, BASE_URL)
    assert held(export(source, dest), "base-url") == BASE_URL


def test_a_tree_without_a_record_has_the_base_url_of_its_receipts(source: Path, dest: Path) -> None:
    export(source, dest, base_url=BASE_URL)
    (dest / ".slide2iiif/settings.json").unlink()
    with pytest.raises(UsageError, match="is published under"):
        export(source, dest, base_url=OTHER)


def test_a_run_that_names_nothing_changes_nothing(source: Path, dest: Path) -> None:
    options = {
        "quality": 60,
        "tile_size": 64,
        "api": 3,
        "blank": "copy",
        "recompress": True,
        "identifier": "hash",
        "other_base_url": OTHER,
        "title": "Ward 3",
        "rights": "https://rights.example/1",
        "attribution": "by us",
        "mirador": "none",
        "exclude": ["ward"],
        "max_tiles": 1000,
    }
    export(source, dest, base_url=BASE_URL, **options)
    before = snapshot(dest)
    again = export(source, dest)
    assert again.counts == {Status.UNCHANGED: 1, Status.PASSED_OVER: 1}
    assert changes(again) == []
    assert snapshot(dest) == before
    assert export(source, dest, **options).counts == again.counts
    assert changes(export(source, dest, **options)) == []


BACK: dict[str, tuple[Any, Any]] = {
    "other_base_url": (OTHER, "auto"),
    "api": (3, 2),
    "tile_size": (64, "auto"),
    "quality": (60, 85),
    "subsampling": ("444", "auto"),
    "icc": ("srgb", "embed"),
    "blank": ("copy", "link"),
    "recompress": (True, False),
    "require_lossless": (True, False),
    "check": ("strict", "basic"),
    "damaged": ("placeholder", "fail"),
    "crop_to_bounds": (True, False),
    "mpp": (0.5, "auto"),
    "max_tiles": (1000, 20_000_000),
    "max_pixels": (10**7, 10**12),
    "associated": (["thumbnail"], []),
    "properties": (["a", "b"], "none"),
    "identifier": ("hash", "path"),
    "site": (False, True),
    "title": ("Ward", ""),
    "rights": ("https://rights.example/1", ""),
    "attribution": ("us", ""),
    "viewer": ("cdn", "cdn"),
    "mirador": ("none", "https://projectmirador.org/embed/"),
    "exclude": (["x*"], []),
    "include": (["x*"], []),
    "only": ("slides", "all"),
}
"""For each setting a value, and what brings the default back."""


def test_every_setting_can_go_back_to_its_default(tmp_path: Path) -> None:
    source, dest = tmp_path / "slides", tmp_path / "public"
    write_synthetic(source / "a.synthetic", 70, 50)
    export(source, dest, base_url=BASE_URL)
    assert BACK.keys() == {name.replace("-", "_") for name in SETTINGS} - {"base_url", "identifier_key"}
    there = {name: value for name, (value, _) in BACK.items()}
    first = export(source, dest, **there, delete=True, max_delete="100%")
    assert {name for name, _, _ in changes(first)} == {name.replace("_", "-") for name in BACK} - {"viewer"}
    back = export(source, dest, **{name: value for name, (_, value) in BACK.items()}, delete=True, max_delete="100%")
    assert len(changes(back)) == len(changes(first))
    for name, setting in SETTINGS.items():
        value = held(back, name)
        assert name == "base-url" or (tuple(value) if isinstance(value, list) else value) == setting.default, name


def test_a_pixel_size_of_one_slide_is_not_undone_by_the_next_run(source: Path, dest: Path) -> None:
    export(source, dest, base_url=BASE_URL)
    assert export(source / "one.synthetic", dest, mpp=0.25).counts == {Status.REBASED: 1}
    before = snapshot(dest)
    assert export(source, dest).counts == {Status.UNCHANGED: 2}
    assert export(source, dest, title="Another").counts == {Status.UNCHANGED: 2}
    facts = slide2iiif.verify(dest)
    assert facts.findings == ()
    assert snapshot(dest)["one.synthetic/info.json"] == before["one.synthetic/info.json"]
    # Named for all slides, it ends corrections.
    assert export(source, dest, mpp=0.5).counts == {Status.REBASED: 2}
    assert export(source, dest, mpp="auto").counts == {Status.EXPORTED: 2}


def test_a_label_that_is_asked_for_of_one_slide_is_published_of_no_other(source: Path, dest: Path) -> None:
    export(source / "one.synthetic", dest, base_url=BASE_URL, associated=["label"])
    assert held(export(source, dest), "associated") == []


def test_listed_slides_keep_what_they_were_told(source: Path, dest: Path, tmp_path: Path) -> None:
    (tmp_path / "list").write_text("ward/two.synthetic\n")
    export(source, dest, base_url=BASE_URL)
    assert export(source, dest, files_from=tmp_path / "list", quality=60).counts == {Status.EXPORTED: 1}
    assert export(source, dest).counts == {Status.UNCHANGED: 2}
    assert export(source, dest, quality=85).counts == {Status.EXPORTED: 1, Status.UNCHANGED: 1}


@pytest.mark.parametrize(
    "option", [{"api": 3}, {"blank": "copy"}, {"exclude": ["x"]}, {"only": "slides"}, {"other_base_url": OTHER}]
)
def test_what_all_slides_share_is_not_changed_by_a_run_over_some(
    source: Path, dest: Path, option: dict[str, Any]
) -> None:
    export(source, dest, base_url=BASE_URL)
    before = snapshot(dest)
    with pytest.raises(UsageError, match="touches slides that this run does not see; run once over all of SOURCE"):
        export(source / "one.synthetic", dest, **option)
    assert snapshot(dest) == before
    assert held(export(source, dest), "api") == "2"


def test_a_change_is_told_before_and_after_in_text(source: Path, published: Path) -> None:
    told = r"""unchanged        2
settings   title: Slides -> Ward
settings   exclude: \(none\) -> x\*, y z
files      4 pages, 1 manifest {be}written
(fits .*
)?in .* s
"""
    for dry in (["--dry-run"], []):
        done = run_command("export", source, published, "--title", "Ward", "--exclude", "x*", "--exclude", "y z", *dry)
        assert re.fullmatch(told.format(be="to be " if dry else ""), done.stdout), done.stdout
    again = run_command("export", source, published)
    assert [line.split()[0] for line in again.stdout.splitlines()] == ["unchanged", "in"]


def test_the_record_is_its_owners_alone(source: Path, published: Path) -> None:
    record = published / ".slide2iiif" / "settings.json"
    assert record.stat().st_mode & 0o777 == 0o600
    before = record.stat()
    export(source, published)
    assert record.stat().st_ino == before.st_ino


def test_a_newer_record_is_refused_by_name_and_nothing_is_touched(source: Path, published: Path) -> None:
    record = published / ".slide2iiif" / "settings.json"
    found = json.loads(record.read_text())
    for text in ({**found, "version": 2}, {"version": 7}):
        record.write_text(json.dumps(text))
        done = run_command("export", source, published)
        assert (done.returncode, done.stdout) == (3, "")
        assert re.fullmatch(
            r"slide2iiif: settings.json in the private folder: is of version [27], and this program knows 1: .*\n",
            done.stderr,
        )


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ({"values": {"speed": 5}}, "speed is no setting of this version"),
        ({"values": {"quality": 500}}, "must be from 1 to 100"),
        ({"values": {"quality": "85"}}, "must be a whole number, and is text"),
        ({"values": {"exclude": "x"}}, "must be a list of texts, and is text"),
        ({"values": []}, "is damaged"),
        ({"rules": 5}, "is damaged"),
        ({"rules": [{"match": "x"}]}, "is damaged"),
        ({"rules": [{"match": "x", "values": {"title": True}}]}, "must be text, and is true or false"),
        ({"of_file": 5}, "is damaged"),
        ({"has_corrections": "no"}, "is damaged"),
        ({"more": 1}, "is damaged"),
        ({"version": None}, "is damaged"),
        ({"version": True}, "is damaged"),
    ],
)
def test_a_damaged_record_is_refused_and_never_taken_for_defaults(
    source: Path, published: Path, damage: dict[str, Any], words: str
) -> None:
    record = published / ".slide2iiif" / "settings.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), **damage}))
    with pytest.raises(TargetError, match=words):
        export(source, published)


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"version": 1}'])
def test_a_record_that_is_none_is_refused(source: Path, published: Path, text: bytes) -> None:
    (published / ".slide2iiif" / "settings.json").write_bytes(text)
    with pytest.raises(TargetError, match=r"settings\.json in the private folder: is damaged"):
        export(source, published)


def test_hashed_names_hold_for_a_run_that_forgets_them(source: Path, dest: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("0123456789abcdef0123456789abcdef")
    export(source, dest, base_url=BASE_URL, identifier="hash", identifier_key=tmp_path / "key")
    before = snapshot(dest)
    assert export(source, dest).counts == {Status.UNCHANGED: 2}
    assert snapshot(dest) == before
    (tmp_path / "key").unlink()
    with pytest.raises(UsageError, match=r"--identifier-key .*key: No such file"):
        export(source, dest)


def test_corrections_follow_a_slide_to_another_name(source: Path, dest: Path) -> None:
    export(source, dest, base_url=BASE_URL)
    export(source / "one.synthetic", dest, mpp=0.25)
    export(source, dest, identifier="hash", delete=True, max_delete="100%")
    assert export(source, dest, mpp="auto").counts == {Status.EXPORTED: 1, Status.UNCHANGED: 1}


# The summary for machines


def check_json(summary: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(summary)
    jsonschema.validate(record, SCHEMA, format_checker=jsonschema.FormatChecker())
    return record


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["properties"]["counts"]["required"] == sorted(
        (status.value for status in Status), key=SCHEMA["properties"]["counts"]["required"].index
    )


def test_the_summary_is_what_its_schema_says(source: Path, dest: Path) -> None:
    (source / "bad.svs").write_bytes(b"no slide")
    (source / "x.txt").write_bytes(b"")
    first = ("export", source, dest, "--base-url", BASE_URL, "--json", "-")
    planned = check_json(run_command(*first, "--dry-run").stdout)
    done = run_command(*first)
    record = check_json(done.stdout)
    assert record["exit_code"] == done.returncode == 1
    assert (planned["dry_run"], record["dry_run"]) == (True, False)
    assert planned["written"] == record["written"] == {"pages": 4, "manifests": 4, "documents": 4}
    urls = {slide["identifier"]: slide["url"] for slide in record["slides"]}
    assert urls == {
        "one.synthetic": f"{BASE_URL}/one.synthetic/info.json",
        "ward/two.synthetic": f"{BASE_URL}/ward/two.synthetic/info.json",
        "bad.svs": "",
    }
    assert record["tree_bytes"] == record["bytes"] == sum(slide["bytes"] for slide in record["slides"])
    assert record["version"] == slide2iiif.__version__
    assert record["start"] <= record["end"]
    assert record["settings"]["base-url"] == {"value": BASE_URL, "from": "command line"}


def test_the_bytes_of_the_tree_are_those_of_all_its_slides(source: Path, published: Path) -> None:
    whole = check_json(run_command("export", source, published, "--json", "-").stdout)["tree_bytes"]
    one = check_json(run_command("export", source / "one.synthetic", published, "--json", "-").stdout)
    assert one["tree_bytes"] == whole > 0
    assert one["bytes"] == 0


def test_the_summary_has_the_code_that_a_refusal_ends_with(source: Path, published: Path) -> None:
    for slide in source.rglob("*.synthetic"):
        slide.unlink()
    done = run_command("export", source, published, "--delete", "--json", "-")
    assert check_json(done.stdout)["exit_code"] == done.returncode == 2


def test_values_go_to_text_and_back() -> None:
    for name, setting in SETTINGS.items():
        if setting.default and name not in {"exclude", "include", "base-url"}:
            assert setting.kind.of_text(f"--{name}", text_of(setting.default)) == setting.default
        assert setting.default == "" or setting.kind.of_value(f"--{name}", setting.default) == setting.default
