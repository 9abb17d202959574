"""A slide that ends its worker, or keeps it for ever, costs that slide only, and is named with the reason.

The program is the installed one: strace sends the signal, or holds the call back, when a worker opens the slide.
"""

import contextlib
import json
import os
import re
import subprocess
from pathlib import Path

import psutil
import pytest
from commands import COMMAND, run_command, started
from made_slides import write_image, write_synthetic
from patience import PATIENCE, wait_until
from published import documents, faults
from traces import installed_run

URL = ["--base-url", "https://host.example/iiif"]
LIMIT = 15
"""Seconds that a worker may take: far more than a small slide does, however busy the machine is."""
HANGS = "delay_enter=30s"
"""Longer than that, as strace spells it."""


def export_with(folder: Path, inject: str, *options: object, slides: int = 12) -> tuple[int, str, Path]:
    """Export slides of which one has something injected when it is opened."""
    for number in range(slides - 1):
        write_synthetic(folder / "slides" / f"{number:02}.synthetic", 60, 50)
    bad = write_image(folder / "slides" / "bad.png", 60, 50)
    dest = folder / "public"
    command = [COMMAND, "export", folder / "slides", dest, *URL, "-q", "--jobs", 2, *options]
    log = folder / "trace.log"
    code, err = installed_run(command, log, "-P", str(bad), "-e", "trace=openat", "-e", f"inject=openat:{inject}")
    assert "bad.png" in log.read_text()
    return code, err, dest


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGBUS", "SIGKILL", "SIGABRT"])
def test_a_signal_that_ends_a_worker_costs_one_slide_and_is_named(tmp_path: Path, name: str) -> None:
    code, err, dest = export_with(tmp_path, f"signal={name}")
    assert code == 1
    [line] = err.splitlines()
    assert line.startswith(f"slide2iiif: bad.png: the process that worked on it died: {name}")
    assert len(list(documents(dest))) == 11
    assert faults(dest) == []


def test_a_slide_that_does_not_open_in_time_costs_itself_and_is_named_with_the_deadline(tmp_path: Path) -> None:
    code, err, dest = export_with(tmp_path, HANGS, "--open-timeout", LIMIT)
    assert code == 1
    # strace speaks of the call that it held back and that nobody waits for any more.
    assert [line for line in err.splitlines() if not line.startswith("strace:")] == [
        "slide2iiif: bad.png: opening it took longer than 15 s; if it is sound, raise --open-timeout"
    ]
    assert len(list(documents(dest))) == 11
    assert faults(dest) == []


def damaged_tree(folder: Path) -> Path:
    """Publish three slides, and take a picture from each, under all its names."""
    for name in ("a", "c"):
        write_synthetic(folder / "slides" / f"{name}.synthetic", 60, 50)
    write_image(folder / "slides" / "bad.png", 60, 50)
    dest = folder / "public"
    run_command("export", folder / "slides", dest, *URL, "-q").check_returncode()
    for document in documents(dest):
        lost = (document.parent / LOST).stat().st_ino
        for file in [file for file in document.parent.rglob("*.jpg") if file.stat().st_ino == lost]:
            file.unlink()
    return dest


LOST = "full/90,/0/default.jpg"
WAYS = [
    (HANGS, "{} took longer than 15 s; if it is sound, raise {}"),
    ("signal=SIGSEGV", "the process that worked on it died: SIGSEGV"),
]


@pytest.mark.parametrize(("inject", "words"), WAYS, ids=["hangs", "dies"])
def test_a_worker_that_is_lost_while_a_tree_is_verified_costs_one_slide(
    tmp_path: Path, inject: str, words: str
) -> None:
    dest, log = damaged_tree(tmp_path), tmp_path / "trace.log"
    file = dest / "bad.png" / "full/max/0/default.jpg"
    command = [COMMAND, "verify", dest, "--jobs", 2, "--block-timeout", LIMIT, "--json", tmp_path / "found.json", "-q"]
    code, _ = installed_run(command, log, "-P", str(file), "-e", "trace=openat", "-e", f"inject=openat:{inject}")
    assert "bad.png" in log.read_text()
    assert code == 1
    found = json.loads((tmp_path / "found.json").read_text())["findings"]
    [lost] = [each for each in found if each["slide"] == "bad.png"]
    assert (lost["kind"], lost["path"]) == ("unreadable", "bad.png")
    words = words.format("checking some of its files", "--block-timeout")
    assert lost["detail"] == f"{words}; what is left of the slide was not looked at"
    assert {each["path"] for each in found} > {f"{name}.synthetic/{LOST}" for name in "ac"}


