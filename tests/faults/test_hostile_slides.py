"""Damaged and hostile slides among good ones: each is exported wholly, or refused by name with a reason.

Whatever is wrong with a slide, the run goes on, its neighbours are as if it were not there, and no process takes a
gigabyte or lasts longer than its deadline.
"""

import json
import os
import random
import re
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bombs import write_bombs
from commands import COMMAND, run_command
from formats.exports import write_ome, write_pyramid, write_qptiff
from formats.pictures import Coding
from formats.vendors import write_leica, write_philips, write_ventana
from made_slides import write_image, write_synthetic
from mutations import mutate
from patience import PATIENCE
from published import contents, faults, slide_of
from traces import installed_run
from watched import Watched, watched_run

from slide2iiif.geometry import Size
from slide2iiif.samples import write_aperio

URL = ["--base-url", "https://host.example/iiif"]
GIGABYTE_IN_KB = 1 << 20
MUTANTS, ROUNDS = 300, 17
"""Slides of a round, and rounds of the full form."""
DEADLINE = 10
"""Seconds that opening a slide or a block of it may take here."""
_GOOD = 10


def _lzw(path: Path) -> Path:
    return write_image(path, 500, 400, compression="tiff_lzw")


MADE: dict[str, Callable[[Path], object]] = {
    "a.svs": lambda path: write_aperio(path, Size(600, 450)),
    "b.tif": write_pyramid,
    "c.tif": lambda path: write_pyramid(path, coding=Coding(compression=8), big=True),
    "d.tif": lambda path: write_pyramid(path, order=">", coding=Coding(sampling="444")),
    "e.ome.tiff": write_ome,
    "f.qptiff": write_qptiff,
    "g.scn": write_leica,
    "h.bif": write_ventana,
    "i.tiff": write_philips,
    "j.tif": _lzw,
    "k.jpg": lambda path: write_image(path, 500, 400, quality=90),
    "l.jpg": lambda path: write_image(path, 500, 400, quality=90, progressive=True),
    "m.png": lambda path: write_image(path, 300, 200),
    "n.jp2": lambda path: write_image(path, 300, 200),
    "o.webp": lambda path: write_image(path, 300, 200),
    "p.gif": lambda path: write_image(path, 300, 200),
    "q.bmp": lambda path: write_image(path, 100, 80),
}
"""Small slides of each format that are changed."""
REAL = {
    "r.ndpi": "hamamatsu/test3-DAPI-2-387.ndpi",
    "s.dcm": "dicom/cmu-1-small-region/level-4-frames-0-1.dcm",
    "t.dcm": "dicom/cmu-1-small-region/level-2-frames-0-4.dcm",
    "u.svs": "aperio/tcga-cr-7395-01a-01-ts1.svs",
}
"""Those that nothing here can make."""
_RARE = {"r.ndpi": 0.4, "u.svs": 0.1}
"""Shares of those that are large."""


def write_originals(folder: Path, slides: Path) -> dict[str, bytes]:
    for name, write in MADE.items():
        write(folder / name)
    for name, path in REAL.items():
        shutil.copyfile(slides / path, folder / name)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def write_good(folder: Path) -> None:
    """Write slides between which the others will lie."""
    for number in range(_GOOD):
        place = folder / f"{number * 30:04}"
        place.mkdir(parents=True, exist_ok=True)
        if number % 2:
            write_pyramid(place / "good.tif", scales=(1, 4))
        else:
            write_synthetic(place / "good.synthetic", 700, 300 + number)


def export_watched(source: Path, dest: Path, *options: object, timeout: float) -> tuple[Watched, dict[str, Any]]:
    """Export, and give the outcomes by path below the source."""
    summary = dest.with_suffix(".json")
    limits = ["--open-timeout", DEADLINE, "--block-timeout", DEADLINE, "--max-pixels", 10**9]
    command = [COMMAND, "export", source, dest, *URL, "-q", "--jobs", 2, *limits, *options, "--json", summary]
    run = watched_run(command, timeout)
    assert run.exit_code in {0, 1}, run.err
    assert "Traceback" not in run.err
    told = json.loads(summary.read_text())
    return run, {each["source"] or str(Path(each["identifier"]).relative_to(source)): each for each in told["slides"]}


