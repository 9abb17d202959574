"""Jobs and the action for CI are run as they are, from an empty runner each time, with real Git LFS and a real bucket.

What is left out is the machine's own: installing packages, taking on a role, keeping an artifact.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from buckets import BASE_URL, Bucket
from patience import PATIENCE

from slide2iiif.geometry import Size
from slide2iiif.samples import write_aperio, write_image

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
Tree = Callable[..., dict[str, str]]

GIT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ALLOW_PROTOCOL": "file",
    **{f"GIT_{who}_{what}": "nobody@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


class Repository:
    """A repository of slides in Git LFS, with a remote, and the jobs as their heads say that they be copied."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "repository"
        self.remote = folder / "remote.git"
        self.slides = self.folder / "slides"
        self.slides.mkdir(parents=True)
        git(folder, "init", "--quiet", "--bare", "--initial-branch", "main", str(self.remote))
        self.git("init", "--quiet", "--initial-branch", "main")
        self.git("lfs", "install", "--local")
        self.git("remote", "add", "origin", self.remote.as_uri())
        (self.folder / ".gitattributes").write_text("slides/** filter=lfs diff=lfs merge=lfs -text\n")
        for place in (".github", ".gitlab"):
            (self.folder / place).mkdir()
            shutil.copyfile(EXAMPLES / "fetch_slides.py", self.folder / place / "fetch_slides.py")
        (self.slides / "ward [1]").mkdir()
        write_aperio(self.slides / "stays, as it is.svs", Size(600, 400))
        write_aperio(self.slides / "ward [1]" / "changes.svs", Size(500, 400))
        write_image(self.slides / "ward [1]" / "leaves.png", Size(120, 90))
        write_image(self.slides / "old name.png", Size(130, 90))
        write_image(self.slides / "also stays.png", Size(140, 90))
        self.push()

    def push(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "slides")
        self.git("push", "--quiet", "origin", "main")

    def checkout(self, folder: Path) -> Path:
        """Check the newest commit out into a new folder, as a runner does: slides are pointers."""
        git(folder.parent, "clone", "--quiet", "--depth", "1", self.remote.as_uri(), str(folder))
        assert (folder / "slides" / "also stays.png").read_bytes().startswith(b"version https://git-lfs")
        return folder

    def git(self, *arguments: str) -> None:
        git(self.folder, *arguments)