@pytest.mark.parametrize(("inject", "words"), WAYS, ids=["hangs", "dies"])
def test_a_worker_that_is_lost_while_a_tree_is_repaired_costs_one_slide(
    tmp_path: Path, inject: str, words: str
) -> None:
    dest, log = damaged_tree(tmp_path), tmp_path / "trace.log"
    slide = tmp_path / "slides" / "bad.png"
    command = [COMMAND, "repair", dest, "--source", slide.parent, "--jobs", 2, "--open-timeout", LIMIT, "-q"]
    code, err = installed_run(command, log, "-P", str(slide), "-e", "trace=openat", "-e", f"inject=openat:{inject}")
    assert "bad.png" in log.read_text()
    assert code == 1
    words = words.format("opening it", "--open-timeout")
    assert [line for line in err.splitlines() if not line.startswith("strace:")] == [f"slide2iiif: bad.png: {words}"]
    found = [each for each in faults(dest) if not each.startswith("bad.png/")]
    assert found == []
    assert not (dest / "bad.png" / LOST).exists()


@pytest.mark.parametrize(("inject", "words"), WAYS, ids=["hangs", "dies"])
def test_a_worker_that_is_lost_while_a_slide_is_inspected_is_told_with_the_slide(
    tmp_path: Path, inject: str, words: str
) -> None:
    slide, log = write_image(tmp_path / "bad.png", 60, 50), tmp_path / "trace.log"
    command = [COMMAND, "inspect", slide, "--open-timeout", LIMIT]
    code, err = installed_run(command, log, "-P", str(slide), "-e", "trace=openat", "-e", f"inject=openat:{inject}")
    assert code == 1
    words = words.format("opening it", "--open-timeout")
    assert [line for line in err.splitlines() if not line.startswith("strace:")] == [f"slide2iiif: {slide}: {words}"]


@pytest.mark.parametrize("command", ["export", "export -n", "inspect"])
def test_a_mapped_file_that_is_cut_is_a_bus_error_that_costs_one_slide(tmp_path: Path, command: str) -> None:
    """libvips maps a WebP. strace stops the worker when it has, until the file is cut."""
    source, dest, log = tmp_path / "slides", tmp_path / "public", tmp_path / "trace.log"
    for name in "ac":
        write_synthetic(source / f"{name}.synthetic", 60, 50)
    slide = write_image(source / "b.webp", 900, 700, lossless=True)
    summary = tmp_path / "summary.json"
    arguments = [slide] if command == "inspect" else [source, dest, *URL, "-q", "--jobs", 2, "--json", summary]
    hold = ["-P", slide, "-e", "trace=mmap", "-e", "inject=mmap:signal=STOP:when=1"]
    run = ["strace", "-f", "-o", log, *hold, "--", COMMAND, *command.split(), *arguments]
    with started(run, stderr=subprocess.PIPE, text=True) as process:
        worker = wait_for_the_mapping(slide, process.pid)
        os.truncate(slide, 0)
        worker.resume()
        _, err = process.communicate(timeout=PATIENCE)
    assert re.search(r"SIGBUS \{si_signo=SIGBUS, si_code=BUS_ADRERR", log.read_text())
    assert "killed by SIGBUS" in log.read_text()
    assert process.returncode == 1
    [line] = err.splitlines()
    died = "the process that worked on it died: SIGBUS"
    if command == "inspect":
        assert line == f"slide2iiif: {slide}: {died}"
        return
    # An export has read it once more, as it had changed.
    assert line.startswith(f"slide2iiif: b.webp: {died if '-n' in command else 'the file is empty: copy it again'}")
    told = {each["source"]: each["status"] for each in json.loads(summary.read_text())["slides"]}
    good = "planned" if "-n" in command else "exported"
    assert told == {"a.synthetic": good, "b.webp": "failed", "c.synthetic": good}
    assert len(list(documents(dest))) == (0 if "-n" in command else 2)


def wait_for_the_mapping(file: Path, ancestor: int) -> psutil.Process:
    """Wait until a process below another one has a file in its memory and is stopped, and return it."""
    found: list[psutil.Process] = []

    def is_stopped() -> bool:
        for process in psutil.Process(ancestor).children(recursive=True):
            with contextlib.suppress(OSError, psutil.NoSuchProcess):
                is_mapped = str(file) in Path(f"/proc/{process.pid}/maps").read_text()
                if is_mapped and process.status() in {psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP}:
                    found.append(process)
        return bool(found)

    assert wait_until(is_stopped), f"{file} is not mapped"
    return found[0]


def test_a_slide_that_opens_once_and_then_no_more_has_a_deadline_too(tmp_path: Path) -> None:
    """The first two openings are those of its description, the others those of a block."""
    # One worker, as strace counts the calls of each process by itself.
    limits = ["--open-timeout", 60, "--block-timeout", LIMIT, "--jobs", 1]
    code, err, dest = export_with(tmp_path, f"{HANGS}:when=3+", *limits, slides=3)
    assert code == 1
    assert [line for line in err.splitlines() if not line.startswith("strace:")] == [
        "slide2iiif: bad.png: a block of it took longer than 15 s; if it is sound, raise --block-timeout"
    ]
    assert len(list(documents(dest))) == 2


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", ["SIGSEGV", "SIGBUS", "SIGKILL"])
def test_of_a_hundred_slides_ninety_nine_are_exported(tmp_path: Path, name: str) -> None:
    code, _, dest = export_with(tmp_path, f"signal={name}", slides=100)
    assert (code, len(list(documents(dest)))) == (1, 99)
    assert faults(dest) == []
