"""Nothing heavy is loaded before it is needed."""

import subprocess
import sys

import pytest

HEAVY = (
    "numpy",
    "PIL",
    "openslide",
    "pyvips",
    "joblib",
    "tqdm",
    "tifffile",
    "pydicom",
    "simplejpeg",
    "multiprocessing",
)


def loaded_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["export", "--help"], ["inspect", "--help"], ["--version"], ["export"], ["serve", "--help"]],
)
def test_help_and_usage_errors_load_nothing_heavy(arguments: list[str]) -> None:
    code = f"from slide2iiif.cli import main\ntry:\n    main({arguments!r})\nexcept SystemExit:\n    pass"
    loaded = loaded_after(code)
    assert "slide2iiif" in loaded
    assert not loaded & set(HEAVY)


@pytest.mark.parametrize("option", ["--quality=0", "--base-url=nonsense", "--tile-size=1"])
def test_a_bad_option_is_refused_before_anything_heavy_is_loaded(option: str) -> None:
    arguments = ["export", ".", "x", "--base-url=https://h", option]
    code = f"from slide2iiif.cli import main\nassert main({arguments!r}) == 2"
    assert not loaded_after(code) & set(HEAVY)


def test_the_package_itself_loads_nothing_heavy() -> None:
    assert not loaded_after("import slide2iiif") & set(HEAVY)
