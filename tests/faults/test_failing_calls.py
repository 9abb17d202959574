"""A system call on the target that fails, whichever: one clear message, nothing torn, and the next run finishes.

The call fails once, at a moment of the run that was counted before; everything else goes on as it does. What the file
system refuses is injected, so no file system has to be full.
"""

import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from changing_trees import URL, Scene
from commands import COMMAND, run_command, staged
from made_slides import write_synthetic
from published import contents, documents, faults
from traces import Call, installed_run, read_calls, traced_run

TRACED = (
    *("write", "pwrite64", "writev", "ftruncate", "openat"),
    *("?mkdir", "mkdirat", "?link", "linkat", "?rename", "renameat", "renameat2"),
    *("fsync", "fdatasync", "syncfs"),
)
"""System calls that may fail."""

WORDS = {
    "ENOSPC": "no space left; free some, then run again",
    "EDQUOT": "the quota is used up",
    "EIO": "error",
    "EROFS": "mounted read-only",
    "EACCES": "no permission",
    "EMFILE": "too many open files",
}
"""What the message says of each error."""

ERRORS = {
    "write": ("ENOSPC", "EIO", "EDQUOT"),
    "openat": ("EMFILE", "EACCES", "ENOSPC", "EROFS", "EIO", "EDQUOT"),
    "mkdir": ("ENOSPC", "EACCES", "EDQUOT", "EROFS", "EIO"),
    "link": ("ENOSPC", "EIO", "EDQUOT", "EACCES", "EROFS"),
    "rename": ("ENOSPC", "EIO", "EACCES", "EROFS", "EDQUOT"),
    "sync": ("EIO", "ENOSPC", "EDQUOT"),
}
"""How each kind of call fails, the likeliest first."""


_TRIES = 3
"""How often a moment is looked for: a thread may open a file more or less, and then another call is the one to fail."""

_MISSED = 2
"""How many moments of some twenty may not be found again."""


class Moment(NamedTuple):
    """A call that can be made to fail."""

    name: str
    number: int
    """Of the calls of this name in its thread."""
    stage: str
    """What the run is busy with."""

    @property
    def errors(self) -> tuple[str, ...]:
        """How it may fail."""
        kinds = {"pwrite64": "write", "ftruncate": "write", "writev": "write"}
        kind = kinds.get(self.name) or next(
            (each for each in ERRORS if self.name.startswith(each) or self.name.endswith(each)), "sync"
        )
        return ERRORS[kind]


def moments_on(dest: Path, calls: Iterable[Call]) -> Iterator[Moment]:
    """Give the moments at which something of the target can be made to fail, and nothing else: each once.

    A call that has failed anyway, as that which makes a folder which is there, need not succeed.
    """
    at: dict[tuple[str, int], list[Call]] = {}
    for call in calls:
        at.setdefault((call.name, call.number), []).append(call)
    for (name, number), together in at.items():
        if all(str(dest) in call.text and "= -1" not in call.text for call in together):
            yield Moment(name, number, stage_of(dest, together[0]))


def stage_of(dest: Path, call: Call) -> str:
    """Tell what a run is busy with from the last place of the target that a call names."""
    place = call.text[call.text.rindex(str(dest)) + len(str(dest)) :].split('"')[0].split(">")[0]
    if ".scratch" in place:
        return place.rsplit("/", 1)[-1] if place.endswith(("ledger", "journal")) else "scratch"
    if "/staging/" in place:
        return "staging of a document" if place.endswith((".json", ".html")) else "staging"
    if place.startswith("/.slide2iiif/"):
        return "/".join(place.split("/")[2:3])
    return "the tree"


def all_moments(scene: Scene, folder: Path) -> list[Moment]:
    dest = scene.start(folder / "public")
    run = traced_run(scene.command(dest), folder, TRACED)
    assert run.exit_code == 0, run.err
    assert contents(dest) == contents(scene.after)
    return list(moments_on(dest, run.calls))


