"""A published tree, and a copy of it to be damaged, for what checks trees and puts them right."""

from pathlib import Path

import pytest
from made_slides import write_synthetic
from published_trees import ONE, TWO, PublishedTree


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> PublishedTree:
    """A wide slide, in several passes, and a narrow one with aliases; not to be changed."""
    folder = tmp_path_factory.mktemp("whole")
    write_synthetic(folder / "slides" / ONE, 700, 500)
    write_synthetic(folder / "slides" / TWO, 50, 900)
    tree = PublishedTree(folder / "public", folder / "slides")
    assert tree.export().exit_code == 0
    return tree


@pytest.fixture
def tree(whole: PublishedTree, tmp_path: Path) -> PublishedTree:
    """The same to be damaged."""
    return whole.copy(tmp_path / "public")
