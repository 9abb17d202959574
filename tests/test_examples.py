"""The examples are run: the script as it is, the CI jobs with a folder in place of the bucket."""

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from patience import PATIENCE

from slide2iiif.geometry import Size
from slide2iiif.samples import write_aperio, write_image

EXAMPLES = Path(__file__).parents[1] / "examples"
BASE_URL = "https://iiif.example.org/iiif"

BUCKET = """\
#!{python}
'''In place of the AWS command line: `s3 sync` into a folder.'''
import fnmatch, os, shutil, sys
from pathlib import Path

assert sys.argv[1:3] == ["s3", "sync"], sys.argv
source, target = Path(sys.argv[3]), Path(os.environ["FOLDER_OF_BUCKET"])
assert sys.argv[4] == os.environ["BUCKET"]
options = sys.argv[5:]
filters = [(options[i], options[i + 1]) for i, word in enumerate(options) if word in ("--exclude", "--include")]
caching = options[options.index("--cache-control") + 1]
for path in sorted(source.rglob("*")):
    name = path.relative_to(source).as_posix()
    wanted = True
    for word, pattern in filters:  # the last one that matches decides
        if fnmatch.fnmatchcase(name, pattern):
            wanted = word == "--include"
    if path.is_file() and wanted:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target / name)
        with open(target.with_name("uploads.txt"), "a") as log:
            print(caching, name, sep="\\t", file=log)
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Give a PATH with our program and with stand-ins for what changes the machine or leaves it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("pip", "sudo", "apt-get", "git-lfs"):
        (folder / name).write_text("#!/bin/sh\nexit 0\n")
    (folder / "aws").write_text(BUCKET.format(python=sys.executable))
    for program in folder.iterdir():
        program.chmod(0o755)
    return os.pathsep.join([str(folder), os.path.dirname(sys.executable), os.environ["PATH"]])  # noqa: PTH120


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


class Repository:
    """A repository of slides with two commits; the second one adds a slide."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "slides" / "a b").mkdir(parents=True)
        self.git("init", "--quiet")
        write_image(folder / "slides" / "old.png", Size(120, 90))
        self.before = self.commit()
        write_aperio(folder / "slides" / "a b" / "new.svs", Size(600, 400))
        self.after = self.commit()

    def commit(self) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "slides")
        return self.git("rev-parse", "HEAD").strip()

    def git(self, *arguments: str) -> str:
        result = subprocess.run(
            ["git", *arguments], cwd=self.folder, env={**os.environ, **GIT}, check=True, capture_output=True, text=True
        )
        return result.stdout


GIT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{who}_{what}": "nobody@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


class TestJobs:
    @pytest.fixture
    def repository(self, tmp_path: Path) -> Repository:
        if shutil.which("git") is None:
            pytest.skip("git is not installed")
        return Repository(tmp_path / "repository")

    def environment(self, path: str, tmp_path: Path) -> dict[str, str]:
        places = {"BUCKET": "s3://slides/iiif", "BASE_URL": BASE_URL, "FOLDER_OF_BUCKET": str(tmp_path / "bucket")}
        return {**os.environ, **GIT, **places, "PATH": path, "SLIDE2IIIF": "slide2iiif"}

    def github(self, repository: Repository, path: str, tmp_path: Path, *, before: str) -> list[int]:
        """Run the steps of the GitHub job as GitHub does, and give their exit codes."""
        values = {"github.event.before": before, "github.sha": repository.after}
        codes: list[int] = []
        for step in github_steps():
            if "run" not in step or (any(codes) and "if" not in step):
                continue
            own = {
                name: re.sub(r"\$\{\{ (.+?) \}\}", lambda match: values[match[1]], text)
                for name, text in step.get("env", {}).items()
            }
            environment = {**self.environment(path, tmp_path), **own}
            codes.append(bash(step["run"], repository.folder, environment))
        return codes

    def gitlab(self, repository: Repository, path: str, tmp_path: Path, *, before: str) -> list[int]:
        """Run the lines of the GitLab job as GitLab does, and give its exit code."""
        job = load("gitlab-ci.yml")["slides"]
        ids = {"CI_COMMIT_BEFORE_SHA": before, "CI_COMMIT_SHA": repository.after, "AWS_TOKEN": "none"}
        script = "\n".join([*job["before_script"], *job["script"]])
        return [bash(script, repository.folder, {**self.environment(path, tmp_path), **ids})]

    @pytest.mark.parametrize("host", ["github", "gitlab"])
    def test_publishes_the_slides_of_a_push(self, host: str, repository: Repository, path: str, tmp_path: Path) -> None:
        codes = getattr(self, host)(repository, path, tmp_path, before=repository.before)
        assert not any(codes)
        uploads = [line.split("\t") for line in (tmp_path / "uploads.txt").read_text().splitlines()]
        names = [name for _, name in uploads]
        assert {name.split("/")[0] for name in names} == {"a!20b"}
        assert "a!20b/new.svs/full/max/0/default.jpg" in names
        documents = [name.endswith(".json") for name in names]
        assert documents == sorted(documents)
        assert any(documents)
        caching = {name.endswith(".json"): value for value, name in uploads}
        assert caching == {False: "public, max-age=3600", True: "no-cache"}
        summary = json.loads((repository.folder / "summary.json").read_text())
        assert summary["counts"]["exported"] == 1

    @pytest.mark.parametrize("host", ["github", "gitlab"])
    def test_takes_all_slides_for_new_on_a_new_branch(
        self, host: str, repository: Repository, path: str, tmp_path: Path
    ) -> None:
        codes = getattr(self, host)(repository, path, tmp_path, before="0" * 40)
        assert not any(codes)
        assert (tmp_path / "bucket" / "old.png" / "info.json").is_file()

    @pytest.mark.parametrize("host", ["github", "gitlab"])
    def test_publishes_the_good_ones_and_fails_where_a_slide_is_bad(
        self, host: str, repository: Repository, path: str, tmp_path: Path
    ) -> None:
        (repository.folder / "slides" / "bad.svs").write_bytes(b"no slide at all")
        repository.after = repository.commit()
        codes = getattr(self, host)(repository, path, tmp_path, before=repository.before)
        assert max(codes) == 1
        assert (tmp_path / "bucket" / "a!20b" / "new.svs" / "info.json").is_file()
        assert not (tmp_path / "bucket" / "bad.svs").exists()

    def test_no_value_from_outside_is_pasted_into_a_script(self) -> None:
        assert not [step for step in github_steps() if "${{" in step.get("run", "")]

    def test_the_github_job_may_write_nothing_in_the_repository(self) -> None:
        assert load("github-actions.yml")["permissions"] == {"contents": "read", "id-token": "write"}

    def test_every_action_has_a_version(self) -> None:
        used = [step["uses"] for step in github_steps() if "uses" in step]
        assert all(re.fullmatch(r"[\w./-]+@v\d+", each) for each in used)


def load(name: str) -> dict[str, Any]:
    document = yaml.safe_load((EXAMPLES / name).read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def github_steps() -> list[dict[str, Any]]:
    [job] = load("github-actions.yml")["jobs"].values()
    assert isinstance(job["steps"], list)
    return job["steps"]


def bash(script: str, folder: Path, environment: dict[str, str]) -> int:
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    return subprocess.run(command, check=False, cwd=folder, env=environment, timeout=PATIENCE).returncode


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
