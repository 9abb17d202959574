"""A slide that cannot be read is reported with the true reason, and with what to do about it, whoever reads it."""

import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from commands import COMMAND, run_command
from formats.exports import write_ome, write_pyramid
from made_slides import write_image
from traces import installed_run

URL = ["--base-url", "https://host.example/iiif"]
MANY = r"too many open files: raise the limit \(ulimit -n\) or lower --jobs"
DENIED = r"no permission to read it: give the user of this command the right to"
GONE = r"no such file: it is gone"
FAILED = r"cannot be read: the disk or the network failed .*; copy it to another disk"
DAMAGED = r"(truncated|damaged|not a slide|not an image|cannot be read at).*(copy it again|compare it|move it)"

READERS: dict[str, Callable[[Path], object]] = {
    "openslide.tif": write_pyramid,
    "tiff.ome.tiff": write_ome,
    "vips.jpg": lambda path: write_image(path, 300, 200),
    "strips.tif": lambda path: write_image(path, 300, 200, compression="tiff_lzw"),
    "pillow.jp2": lambda path: write_image(path, 300, 200),
}
"""A slide for each library that opens files."""
DICOM = "dicom.dcm"


@pytest.fixture(params=[*READERS, DICOM])
def slide(request: pytest.FixtureRequest, tmp_path: Path, slides: Path) -> Path:
    path = tmp_path / "slides" / str(request.param)
    path.parent.mkdir()
    if path.name == DICOM:
        shutil.copyfile(slides / "dicom" / "cmu-1-small-region" / "level-4-frames-0-1.dcm", path)
    else:
        READERS[path.name](path)
    return path


def reason(slide: Path, *, privileged: bool = True) -> str:
    """Export, and give what is said of the slide; it is one line."""
    done = run_command(
        "export", slide.parent, slide.parents[1] / "public", *URL, "-q", "--jobs", 1, privileged=privileged
    )
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith(f"slide2iiif: {slide.name}: ")
    return line.removeprefix(f"slide2iiif: {slide.name}: ")


def test_one_that_may_not_be_read(slide: Path) -> None:
    slide.chmod(0)
    assert re.match(DENIED, reason(slide, privileged=False))


def test_an_empty_one(slide: Path) -> None:
    slide.write_bytes(b"")
    assert re.match(r"the file is empty: copy it again", reason(slide))


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_a_truncated_one(slide: Path, share: float) -> None:
    content = slide.read_bytes()
    slide.write_bytes(content[: int(len(content) * share)])
    assert re.search(DAMAGED, reason(slide))


def test_one_that_is_no_slide(slide: Path) -> None:
    slide.write_bytes(b"Nothing of this kind was ever a slide. " * 20)
    assert re.search(DAMAGED, reason(slide))


def test_one_that_is_missing(slide: Path) -> None:
    listed = f"{slide.name}.missing{slide.suffix}"
    done = run_command(
        "export", slide.parent, slide.parents[1] / "public", *URL, "-q", "--files-from", "-", stdin=listed.encode()
    )
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert re.search(rf"{re.escape(listed)}: {GONE}", line)


ERRORS = {"EMFILE": MANY, "EACCES": DENIED, "EIO": FAILED, "ENOENT": GONE}


def check_openings(slide: Path, name: str, numbers: Iterable[int]) -> None:
    """Let the openings of a slide fail from one on: the first ones look what it is, the last ones read its pixels."""
    refused = 0
    for number in numbers:
        dest, log = slide.parents[1] / f"public-{number}", slide.parents[1] / "trace.log"
        command = [COMMAND, "export", slide.parent, dest, *URL, "-q", "--jobs", 1]
        inject = f"inject=openat:error={name}:when={number}+"
        code, err = installed_run(command, log, "-P", str(slide), "-e", "trace=openat", "-e", inject)
        assert "Traceback" not in err
        if "(INJECTED)" not in log.read_text():
            assert code == 0, err
            break
        told = [line for line in err.splitlines() if line.startswith("slide2iiif: ")]
        # DICOM that cannot be looked at is taken for what its name says, and then found out.
        assert code == 1, err
        assert len(told) == 1, err
        assert re.search(ERRORS[name], told[0]), (number, told)
        refused += 1
    assert refused


def test_one_for_which_there_are_too_many_open_files_at_any_time(slide: Path) -> None:
    check_openings(slide, "EMFILE", (1, 4, 9, 12))


@pytest.mark.slow
@pytest.mark.parametrize("name", ERRORS)
def test_one_that_the_system_refuses_at_any_time(slide: Path, name: str) -> None:
    check_openings(slide, name, range(1, 16))
