"""Whoever reads a tree while it is changed finds everything that a document announces, as long as the document is.

A process of its own polls the tree and believes every document; see `reader.py`. What happens to the tree is drawn from
a seed: exports with other options, of slides that come, change and go, runs that are killed, other base URLs.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import reader
from commands import COMMAND, run_command, started
from made_slides import write_image, write_synthetic
from patience import PATIENCE
from published import documents, faults

BASES = ("https://host.example/iiif", "https://other.example/x")
SHORT, FULL, PIECE = 10, 100, 25
"""Exports that are polled in the short and the full form, and how many of the latter a test does."""


@contextmanager
def polled(dest: Path, *, to_the_end: bool = False) -> Iterator[dict[str, Any]]:
    """Poll a tree; afterwards the record tells what was seen. With `to_the_end`, until enough is found missing."""
    seen: dict[str, Any] = {}
    bases = [f"{base}{version}" for base in BASES for version in ("", "-v3")]
    command: list[str | Path] = [sys.executable, "-P", reader.__file__, dest, *bases]
    with started(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield seen
            if to_the_end:
                process.wait(PATIENCE)
        finally:
            out, _ = process.communicate("stop", timeout=PATIENCE)
        seen |= json.loads(out)


class Scene:
    """A tree and its slides, and what may happen to them."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.source, self.dest = folder / "slides", folder / "public"
        self.rng = random.Random(seed)  # noqa: S311 - for choices, not for secrets
        self.exports = 0
        write_synthetic(self.source / "stays.synthetic", 300, 140)
        write_image(self.source / "ward" / "stays.png", 150, 90)

    def change(self) -> None:
        """Let something happen."""
        self.rng.choice([self.export, self.export, self.killed_export, self.rebase])()

    def export(self) -> None:
        self._run(*self._export()).check_returncode()

    def killed_export(self) -> None:
        with started([COMMAND, *self._export()], stderr=subprocess.DEVNULL) as run:
            time.sleep(self.rng.uniform(0.2, 0.9))
            run.kill()

    def rebase(self) -> None:
        if self.dest.is_dir():
            # One that was announced by a run that was killed, and is not what is there, is told of.
            assert self._run("rebase", self.dest, "--base-url", self.rng.choice(BASES), "-q").returncode in {0, 1}

    def _export(self) -> list[object]:
        """Change the slides, and give the command that publishes them."""
        self.exports += 1
        for name in ("comes.synthetic", "ward/inner/comes.synthetic", "other/comes.synthetic"):
            if self.rng.random() < 0.5:
                (self.source / name).unlink(missing_ok=True)
            else:
                write_synthetic(self.source / name, self.rng.randrange(40, 400), self.rng.randrange(40, 200))
        options: list[object] = [
            "--tile-size",
            self.rng.choice([64, 128, 256]),
            "--quality",
            self.rng.randrange(50, 90),
        ]
        options += ["--base-url", self.rng.choice(BASES), "--rebase"]
        options += ["--api", self.rng.choice([2, 3])]
        options += [each for each in ("--delete", "--overwrite") if self.rng.random() < 0.4]
        options += ["--no-site" if self.rng.random() < 0.4 else "--site"]
        options += ["--max-delete", "100%"] if "--delete" in options else []
        return ["export", self.source, self.dest, "--jobs", 2, "-q", *options]

    @staticmethod
    def _run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return run_command(*arguments)


def poll_through(folder: Path, exports: int, seed: int) -> None:
    sys.stdout.write(f"SLIDE2IIIF_SEED={seed} does the same again\n")
    scene = Scene(folder, seed)
    with polled(scene.dest) as seen:
        while scene.exports < exports:
            scene.change()
        scene.export()
    sys.stdout.write(f"{seen['looks']} looks, {seen['documents']} documents, {seen['pictures']} pictures\n")
    assert not seen["misses"], "\n".join(seen["misses"])
    # How much a reader sees meanwhile is a matter of what else the machine does; that it saw anything is not.
    assert seen["documents"]
    assert seen["pictures"]
    assert faults(scene.dest) == []


def seed_of(first: int) -> int:
    return int(os.environ.get("SLIDE2IIIF_SEED", time.time_ns())) + first


def test_what_is_announced_is_there_for_whoever_reads_meanwhile(tmp_path: Path, quick_folder: Path) -> None:
    poll_through(quick_folder / tmp_path.name, SHORT, seed_of(0))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("first", range(0, FULL, PIECE))
def test_what_is_announced_is_there_through_a_hundred_exports(tmp_path: Path, quick_folder: Path, first: int) -> None:
    poll_through(quick_folder / tmp_path.name, min(PIECE, FULL - first), seed_of(first))


def test_a_document_that_is_put_right_follows_what_it_announces(tmp_path: Path) -> None:
    scene = Scene(tmp_path, 1)
    write_synthetic(scene.source / "large.synthetic", 1500, 1100)
    export = ["export", scene.source, scene.dest, "--base-url", BASES[0], "--tile-size", 64, "--no-site", "-q"]
    run_command(*export).check_returncode()
    for slide in ("large.synthetic", "stays.synthetic"):
        for path in (scene.dest / slide).iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    with polled(scene.dest) as seen:
        run_command("repair", scene.dest, "--source", scene.source, "-q").check_returncode()
    assert not seen["misses"], "\n".join(seen["misses"])
    assert len(list(documents(scene.dest))) == 3
    assert faults(scene.dest) == []


@pytest.mark.parametrize(
    ("lost", "by"),
    [
        ("stays.synthetic/0,0,*/*/0/default.jpg", {"info.json"}),
        ("stays.synthetic/full/400,/0/default.jpg", {"public/collection.json", "public/index.html", "manifest.json"}),
        ("ward/stays.png/full/max/0/default.jpg", {"stays.png/index.html", "stays.png/manifest.json"}),
    ],
)
def test_the_reader_sees_what_is_missing(tmp_path: Path, lost: str, by: set[str]) -> None:
    scene = Scene(tmp_path, 1)
    run_command("export", scene.source, scene.dest, "--base-url", BASES[0], "-q").check_returncode()
    with polled(scene.dest, to_the_end=True) as seen:
        next(scene.dest.glob(lost)).unlink()
    for document in by:
        assert any(f"{document} announces" in miss for miss in seen["misses"]), seen["misses"]