def assert_refused_with_a_reason(outcome: dict[str, Any], err: str) -> None:
    """The slide is named, with what is wrong, in one line, and it is not us who are wrong."""
    assert outcome["status"] == "failed", outcome
    assert len(outcome["reason"]) > 10
    assert "\n" not in outcome["reason"]
    assert "please report" not in outcome["reason"], outcome
    assert "no reason known" not in outcome["reason"]
    assert outcome["source"] in err or outcome["identifier"] in err


def assert_small(run: Watched) -> None:
    peak = max(run.peaks.values())
    sys.stdout.write(f"{len(run.peaks)} processes, {peak // 1024} MB at most, {run.seconds:.0f} s\n")
    assert peak < GIGABYTE_IN_KB


def check_round(folder: Path, originals: dict[str, bytes], good: dict[str, dict[str, str]], seed: int) -> None:
    source, dest = folder / "slides", folder / "public"
    for place in (source, dest):
        shutil.rmtree(place, ignore_errors=True)
    sys.stdout.write(f"SLIDE2IIIF_SEED={seed} does the same again\n")
    rng = random.Random(seed)  # noqa: S311 - for damage, not for secrets
    write_good(source)
    names = list(originals)
    weights = [_RARE.get(name, 1.0) for name in names]
    bad = []
    for number in range(MUTANTS):
        [name] = rng.choices(names, weights)
        place = source / f"{number:04}" / name
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(mutate(originals[name], rng))
        bad.append(f"{number:04}/{name}")
    run, told = export_watched(source, dest, timeout=PATIENCE)
    for name, expected in good.items():
        assert told[name]["status"] == "exported", told[name]
        assert slide_of(dest, name) == expected, name
    exported = 0
    for name in bad:
        if told[name]["status"] == "exported":
            exported += 1
        else:
            assert_refused_with_a_reason(told[name], run.err)
            assert not (dest / name).exists()
    sys.stdout.write(f"{exported} of {len(bad)} exported, {len(bad) - exported} refused\n")
    assert len(told) == len(bad) + len(good)
    assert 20 < exported < len(bad) - 20, "the damage is too weak or too strong to prove anything"
    assert len(list(dest.rglob("info.json"))) == exported + len(good)
    assert faults(dest) == []
    assert_small(run)


@pytest.fixture(scope="module")
def originals(quick_folder: Path, slides: Path) -> dict[str, bytes]:
    folder = quick_folder / "originals"
    folder.mkdir()
    return write_originals(folder, slides)


@pytest.fixture(scope="module")
def good(quick_folder: Path) -> dict[str, dict[str, str]]:
    """Contents of the good slides as an undisturbed run publishes them."""
    source, dest = quick_folder / "alone", quick_folder / "alone-public"
    write_good(source)
    run_command("export", source, dest, *URL, "-q").check_returncode()
    names = [path.relative_to(source).as_posix() for path in source.rglob("good.*")]
    assert contents(dest)
    return {name: slide_of(dest, name) for name in names}


