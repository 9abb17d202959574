"""What the tests with a browser share."""

import os
import subprocess
from pathlib import Path

import pytest
from patience import PATIENCE
from serving import program

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def node() -> str:
    """Give the program that runs the driver, once the driver has what it needs."""
    npm, node = program("npm"), program("node")
    if not (HERE / "node_modules").is_dir():
        subprocess.run([npm, "ci", "--no-audit", "--no-fund", "--silent"], cwd=HERE, check=True, timeout=PATIENCE)
    return node


@pytest.fixture(scope="session")
def artefacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots go: set SLIDE2IIIF_ARTEFACTS to keep them."""
    chosen = os.environ.get("SLIDE2IIIF_ARTEFACTS")
    return Path(chosen).absolute() if chosen else tmp_path_factory.mktemp("screenshots")
