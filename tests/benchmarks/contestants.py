"""Who exports: this tool and its peers, each as the commands that its user would run."""

import functools
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from measuring import Command, measure
from slides import Material

PEERS = Path(__file__).parent / "peers"
PROGRAM = shutil.which("slide2iiif", path=os.path.dirname(sys.executable)) or "slide2iiif"  # noqa: PTH120
CORES = len(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True)
class Work:
    """One export to do."""

    material: Material
    """What."""
    out: Path
    """Where to, not there yet; a peer makes a folder in it for each slide."""
    tile_size: int
    """Side of a tile in pixels."""
    quality: int
    """Of encoded JPEG tiles, on libjpeg's scale, which all contestants use."""
    jobs: int
    """Processes or threads."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """Someone who exports."""

    name: str
    """As the table shows it."""
    commands: Callable[[Work], list[Command]]
    """What is timed."""
    missing: Callable[[], str | None]
    """Why it cannot take part on this machine; None if it can."""
    prepare: Callable[[Work], None] | None = None
    """What is done once before and not timed."""
    slide: int = 0
    """Which of the case's slides it exports."""


def ours(name: str = "slide2iiif", *, extra: tuple[str, ...] = (), jobs: int = 0, slide: int = 0) -> Contestant:
    """Give this tool, perhaps with further options."""

    def commands(work: Work) -> list[Command]:
        options = {
            "--base-url": "https://iiif.example.org",
            "--tile-size": work.tile_size,
            "--quality": work.quality,
            "--jobs": jobs or work.jobs,
        }
        texts = [str(each) for pair in options.items() for each in pair]
        # The others write no pages either.
        return [_command(PROGRAM, "export", work.material.source, work.out, *texts, *extra, "--no-site", "--quiet")]

    def missing() -> str | None:
        unknown = [option for option in extra if option.startswith("--") and option not in _our_options()]
        if unknown:
            return f"this version has no {' '.join(unknown)}"
        if jobs > CORES:
            return f"this machine has no {jobs} cores"
        return None

    return Contestant(name, commands, missing, slide=slide)


def vips() -> Contestant:
    """Give the `vips` program, which reads slides through OpenSlide."""

    def commands(work: Work) -> list[Command]:
        threads = {"VIPS_CONCURRENCY": str(work.jobs)}
        options = ("--layout", "iiif3", "--tile-size", work.tile_size, "--suffix", f".jpg[Q={work.quality}]")
        return [_command("vips", "dzsave", slide, out, *options, **threads) for slide, out in _each(work)]

    return Contestant("vips dzsave", commands, lambda: _without_program("vips", "libvips-tools"))


def pyvips() -> Contestant:
    """Give libvips from its Python wheel, with its own TIFF or JPEG loader."""

    def commands(work: Work) -> list[Command]:
        threads = {"VIPS_CONCURRENCY": str(work.jobs)}
        script = PEERS / "tiff_dzsave.py"
        return [_command(sys.executable, script, work.tile_size, work.quality, *_pairs(work), **threads)]

    return Contestant("pyvips dzsave", commands, lambda: _without_module("pyvips"))


def deepzoom() -> Contestant:
    """Give OpenSlide's DeepZoomGenerator with processes."""

    def commands(work: Work) -> list[Command]:
        script = PEERS / "deepzoom.py"
        return [_command(sys.executable, script, work.tile_size, work.quality, work.jobs, *_pairs(work))]

    return Contestant("DeepZoomGenerator", commands, lambda: _without_module("openslide"))


def synced(contestant: Contestant) -> Contestant:
    """Give a contestant that waits for the disk at the end, as this tool does."""

    def commands(work: Work) -> list[Command]:
        # One call for the file system of the output, whatever is on it.
        return [*contestant.commands(work), _command("sync", "-f", work.out.parent)]

    return replace(contestant, name=f"{contestant.name}, and sync", commands=commands)


def bare(*flags: str) -> Contestant:
    """Give the floor: a program that does what every exporter has to, and nothing else.

    `--checked` has it check and digest tiles as well, which this tool must.
    """

    def commands(work: Work) -> list[Command]:
        script = PEERS / "bare.py"
        setting = (work.tile_size, work.quality, work.jobs)
        return [_command(sys.executable, script, *setting, *flags, *pair) for pair in _each(work)]

    name = "bare, checked" if "--checked" in flags else "bare"
    return Contestant(name, commands, lambda: _without_module("tifffile"))


def tar() -> Contestant:
    """Give the unpacking of our own tree: what writing the files alone costs."""

    def archive(work: Work) -> Path:
        return work.out.with_name("tree.tar")

    def prepare(work: Work) -> None:
        measure(ours().commands(work))
        measure([_command("tar", "cf", archive(work), "-C", work.out, ".")])

    def commands(work: Work) -> list[Command]:
        # The archive is made once; the folder to unpack into is put away after each run.
        work.out.mkdir()
        return [_command("tar", "xf", archive(work), "-C", work.out)]

    return Contestant("tar xf", commands, lambda: _without_program("tar", "tar"), prepare)


def _each(work: Work) -> list[tuple[Path, Path]]:
    """Pair every slide with a folder for it, whose parent exists."""
    work.out.mkdir(exist_ok=True)
    return [(slide, work.out / f"{number:04}") for number, slide in enumerate(work.material.slides)]


def _pairs(work: Work) -> list[Path]:
    return [path for pair in _each(work) for path in pair]


def _command(*arguments: object, **environment: str) -> Command:
    return Command(tuple(map(str, arguments)), environment)


def _without_program(name: str, package: str) -> str | None:
    return None if shutil.which(name) else f"{name} is not installed (package {package})"


def _without_module(name: str) -> str | None:
    return None if importlib.util.find_spec(name) else f"{name} is not installed"


@functools.cache
def _our_options() -> frozenset[str]:
    words = subprocess.run([PROGRAM, "export", "--help"], check=True, capture_output=True, text=True).stdout.split()
    return frozenset(word.strip("[],") for word in words)
