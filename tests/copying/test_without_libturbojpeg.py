"""Where the library for cropping is missing, everything is published all the same."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import commands
import numpy as np
import pytest
from commands import run_command

from slide2iiif.geometry import Size
from slide2iiif.imaging import jpeg
from slide2iiif.samples import write_aperio
from tests.copying.conftest import APERIO, DICOM, NDPI, Published, TiffLevel, decode, parse, publish

BASE = ("--base-url", "https://host.example/iiif", "--jobs", 2)
_WARNING = "slide2iiif: warning: libturbojpeg is missing"


@pytest.fixture
def _missing_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jpeg, "_turbojpeg", lambda: None)


@pytest.fixture
def _missing_everywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let the binding find no library, in the command and in its workers."""
    folder = tmp_path / "python"
    folder.mkdir()
    (folder / "turbojpeg.py").write_text(
        "class TurboJPEG:\n"
        "    def __init__(self, path=None):\n"
        "        raise RuntimeError('Unable to locate turbojpeg library')\n"
    )
    monkeypatch.setitem(commands.STRICT, "PYTHONPATH", str(folder))


@pytest.mark.parametrize("name", [APERIO, DICOM, "420.svs", "rgb.svs", "gray.tif"])
def test_whole_tiles_are_copied_and_only_the_edges_are_encoded(
    name: str,
    slide_of: Callable[[str], Path],
    published_of: Callable[[str], Published],
    private: Path,
    request: pytest.FixtureRequest,
) -> None:
    other = published_of(name)
    request.getfixturevalue("_missing_here")
    published = publish(slide_of(name), private, quality=95, subsampling="444")
    assert published.record["status"] == "exported"
    assert published.files.keys() == other.files.keys()
    assert published.counts(0) == {"copied": other.counts(0)["copied"], "encoded": other.counts(0)["cropped"]}
    side = Size(published.tile_size, published.tile_size)
    for place in published.grid(0):
        ours, exact = published.tile(0, *place), other.tile(0, *place)
        if published.region(0, *place).size == side:
            assert ours == exact
        else:
            assert parse(ours).size == parse(exact).size
            assert np.abs(decode(ours).astype(int) - decode(exact)).mean() < 6


@pytest.mark.usefixtures("_missing_here")
def test_strips_are_read_through_openslide(
    slides: Path, private: Path, published_of: Callable[[str], Published]
) -> None:
    published = publish(slides / NDPI, private, tile_size=published_of(NDPI).tile_size)
    assert published.record["bit_exact_tiles"] == 0
    assert published.counts(0).keys() == {"encoded"}
    assert published.files.keys() == published_of(NDPI).files.keys()
    for place in list(published.grid(0))[::7]:
        theirs = decode(published_of(NDPI).tile(0, *place))
        assert np.abs(decode(published.tile(0, *place)).astype(int) - theirs).mean() < 6


@pytest.mark.usefixtures("_missing_here")
def test_what_must_be_lossless_fails_and_names_the_package(slides: Path, private: Path, tmp_path: Path) -> None:
    published = publish(slides / APERIO, private, require_lossless=True)
    assert published.record["status"] == "failed"
    assert published.record["reason"].endswith("install libturbojpeg0")
    write_aperio(tmp_path / "even.svs", Size(512, 512), scales=(1,))
    assert publish(tmp_path / "even.svs", private, require_lossless=True).record["status"] == "exported"


@pytest.mark.usefixtures("_missing_here")
def test_a_damaged_edge_is_found_and_listed_all_the_same(tmp_path: Path, private: Path) -> None:
    path = tmp_path / "edge.svs"
    write_aperio(path, Size(700, 500), scales=(1,))
    level = TiffLevel(path)
    level.overwrite(2, 0, bytes(level.places[2].length))
    assert publish(path, private).record["status"] == "failed"
    published = publish(path, private, damaged="placeholder")
    assert (published.receipt.damaged, published.exit_code) == ([[0, 2, 0]], 1)


@pytest.mark.usefixtures("_missing_everywhere")
def test_all_slides_export_with_one_warning_that_names_the_package(slides: Path, tmp_path: Path) -> None:
    source, dest, summary = tmp_path / "slides", tmp_path / "public", tmp_path / "summary.json"
    source.mkdir()
    for name in (APERIO, NDPI, "tiff/gray-lzw.tif", "images/world.jp2"):
        (source / Path(name).name).write_bytes((slides / name).read_bytes())
    (source / "series").mkdir()
    for path in (slides / DICOM).parent.iterdir():
        (source / "series" / path.name).write_bytes(path.read_bytes())
    done = run_command("export", source, dest, *BASE, "--json", summary)
    told: dict[str, Any] = json.loads(summary.read_bytes())
    assert (done.returncode, told["counts"]["exported"]) == (0, 5)
    warnings = [line for line in done.stderr.splitlines() if "warning" in line]
    assert len(warnings) == 1
    assert warnings[0].startswith(_WARNING)
    assert warnings[0].endswith("install libturbojpeg0")
    made = {record["identifier"]: record["levels"][0] for record in told["slides"]}
    assert made[Path(APERIO).name] == {"scale": 1, "copied": 108, "encoded": 22}
    assert made[Path(NDPI).name].keys() == {"scale", "encoded"}


@pytest.mark.usefixtures("_missing_everywhere")
@pytest.mark.parametrize("option", ["--recompress", "--quiet"])
def test_nothing_is_said_where_nothing_would_be_cropped_or_nothing_is_to_be_said(tmp_path: Path, option: str) -> None:
    write_aperio(tmp_path / "slide.svs", Size(700, 500), scales=(1,))
    done = run_command("export", tmp_path / "slide.svs", tmp_path / "public", *BASE, option)
    assert (done.returncode, "warning" in done.stderr) == (0, False)


def test_nothing_is_said_where_the_library_is_there(tmp_path: Path) -> None:
    write_aperio(tmp_path / "slide.svs", Size(700, 500), scales=(1,))
    done = run_command("export", tmp_path / "slide.svs", tmp_path / "public", *BASE)
    assert (done.returncode, "warning" in done.stderr) == (0, False)
