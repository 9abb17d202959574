"""`slide2iiif.toml`: options of all slides and of some, each fault named with file and line."""

import json
from pathlib import Path
from typing import Any

import pytest
from commands import run_command, snapshot
from one_process import OneProcess

import slide2iiif
from slide2iiif.engines import processes
from slide2iiif.errors import UsageError
from slide2iiif.publish.summary import Status, Summary

BASE_URL = "https://host.example/iiif"


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "ProcessEngine", OneProcess)


@pytest.fixture
def file(source: Path) -> Path:
    return source / "slide2iiif.toml"


def held(summary: Summary, name: str) -> tuple[Any, str]:
    assert summary.facts is not None
    setting = summary.facts.settings[name]
    return setting["value"], setting["from"]


def test_the_command_line_is_above_the_file_and_that_above_what_is_remembered(
    source: Path, dest: Path, file: Path
) -> None:
    file.write_text(f'base-url = "{BASE_URL}"\n\nquality = 60\ntitle = "By file"\n')
    first = slide2iiif.export(source, dest, title="By hand", attribution="us")
    assert held(first, "quality") == (60, f"{file}, line 3")
    assert held(first, "title") == ("By hand", "command line")
    second = slide2iiif.export(source, dest)
    assert held(second, "title") == ("By file", f"{file}, line 4")
    assert held(second, "attribution") == ("us", "remembered")
    assert held(second, "tile-size") == ("auto", "default")


def test_what_the_file_does_not_say_any_more_is_the_default_and_without_a_file_all_is_kept(
    source: Path, dest: Path, file: Path
) -> None:
    file.write_text('quality = 60\ntitle = "By file"\n')
    slide2iiif.export(source, dest, BASE_URL)
    file.write_text("quality = 60\n")
    assert held(slide2iiif.export(source, dest), "title") == ("Slides", "default")
    file.unlink()
    last = slide2iiif.export(source, dest)
    assert held(last, "quality") == (60, "remembered")
    assert last.counts == {Status.UNCHANGED: 2}


def test_options_of_the_run_can_stand_in_the_file_and_paths_begin_at_its_folder(
    source: Path, dest: Path, tmp_path: Path
) -> None:
    config = tmp_path / "conf" / "public.toml"
    config.parent.mkdir()
    (config.parent / "names.csv").write_text("one.synthetic,one\nward/two.synthetic,two\n")
    config.write_text('jobs = 1\nprivate-dir = "private"\nidentifier = "names.csv"\ndelete = true\n')
    slide2iiif.export(source, dest, BASE_URL, config=config)
    assert (config.parent / "private" / "receipts").is_dir()
    assert (dest / "one" / "info.json").is_file()
    (source / "one.synthetic").unlink()
    assert slide2iiif.export(source, dest, config=config).counts == {Status.UNCHANGED: 1, Status.REMOVED: 1}


def test_a_rule_shapes_the_slides_that_it_matches(source: Path, dest: Path, file: Path) -> None:
    slide2iiif.export(source, dest, BASE_URL)
    file.write_text('[[slides]]\nmatch = "ward/*"\nmpp = 0.25\ntile-size = 64\n')
    assert slide2iiif.export(source, dest).counts == {Status.EXPORTED: 1, Status.UNCHANGED: 1}
    assert json.loads((dest / "ward/two.synthetic/info.json").read_text())["tiles"][0]["width"] == 64
    assert slide2iiif.export(source, dest).counts == {Status.UNCHANGED: 2}
    file.unlink()
    assert slide2iiif.export(source, dest).counts == {Status.UNCHANGED: 2}
    file.write_text("")
    assert slide2iiif.export(source, dest).counts == {Status.EXPORTED: 1, Status.UNCHANGED: 1}


