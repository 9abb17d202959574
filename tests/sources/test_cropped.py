"""A slide cut down to its scanned area: the same pixels, the same tiles, other coordinates."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from commands import run_command
from formats.vendors import write_leica

from slide2iiif.engines.serial import SerialEngine
from slide2iiif.geometry import Region, Size
from slide2iiif.samples import write_aperio
from slide2iiif.sources import open_scanned_area, open_source
from slide2iiif.sources.cropped import CroppedSource, find_area
from slide2iiif.sources.openslide import OpenSlideSource
from tests.copying.conftest import Published, decode, publish

SIZE = Size(2900, 2300)
AREA = Size(1280, 1024)
"""Of the Leica slide that is made here."""


def bounds(*region: object) -> dict[str, str]:
    return {
        f"openslide.bounds-{side}": str(value)
        for side, value in zip(("x", "y", "width", "height"), region, strict=True)
    }


@pytest.fixture
def name_bounds(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Properties that every slide has besides its own."""
    more: dict[str, str] = {}
    own = OpenSlideSource.properties.fget  # type: ignore[attr-defined]

    def properties(source: OpenSlideSource) -> Mapping[str, str]:
        return {**own(source), **more}

    monkeypatch.setattr(OpenSlideSource, "properties", property(properties))
    return more


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("slide") / "a.svs"
    write_aperio(path, SIZE, scales=(1, 4))
    return path


@pytest.mark.parametrize(
    "area",
    [(1100, 1030, 1500, 1000), (1024, 1024, 256, 256), (1, 1, 2000, 2000), (1500, 0, 9999, 9999), (2899, 2299, 1, 1)],
)
def test_the_cut_begins_at_a_tile_of_every_level_and_ends_where_the_area_does(
    slide: Path, name_bounds: dict[str, str], area: tuple[int, ...]
) -> None:
    name_bounds.update(bounds(*area))
    with open_source(slide) as source:
        found = find_area(source)
        assert found is not None
        assert (found.x % 1024, found.y % 1024) == (0, 0)
        assert found.x <= area[0] < found.x + 1024
        assert found.x + found.width == min(area[0] + area[2], SIZE.width)
        assert found.y + found.height == min(area[1] + area[3], SIZE.height)
        with CroppedSource(open_source(slide), found) as cropped:
            for level, stored in enumerate(cropped.description.levels):
                scale = 4**level
                assert stored.jpeg is not None
                size = Size(min(40, stored.size.width), min(30, stored.size.height))
                place = Region(found.x // scale, found.y // scale, *size)
                assert np.array_equal(cropped.read(level, Region(0, 0, *size)), source.read(level, place))


@pytest.mark.parametrize(
    "area",
    [("", 0, 9, 9), (-1, 0, 9, 9), (0, 0, 0, 5), (5000, 0, 9, 9), (0, 0, *SIZE), (1, 2, 9999, 9999), ("٣", 0, 9, 9)],
)
def test_an_area_that_is_no_area_or_the_whole_slide_cuts_nothing(
    slide: Path, name_bounds: dict[str, str], area: tuple[object, ...]
) -> None:
    name_bounds.update(bounds(*area))
    with open_scanned_area(slide) as source:
        assert source.description.size == SIZE


def test_a_slide_that_names_no_area_is_published_whole(slide: Path, tmp_path: Path) -> None:
    assert publish(slide, tmp_path, crop_to_bounds=True).size == SIZE


def same_tiles(cropped: Published, whole: Published, level: int, area: Region) -> int:
    side = whole.tile_size
    count = 0
    for column, row in cropped.grid(level):
        region = cropped.region(level, column, row)
        other = (column + (area.x >> level) // side, row + (area.y >> level) // side)
        if region.size == (side, side):
            assert cropped.tile(level, column, row) == whole.tile(level, *other)
            count += 1
    return count


def test_copied_tiles_are_the_same_and_scale_and_documents_fit(
    slide: Path, tmp_path: Path, name_bounds: dict[str, str]
) -> None:
    whole = publish(slide, tmp_path)
    name_bounds.update(bounds(1100, 1030, 1500, 1000))
    assert publish(slide, tmp_path).size == SIZE
    cropped = publish(slide, tmp_path, crop_to_bounds=True)
    area = Region(1024, 1024, 1576, 1006)
    assert cropped.size == area.size
    info = json.loads(cropped.files["info.json"])
    assert (info["width"], info["height"]) == area.size
    assert info["service"]["physicalScale"] == json.loads(whole.files["info.json"])["service"]["physicalScale"]
    assert set(cropped.counts(0)) == {"copied", "cropped"}
    assert set(cropped.counts(2)) == {"cropped"}
    assert same_tiles(cropped, whole, 0, area) == 6 * 3
    assert publish(slide, tmp_path, crop_to_bounds=True, require_lossless=True).exit_code == 0


def test_inspect_says_nothing_of_an_area_that_is_not_named(slide: Path) -> None:
    assert json.loads(run_command("inspect", "--json", slide).stdout)["scanned_area"] is None
    assert "scanned" not in run_command("inspect", slide).stdout


def test_inspect_says_what_cutting_saves(
    slide: Path,
    name_bounds: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    own_signals: None,
) -> None:
    from slide2iiif.cli import inspect, main

    del own_signals
    # A worker that is started afresh knows nothing of the bounds.
    monkeypatch.setattr(inspect, "worker_engine", lambda *_: SerialEngine())
    name_bounds.update(bounds(1100, 1030, 1500, 1000))
    assert main(["inspect", str(slide)]) == 0
    assert (
        "scanned     1576 × 1006 pixels at 1024, 1024: --crop-to-bounds saves 76% of the pixels"
        in capsys.readouterr().out
    )


def test_an_area_that_is_stored_as_an_image_of_its_own_is_copied_tile_by_tile(tmp_path: Path) -> None:
    path = tmp_path / "area.scn"
    write_leica(path)
    published = publish(path, tmp_path / "cut", crop_to_bounds=True)
    with open_source(path) as whole:
        area = find_area(whole)
        assert area is not None
        assert area == Region(200, 200, *AREA)
        # At full resolution and at a quarter every tile is the stored one, coefficient by coefficient.
        assert published.counts(0) == {"copied": 20}
        assert published.counts(2).keys() <= {"copied", "cropped"}
        for place in published.grid(0):
            x, y, width, height = published.region(0, *place)
            shown = whole.read(0, Region(area.x + x, area.y + y, width, height))
            assert np.abs(decode(published.tile(0, *place)).astype(int) - shown).mean() < 1
    # Without the cut the same tiles begin somewhere within those of the canvas.
    assert "copied" not in publish(path, tmp_path / "whole").counts(0)


def test_two_areas_on_one_canvas_are_not_taken_for_one(tmp_path: Path) -> None:
    path = tmp_path / "areas.scn"
    write_leica(path, areas=2)
    assert "copied" not in publish(path, tmp_path / "cut", crop_to_bounds=True).counts(0)
