"""What a reader hides or makes otherwise is never copied, and what it shows is: in every format, every single tile."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import openslide
import pytest
from formats.exports import write_pyramid
from formats.folders import write_mirax
from formats.pictures import picture, reduced, tiled
from formats.tiff_files import Directory, write_tiff
from formats.vendors import write_leica, write_philips, write_trestle, write_ventana
from numpy.typing import NDArray

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region, Size
from slide2iiif.samples import write_aperio
from slide2iiif.samples.coding import encode_ycbcr
from slide2iiif.sources import hidden_tiles, open_source
from slide2iiif.sources.hidden_tiles import beside_areas
from slide2iiif.sources.jpeg_strips import JpegStrips
from slide2iiif.sources.jpeg_tiles import JpegTiles
from slide2iiif.sources.tile_table import TileTable
from tests.copying.conftest import TiffLevel, decode, publish

BLACK = np.zeros((256, 256, 3), np.uint8)


def stored(path: Path) -> list[list[list[bool]]]:
    """Return for each level which tiles are copied; none of a level that is not copied at all."""
    with open_source(path) as source:
        return [
            (level.jpeg.lengths > 0).tolist() if isinstance(level.jpeg, JpegTiles) else []
            for level in source.description.levels
        ]


def check_as_openslide_shows(path: Path, folder: Path, level: int = 0) -> None:
    """Hold each published tile of a stored level against OpenSlide."""
    published = publish(path, folder, quality=95, subsampling="444", tile_size=256)
    with openslide.OpenSlide(path) as slide:
        scale, (width, height) = round(slide.level_downsamples[level]), slide.level_dimensions[level]
        for y in range(0, height, 256):
            for x in range(0, width, 256):
                size = (min(256, width - x), min(256, height - y))
                rgba = np.asarray(slide.read_region((x * scale, y * scale), level, size))
                expected = np.where(rgba[..., 3:] == 255, rgba[..., :3], 255).astype(int)
                found = decode(published.tile(level, x // 256, y // 256)).astype(int)
                assert np.abs(found - expected).mean() < 3, f"tile {x // 256}, {y // 256} of level {level}"


def test_tiles_beside_the_scanned_areas_of_a_ventana_slide_are_not_copied(tmp_path: Path) -> None:
    path = write_ventana(tmp_path / "a.bif", columns=6, areas=[(0, 2), (4, 2)])
    full, half, quarter = stored(path)
    assert full == [[True, True, False, False, True, True]] * 3
    assert half == [[True, False, True]] * 2
    assert quarter == [[False, True]]
    for level in range(3):
        check_as_openslide_shows(path, tmp_path / f"private-{level}", level)


def test_a_scanned_area_that_begins_in_a_tile_is_not_copied_there(tmp_path: Path) -> None:
    assert stored(write_ventana(tmp_path / "a.bif", areas=[(1, 2)]))[1] == [[False, True], [False, True]]


def test_a_slide_without_hidden_tiles_is_copied_whole(tmp_path: Path) -> None:
    assert all(np.all(level) for level in stored(write_ventana(tmp_path / "a.bif"))[:3])


def test_a_slide_in_which_openslide_finds_no_pixels_is_refused(tmp_path: Path) -> None:
    path = write_ventana(tmp_path / "a.bif", areas=[(0, 1), (3, 1)])
    with open_source(path) as source, pytest.raises(SourceError, match="finds no pixels") as caught:
        assert source.description.levels
    assert "damaged" not in str(caught.value)


def _aperio(path: Path) -> None:
    write_aperio(path, Size(1400, 1000), scales=(1, 2), associated=frozenset())
    for number in (1, 7):
        TiffLevel(path).point(number, type(TiffLevel(path).places[0])(0, 0))


SPARSE: dict[str, tuple[Callable[[Path], object], str]] = {
    "tiled TIFF": (lambda path: write_pyramid(path, picture(1024, 768), missing=frozenset({1, 6})), "a.tif"),
    "Philips": (lambda path: write_philips(path, missing=frozenset({1, 4})), "a.tiff"),
    "Aperio": (_aperio, "a.svs"),
}


@pytest.mark.parametrize("format_", SPARSE)
@pytest.mark.parametrize("level", [0, 1])
def test_tiles_over_missing_ones_are_published_as_openslide_shows_them(
    tmp_path: Path, format_: str, level: int
) -> None:
    write, name = SPARSE[format_]
    write(tmp_path / name)
    if format_ == "Philips":
        assert stored(tmp_path / name)[level]
        return
    check_as_openslide_shows(tmp_path / name, tmp_path / "private", level)


def test_a_tile_over_a_missing_one_that_openslide_shows_is_copied(tmp_path: Path) -> None:
    levels = stored(write_pyramid(tmp_path / "a.tif", missing=frozenset({1, 6})))
    assert all(np.all(level) for level in levels[1:])


@pytest.mark.parametrize("limit", [0, 1, 128])
def test_tiles_in_doubt_beyond_those_that_are_compared_are_rendered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(hidden_tiles, "_MOST_COMPARED", limit)
    levels = stored(write_pyramid(tmp_path / "a.tif", missing=frozenset({0, 4})))
    assert np.sum(np.invert(levels[1])) == max(0, 2 - limit)


def test_a_reader_that_hides_some_tile_over_a_missing_one_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if a coming OpenSlide did for any format what it does for Aperio."""
    from slide2iiif.sources.openslide import OpenSlideSource

    path = write_pyramid(tmp_path / "a.tif", missing=frozenset({2}))
    read = OpenSlideSource.read

    def hides(source: OpenSlideSource, level: int, region: Region) -> NDArray[np.uint8]:
        pixels = np.array(read(source, level, region))
        if level == 1:
            left, right = (min(max(place - region.x, 0), region.width) for place in (256, 512))
            pixels[: max(0, 128 - region.y), left:right] = 255
        return pixels

    monkeypatch.setattr(OpenSlideSource, "read", hides)
    _, half, quarter = stored(path)
    assert half == [[True, False, True], [True, True, True]]
    assert np.all(quarter)


