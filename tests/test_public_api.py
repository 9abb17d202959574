"""What the package offers to programs."""

import importlib.metadata
import inspect as inspection
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import pytest
from commands import snapshot

import slide2iiif
from slide2iiif.errors import SourceError, TargetError, UsageError
from slide2iiif.progress import Silent
from slide2iiif.publish.summary import Status
from slide2iiif.records.findings import Finding, Kind

BASE_URL = "https://host.example/iiif"


def test_the_version_is_that_of_the_installed_package() -> None:
    assert slide2iiif.__version__ == importlib.metadata.version("slide2iiif")
    assert re.fullmatch(r"\d+\.\d+\.\d+", slide2iiif.__version__)


def test_the_package_says_what_it_is_for() -> None:
    assert slide2iiif.__doc__ is not None
    assert "IIIF" in slide2iiif.__doc__


def test_the_installed_command_is_the_command_line_of_the_package() -> None:
    [script] = [
        entry for entry in importlib.metadata.entry_points(group="console_scripts") if entry.name == "slide2iiif"
    ]
    assert script.value == "slide2iiif.__main__:run"


def test_types_are_published() -> None:
    classifiers = importlib.metadata.metadata("slide2iiif").get_all("Classifier") or []
    assert "Typing :: Typed" in classifiers
    assert Path(slide2iiif.__file__).with_name("py.typed").is_file()


def test_nothing_is_public_by_accident() -> None:
    assert slide2iiif.__all__ == ["Verified", "__version__", "export", "inspect", "rebase", "repair", "verify"]
    with pytest.raises(AttributeError, match="no attribute 'walk'"):
        _ = getattr(slide2iiif, "walk")  # noqa: B009 - a checker of types would see it


SIGNATURES = {
    "export": "(source, dest, base_url=None, *, progress=None, **options)",
    "inspect": "(path, **options)",
    "verify": "(dest, *, on_finding=None, **options)",
    "repair": "(dest, source, **options)",
    "rebase": "(dest, base_url, **options)",
}


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_functions_keep_their_parameters(name: str) -> None:
    signature = inspection.signature(getattr(slide2iiif, name))
    bare = [each.replace(annotation=each.empty) for each in signature.parameters.values()]
    assert str(signature.replace(parameters=bare, return_annotation=signature.empty)) == SIGNATURES[name]


def test_an_export_from_python_is_that_of_the_command_line(source: Path, published: Path, tmp_path: Path) -> None:
    dest = tmp_path / "from python"
    summary = slide2iiif.export(source, dest, BASE_URL, jobs=1)
    assert summary.counts == {Status.EXPORTED: 2}
    assert summary.exit_code == 0
    ours, theirs = snapshot(dest), snapshot(published)
    assert {name for name in ours if not name.startswith(".slide2iiif")} == {
        name for name in theirs if not name.startswith(".slide2iiif")
    }
    assert slide2iiif.verify(dest) == slide2iiif.Verified((), 2, summary.total("files") - _documents(dest))
    assert slide2iiif.export(source, dest, BASE_URL, jobs=1).counts == {Status.UNCHANGED: 2}


def _documents(dest: Path) -> int:
    return len([*dest.rglob("*.synthetic/info*.json"), *dest.rglob("manifest.json"), *dest.rglob("*.synthetic/*.html")])


def test_options_are_those_of_the_command_line_by_keyword(source: Path, tmp_path: Path) -> None:
    planned = slide2iiif.export(source, tmp_path / "a", BASE_URL, dry_run=True, tile_size=128, recompress=True)
    assert planned.counts == {Status.PLANNED: 2}
    assert not (tmp_path / "a").exists()
    slide2iiif.export(source, tmp_path / "a", BASE_URL, tile_size=128, exclude=["one*"], site=None, no_site=True)
    assert not list((tmp_path / "a").rglob("index.html"))
    assert [path.name for path in (tmp_path / "a" / "ward").iterdir()] == ["two.synthetic"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"qualty": 5}, "unrecognized arguments: --qualty=5"),
        ({"quality": "best"}, "--quality best: must be a whole number"),
        ({"api": 4}, "invalid choice: '4'"),
        ({"private_dir": ""}, "is no path"),
        ({"max_delete": 5}, "goes with --delete only"),
    ],
)
def test_an_option_that_makes_no_sense_is_an_error_and_no_exit(
    source: Path, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        slide2iiif.export(source, tmp_path / "a", BASE_URL, **options)
    assert not (tmp_path / "a").exists()


def test_a_slide_that_fails_is_in_the_summary_and_nothing_is_printed(
    source: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (source / "bad.svs").write_bytes(b"no slide")
    summary = slide2iiif.export(source, tmp_path / "a", BASE_URL, jobs=2)
    [failed] = [outcome for outcome in summary.outcomes if outcome.status is Status.FAILED]
    assert failed.identifier == "bad.svs"
    assert summary.exit_code == 1
    assert slide2iiif.inspect(source / "one.synthetic")["width"] == 700
    with pytest.raises(SourceError, match=r"bad.svs: "):
        slide2iiif.inspect(source / "bad.svs")
    assert capfd.readouterr() == ("", "")


def test_progress_is_told_as_the_command_line_tells_it(source: Path, tmp_path: Path) -> None:
    class Told(Silent):
        ends: ClassVar[dict[str, str]] = {}

        def finished(self, identifier: str, status: str, note: str = "") -> None:
            assert not note
            self.ends[identifier] = status

    slide2iiif.export(source, tmp_path / "a", BASE_URL, progress=Told(), jobs=1)
    assert Told.ends == {"one.synthetic": "exported", "ward/two.synthetic": "exported"}


def test_damage_is_found_and_repaired_and_a_tree_moves(source: Path, published: Path) -> None:
    next(published.rglob("default.jpg")).unlink()
    found: list[Finding] = []
    assert slide2iiif.verify(published, on_finding=found.append).findings == ()
    assert {each.kind for each in found} == {Kind.MISSING}
    [repaired] = slide2iiif.repair(published, source, jobs=1)
    assert (repaired.files, repaired.reason) == (len(found), "")
    assert slide2iiif.verify(published).findings == ()
    assert sorted(slide2iiif.rebase(published, "https://new.example")) == ["one.synthetic", "ward/two.synthetic"]
    assert slide2iiif.rebase(published, "https://new.example") == []


def test_a_place_that_is_no_tree_is_an_error(source: Path, tmp_path: Path) -> None:
    assert source == tmp_path / "slides"
    for call in (
        lambda: slide2iiif.verify(tmp_path),
        lambda: slide2iiif.repair(tmp_path / "none", tmp_path / "slides"),
        lambda: slide2iiif.rebase(tmp_path, "https://new.example"),
    ):
        with pytest.raises(TargetError):
            call()


def test_exports_may_run_in_threads_of_a_program(source: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(3) as threads:
        runs = [threads.submit(slide2iiif.export, source, tmp_path / str(n), BASE_URL, jobs=1) for n in range(3)]
        assert [run.result().counts for run in runs] == [{Status.EXPORTED: 2}] * 3
