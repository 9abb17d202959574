"""Standard streams that are closed, full or of a small alphabet: the run goes on and ends with the right exit code."""

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from commands import COMMAND, STRICT, run_command, started
from made_slides import write_synthetic
from patience import PATIENCE

from slide2iiif.geometry import Size
from slide2iiif.samples import write_aperio, write_image

BASE_URL = "https://host.example/iiif"


class Streams(NamedTuple):
    """The streams that a command is started with."""

    redirection: str = ""
    """As a shell spells it."""
    encoding: str = "utf-8:strict"
    """As `PYTHONIOENCODING` spells it."""


STREAMS = {
    "stdin closed": Streams("<&-"),
    "stdout closed": Streams(">&-"),
    "stderr closed": Streams("2>&-"),
    "all closed": Streams("<&- >&- 2>&-"),
    "stdout full": Streams(">/dev/full"),
    "stderr full": Streams("2>/dev/full"),
    "both full": Streams(">/dev/full 2>&1"),
    "stdout for reading": Streams("1</dev/null"),
    "stderr without a reader": Streams("2>&1 >/dev/null | :"),
    "ascii": Streams(encoding="ascii"),
    "EUC-JP": Streams(encoding="euc_jp"),
    "latin-1": Streams(encoding="latin-1"),
}

