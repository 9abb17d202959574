"""Request paths of one small slide, written out, and what is no tile request."""

import pytest

from slide2iiif.geometry import Size
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.paths import alias_count, cover_size, pictures, tile_of_path, tile_paths
from slide2iiif.iiif.pyramid import Tile, plan_pyramid

SMALL = plan_pyramid(Size(1001, 701), 256)


def whole(size: Size, tile_size: int, api: Api) -> dict[tuple[int, int], list[str]]:
    """Pictures of the whole image: size -> paths without their common end."""
    return {
        picture.size: [path.removesuffix("/0/default.jpg") for path in picture.paths]
        for picture in pictures(plan_pyramid(size, tile_size), api)
    }


def test_the_other_version_of_2_is_3_and_back() -> None:
    assert (Api.V2.other, Api.V3.other) == (Api.V3, Api.V2)


def test_a_version_calls_itself_as_its_specification_does() -> None:
    assert [api.label for api in Api] == ["2.1", "3.0"]


def test_a_version_is_spelt_as_on_the_command_line() -> None:
    assert [str(api) for api in Api] == ["2", "3"]
    assert Api("3") is Api.V3


@pytest.mark.parametrize(
    ("tile", "api", "path"),
    [
        (Tile(0, 0, 0), Api.V2, "0,0,256,256/256,/0/default.jpg"),
        (Tile(0, 0, 0), Api.V3, "0,0,256,256/256,256/0/default.jpg"),
        (Tile(0, 3, 2), Api.V2, "768,512,233,189/233,/0/default.jpg"),
        (Tile(0, 3, 2), Api.V3, "768,512,233,189/233,189/0/default.jpg"),
        (Tile(1, 1, 1), Api.V2, "512,512,489,189/245,/0/default.jpg"),
        (Tile(1, 1, 1), Api.V3, "512,512,489,189/245,95/0/default.jpg"),
    ],
)
def test_a_tile_has_one_path_and_the_path_has_one_tile(tile: Tile, api: Api, path: str) -> None:
    assert tile_paths(SMALL, tile, api) == (path,)
    assert tile_of_path(SMALL, path, api) == tile


def test_a_tile_as_wide_as_the_image_has_two_aliases_in_2_1() -> None:
    narrow = plan_pyramid(Size(200, 5000), 256)

    assert tile_paths(narrow, Tile(0, 0, 1), Api.V2) == (
        "0,256,200,256/200,/0/default.jpg",
        "0,256,200,256/full/0/default.jpg",
        "0,256,200,256/max/0/default.jpg",
    )
    assert tile_paths(narrow, Tile(0, 0, 1), Api.V3) == ("0,256,200,256/200,256/0/default.jpg",)
    assert tile_paths(narrow, Tile(1, 0, 1), Api.V2) == ("0,512,200,512/100,/0/default.jpg",)


def test_only_the_first_level_of_a_narrow_image_has_aliases() -> None:
    narrow = plan_pyramid(Size(200, 5000), 256)

    assert [alias_count(narrow, level, Api.V2) for level in narrow.levels] == [40, 0, 0, 0, 0, 0]
    assert [alias_count(narrow, level, Api.V3) for level in narrow.levels] == [0] * 6


def test_every_level_of_an_image_one_pixel_wide_has_aliases_but_the_top() -> None:
    line = plan_pyramid(Size(1, 1000), 256)

    assert [alias_count(line, level, Api.V2) for level in line.levels] == [8, 4, 0]


def test_the_whole_of_a_small_image_in_2_1() -> None:
    assert whole(Size(1001, 701), 256, Api.V2) == {
        (1001, 701): ["full/full", "full/max", "full/1001,", "full/1001,701"],
        (501, 351): ["full/501,", "full/501,351"],
        (251, 176): ["full/251,", "0,0,1001,701/251,", "full/251,176"],
        (400, 280): ["full/400,"],
        (90, 63): ["full/90,"],
    }


def test_the_whole_of_a_small_image_in_3_0() -> None:
    assert whole(Size(1001, 701), 256, Api.V3) == {
        (1001, 701): ["full/max", "full/1001,701", "full/1001,"],
        (501, 351): ["full/501,351", "full/501,"],
        (251, 176): ["full/251,176", "0,0,1001,701/251,176", "full/251,"],
        (400, 280): ["full/400,"],
        (90, 63): ["full/90,"],
    }


def test_the_whole_of_one_pixel_is_one_picture_in_2_1() -> None:
    assert whole(Size(1, 1), 256, Api.V2) == {
        (1, 1): [
            "full/1,",
            "0,0,1,1/1,",
            "full/full",
            "full/max",
            "full/1,1",
            "0,0,1,1/full",
            "0,0,1,1/max",
            "full/90,",
            "full/400,",
        ]
    }


