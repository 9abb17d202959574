"""What the tests share: real slides, small made ones, and the installed command."""

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# Test folders are not packages, and workers must be able to import the tasks that tests give them.
for folder in ("support", "spec", "benchmarks"):
    sys.path.insert(0, str(Path(__file__).parent / folder))

from commands import RealTree, run_command  # noqa: E402 - only now on the path
from made_slides import write_synthetic  # noqa: E402

SLIDES = Path(os.environ.get("SLIDE2IIIF_SLIDES", Path(__file__).parents[2] / "shared" / "slides"))
BASE_URL = "https://host.example/iiif"


@pytest.fixture(scope="session")
def slides() -> Path:
    """Folder of real slides."""
    if not SLIDES.is_dir():
        pytest.skip(f"no real slides in {SLIDES}; point SLIDE2IIIF_SLIDES to them")
    return SLIDES


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Source folder with two small slides, one of them in a folder."""
    folder = tmp_path / "slides"
    write_synthetic(folder / "one.synthetic", 700, 500)
    write_synthetic(folder / "ward" / "two.synthetic", 90, 1300)
    return folder


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    """Where to publish; not there yet."""
    return tmp_path / "public"


@pytest.fixture
def published(source: Path, dest: Path) -> Path:
    """Tree of the source folder, as the command writes it."""
    run_command("export", source, dest, "--base-url", BASE_URL, "--jobs", 1, "-q").check_returncode()
    return dest


@pytest.fixture
def own_signals() -> Iterator[None]:
    """Put signal handlers back that the command line installs."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def real_tree(slides: Path, tmp_path_factory: pytest.TempPathFactory) -> RealTree:
    """All real slides, the broken ones too, as the installed command exports them at quality 95, colours in full."""
    dest = tmp_path_factory.mktemp("real") / "public"
    options = ["--base-url", BASE_URL, "--quality", 95, "--subsampling", 444, "--json", "-"]
    planned = run_command("export", slides, dest, *options, "--dry-run")
    assert not dest.exists()
    return RealTree(slides, dest, planned, run_command("export", slides, dest, *options))


MEMORY = Path("/dev/shm")  # noqa: S108 - the folder of it is made by tempfile


@pytest.fixture(scope="module")
def quick_folder() -> Iterator[Path]:
    """A folder in memory where the system has one: hundreds of runs that wait for a disk take an hour."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None, prefix="slide2iiif-") as name:
        yield Path(name)
