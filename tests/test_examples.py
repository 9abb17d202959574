"""The examples are run as they are; tests/buckets/test_ci_jobs.py runs those for CI."""

import fcntl
import os
import re
import runpy
import shlex
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest
from patience import PATIENCE

from slide2iiif import cli
from slide2iiif.geometry import Size
from slide2iiif.samples import write_aperio

EXAMPLES = Path(__file__).parents[1] / "examples"
BASE_URL = "https://iiif.example.org/iiif"


@pytest.fixture
def path() -> str:
    """Return a PATH with our program."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


class TestPublish:
    def run(self, path: str, source: Path, dest: Path, *options: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, str(EXAMPLES / "publish.py"), str(source), str(dest), BASE_URL, *options],
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "PATH": path},
            timeout=PATIENCE,
        )

    @pytest.fixture
    def source(self, tmp_path: Path) -> Path:
        folder = tmp_path / "slides"
        folder.mkdir()
        write_aperio(folder / "good.svs", Size(700, 500))
        return folder

    def test_publishes_and_tells_the_totals(self, path: str, source: Path, tmp_path: Path) -> None:
        result = self.run(path, source, tmp_path / "public", "--jobs", "1")
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout.startswith("1 exported; ")
        assert (tmp_path / "public" / "good.svs" / "info.json").is_file()

    def test_tells_which_slide_failed_and_why(self, path: str, source: Path, tmp_path: Path) -> None:
        (source / "bad.svs").write_bytes(b"no slide at all")
        result = self.run(path, source, tmp_path / "public", "--jobs", "1")
        assert result.returncode == 1
        failed, totals = result.stdout.splitlines()
        assert re.fullmatch(r"FAILED bad\.svs: .+", failed)
        assert totals.startswith("1 exported, 1 failed; ")

    def test_hands_on_what_the_export_says_of_a_wrong_option(self, path: str, source: Path, tmp_path: Path) -> None:
        result = self.run(path, source, tmp_path / "public", "--quality", "101")
        assert result.returncode == 2
        assert "--quality 101" in result.stderr

    def test_gives_up_where_the_tree_stays_in_use(self, path: str, source: Path, tmp_path: Path) -> None:
        private = tmp_path / "public" / ".slide2iiif"
        private.mkdir(parents=True)
        with (private / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            result = self.run(path, source, tmp_path / "public", "--tries", "2", "--pause", "0.1")
        assert result.returncode == 4
        assert result.stderr.count("in use") == 2


def test_every_example_has_a_line_in_the_readme() -> None:
    lines = (EXAMPLES / "README.md").read_text(encoding="utf-8").splitlines()
    linked = [match[1] for line in lines if (match := re.match(r"- \[.+?\]\((.+?)\): \S", line))]
    assert sorted(linked) == sorted(path.name for path in EXAMPLES.iterdir() if path.is_file() and path.suffix != ".md")


def test_the_example_in_python_publishes_checks_and_says_what_it_did(source: Path, tmp_path: Path) -> None:
    (source / "bad.svs").write_bytes(b"no slide")
    words = [str(source), str(tmp_path / "public"), "https://host.example/iiif"]
    done = subprocess.run(
        [sys.executable, EXAMPLES / "notebook.py", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 1, done.stderr
    assert "bad.svs: " in done.stdout
    assert "2 slides, " in done.stdout


def test_the_units_of_systemd_start_an_export_of_the_folder_that_is_watched() -> None:
    units = {name: ConfigParser(interpolation=None, strict=False) for name in ("slides.path", "slides.service")}
    for name, unit in units.items():
        unit.optionxform = str  # type: ignore[assignment, method-assign]
        unit.read_string((EXAMPLES / name).read_text(encoding="utf-8"))
    service = units["slides.service"]["Service"]
    program, *words = shlex.split(service["ExecStart"])
    parsed = cli.command_line().parse_args(words)
    assert Path(program).name == "slide2iiif"
    assert str(parsed.source) == units["slides.path"]["Path"]["PathChanged"]
    assert str(parsed.dest) == service["ReadWritePaths"]
    assert units["slides.service"]["Unit"]["RequiresMountsFor"].split() == [str(parsed.source), str(parsed.dest)]


@pytest.mark.parametrize(
    ("slide", "files"),
    [
        ("a.svs", {"a.svs"}),
        ("m.mrxs", {"m.mrxs", "m/Slidedat.ini", "m/Data0000.dat"}),
        ("h.vms", {"h.vms", "h_map2.jpg", "h(1,0).jpg"}),
        ("s1.dcm", {"s1.dcm", "s2.dcm", "IM0003", "1.2.840.1"}),
        ("IM0003", {"s1.dcm", "s2.dcm", "IM0003", "1.2.840.1"}),
    ],
)
def test_a_slide_is_fetched_with_all_files_that_may_belong_to_it(slide: str, files: set[str], tmp_path: Path) -> None:
    names = ["a.svs", "ab.svs", "m.mrxs", "m/Slidedat.ini", "m/Data0000.dat", "h.vms", "h_map2.jpg", "h(1,0).jpg"]
    for name in [*names, "s1.dcm", "s2.dcm", "IM0003", "1.2.840.1", "other/s4.dcm"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = runpy.run_path(str(EXAMPLES / "fetch_slides.py"))["files_of"](tmp_path / slide)
    assert {path.relative_to(tmp_path).as_posix() for path in found if path.is_file()} == files
