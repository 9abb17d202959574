"""The workflows of the repository are parsed, and those of their steps are run that need nothing but this computer."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from slide2iiif import __version__

ROOT = Path(__file__).parents[2]
WORKFLOWS = ROOT / ".github" / "workflows"
BUILD, CHECK, HOLD, TRY = (
    "Build",
    "Check the metadata",
    "Hold the tag against version and changelog",
    "Try the wheel in a fresh environment",
)
PACKAGED = ("CHANGELOG.md", "CITATION.cff", "LICENSE", "README.md", "pyproject.toml")


def workflow(name: str) -> dict[Any, Any]:
    document = yaml.safe_load((WORKFLOWS / name).read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def steps(name: str) -> list[dict[str, Any]]:
    return [step for job in workflow(name)["jobs"].values() for step in job["steps"]]


def run_step(name: str, folder: Path, seconds: int = 280, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a step of the release as GitHub does, with the programs of this environment."""
    [script] = [step["run"] for step in steps("release.yml") if step.get("name") == name]
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])  # noqa: PTH120
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PATH": path, **environment},
        timeout=seconds,
    )


def copy_project(folder: Path) -> Path:
    """Copy what a package is made of, with a changelog whose newest part is dated."""
    shutil.copytree(ROOT / "slide2iiif", folder / "slide2iiif", ignore=shutil.ignore_patterns("__pycache__"))
    for name in PACKAGED:
        shutil.copyfile(ROOT / name, folder / name)
    changelog = folder / "CHANGELOG.md"
    text = changelog.read_text(encoding="utf-8")
    changelog.write_text(re.sub(r"^## ([\d.]+), unreleased$", r"## \1, 2026-12-01", text, count=1, flags=re.MULTILINE))
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Project with sdist and wheel, as the release builds them."""
    pytest.importorskip("build")
    folder = copy_project(tmp_path_factory.mktemp("release"))
    built = run_step(BUILD, folder)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


@pytest.mark.parametrize("name", sorted(path.name for path in WORKFLOWS.glob("*.yml")))
class TestEveryWorkflow:
    def test_pins_every_action_to_a_commit(self, name: str) -> None:
        used = re.findall(r"uses: (.+)", (WORKFLOWS / name).read_text(encoding="utf-8"))
        assert len(used) == len([step for step in steps(name) if "uses" in step])
        assert [each for each in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)] == []

    def test_pastes_no_value_from_outside_into_a_script(self, name: str) -> None:
        assert [step["run"] for step in steps(name) if "${{" in step.get("run", "")] == []

    def test_leaves_no_credentials_behind(self, name: str) -> None:
        checkouts = [step for step in steps(name) if step.get("uses", "").startswith("actions/checkout@")]
        assert all(step["with"]["persist-credentials"] is False for step in checkouts)

    def test_ends_every_job_in_time(self, name: str) -> None:
        assert all(0 < job["timeout-minutes"] <= 90 for job in workflow(name)["jobs"].values())


def test_ci_runs_the_gate_and_may_write_nothing() -> None:
    assert [step["run"] for step in steps("ci.yml") if "run" in step] == ["bash .ci/run"]
    assert workflow("ci.yml")["permissions"] == {"contents": "read"}
    assert (ROOT / ".ci" / "run").is_file()


def test_ci_tries_every_python_that_the_package_names() -> None:
    named = re.findall(r'Python :: (3\.\d+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert workflow("ci.yml")["jobs"]["tests"]["strategy"]["matrix"]["python"] == named


def test_a_release_begins_with_a_tag_and_each_job_may_do_what_it_must() -> None:
    release = workflow("release.yml")
    assert release[True] == {"push": {"tags": ["v*"]}}  # YAML 1.1 takes `on` for a truth value
    assert release["permissions"] == {}
    assert {name: job["permissions"] for name, job in release["jobs"].items()} == {
        "build": {"contents": "read"},
        "publish": {"id-token": "write"},
        "announce": {"contents": "write"},
    }
    assert [release["jobs"][name].get("needs") for name in ("build", "publish", "announce")] == [
        None,
        "build",
        "publish",
    ]
    assert release["jobs"]["publish"]["environment"] == "release"


def test_a_release_takes_the_tools_of_the_dependency_group() -> None:
    [script] = [step["run"] for step in steps("release.yml") if step.get("name") == "Install the tools"]
    assert "--group release" in script


class TestRelease:
    def test_builds_an_sdist_and_a_wheel_of_the_version(self, project: Path) -> None:
        built = sorted(path.name for path in (project / "dist").iterdir())
        assert built == [f"slide2iiif-{__version__}-py3-none-any.whl", f"slide2iiif-{__version__}.tar.gz"]

    def test_finds_nothing_wrong_with_the_metadata(self, project: Path) -> None:
        checked = run_step(CHECK, project)
        assert checked.returncode == 0, checked.stdout
        assert checked.stdout.count("PASSED") == 2

    def test_takes_the_part_of_the_changelog_for_its_notes(self, project: Path) -> None:
        held = run_step(HOLD, project, TAG=f"v{__version__}")
        assert held.returncode == 0, held.stdout + held.stderr
        notes = (project / "notes.md").read_text(encoding="utf-8")
        assert notes.lstrip().startswith("The first version.")
        assert "\n## " not in notes

    def test_refuses_a_tag_of_another_version(self, project: Path) -> None:
        held = run_step(HOLD, project, TAG="v99.0.0")
        assert held.returncode == 1
        assert "::error::v99.0.0 is not the version that was built" in held.stdout

    def test_refuses_a_part_of_the_changelog_without_a_date(self, project: Path, tmp_path: Path) -> None:
        shutil.copytree(project / "dist", tmp_path / "dist")
        for name in ("CHANGELOG.md", "CITATION.cff"):
            text = (project / name).read_text(encoding="utf-8")
            (tmp_path / name).write_text(text.replace("2026-12-01", "unreleased"), encoding="utf-8")
        held = run_step(HOLD, tmp_path, TAG=f"v{__version__}")
        assert held.returncode == 1
        assert f"::error::CHANGELOG.md has no dated part for {__version__}" in held.stdout

    def test_refuses_a_citation_of_another_version(self, project: Path, tmp_path: Path) -> None:
        shutil.copytree(project / "dist", tmp_path / "dist")
        shutil.copyfile(project / "CHANGELOG.md", tmp_path / "CHANGELOG.md")
        (tmp_path / "CITATION.cff").write_text("version: 0.0.1\n")
        held = run_step(HOLD, tmp_path, TAG=f"v{__version__}")
        assert held.returncode == 1
        assert "::error::CITATION.cff" in held.stdout

    @pytest.mark.slow
    @pytest.mark.timeout(900)
    def test_installs_the_wheel_into_a_fresh_environment_and_runs_the_demo(self, project: Path, tmp_path: Path) -> None:
        programs = tmp_path / "bin"
        programs.mkdir()
        for name in ("sudo", "apt-get"):  # The library is there, or the edges are encoded.
            (programs / name).write_text("#!/bin/sh\n")
            (programs / name).chmod(0o755)
        tried = run_step(TRY, project, 880, PATH=os.pathsep.join([str(programs), os.environ["PATH"]]))
        assert tried.returncode == 0, tried.stdout + tried.stderr
        assert f"slide2iiif {__version__}" in tried.stdout
