"""What viewers were seen to ask for beyond the specification, one row each."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from slide2iiif.geometry import Size
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.info import ImageService, write_info
from slide2iiif.iiif.paths import pictures, tile_paths
from slide2iiif.iiif.pyramid import Pyramid, plan_pyramid

SLIDE = plan_pyramid(Size(9001, 6001), 256)
ONE_TILE = plan_pyramid(Size(200, 100), 256)
NARROW = plan_pyramid(Size(200, 700), 256)
LINE = plan_pyramid(Size(1, 600), 256)
LARGE_TILES = plan_pyramid(Size(2001, 1001), 1024)
PYRAMIDS = [SLIDE, ONE_TILE, NARROW, LINE, LARGE_TILES]


@dataclass(frozen=True)
class Row:
    """Requests of a viewer, without their common end `/0/default.jpg`."""

    viewer: str
    pyramid: Pyramid
    api: Api
    held: tuple[str, ...]
    not_held: tuple[str, ...] = ()


ROWS = [
    Row(
        "OpenSeadragon asks for every power of two",
        SLIDE,
        Api.V2,
        ("0,0,2048,2048/256,", "0,0,4096,4096/256,"),
    ),
    Row("OpenSeadragon asks for the top level as full, 2.1", SLIDE, Api.V2, ("full/141,",)),
    Row("OpenSeadragon asks for the top level as full, 3.0", SLIDE, Api.V3, ("full/141,94",)),
    Row("Leaflet never says full, 2.1", SLIDE, Api.V2, ("0,0,9001,6001/141,",)),
    Row("Leaflet never says full, 3.0", SLIDE, Api.V3, ("0,0,9001,6001/141,94",)),
    Row("Leaflet never says full of one tile, 2.1", ONE_TILE, Api.V2, ("0,0,200,100/200,",)),
    Row("Leaflet never says full of one tile, 3.0", ONE_TILE, Api.V3, ("0,0,200,100/200,100",)),
    Row(
        "OpenSeadragon 3 says full for a tile as wide as the image",
        NARROW,
        Api.V2,
        ("0,0,200,256/full", "0,256,200,256/full", "0,512,200,188/full"),
        not_held=("0,0,200,512/full",),
    ),
    Row(
        "OpenSeadragon 2.4 says max for a tile as wide as the image",
        NARROW,
        Api.V2,
        ("0,0,200,256/max", "0,256,200,256/max", "0,512,200,188/max"),
        not_held=("0,0,200,512/max",),
    ),
    Row(
        "OpenSeadragon says so at every level of an image one pixel wide",
        LINE,
        Api.V2,
        ("0,0,1,256/full", "0,0,1,512/full", "0,0,1,600/full", "0,0,1,512/max", "full/max"),
    ),
    Row(
        "OpenSeadragon says no such thing in 3.0",
        NARROW,
        Api.V3,
        ("0,0,200,256/200,256",),
        not_held=("0,0,200,256/full", "0,0,200,256/max"),
    ),
    Row(
        "OpenSeadragon says full and max for one tile, 2.1",
        ONE_TILE,
        Api.V2,
        ("full/full", "full/max", "0,0,200,100/full", "0,0,200,100/max"),
    ),
    Row(
        "OpenSeadragon says max for one tile, 3.0",
        ONE_TILE,
        Api.V3,
        ("full/max",),
        not_held=("0,0,200,100/max",),
    ),
    Row("Clover asks for sizes by width in 3.0", SLIDE, Api.V3, ("full/141,", "full/282,", "full/1126,")),
    Row("Universal Viewer asks for thumbnails in 2.1", SLIDE, Api.V2, ("full/90,",)),
    Row("Universal Viewer asks for thumbnails in 3.0", SLIDE, Api.V3, ("full/90,",)),
    Row("Universal Viewer asks for thumbnails of a narrow image", LINE, Api.V3, ("full/90,",)),
    Row(
        "Leaflet in a small map halves one large tile five times, 2.1",
        LARGE_TILES,
        Api.V2,
        (
            "0,0,2001,1001/501,",
            "0,0,2001,1001/251,",
            "0,0,2001,1001/126,",
            "0,0,2001,1001/63,",
            "0,0,2001,1001/32,",
        ),
        not_held=("0,0,2001,1001/16,",),
    ),
    Row(
        "Leaflet in a small map halves one large tile five times, 3.0",
        LARGE_TILES,
        Api.V3,
        (
            "0,0,2001,1001/501,251",
            "0,0,2001,1001/251,126",
            "0,0,2001,1001/126,63",
            "0,0,2001,1001/63,32",
            "0,0,2001,1001/32,16",
        ),
        not_held=("0,0,2001,1001/16,8",),
    ),
    Row(
        "Leaflet does not with tiles below 512",
        plan_pyramid(Size(2001, 1001), 511),
        Api.V2,
        ("0,0,2001,1001/501,",),
        not_held=("0,0,2001,1001/251,",),
    ),
    Row(
        "Leaflet does with tiles of 512",
        plan_pyramid(Size(2001, 1001), 512),
        Api.V2,
        ("0,0,2001,1001/501,", "0,0,2001,1001/251,", "0,0,2001,1001/16,"),
    ),
]


def held_paths(pyramid: Pyramid, api: Api) -> set[str]:
    paths = {path for picture in pictures(pyramid, api) for path in picture.paths}
    for level in pyramid.levels[:-1]:
        for tile in pyramid.tiles(level):
            paths.update(tile_paths(pyramid, tile, api))
    return paths


def read(pyramid: Pyramid, api: Api) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(write_info(ImageService("https://host.org/a", pyramid, 0.25), api))
    return document


@pytest.mark.parametrize("row", [pytest.param(row, id=row.viewer) for row in ROWS])
def test_what_a_viewer_asks_for_is_held(row: Row) -> None:
    held = held_paths(row.pyramid, row.api)

    assert {f"{path}/0/default.jpg" for path in row.held} <= held
    assert held.isdisjoint(f"{path}/0/default.jpg" for path in row.not_held)


def test_openseadragon_6_compares_the_profile_of_2_1_to_the_letter() -> None:
    assert read(SLIDE, Api.V2)["profile"][0] == "http://iiif.io/api/image/2/level0.json"


def test_leaflet_knows_3_0_by_its_type() -> None:
    assert read(SLIDE, Api.V3)["type"] == "ImageService3"


@pytest.mark.parametrize("api", Api)
@pytest.mark.parametrize("pyramid", PYRAMIDS, ids=lambda each: str(each.size))
def test_openseadragon_from_4_1_on_may_take_the_sizes_for_the_levels(pyramid: Pyramid, api: Api) -> None:
    listed = [(entry["width"], entry["height"]) for entry in read(pyramid, api)["sizes"]]
    factors = read(pyramid, api)["tiles"][0]["scaleFactors"]
    rounded_up = [(-(-pyramid.size.width // factor), -(-pyramid.size.height // factor)) for factor in factors]

    assert listed == rounded_up[::-1][: len(listed)]
    assert (len(listed) == len(factors)) == (listed[-1] == pyramid.size)


@pytest.mark.parametrize("api", Api)
def test_tiles_are_told_even_of_one_pixel(api: Api) -> None:
    assert read(plan_pyramid(Size(1, 1), 256), api)["tiles"] == [{"width": 256, "scaleFactors": [1]}]


@pytest.mark.parametrize("api", Api)
def test_nothing_is_claimed_that_viewers_would_then_ask_for(api: Api) -> None:
    text = write_info(ImageService("https://host.org/a", SLIDE, 0.25), api).decode()
    claims = (
        "regionByPx",
        "sizeByW",
        "sizeByWh",
        "level1",
        "level2",
        "preferredFormats",
        "formats",
        "qualities",
    )

    assert not [claim for claim in claims if claim in text]


@pytest.mark.parametrize("pyramid", PYRAMIDS, ids=lambda each: str(each.size))
def test_dropping_the_height_of_any_request_of_3_0_gives_a_file_of_2_1(pyramid: Pyramid) -> None:
    stored = held_paths(pyramid, Api.V2)
    for path in held_paths(pyramid, Api.V3):
        region, size, *ending = path.split("/")
        width, comma, _ = size.partition(",")
        assert "/".join([region, width + comma, *ending]) in stored