def test_title_and_rights_of_a_slide_are_written_without_touching_a_tile(source: Path, dest: Path, file: Path) -> None:
    slide2iiif.export(source, dest, BASE_URL, rights="https://rights.example/all", attribution="all")
    before = snapshot(dest)
    file.write_text(
        '[[slides]]\nmatch = "two.*"\ntitle = "Liver <1>"\nrights = "https://rights.example/1"\nattribution = "her"\n'
    )
    planned = slide2iiif.export(source, dest, dry_run=True)
    done = slide2iiif.export(source, dest)
    assert done.counts == planned.counts == {Status.UNCHANGED: 2}
    assert planned.facts is not None
    assert done.facts is not None
    assert planned.facts.files == done.facts.files
    after = snapshot(dest)
    changed = {name for name in after if after[name] != before[name]}
    two = "ward/two.synthetic"
    assert changed == {f"{two}/index.html", f"{two}/manifest.json", "ward/index.html", "ward/collection.json"}
    manifest = json.loads((dest / two / "manifest.json").read_text())
    assert manifest["label"] == {"none": ["Liver <1>"]}
    assert manifest["rights"] == "https://rights.example/1"
    assert "her" in json.dumps(manifest["requiredStatement"])
    assert "Liver &lt;1&gt;" in (dest / two / "index.html").read_text()
    assert "Liver &lt;1&gt;" in (dest / "ward/index.html").read_text()
    assert slide2iiif.verify(dest).findings == ()


FAULTS = [
    ("quality = 500", 1, "--quality 500: must be from 1 to 100"),
    ('\nquality = "90"', 2, "quality: must be a whole number, and is text"),
    ("quality = true", 1, "quality: must be a whole number, and is true or false"),
    ("mpp = 500", 1, "mpp 500: must be from 0.02 to 10"),
    ("mpp = nan", 1, "must be from"),
    ('mpp = "much"', 1, "mpp: must be a number of µm a pixel, or 'auto', and is text"),
    ("recompress = 1", 1, "recompress: must be true or false, and is a whole number"),
    ("associated = 'label'", 1, "associated: must be a list of texts"),
    ("associated = ['lable']", 1, "associated lable: must be of thumbnail, macro, label"),
    ("exclude = ['']", 1, "matches nothing"),
    ("exclude = ['[z-a]']", 1, "cannot be understood"),
    ("base-url = 'ftp://x'", 1, "must be an absolute URL"),
    ("rights = 'mine'", 1, "must be a URL"),
    ("icc = 'on'", 1, "icc on: must be one of embed, srgb, ignore"),
    ("private-dir = ''", 1, "is empty, and must be a path"),
    ("max-delete = 'all'", 1, "must be a number of slides"),
    ("# x\n\nqualty = 5", 3, "qualty is no option that can stand here; is quality meant?"),
    ("tile_size = 5", 1, "is tile-size meant?"),
    ("dry-run = true", 1, "dry-run is no option that can stand here"),
    ("[tiles]\nquality = 5", 1, "tiles is no option that can stand here"),
    ("slides = 5", 1, "must be a list of tables, [[slides]]"),
    ("[[slides]]\nmpp = 0.5", 1, "each [[slides]] needs a pattern"),
    ("quality = 9\n[[slides]]\nmatch = ''", 3, "matches nothing"),
    ("[[slides]]\nmatch = 'a'\n[[slides]]\nmatch = 'b'\nmpp = 'x'", 5, "mpp: must be a number"),
    ("[[slides]]\nmatch = 'a'\nmp = 5", 3, "mp is no option of slides; is mpp meant?"),
    ("[[slides]]\nmatch = 'a'\napi = 3", 3, "api is an option of the whole tree"),
]