def fail_at(scene: Scene, folder: Path, moment: Moment, error: str) -> bool:
    """Let a call fail, see what becomes of it, and give whether the call was there to fail."""
    for _ in range(_TRIES):
        dest = scene.start(folder / "public")
        run = traced_run(scene.command(dest), folder, TRACED, f"{moment.name}:error={error}:when={moment.number}")
        if any(str(dest) in call.text for call in run.injected):
            break
    else:
        return False
    what = f"{moment} {error}: {run.exit_code} {run.err!r} {[call.text for call in run.injected]}"
    assert run.exit_code == 3, what
    [line] = run.err.splitlines()
    assert line.startswith("slide2iiif: "), what
    assert WORDS[error] in line, what
    scene.assert_whole(dest, what)
    scene.assert_finished_by_the_next_run(dest, what)
    return True


def one_of_each_stage(moments: Iterable[Moment]) -> list[Moment]:
    """Take of every stage of a run one call of each name, from the middle of those there are."""
    of_stage: dict[tuple[str, str], list[Moment]] = {}
    for moment in moments:
        of_stage.setdefault((moment.stage, moment.name), []).append(moment)
    return [found[len(found) // 2] for found in of_stage.values()]


def test_a_call_that_fails_at_any_stage_of_a_run_is_told_and_the_next_run_finishes(
    scene: Scene, quick_folder: Path
) -> None:
    chosen = one_of_each_stage(all_moments(scene, quick_folder))
    assert {"lock", "staging", "scratch", "ledger", "journal", "receipts", "site.json", "the tree"} <= {
        moment.stage for moment in chosen
    }
    failed = [
        fail_at(scene, quick_folder, moment, moment.errors[turn % len(moment.errors)])
        for turn, moment in enumerate(chosen)
    ]
    assert failed.count(False) <= _MISSED


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_each_call_that_fails_is_told_and_the_next_run_finishes(scene: Scene, quick_folder: Path) -> None:
    found = all_moments(scene, quick_folder)
    assert len(found) > 250
    failed = [
        fail_at(scene, quick_folder, moment, moment.errors[turn % len(moment.errors)])
        for turn, moment in enumerate(found)
    ]
    assert failed.count(False) <= _MISSED * len(found) // 20


@pytest.mark.parametrize(
    ("calls", "error", "number"),
    [("?mkdir,mkdirat", "ENOSPC", 60), ("?link,linkat", "EDQUOT", 5), ("pwrite64", "EIO", 20)],
)
def test_a_call_that_fails_in_a_worker_ends_the_run_with_one_message(
    quick_folder: Path, calls: str, error: str, number: int
) -> None:
    """By number, they are calls of workers alone: folders and links of tiles, and the picture that a pass hands on."""
    folder = quick_folder / "workers"
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("a", "b", "c"):
        write_synthetic(folder / "slides" / f"{name}.synthetic", 2500, 1400)
    command = ["export", folder / "slides", folder / "public", *URL, "-q", "--jobs", 2]
    options = ["-e", f"trace=execve,{calls}", "-e", f"inject={calls}:error={error}:when={number}"]
    code, err = installed_run([COMMAND, *command], folder / "trace.log", *options)
    injected = [call for call in read_calls(folder / "trace.log") if "(INJECTED)" in call.text]
    main = (folder / "trace.log").read_text().split()[0]
    assert injected
    assert main not in {str(call.thread) for call in injected}
    [line] = [each for each in err.splitlines() if not each.startswith("strace:")]
    assert code == 3, err
    assert WORDS[error] in line
    assert faults(folder / "public") == []
    run_command(*command).check_returncode()
    run_command("verify", folder / "public", "--deep").check_returncode()
    assert len(list(documents(folder / "public"))) == 3
    assert staged(folder / "public") == []


def test_a_log_that_takes_no_message_costs_no_exit_code(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([COMMAND, "verify", tmp_path / "nothing"], stderr=full, check=False)
    assert done.returncode == 3
