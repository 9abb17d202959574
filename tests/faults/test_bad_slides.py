"""A slide that ends its worker, or keeps it for ever, costs that slide only, and is named with the reason.

The program is the installed one: strace sends the signal, or holds the call back, when a worker opens the slide.
"""

from pathlib import Path

import pytest
from commands import COMMAND
from made_slides import write_image, write_synthetic
from published import documents, faults
from traces import installed_run

URL = ["--base-url", "https://host.example/iiif"]


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
    code, err, dest = export_with(tmp_path, "delay_enter=6000000", "--open-timeout", 2)
    assert code == 1
    # strace speaks of the call that it held back and that nobody waits for any more.
    assert [line for line in err.splitlines() if not line.startswith("strace:")] == [
        "slide2iiif: bad.png: opening it took longer than 2 s; if it is sound, raise --open-timeout"
    ]
    assert len(list(documents(dest))) == 11
    assert faults(dest) == []


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", ["SIGSEGV", "SIGBUS", "SIGKILL"])
def test_of_a_hundred_slides_ninety_nine_are_exported(tmp_path: Path, name: str) -> None:
    code, _, dest = export_with(tmp_path, f"signal={name}", slides=100)
    assert (code, len(list(documents(dest)))) == (1, 99)
    assert faults(dest) == []