def first_seed() -> int:
    return int(os.environ.get("SLIDE2IIIF_SEED", time.time_ns() // 1000))


def test_hundreds_of_damaged_slides_harm_nobody_but_themselves(
    quick_folder: Path, originals: dict[str, bytes], good: dict[str, dict[str, str]]
) -> None:
    check_round(quick_folder, originals, good, first_seed())


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_thousands_of_damaged_slides_harm_nobody_but_themselves(
    quick_folder: Path, originals: dict[str, bytes], good: dict[str, dict[str, str]]
) -> None:
    for number in range(ROUNDS):
        check_round(quick_folder, originals, good, first_seed() + number)


def test_small_files_that_claim_to_be_huge_are_refused_in_time_and_in_little_memory(
    quick_folder: Path, slides: Path, good: dict[str, dict[str, str]]
) -> None:
    """The parent, which looks into headers to find slides, is measured too."""
    source, dest = quick_folder / "bombs", quick_folder / "bombs-public"
    aperio = quick_folder / "whole.svs"
    write_aperio(aperio, Size(600, 450), associated={"thumbnail", "label", "macro"})
    write_good(source)
    said = write_bombs(source, slides / REAL["s.dcm"], aperio)
    run, told = export_watched(source, dest, "--associated", "label", timeout=PATIENCE)
    for name, pattern in said.items():
        sys.stdout.write(f"{name}: {told[name]['status']} {told[name]['reason']}\n")
        if not pattern and told[name]["status"] == "exported":
            continue
        assert_refused_with_a_reason(told[name], run.err)
        assert re.search(pattern, told[name]["reason"]), told[name]
    for name, expected in good.items():
        assert slide_of(dest, name) == expected, name
    assert len(list(dest.rglob("info.json"))) == sum(each["status"] == "exported" for each in told.values())
    assert faults(dest) == []
    assert_small(run)


# Every command, and images that are large and honest


def test_every_command_holds_whoever_opens_a_slide_to_the_limit_of_memory(tmp_path: Path) -> None:
    """strace tells the limit of each process, and which processes open slides, or decode published pictures."""
    source, dest, log = tmp_path / "slides", tmp_path / "public", tmp_path / "trace.log"
    write_image(source / "b.png", 300, 200)
    write_aperio(source / "a.svs", Size(600, 450))
    commands: dict[str, list[object]] = {
        "export --dry-run": ["export", source, dest, *URL, "-q", "-n"],
        "export": ["export", source, dest, *URL, "-q"],
        "verify": ["verify", dest, "-q", "--deep", "--source", source],
        "repair": ["repair", dest, "--source", source, "-q"],
        "inspect": ["inspect", source / "a.svs", "--phi"],
    }
    for name, command in commands.items():
        if name == "repair":
            for picture in dest.rglob("full/90,/0/default.jpg"):
                picture.unlink()
        # To compare its bytes is no danger to whoever puts a picture into its place.
        looked_at = f"{source}/.*|{dest}/.*\\.jpg" if name == "verify" else f"{source}/.*"
        opened = opened_by_whom([COMMAND, *command, "--worker-memory", 700], log, looked_at)
        assert opened, name
        assert set(opened.values()) == {700 << 20}, (name, opened)


def opened_by_whom(command: list[object], log: Path, pattern: str) -> dict[str, int]:
    """Run a command, and give the limit of memory of each process that opened such a file, in bytes."""
    code, err = installed_run(command, log, "-y", "-e", "trace=openat,prlimit64,setrlimit")
    assert code == 0, err
    limits: dict[str, int] = {}
    opened: dict[str, int] = {}
    for line in log.read_text(errors="replace").splitlines():
        process = line.split()[0]
        if found := re.search(r"RLIMIT_DATA, \{rlim_cur=(\d+)(\*1024)?", line):
            limits[process] = int(found[1]) * (1024 if found[2] else 1)
        elif re.search(rf"O_RDONLY.* = \d+<({pattern})>$", line) and "O_DIRECTORY" not in line:
            opened[process] = limits.get(process, 0)
    return opened


def test_a_large_honest_image_is_refused_with_the_limit_and_done_with_a_higher_one(tmp_path: Path) -> None:
    source, dest = tmp_path / "slides", tmp_path / "public"
    write_image(source / "large.jp2", 3500, 3500)
    export, low = ["export", source, dest, *URL, "-q"], ["--worker-memory", 256]
    said = (
        "slide2iiif: large.jp2: needs more memory than the 256 MB that a worker may take, some 221 MB for its pixels "
        "alone: convert it to tiled TIFF, which is read in parts, or raise --worker-memory if it is sound\n"
    )
    done = run_command(*export, *low)
    assert (done.returncode, done.stderr) == (1, said)
    run_command(*export).check_returncode()
    (lost,) = dest.rglob("full/90,/0/default.jpg")
    lost.unlink()
    repair = ["repair", dest, "--source", source, "-q"]
    done = run_command(*repair, *low)
    assert (done.returncode, done.stderr, lost.exists()) == (1, said, False)
    run_command(*repair).check_returncode()
    assert lost.exists()
    assert faults(dest) == []


def test_a_published_file_of_gigabytes_is_told_and_not_taken_into_memory(tmp_path: Path) -> None:
    source, dest = tmp_path / "slides", tmp_path / "public"
    write_synthetic(source / "a.synthetic", 600, 450)
    run_command("export", source, dest, *URL, "-q", "--tile-size", 256).check_returncode()
    for name in ("full/90,/0/default.jpg", "0,0,256,256/256,/0/default.jpg"):
        os.truncate(dest / "a.synthetic" / name, 3 << 30)
    for options in ([], ["--deep"]):
        run = watched_run([COMMAND, "verify", dest, "--json", "-", *options], 60)
        found = json.loads(run.out)["findings"]
        assert {(each["kind"], each["path"].partition("/")[2].split("/")[1]) for each in found} == {
            ("changed", "90,"), ("changed", "256,")
        }  # fmt: skip
        assert_small(run)