def git(folder: Path, *arguments: str) -> None:
    environment = {**os.environ, **GIT, "GIT_LFS_SKIP_SMUDGE": "1"}
    subprocess.run(["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True, timeout=PATIENCE)


class Run(NamedTuple):
    """What came of a job."""

    code: int
    log: str
    folder: Path

    @property
    def fetched(self) -> int:
        """Number of files that were fetched from LFS."""
        return sum(path.is_file() for path in (self.folder / ".git" / "lfs" / "objects").rglob("*"))

    @property
    def counts(self) -> dict[str, int]:
        counts = json.loads((self.folder / "summary.json").read_text())["counts"]
        return {status: count for status, count in counts.items() if count}


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    if shutil.which("git-lfs") is None:
        pytest.skip("git-lfs is not installed")
    return Repository(tmp_path)


class Runner:
    """Machines of CI, of which each job has a new one."""

    def __init__(self, folder: Path, bucket: Bucket) -> None:
        self.folder, self.bucket, self.jobs = folder, bucket, 0
        programs = folder / "bin"
        programs.mkdir()
        for name in ("pip", "sudo", "apt-get", "ldconfig"):
            (programs / name).write_text("#!/bin/sh\nexit 0\n")
            (programs / name).chmod(0o755)
        self.path = os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]])

    def job(self, host: str, repository: Repository) -> Run:
        """Run the job of a host for the newest commit."""
        folder = self._new_machine(repository)
        if host == "gitlab":
            job = load(EXAMPLES / "gitlab-ci.yml")["slides"]
            own = {name: value for name, value in job["variables"].items() if name != "AWS_DEFAULT_REGION"}
            own |= dict.fromkeys(job["id_tokens"], "of the host")
            return self.bash("\n".join([*job["before_script"], *job["script"]]), folder, **own)
        log = ""
        for step in github_steps():
            if "run" in step:
                done = self.bash(step["run"], folder, **step.get("env", {}))
                log += done.log
                if done.code:
                    return Run(done.code, log, folder)
        return Run(0, log, folder)

    def action(self, repository: Repository, **inputs: str) -> Run:
        """Run the action's own step for the newest commit."""
        folder = self._new_machine(repository)
        action = load(ROOT / "action.yml")
        given = {name: each.get("default", "") for name, each in action["inputs"].items()}
        given |= {"source": "slides", "target": self.bucket.address, "base-url": BASE_URL, **inputs}
        values = {"github.action_path": str(ROOT), **{f"inputs.{name}": value for name, value in given.items()}}
        [step] = [step for step in action["runs"]["steps"] if step.get("id") == "export"]
        own = {
            name: re.sub(r"\$\{\{ (.+?) \}\}", lambda match: values[match[1]], text)
            for name, text in step["env"].items()
        }
        files = {name: str(folder / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        return self.bash(step["run"], folder, RUNNER_TEMP=str(folder.parent), **own, **files)

    def bash(self, script: str, folder: Path, **more: str) -> Run:
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        places = {"BUCKET": self.bucket.address, "BASE_URL": BASE_URL}
        environment = self.bucket.environment(**{**GIT, **places, "PATH": self.path, **more})
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, cwd=folder, env=environment, timeout=PATIENCE
        )
        return Run(done.returncode, done.stdout + done.stderr, folder)

    def _new_machine(self, repository: Repository) -> Path:
        self.jobs += 1
        self.bucket.computer = f"runner {self.jobs}"
        home = self.folder / self.bucket.computer
        home.mkdir()
        return repository.checkout(home / "checkout")


@pytest.fixture
def runner(tmp_path: Path, bucket: Bucket) -> Runner:
    return Runner(tmp_path, bucket)


def change_everything(repository: Repository) -> None:
    """Add a slide, remove one, rename one, change one, and leave two as they are."""
    slides = repository.slides
    (slides / "Fälle").mkdir()
    write_aperio(slides / "Fälle" / "comes.svs", Size(300, 500))
    (slides / "ward [1]" / "leaves.png").unlink()
    (slides / "old name.png").rename(slides / "new name.png")
    write_aperio(slides / "ward [1]" / "changes.svs", Size(500, 420))
    repository.push()


@pytest.mark.parametrize("host", ["github", "gitlab"])
def test_each_push_brings_the_bucket_to_what_the_repository_holds(
    host: str, repository: Repository, runner: Runner, bucket: Bucket, tree: Tree
) -> None:
    first = runner.job(host, repository)
    assert first.code == 0, first.log
    assert (first.counts, first.fetched) == ({"exported": 5}, 5)
    assert bucket.public() == tree(source=repository.slides)
    change_everything(repository)
    second = runner.job(host, repository)
    assert second.code == 0, second.log
    assert second.counts == {"exported": 3, "unchanged": 2, "removed": 2}
    assert second.fetched == 3
    assert bucket.public() == tree(source=repository.slides)


@pytest.mark.parametrize("host", ["github", "gitlab"])
def test_a_slide_that_is_bad_makes_the_job_red_and_nothing_else(
    host: str, repository: Repository, runner: Runner, bucket: Bucket, tree: Tree
) -> None:
    (repository.slides / "bad.svs").write_bytes(b"no slide at all")
    repository.push()
    red = runner.job(host, repository)
    assert red.code == 1
    assert red.counts == {"exported": 5, "failed": 1}
    (repository.slides / "bad.svs").unlink()
    repository.push()
    assert runner.job(host, repository).code == 0
    assert bucket.public() == tree(source=repository.slides)


def test_a_slide_that_cannot_be_fetched_stops_the_job_and_what_is_published_stays(
    repository: Repository, runner: Runner, bucket: Bucket
) -> None:
    assert runner.job("github", repository).code == 0
    before = bucket.public()
    change_everything(repository)
    shutil.rmtree(repository.remote / "lfs")
    stopped = runner.job("github", repository)
    assert stopped.code == 1
    assert "slides/new name.png: cannot be fetched" in stopped.log
    assert bucket.public() == before


def test_the_action_publishes_tells_what_it_did_and_links_to_it(
    repository: Repository, runner: Runner, bucket: Bucket, tree: Tree
) -> None:
    assert runner.action(repository, options="--delete --title 'All slides'").code == 0
    change_everything(repository)
    (repository.slides / "bad | <b>.svs").write_bytes(b"no slide at all")
    repository.push()
    done = runner.action(repository, options="--delete --title 'All slides'")
    assert done.code == 1, done.log
    outputs = dict(line.split("=", 1) for line in (done.folder / "GITHUB_OUTPUT").read_text().splitlines())
    summary = json.loads(Path(outputs.pop("json")).read_text())
    assert outputs == {"exported": "3", "failed": "1", "unchanged": "2"}
    assert summary["counts"]["removed"] == 2
    page = (done.folder / "GITHUB_STEP_SUMMARY").read_text()
    assert "3 exported, 2 unchanged, 1 failed, 2 removed; " in page
    links = re.findall(rf"\]\({BASE_URL}/(.+?)\)", page)
    assert len(links) == 3
    assert set(links) < set(bucket.public())
    assert "<b>" not in page
    errors = [line for line in done.log.splitlines() if line.startswith("::error ")]
    assert len(errors) == 1
    assert re.fullmatch(r"::error title=slide2iiif::bad.+\.svs: .+", errors[0])
    (repository.slides / "bad | <b>.svs").unlink()
    assert bucket.public() == tree("--title", "All slides", source=repository.slides)


@pytest.mark.parametrize(("options", "code"), [("--quality 'x", 2), ("--quality 101", 2), ("--quality $(touch x)", 2)])
def test_options_of_the_action_are_words_and_no_script(
    repository: Repository, runner: Runner, options: str, code: int
) -> None:
    done = runner.action(repository, options=options)
    assert done.code == code
    assert "::error title=slide2iiif::" in done.log
    assert not (done.folder / "x").exists()


@pytest.mark.parametrize("reason", ["a\n::error::b", "a\r::set-output name=x::y", "%0A", "\udcff"])
def test_no_reason_begins_a_command_of_its_own(tmp_path: Path, reason: str) -> None:
    slide = {"identifier": "x", "status": "failed", "reason": reason, "note": ""}
    summary = {"slides": [slide], "counts": {"exported": 0, "failed": 1, "unchanged": 0}, "tiles": 0}
    (tmp_path / "summary").write_text(json.dumps(summary))
    (tmp_path / "slide2iiif").write_text(f'#!/bin/sh\nfor file; do :; done\ncp {tmp_path}/summary "$file"\nexit 1\n')
    (tmp_path / "slide2iiif").chmod(0o755)
    own = {"SOURCE": str(tmp_path), "TARGET": "t", "BASE_URL": BASE_URL, "OPTIONS": "", "LFS": "false"}
    own |= {name: str(tmp_path / name) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    environment = {**os.environ, **own, "RUNNER_TEMP": str(tmp_path), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = [sys.executable, str(ROOT / "action" / "publish.py")]
    done = subprocess.run(command, check=False, capture_output=True, env=environment, timeout=PATIENCE)
    assert done.returncode == 1, done.stderr
    [line] = re.split(rb"[\r\n]+", done.stdout.strip())
    assert line.startswith(b"::error title=slide2iiif::x: ")
    assert len([line for line in (tmp_path / "GITHUB_STEP_SUMMARY").read_text().splitlines() if "failed" in line]) == 2


def test_no_value_from_outside_is_pasted_into_a_script() -> None:
    assert not [step for step in (*github_steps(), *action_steps()) if "${{" in step.get("run", "")]


def test_the_github_job_may_write_nothing_in_the_repository() -> None:
    assert load(EXAMPLES / "github-actions.yml")["permissions"] == {"contents": "read", "id-token": "write"}


def test_every_action_has_a_version_and_those_of_ours_are_pinned() -> None:
    used = [step["uses"] for step in github_steps() if "uses" in step]
    assert all(re.fullmatch(r"[\w./-]+@v\d+", each) for each in used)
    ours = [step["uses"] for step in action_steps() if "uses" in step]
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", each) for each in ours)


def test_the_action_says_what_its_steps_need() -> None:
    action = load(ROOT / "action.yml")
    assert set(action["inputs"]) == {"source", "target", "base-url", "options", "lfs"}
    assert set(action["outputs"]) == {"exported", "failed", "unchanged", "json"}
    text = (ROOT / "action.yml").read_text()
    assert set(re.findall(r"\$\{\{ inputs\.([\w-]+) \}\}", text)) == set(action["inputs"])
    assert all(step["shell"] == "bash" for step in action_steps() if "run" in step)


def load(path: Path) -> dict[str, Any]:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def github_steps() -> list[dict[str, Any]]:
    [job] = load(EXAMPLES / "github-actions.yml")["jobs"].values()
    assert isinstance(job["steps"], list)
    return job["steps"]


def action_steps() -> Iterator[dict[str, Any]]:
    yield from load(ROOT / "action.yml")["runs"]["steps"]
