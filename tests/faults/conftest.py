"""What the fault tests share."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from changing_trees import Scene, make_scene

MEMORY = Path("/dev/shm")  # noqa: S108 - the folder of it is made by tempfile


@pytest.fixture(scope="module")
def quick_folder() -> Iterator[Path]:
    """A folder in memory where the system has one: hundreds of runs that wait for a disk take an hour."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None, prefix="slide2iiif-") as name:
        yield Path(name)


@pytest.fixture(scope="module", params=["first", "again"])
def scene(request: pytest.FixtureRequest, quick_folder: Path) -> Scene:
    """A first export, and one over an older tree with other options and a slide less."""
    return make_scene(quick_folder / str(request.param), is_again=request.param == "again")
