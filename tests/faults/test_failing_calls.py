"""A system call on the target that fails, whichever: one clear message, nothing torn, and the next run finishes.

The call fails once, at a moment of the run that was counted before; everything else goes on as it does. What the file
system refuses is injected, so no file system has to be full. The run has one thread and loads nothing on its way, so
its calls have the same numbers every time, and each moment is found again.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from changing_trees import URL, Scene, make_left_over, make_rebase, make_repair, make_scene
from commands import COMMAND, run_command, staged
from made_slides import write_synthetic
from published import contents, documents, faults
from traces import Call, Run, installed_run, read_calls, traced_run

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


SCENES: dict[str, Callable[[Path], Scene]] = {
    "first": partial(make_scene, is_again=False),
    "again": partial(make_scene, is_again=True),
    "left over": make_left_over,
    "rebase": make_rebase,
    "repair": make_repair,
}
"""A first export, one over an older tree that removes a slide, one that finds what others have left, and what changes
a tree without an export."""

STAGES = {
    "first": {"lock", "staging", "scratch", "ledger", "journal", "receipts", "site.json", "the tree"},
    "again": {"lock", "staging", "scratch", "ledger", "journal", "receipts", "site.json", "the tree"},
    "left over": {"lock", "staging", "scratch", "ledger", "journal", "receipts", "site.json", "the tree"},
    "rebase": {"lock", "staging", "receipts", "site.json", "the tree"},
    "repair": {"lock", "staging", "scratch", "receipts", "the tree"},
}
"""What each of them is busy with."""

PIECES = 4
"""Parts of the full form, which takes minutes."""


@pytest.fixture(scope="module", params=list(SCENES))
def scene(request: pytest.FixtureRequest, quick_folder: Path) -> Scene:
    """A tree that a run is about to change."""
    folder = quick_folder / str(request.param)
    return SCENES[request.param](folder)


class Moment(NamedTuple):
    """A call that can be made to fail."""

    name: str
    number: int
    """Of the calls of this name."""
    stage: str
    """What the run is busy with."""
    text: str
    """Arguments and result."""

    @property
    def errors(self) -> tuple[str, ...]:
        """How it may fail."""
        kinds = {"pwrite64": "write", "ftruncate": "write", "writev": "write"}
        kind = kinds.get(self.name) or next(
            (each for each in ERRORS if self.name.startswith(each) or self.name.endswith(each)), "sync"
        )
        return ERRORS[kind]


def moments_on(dest: Path, calls: Iterable[Call]) -> Iterator[Moment]:
    """Give the moments at which something of the target can be made to fail.

    A call that has failed anyway, as that which makes a folder which is there, need not succeed.
    """
    for call in calls:
        if str(dest) in call.text and "= -1" not in call.text:
            yield Moment(call.name, call.number, stage_of(dest, call), call.text)


def stage_of(dest: Path, call: Call) -> str:
    """Tell what a run is busy with from the last place of the target that a call names."""
    place = place_of(call)
    place = place[place.rindex(str(dest)) + len(str(dest)) :].split('"')[0].split(">")[0]
    if ".scratch" in place:
        return place.rsplit("/", 1)[-1] if place.endswith(("ledger", "journal")) else "scratch"
    if "/staging/" in place:
        return "staging of a document" if place.endswith((".json", ".html")) else "staging"
    if place.startswith("/.slide2iiif/"):
        return "/".join(place.split("/")[2:3])
    return "the tree"


def place_of(call: Call) -> str:
    """Give the text of a call, or the last path that it names below an open folder: one that fails has no result."""
    if not re.search(r"at2?$", call.name):
        return call.text
    names = re.findall(r'<([^>]*)>, "([^"]*)"', call.text)
    return str(Path(names[-1][0], names[-1][1])) if names else call.text


def all_moments(scene: Scene, folder: Path) -> list[Moment]:
    dest = scene.start(folder / "public")
    run = traced_run(scene.command(dest), folder, TRACED)
    assert (run.exit_code, run.err) == (0, "")
    assert contents(dest) == contents(scene.after)
    # Or the numbers of calls would differ from one run to the next.
    assert len({call.thread for call in run.calls}) == 1
    assert not [call.text for call in run.calls if ".py" in call.text]
    return list(moments_on(dest, run.calls))


def fail_at(scene: Scene, folder: Path, moment: Moment, error: str) -> None:
    """Let a call fail, and see what becomes of it."""
    dest = scene.start(folder / "public")
    run = traced_run(scene.command(dest), folder, TRACED, f"{moment.name}:error={error}:when={moment.number}")
    what = f"{moment} {error}: {run.exit_code} {run.err!r}"
    [injected] = run.injected
    assert stage_of(dest, injected) == moment.stage, f"{what} {injected.text}"
    if not is_left_or_put_right(scene, moment, run, dest):
        assert run.exit_code == 3, what
        [line] = run.err.splitlines()
        assert line.startswith("slide2iiif: "), what
        assert WORDS[error] in line, what
    scene.assert_whole(dest, what)
    scene.assert_known(dest, what)
    scene.assert_finished_by_the_next_run(dest, what)


def is_left_or_put_right(scene: Scene, moment: Moment, run: Run, dest: Path) -> bool:
    """Tell whether a repair could not read what it looks after, and did what it is for.

    It names the file, leaves it alone and ends with exit code 1; or it puts a new one in the place of a damaged one.
    """
    if scene.words[0] != "repair" or moment.name != "openat" or "O_RDONLY" not in moment.text:
        return False
    if run.exit_code == 0 and moment.stage == "the tree":
        return run.err == "" and contents(dest) == contents(scene.after)
    found = re.fullmatch(r"slide2iiif: unreadable: [^\n]*: left alone\n", run.err)
    return run.exit_code == 1 and found is not None and moment.stage in {"the tree", "receipts"}


def one_of_each_stage(moments: Iterable[Moment]) -> list[Moment]:
    """Take of every stage of a run one call of each name, from the middle of those there are."""
    of_stage: dict[tuple[str, str], list[Moment]] = {}
    for moment in moments:
        of_stage.setdefault((moment.stage, moment.name), []).append(moment)
    return [found[len(found) // 2] for found in of_stage.values()]


def test_a_call_that_fails_at_any_stage_of_a_run_is_told_and_the_next_run_finishes(
    request: pytest.FixtureRequest, scene: Scene, quick_folder: Path
) -> None:
    chosen = one_of_each_stage(all_moments(scene, quick_folder))
    assert STAGES[request.node.callspec.params["scene"]] <= {moment.stage for moment in chosen}
    for turn, moment in enumerate(chosen):
        fail_at(scene, quick_folder, moment, moment.errors[turn % len(moment.errors)])


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("piece", range(PIECES))
def test_each_call_that_fails_is_told_and_the_next_run_finishes(scene: Scene, quick_folder: Path, piece: int) -> None:
    found = all_moments(scene, quick_folder)
    sys.stdout.write(f"{len(found)} calls\n")
    assert len(found) > 60
    for turn, moment in list(enumerate(found))[piece::PIECES]:
        fail_at(scene, quick_folder, moment, moment.errors[turn % len(moment.errors)])


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
