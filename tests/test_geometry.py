"""Sizes and regions."""

import itertools

import pytest

from slide2iiif.geometry import Region, Size, ceil_div, touched


@pytest.mark.parametrize(
    ("dividend", "divisor", "quotient"),
    [(0, 5, 0), (1, 5, 1), (5, 5, 1), (6, 5, 2), (10, 5, 2), (2**60 + 1, 2**30, 2**30 + 1)],
)
def test_division_rounds_up(dividend: int, divisor: int, quotient: int) -> None:
    assert ceil_div(dividend, divisor) == quotient


def test_a_size_is_width_before_height() -> None:
    assert Size(3, 2) == (3, 2)
    assert (Size(3, 2).width, Size(3, 2).height) == (3, 2)


def test_a_size_counts_its_pixels() -> None:
    assert Size(3, 5).pixels == 15


@pytest.mark.parametrize("size", [Size(7, 5), Size(5, 7), Size(7, 7)])
def test_the_longer_side_is_the_larger_of_both(size: Size) -> None:
    assert size.longer_side == 7


@pytest.mark.parametrize(
    ("scale", "reduced"), [(1, (1001, 3)), (2, (501, 2)), (4, (251, 1)), (1024, (1, 1)), (4096, (1, 1))]
)
def test_a_size_is_reduced_by_rounding_each_side_up(scale: int, reduced: tuple[int, int]) -> None:
    assert Size(1001, 3).reduced(scale) == reduced


def test_a_size_reads_as_width_times_height() -> None:
    assert str(Size(46_000, 32_914)) == "46000\u00d732914"


def test_a_region_gives_its_size() -> None:
    assert Region(10, 20, 30, 40).size == Size(30, 40)


def test_a_region_is_spelt_as_the_image_api_does() -> None:
    assert str(Region(10, 20, 30, 40)) == "10,20,30,40"


@pytest.mark.parametrize(
    ("region", "columns", "rows"),
    [
        pytest.param(Region(0, 0, 256, 128), [0], [0], id="just one tile"),
        pytest.param(Region(255, 127, 1, 1), [0], [0], id="the last pixel of a tile"),
        pytest.param(Region(256, 128, 1, 1), [1], [1], id="the first pixel of the next one"),
        pytest.param(Region(255, 127, 2, 2), [0, 1], [0, 1], id="over a corner"),
        pytest.param(Region(300, 0, 600, 129), [1, 2, 3], [0, 1], id="several"),
    ],
)
def test_a_region_touches_the_tiles_that_it_has_a_pixel_of(region: Region, columns: list[int], rows: list[int]) -> None:
    touched_columns, touched_rows = touched(region, Size(256, 128))

    assert (list(touched_columns), list(touched_rows)) == (columns, rows)


def test_the_tiles_touched_are_those_of_every_pixel() -> None:
    for x, y, width, height in itertools.product(range(5), range(5), range(1, 6), range(1, 6)):
        columns, rows = touched(Region(x, y, width, height), Size(3, 2))
        assert set(columns) == {pixel // 3 for pixel in range(x, x + width)}
        assert set(rows) == {pixel // 2 for pixel in range(y, y + height)}
