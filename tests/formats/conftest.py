"""Slides of every format, made once."""

import functools
from collections.abc import Callable
from pathlib import Path

import pytest
from formats.cases import Case
from formats.table import made_slide


@pytest.fixture(scope="session")
def slide_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Case], Path]:
    """Give a made slide; it is made once."""
    folder = tmp_path_factory.mktemp("formats")
    return functools.cache(lambda case: made_slide(case, folder))