def test_a_small_square_that_differs_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from slide2iiif.sources.openslide import OpenSlideSource

    path = write_pyramid(tmp_path / "a.tif", missing=frozenset({2}))
    read = OpenSlideSource.read

    def hides(source: OpenSlideSource, level: int, region: Region) -> NDArray[np.uint8]:
        pixels = np.array(read(source, level, region))
        if level == 1 and region == Region(256, 0, 256, 256):
            pixels[120:128, 8:16] = 255 - pixels[120:128, 8:16]
        return pixels

    monkeypatch.setattr(OpenSlideSource, "read", hides)
    assert stored(path)[1] == [[True, False, True], [True, True, True]]


@pytest.mark.parametrize("compression", ["jpeg", "none"])
def test_a_corrupt_tile_of_aperio_is_not_copied_whatever_the_finer_level_is_coded_in(
    tmp_path: Path, compression: str
) -> None:
    full = picture(1024, 768)
    head = "Aperio Image Library v11.2.1\r\n1024x768 [0,0 1024x768] (256x256) JPEG/RGB Q=70|AppMag = 20|MPP = 0.5"
    finer = tiled(full, tags={270: head})
    if compression == "none":
        raw = [tile.tobytes() for tile in _tiles(full)]
        tags = {**finer.tags, 259: 1, 262: 2}
        finer = Directory({tag: value for tag, value in tags.items() if tag not in {347, 530}}, raw)
    segments = list(finer.segments)
    segments[5] = b""
    coarser = tiled(reduced(full, 2), tags={254: 1})
    corrupt = list(coarser.segments)
    corrupt[0] = bytes(encode_ycbcr(BLACK, 60, "420"))
    path = write_tiff(tmp_path / "a.svs", [Directory(finer.tags, segments), Directory(coarser.tags, corrupt)])
    assert stored(path)[1] == [[False, True], [True, True]]
    check_as_openslide_shows(path, tmp_path / "private", 1)


