"""What the package offers to programs."""

import importlib.metadata
import re
from pathlib import Path

import slide2iiif


def test_the_version_is_that_of_the_installed_package() -> None:
    assert slide2iiif.__version__ == importlib.metadata.version("slide2iiif")
    assert re.fullmatch(r"\d+\.\d+\.\d+", slide2iiif.__version__)


def test_the_package_says_what_it_is_for() -> None:
    assert slide2iiif.__doc__ is not None
    assert "IIIF" in slide2iiif.__doc__


def test_the_installed_command_is_the_command_line_of_the_package() -> None:
    [script] = [
        entry for entry in importlib.metadata.entry_points(group="console_scripts") if entry.name == "slide2iiif"
    ]
    assert script.value == "slide2iiif.__main__:run"


def test_types_are_published() -> None:
    classifiers = importlib.metadata.metadata("slide2iiif").get_all("Classifier") or []
    assert "Typing :: Typed" in classifiers
    assert Path(slide2iiif.__file__).with_name("py.typed").is_file()


def test_nothing_is_public_by_accident() -> None:
    names = {name for name in vars(slide2iiif) if not name.startswith("_")}
    modules = {name for name in names if type(getattr(slide2iiif, name)).__name__ == "module"}
    assert names - modules == set(getattr(slide2iiif, "__all__", ())) - {"__version__"}