COMMANDS: dict[str, tuple[str, ...]] = {
    "export": ("export", "slides", "fresh", "--base-url", BASE_URL, "--jobs", "1"),
    "dry run": ("export", "slides", "fresh", "--base-url", BASE_URL, "--dry-run"),
    "quiet": ("export", "slides", "fresh", "--base-url", BASE_URL, "--jobs", "1", "-q"),
    "verbose": ("export", "slides", "fresh", "--base-url", BASE_URL, "--jobs", "1", "-vv"),
    "verify": ("verify", "tree"),
    "verify damaged": ("verify", "damaged"),
    "inspect": ("inspect", "slides/µ ×.svs"),
    "inspect --json": ("inspect", "slides/µ ×.svs", "--json"),
    "rebase": ("rebase", "tree", "--base-url", "https://other.example/iiif"),
    "repair": ("repair", "tree", "--source", "slides"),
    "demo": ("demo", "demo", "--no-serve"),
    "serve --help": ("serve", "--help"),
    "export --help": ("export", "--help"),
    "--version": ("--version",),
    "nothing": (),
    "no such option": ("verify", "tree", "--nonsense"),
    "no such folder": ("verify", "no µ"),
}
CODES = {"export": 1, "dry run": 1, "quiet": 1, "verbose": 1, "verify damaged": 1, "nothing": 2, "no such option": 2}
CODES["no such folder"] = 3
ANSWERS = {"inspect", "inspect --json"}
"""Commands that are run for what they print."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Slides, one of which fails, a tree of them that is whole, one that is not, and what the demo makes."""
    folder = tmp_path_factory.mktemp("streams")
    for name in ("slides/µ ×.svs", "demo/slides/tissue.svs"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_aperio(folder / name, Size(600, 450))
    write_image(folder / "demo/slides/photograph.jpg", Size(300, 200))
    write_synthetic(folder / "slides" / "ward µ" / "bad ×.synthetic", 0, 0)
    write_synthetic(folder / "slides" / "good.synthetic", 300, 200)
    for tree in ("tree", "damaged"):
        assert run_command("export", folder / "slides", folder / tree, "--base-url", BASE_URL).returncode == 1
    next((folder / "damaged" / "good.synthetic").rglob("default.jpg")).unlink()
    return folder


def run(place: Path, arguments: tuple[str, ...], streams: Streams, out: Path) -> subprocess.CompletedProcess[bytes]:
    """Run a command in a shell that redirects its streams; what it still can tell comes to us."""
    # The exit code of the command, not that of whatever reads from it.
    script = f'{{ "$@"; echo $? >"{out}"; }} {streams.redirection}'
    if "|" not in streams.redirection:
        script = f'"$@" {streams.redirection}; echo $? >"{out}"'
    # npm is not there: the demo goes without the viewer that it would load.
    env = {**STRICT, "PYTHONIOENCODING": streams.encoding, "PATH": str(place / "no programs")}
    done = subprocess.run(
        ["/bin/sh", "-c", script, "sh", COMMAND, *arguments],
        cwd=place,
        env=env,
        capture_output=True,
        check=False,
        timeout=PATIENCE,
    )
    return subprocess.CompletedProcess(done.args, int(out.read_text()), done.stdout, done.stderr)


@pytest.mark.parametrize("condition", STREAMS)
@pytest.mark.parametrize("command", COMMANDS)
def test_whatever_its_streams_are_a_command_ends_with_the_right_code(
    place: Path, tmp_path: Path, command: str, condition: str
) -> None:
    streams = STREAMS[condition]
    arguments = tuple(str(tmp_path / "fresh") if each == "fresh" else each for each in COMMANDS[command])
    done = run(place, arguments, streams, tmp_path / "code")
    told = (done.stdout + done.stderr).decode(errors="replace")
    assert "Traceback" not in told
    assert "Exception" not in told
    assert "Error" not in told
    is_lost = condition in {"stdout full", "both full", "stdout for reading"}
    assert done.returncode == (3 if is_lost and command in ANSWERS else CODES.get(command, 0)), told
    if arguments[:1] == ("export",) and "--dry-run" not in arguments and "--help" not in arguments:
        assert sorted(path.name for path in (tmp_path / "fresh").glob("*/info.json")) == ["info.json"] * 2


@pytest.mark.parametrize("command", ["export", "verify", "rebase", "repair", "inspect"])
def test_output_that_is_lost_is_told_of(place: Path, tmp_path: Path, command: str) -> None:
    arguments = tuple(str(tmp_path / "fresh") if each == "fresh" else each for each in COMMANDS[command])
    done = run(place, arguments, STREAMS["stdout full"], tmp_path / "code")
    assert done.stderr.decode().splitlines()[-1] == (
        "slide2iiif: standard output: No space left on device; some of what was to be told is lost"
    )


@pytest.mark.parametrize("command", ["export", "verify"])
def test_a_summary_for_machines_that_is_lost_fails_the_command(place: Path, tmp_path: Path, command: str) -> None:
    arguments = tuple(str(tmp_path / "fresh") if each == "fresh" else each for each in COMMANDS[command])
    done = run(place, (*arguments, "--json", "-"), STREAMS["stdout full"], tmp_path / "code")
    assert done.returncode == 3


@pytest.mark.parametrize("command", ["export", "verify"])
def test_a_summary_to_a_closed_output_is_refused_before_the_work(place: Path, tmp_path: Path, command: str) -> None:
    arguments = tuple(str(tmp_path / "fresh") if each == "fresh" else each for each in COMMANDS[command])
    done = run(place, (*arguments, "--json", "-"), STREAMS["stdout closed"], tmp_path / "code")
    assert (done.returncode, done.stderr.decode()) == (
        2,
        "slide2iiif: --json -: standard output is closed; name a file\n",
    )
    assert not (tmp_path / "fresh").exists()


def test_a_list_from_a_closed_input_is_refused_in_words(place: Path, tmp_path: Path) -> None:
    arguments = (*COMMANDS["export"], "--files-from", "-")
    done = run(place, arguments, STREAMS["stdin closed"], tmp_path / "code")
    assert done.returncode == 2
    assert done.stderr.decode().splitlines() == [
        "slide2iiif: --files-from -: standard input is closed; give it a list, or name a file"
    ]
    assert not (place / "fresh").exists()


def test_signs_that_an_encoding_lacks_are_escaped(place: Path, tmp_path: Path) -> None:
    for encoding, size in (("ascii", rb"600 \xd7 450"), ("euc_jp", "600 × 450".encode("euc_jp"))):
        done = run(place, COMMANDS["inspect"], Streams(encoding=encoding), tmp_path / "code")
        assert size in done.stdout
        assert rb"\xb5m a pixel" in done.stdout


def test_no_file_takes_the_place_of_a_closed_stream(source: Path, dest: Path) -> None:
    write_synthetic(source / "bad.synthetic", 0, 0)
    command = [str(COMMAND), "export", str(source), str(dest), "--base-url", BASE_URL, "--jobs", "2", "-vv"]
    subprocess.run(["/bin/sh", "-c", '"$@" <&- >&- 2>&-; :', "sh", *command], check=True, env=STRICT)
    assert run_command("verify", dest).returncode == 0
    for path in (dest / ".slide2iiif").rglob("*"):
        assert not path.is_file() or b"failed" not in path.read_bytes(), path


def test_a_pipe_that_does_not_wait_loses_nothing(place: Path) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with started([COMMAND, "export", "--help"], stdout=writer, cwd=place, env=STRICT) as process:
        os.close(writer)
        with os.fdopen(reader, "rb") as stream:
            text = stream.read()
    assert process.returncode == 0
    assert text == run_command("export", "--help").stdout.encode()