@pytest.mark.parametrize(("lacking", "left"), [((), 3), ((0,), 1), ((1,), 1), ((2,), 2)])
def test_levels_over_missing_tiles_of_aperio_are_not_believed_by_our_reader_either(
    tmp_path: Path, lacking: tuple[int, ...], left: int
) -> None:
    """Levels in rising order, which OpenSlide does not open."""
    full = picture(1024, 768)
    head = "Aperio Image Library v11.2.1\r\n1024x768 [0,0 1024x768] (256x256) JPEG/RGB Q=70|AppMag = 20|MPP = 0.5"
    levels = [
        tiled(reduced(full, 1 << number), missing=frozenset({0} if number in lacking else ()), tags={270: head})
        for number in range(3)
    ]
    with open_source(write_tiff(tmp_path / "a.svs", [levels[0], levels[2], levels[1]])) as source:
        assert (source.description.reader, source.description.format) == ("tiff", "aperio")
        assert len(source.description.levels) == left


def _tiles(pixels: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    rows, columns = range(0, pixels.shape[0], 256), range(0, pixels.shape[1], 256)
    return [np.ascontiguousarray(pixels[y : y + 256, x : x + 256]) for y in rows for x in columns]


@pytest.mark.parametrize("write", [write_leica, write_trestle])
def test_formats_that_hide_nothing_are_copied(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    path = write(tmp_path / ("a.scn" if write is write_leica else "a.tif"))
    with open_source(path) as source:
        parts = [level.area.jpeg if level.area else level.jpeg for level in source.description.levels]
    assert all(isinstance(part, JpegTiles) and part.is_complete for part in parts)


def test_images_that_a_mirax_slide_lacks_are_rendered(tmp_path: Path) -> None:
    assert stored(write_mirax(tmp_path / "a.mrxs", missing=[(1, 0)])) == [[], [], []]


def test_what_lies_over_missing_tiles_is_found_whatever_the_scale() -> None:
    random = np.random.default_rng(7)
    for tile, coarser, scale in ((256, 256, 2), (256, 256, 4), (240, 256, 3.02), (512, 128, 2), (64, 256, 1.999)):
        missing = random.random((13, 17)) < 0.1
        shape = tuple(-(-int(side * tile / scale) // coarser) for side in missing.shape)
        expected = np.zeros(shape, np.bool_)
        for row, column in np.argwhere(missing):
            for y in (row * tile, (row + 1) * tile - 1):
                for x in (column * tile, (column + 1) * tile - 1):
                    place = min(int(y / scale // coarser), shape[0] - 1), min(int(x / scale // coarser), shape[1] - 1)
                    expected[place] = True
        found = TileTable(Size(tile, tile), missing).under(Size(coarser, coarser), shape, scale)
        assert not (expected & ~found).any()
        if tile / scale <= coarser:
            assert np.array_equal(found, expected)


def test_tiles_at_the_end_of_a_level_are_inside_an_area_that_ends_there(tmp_path: Path) -> None:
    with open_source(write_pyramid(tmp_path / "a.tif")) as source:
        level = source.description.levels[0]
    assert isinstance(level.jpeg, JpegTiles)
    assert not beside_areas(level.jpeg, level.size, [Region(0, 0, *level.size)], 1).any()
    assert not beside_areas(level.jpeg, level.size, [], 1).any()
    beside = beside_areas(level.jpeg, level.size, [Region(0, 0, 600, level.size.height)], 1)
    assert beside.any(axis=0).tolist() == [False, False, True, True, True]


@pytest.mark.parametrize("is_moved", [False, True])
def test_strips_of_ndpi_are_cut_only_where_they_are_what_is_shown(
    slides: Path, monkeypatch: pytest.MonkeyPatch, *, is_moved: bool
) -> None:
    from slide2iiif.sources.openslide import OpenSlideSource

    read = OpenSlideSource.read

    def moved(source: OpenSlideSource, level: int, region: Region) -> NDArray[np.uint8]:
        return np.roll(read(source, level, region), 40 if level == 0 and is_moved else 0, axis=1)

    monkeypatch.setattr(OpenSlideSource, "read", moved)
    with open_source(slides / "hamamatsu" / "test3-DAPI-2-387.ndpi") as source:
        levels = source.description.levels
    assert [isinstance(level.jpeg, JpegStrips) for level in levels[:3]] == [not is_moved, True, True]