def test_the_whole_of_one_pixel_is_one_picture_in_3_0() -> None:
    assert whole(Size(1, 1), 256, Api.V3) == {
        (1, 1): ["full/1,1", "0,0,1,1/1,1", "full/max", "full/1,", "full/90,", "full/400,"]
    }


def test_pictures_run_from_the_overview_down_to_the_thumbnail() -> None:
    offered = [tuple(picture.size) for picture in pictures(plan_pyramid(Size(46_000, 32_914), 256), Api.V2)]

    assert offered == [(1438, 1029), (719, 515), (400, 286), (360, 258), (180, 129), (90, 64)]


@pytest.mark.parametrize(
    ("size", "thumbnail"),
    [
        pytest.param(Size(1000, 1000), (90, 90), id="square"),
        pytest.param(Size(91, 40), (90, 40), id="hardly wider"),
        pytest.param(Size(90, 40), (90, 40), id="of that width"),
        pytest.param(Size(50, 40), (50, 40), id="narrower"),
        pytest.param(Size(2000, 1), (90, 1), id="a line is not lost"),
    ],
)
def test_a_thumbnail_is_90_wide_or_the_image_itself(size: Size, thumbnail: tuple[int, int]) -> None:
    (answer,) = [asked for asked, paths in whole(size, 256, Api.V3).items() if "full/90," in paths]

    assert answer == thumbnail


@pytest.mark.parametrize("api", Api)
@pytest.mark.parametrize(
    ("size", "side", "answer"),
    [
        (Size(46_000, 32_914), 256, (400, 286)),
        (Size(46_000, 32_914), 4096, (400, 286)),
        (Size(800, 601), 64, (400, 301)),
        (Size(399, 1000), 256, (399, 1000)),
        (Size(1000, 30_000), 256, (63, 1875)),
    ],
)
def test_the_small_picture_has_one_path_whatever_the_slide_and_the_options(
    size: Size, side: int, answer: tuple[int, int], api: Api
) -> None:
    """A level of that width answers for it, and the largest picture of an image that is narrower."""
    assert [asked for asked, paths in whole(size, side, api).items() if "full/400," in paths] == [answer]
    assert cover_size(plan_pyramid(size, side), api) == answer


def test_a_level_that_is_90_wide_answers_for_the_thumbnail() -> None:
    assert whole(Size(180, 301), 256, Api.V2)[90, 151] == ["full/90,", "0,0,180,301/90,", "full/90,151"]


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("", id="nothing"),
        pytest.param("info.json", id="the document"),
        pytest.param("0,0,256,256/256,256/0/default.jpg", id="the other version"),
        pytest.param("0,0,256,256/256,/0/default.png", id="another format"),
        pytest.param("0,0,256,256/256,/0/color.jpg", id="another quality"),
        pytest.param("0,0,256,256/256,/90/default.jpg", id="turned"),
        pytest.param("0,0,256,256/256,/0/default.jpg\n", id="a line break at the end"),
        pytest.param("/0,0,256,256/256,/0/default.jpg", id="a slash in front"),
        pytest.param("00,0,256,256/256,/0/default.jpg", id="a leading zero"),
        pytest.param("0,0,256,256/0,/0/default.jpg", id="no width"),
        pytest.param("0,0,0,0/1,/0/default.jpg", id="no region"),
        pytest.param("0,0,256,256/255,/0/default.jpg", id="another size"),
        pytest.param("0,0,256,256/128,/0/default.jpg", id="a region of one level, a size of the next"),
        pytest.param("1,0,256,256/256,/0/default.jpg", id="off the grid"),
        pytest.param("1024,0,256,256/256,/0/default.jpg", id="beyond the last column"),
        pytest.param("0,768,256,256/256,/0/default.jpg", id="beyond the last row"),
        pytest.param("768,512,256,256/256,/0/default.jpg", id="over the edge"),
        pytest.param("0,0,1001,701/251,/0/default.jpg", id="the top level, which is a picture"),
        pytest.param("full/251,/0/default.jpg", id="the whole image"),
        pytest.param("0,0,٢٥٦,256/256,/0/default.jpg", id="digits of another script"),
        pytest.param("-1,0,256,256/256,/0/default.jpg", id="a negative number"),
    ],
)
def test_a_stranger_is_no_tile(path: str) -> None:
    assert tile_of_path(SMALL, path, Api.V2) is None


def test_the_other_version_is_a_stranger_in_3_0_too() -> None:
    assert tile_of_path(SMALL, "0,0,256,256/256,/0/default.jpg", Api.V3) is None


def test_a_number_without_end_is_no_tile() -> None:
    assert tile_of_path(SMALL, f"{'9' * 5000},0,256,256/256,/0/default.jpg", Api.V2) is None
