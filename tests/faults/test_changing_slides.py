"""A slide that changes while it is read: what is published is one version of it, the whole of that, or nothing."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from commands import COMMAND, STRICT, run_command, started
from formats.exports import write_pyramid
from formats.pictures import JPEG, Coding, picture
from patience import PATIENCE
from PIL import Image
from published import faults, slide_of

URL = ["--base-url", "https://host.example/iiif"]
RUNS = 50
"""Of each sort of slide, in the full form."""
_LOOK_SECONDS = 0.002
MORE_RUNS = 100
_READ_AGAIN = "had changed while it was read, and was read again"


class Versions(NamedTuple):
    """Two versions of one slide, and what is published of each."""

    name: str
    old: bytes
    new: bytes
    """Of the same length."""
    trees: tuple[dict[str, str], dict[str, str]]
    seconds: float
    """From the first file in staging to the end of an undisturbed run."""


def replace(path: Path, versions: Versions) -> None:
    fresh = path.with_name("fresh")
    fresh.write_bytes(versions.new)
    fresh.replace(path)


def edit_in_place(path: Path, versions: Versions) -> None:
    """Write over it, a piece at a time, and put the time back: as rsync --inplace --times does."""
    before = path.stat()
    with path.open("r+b") as file:
        for begin in range(0, len(versions.new), 1 << 18):
            file.write(versions.new[begin : begin + (1 << 18)])
            file.flush()
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def truncate(path: Path, versions: Versions) -> None:
    os.truncate(path, len(versions.old) // 3)


def truncate_and_replace(path: Path, versions: Versions) -> None:
    """Cut it under a reader that has it mapped, which is a signal then, and put another in its place."""
    os.truncate(path, 4096)
    time.sleep(0.05)
    replace(path, versions)


def append(path: Path, versions: Versions) -> None:
    del versions
    with path.open("ab") as file:
        file.write(bytes(1000))


CHANGES: tuple[Callable[[Path, Versions], None], ...] = (
    replace, edit_in_place, truncate, truncate_and_replace, append,
)  # fmt: skip


def _tiff(coding: Coding) -> Callable[[Path, bool], None]:
    def write(path: Path, is_new: bool) -> None:  # noqa: FBT001
        full = picture(2600, 2000)
        write_pyramid(path, np.ascontiguousarray(full[::-1]) if is_new else full, coding=coding)

    return write


def _webp(path: Path, is_new: bool) -> None:  # noqa: FBT001
    full = picture(2600, 2000)
    Image.fromarray(full[::-1] if is_new else full).save(path, lossless=True, method=0)


SORTS: dict[str, Callable[[Path, bool], None]] = {
    "copied.tif": _tiff(JPEG),
    "raw.tif": _tiff(Coding(compression=1)),
    "mapped.webp": _webp,
}
"""Slides whose tiles are copied, or read by OpenSlide; and one that its reader maps."""


@pytest.fixture(scope="module", params=list(SORTS))
def versions(request: pytest.FixtureRequest, quick_folder: Path) -> Versions:
    name = str(request.param)
    folder = quick_folder / name
    contents, trees = [], []
    for is_new in (False, True):
        source, dest = folder / f"slides-{is_new}", folder / f"public-{is_new}"
        source.mkdir(parents=True)
        SORTS[name](source / name, is_new)
        contents.append((source / name).read_bytes())
    length = max(map(len, contents))
    # Behind the end of a TIFF, and of the chunks of a WebP, nobody looks.
    old, new = (content.ljust(length, b"\0") for content in contents)
    for is_new, content in ((False, old), (True, new)):
        source, dest = folder / f"slides-{is_new}", folder / f"public-{is_new}"
        (source / name).write_bytes(content)
        run_command("export", source, dest, *URL, "-q").check_returncode()
        trees.append(slide_of(dest, name))
    assert trees[0] != trees[1]
    made = Versions(name, old, new, (trees[0], trees[1]), 0)
    begun: list[float] = []
    export_changing(folder / "timing", made, lambda _, __: begun.append(time.monotonic()), 0)
    return made._replace(seconds=time.monotonic() - begun[0])


def export_changing(
    folder: Path, versions: Versions, change: Callable[[Path, Versions], object], wait: float
) -> tuple[dict[str, Any], Path]:
    """Export, change the slide so many seconds after its first file was staged, and give its outcome and the tree."""
    shutil.rmtree(folder, ignore_errors=True)
    source, dest = folder / "slides", folder / "public"
    source.mkdir(parents=True)
    slide = source / versions.name
    slide.write_bytes(versions.old)
    summary = folder / "summary.json"
    command = [COMMAND, "export", source, dest, *URL, "-q", "--jobs", "2", "--json", summary]
    staging = dest / ".slide2iiif" / "staging"
    with started(command, stderr=subprocess.PIPE, text=True, env=STRICT) as process:
        while process.poll() is None and not (staging.is_dir() and any(staging.iterdir())):
            time.sleep(_LOOK_SECONDS)
        time.sleep(wait)
        change(slide, versions)
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode in {0, 1}, err
    assert "Traceback" not in err
    [outcome] = json.loads(summary.read_text())["slides"]
    return outcome, dest


def check_run(folder: Path, versions: Versions, change: Callable[[Path, Versions], None], wait: float) -> bool:
    """Check one run, and tell whether the change was noticed."""
    outcome, dest = export_changing(folder, versions, change, wait)
    published = slide_of(dest, versions.name)
    if outcome["status"] == "failed":
        assert published == {}
        assert outcome["reason"]
        assert "please report" not in outcome["reason"]
        return True
    assert published in versions.trees, f"a mix of two versions, after {wait:.3f} s"
    assert faults(dest) == []
    noticed: bool = outcome["reason"] == _READ_AGAIN
    if noticed and change is not append:
        assert published == versions.trees[1]
    if change is truncate:
        assert not noticed
    return noticed


def sweep(folder: Path, versions: Versions, runs: int) -> None:
    seed = int(os.environ.get("SLIDE2IIIF_SEED", time.time_ns()))
    sys.stdout.write(f"SLIDE2IIIF_SEED={seed} does the same again\n")
    rng = random.Random(seed)  # noqa: S311 - for moments, not for secrets
    noticed = done = 0
    for number, change in enumerate(_in_turn()):
        # Beside other work some changes come too late to be noticed: then more are made, each as early as can be.
        if number >= runs and (noticed or number == runs + MORE_RUNS):
            break
        wait = rng.uniform(0, 0.8 * versions.seconds) if 0 < number < runs else 0
        noticed += check_run(folder, versions, change, wait)
        done += 1
    sys.stdout.write(f"{versions.name}: {noticed} of {done} changes came while it was read\n")
    assert noticed


def _in_turn() -> Iterator[Callable[[Path, Versions], None]]:
    while True:
        yield from CHANGES


@pytest.mark.parametrize("runs", [5, pytest.param(RUNS, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])])
def test_a_slide_that_changes_while_it_is_read_is_never_a_mix(
    quick_folder: Path, versions: Versions, runs: int
) -> None:
    sweep(quick_folder / "changing", versions, runs)