@pytest.mark.parametrize(("text", "line", "words"), FAULTS)
def test_a_fault_is_named_with_file_and_line(
    source: Path, dest: Path, file: Path, text: str, line: int, words: str
) -> None:
    file.write_text(text)
    with pytest.raises(UsageError) as refused:
        slide2iiif.export(source, dest, BASE_URL)
    assert str(refused.value).startswith(f"{file}, line {line}: ")
    assert words in str(refused.value)
    assert not dest.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"quality = ", "is no TOML: "),
        (b"quality = 5\nquality = 6", "line 2"),
        (b"title = '\xff'", "is not written in UTF-8"),
        (b"a = " + b"[" * 100_000, "is no TOML"),
    ],
)
def test_a_file_that_is_no_toml_is_named(source: Path, dest: Path, file: Path, content: bytes, words: str) -> None:
    file.write_bytes(content)
    with pytest.raises(UsageError, match=words):
        slide2iiif.export(source, dest, BASE_URL)


def test_a_file_that_is_not_there_is_named(source: Path, dest: Path, tmp_path: Path) -> None:
    done = run_command("export", source, dest, "--base-url", BASE_URL, "--config", tmp_path / "no.toml")
    assert (done.returncode, done.stderr) == (2, f"slide2iiif: {tmp_path / 'no.toml'}: No such file or directory\n")


def test_two_rules_that_disagree_fail_the_slide_and_no_other(source: Path, dest: Path, file: Path) -> None:
    file.write_text('[[slides]]\nmatch = "ward/*"\nmpp = 0.25\n\n[[slides]]\nmatch = "*.synthetic"\nmpp = 0.5\n')
    for dry in (True, False):
        summary = slide2iiif.export(source, dest, BASE_URL, dry_run=dry)
        [failed] = [each for each in summary.outcomes if each.status is Status.FAILED]
        assert failed.reason == (
            f"{file}, line 2 (ward/*) and {file}, line 6 (*.synthetic) disagree on its mpp: 0.25 and 0.5; let one of "
            "them match it"
        )
        assert summary.exit_code == 1
    assert (dest / "one.synthetic" / "info.json").is_file()
    file.write_text(file.read_text().replace("0.5", "0.25"))
    assert slide2iiif.export(source, dest).exit_code == 0


def test_a_pattern_that_matches_nothing_is_warned_of_with_its_line(source: Path, dest: Path, file: Path) -> None:
    file.write_text('exclude = ["nothing*"]\n\n[[slides]]\nmatch = "no/*.svs"\nmpp = 0.25\n')
    done = run_command("export", source, dest, "--base-url", BASE_URL)
    assert done.returncode == 0
    warnings = [line for line in done.stderr.splitlines() if "misspelt" in line]
    assert warnings == [
        f"slide2iiif: warning: {file}, line 1: exclude nothing* matches nothing in SOURCE; is it misspelt?",
        f"slide2iiif: warning: {file}, line 4: no/*.svs matches no slide; is it misspelt?",
    ]
    file.unlink()
    assert "misspelt" not in run_command("export", source, dest).stderr


def test_config_prints_what_holds_and_where_it_is_from(source: Path, dest: Path, file: Path) -> None:
    file.write_text('\nquality = 60\n\n[[slides]]\nmatch = "ward/*"\nmpp = 0.25\n')
    before = run_command("config", source, dest)
    assert (before.returncode, dest.exists()) == (0, False)
    run_command("export", source, dest, "--base-url", BASE_URL, "--title", "Ward").check_returncode()
    lines = [line.split("  ") for line in run_command("config", source, dest).stdout.splitlines()]
    shown = {parts[0].split()[0]: parts[-1].strip() for parts in lines}
    assert shown["quality"] == f"{file}, line 2"
    assert shown["title"] == shown["base-url"] == "remembered"
    assert shown["tile-size"] == "default"
    assert shown["slides"] == f"{file}, line 5"
    record = json.loads(run_command("config", source, dest, "--json").stdout)
    assert record["settings"]["title"] == {"value": "Ward", "from": "remembered"}
    assert record["rules"] == [{"match": "ward/*", "values": {"mpp": 0.25}, "from": f"{file}, line 5"}]
