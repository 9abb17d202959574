"""What the fault tests share."""

from pathlib import Path

import pytest
from changing_trees import Scene, make_scene


@pytest.fixture(scope="module", params=["first", "again"])
def scene(request: pytest.FixtureRequest, quick_folder: Path) -> Scene:
    """A first export, and one over an older tree with other options and a slide less."""
    return make_scene(quick_folder / str(request.param), is_again=request.param == "again")
