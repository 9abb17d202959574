"""IIIF Image API 2.1, section by section: the requests that must be answered and the fields of the document.

Sections are those of https://iiif.io/api/image/2.1/ and, where it says so, of its compliance document.
"""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from slide2iiif.geometry import Size
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.info import ImageService, write_info
from slide2iiif.iiif.paths import pictures, tile_paths
from slide2iiif.iiif.pyramid import Pyramid, plan_pyramid

SMALL = plan_pyramid(Size(1001, 701), 256)
"""Levels are 1001 by 701, 501 by 351 and 251 by 176; nothing is limited."""
LIMITED = plan_pyramid(Size(9001, 6001), 512)
"""Levels go down to 282 by 188; the whole is offered at 1126 by 751."""
ONE_TILE = plan_pyramid(Size(200, 100), 256)
SQUARE = plan_pyramid(Size(600, 600), 256)
NARROW = plan_pyramid(Size(200, 700), 256)

ABSENT = "absent"


@dataclass(frozen=True)
class Requests:
    """A sentence of the specification as requests, without their common end `/0/default.jpg`."""

    section: str
    pyramid: Pyramid
    held: tuple[str, ...] = ()
    not_held: tuple[str, ...] = ()


REQUESTS = [
    Requests(
        "2.1 region, size, rotation, quality and format in this order",
        SMALL,
        held=("256,256,256,256/256,",),
        not_held=("256,/256,256,256,256", "0/256,256,256,256/256,"),
    ),
    Requests("4.1 full is the whole image", SMALL, held=("full/251,",)),
    Requests("4.1 x,y,w,h counts pixels of the full image", SMALL, held=("512,0,489,512/245,",)),
    Requests("4.1 a region ends where the image ends", SMALL, held=("768,512,233,189/233,",)),
    Requests("4.1 a region beyond the edge is not needed", SMALL, not_held=("768,512,256,256/256,",)),
    Requests("4.1 a region outside the image is not needed", SMALL, not_held=("1024,0,256,256/256,",)),
    Requests("4.2 full is not scaled", SMALL, held=("full/full",)),
    Requests("4.2 max is full where nothing is limited", SMALL, held=("full/max", "full/full")),
    Requests("4.2 max is what the limits allow", LIMITED, held=("full/max",), not_held=("full/full",)),
    Requests("4.2 w, keeps the aspect ratio of the whole", SMALL, held=("full/501,", "full/251,")),
    Requests("4.2 no size above the full one", SMALL, not_held=("full/1002,", "full/2002,")),
    Requests(
        "4.7 region: full if the whole image is requested",
        ONE_TILE,
        held=("full/200,",),
    ),
    Requests(
        "4.7 region: full for the square of a square image",
        SQUARE,
        held=("full/150,",),
        not_held=("square/150,",),
    ),
    Requests("4.7 region: otherwise x,y,w,h", SQUARE, held=("0,0,512,512/256,",)),
    Requests("4.7 size: full if the default size is requested", ONE_TILE, held=("full/full",)),
    Requests(
        "4.7 size: w, where the aspect ratio is kept",
        SMALL,
        held=("0,0,512,512/256,",),
        not_held=("0,0,512,512/256,256", "0,0,512,512/,256", "0,0,512,512/pct:50"),
    ),
    Requests("4.7 size: w, is the canonical form of a limited max", LIMITED, held=("full/1126,",)),
    Requests(
        "5.2 sizes: a request by w,h must be supported",
        SMALL,
        held=("full/1001,701", "full/501,351", "full/251,176"),
    ),
    Requests("5.2 sizes: a request by w, should be supported", SMALL, held=("full/1001,", "full/501,", "full/251,")),
    Requests(
        "5.2 sizes: both forms within the limit",
        LIMITED,
        held=("full/1126,", "full/1126,751", "full/563,", "full/563,376", "full/282,", "full/282,188"),
        not_held=("full/2251,", "full/2251,1501", "full/9001,"),
    ),
    Requests(
        "5.2 tiles: scale factor 1",
        SMALL,
        held=("0,0,256,256/256,", "768,0,233,256/233,", "0,512,256,189/256,"),
    ),
    Requests(
        "5.2 tiles: scale factor 2",
        SMALL,
        held=("0,0,512,512/256,", "512,0,489,512/245,", "0,512,512,189/256,", "512,512,489,189/245,"),
    ),
    Requests("5.2 tiles: scale factor 4", SMALL, held=("0,0,1001,701/251,",)),
    Requests("5.2 tiles: no scale factor that is not listed", SMALL, not_held=("0,0,1001,701/126,", "full/126,")),
    Requests(
        "appendix A: a partial tile is rounded up",
        SMALL,
        held=("512,512,489,189/245,",),
        not_held=("512,512,489,189/244,",),
    ),
    Requests("compliance 3.1 region full at level 0", LIMITED, held=("full/max",)),
    Requests("compliance 3.2 size full at level 0, up to the limits", SMALL, held=("full/full",)),
    Requests("compliance 3.2 sizes that are listed", NARROW, held=("full/50,175", "full/100,350", "full/200,700")),
    Requests("compliance 3.2 sizes implicit in tiles", NARROW, held=("0,512,200,188/200,", "0,512,200,188/100,")),
    Requests("compliance 3.2 no other forms of size", SMALL, not_held=("full/,176", "full/pct:25", "full/!251,176")),
    Requests("compliance 3.1 no other forms of region", SMALL, not_held=("square/251,", "pct:0,0,100,100/251,")),
]


@dataclass(frozen=True)
class Field:
    """A sentence of the specification as a field of the document."""

    section: str
    pyramid: Pyramid
    name: str
    value: object


FIELDS = [
    Field("5.2 @context is the URI of the context", SMALL, "@context", "http://iiif.io/api/image/2/context.json"),
    Field("5.2 @id is the base URI without a slash at the end", SMALL, "@id", "https://host.org/iiif/dir/a.svs"),
    Field("5.2 @type may be left out", SMALL, "@type", ABSENT),
    Field("5.2 protocol", SMALL, "protocol", "http://iiif.io/api/image"),
    Field("5.2 width of the full image", LIMITED, "width", 9001),
    Field("5.2 height of the full image", LIMITED, "height", 6001),
    Field("5.2 profile begins with the level", SMALL, "profile", ["http://iiif.io/api/image/2/level0.json"]),
    Field("5.2 tiles: width and scale factors", SMALL, "tiles", [{"width": 256, "scaleFactors": [1, 2, 4]}]),
    Field("5.2 tiles: also for one tile", ONE_TILE, "tiles", [{"width": 256, "scaleFactors": [1]}]),
    Field(
        "5.2 sizes: width and height of what is available",
        SMALL,
        "sizes",
        [{"width": 251, "height": 176}, {"width": 501, "height": 351}, {"width": 1001, "height": 701}],
    ),
    Field(
        "5.3 sizes are within the limit",
        LIMITED,
        "sizes",
        [{"width": 282, "height": 188}, {"width": 563, "height": 376}, {"width": 1126, "height": 751}],
    ),
    Field(
        "5.3 a limit is told in the second entry of profile; what level 0 has is not repeated",
        LIMITED,
        "profile",
        ["http://iiif.io/api/image/2/level0.json", {"maxWidth": 1126}],
    ),
    Field("5.3 limits are no fields of the document", LIMITED, "maxWidth", ABSENT),
    Field("5.4 rights are not ours to tell", SMALL, "license", ABSENT),
    Field(
        "5.5 service may be an object",
        SMALL,
        "service",
        {
            "@context": "http://iiif.io/api/annex/services/physdim/1/context.json",
            "profile": "http://iiif.io/api/annex/services/physdim",
            "physicalScale": 0.00025,
            "physicalUnits": "mm",
        },
    ),
    Field("3.0's id is no field of 2.1", SMALL, "id", ABSENT),
    Field("3.0's type is no field of 2.1", SMALL, "type", ABSENT),
]


def held_paths(pyramid: Pyramid) -> set[str]:
    paths = {path for picture in pictures(pyramid, Api.V2) for path in picture.paths}
    for level in pyramid.levels[:-1]:
        for tile in pyramid.tiles(level):
            paths.update(tile_paths(pyramid, tile, Api.V2))
    return paths


def read(pyramid: Pyramid) -> dict[str, Any]:
    service = ImageService("https://host.org/iiif/dir/a.svs", pyramid, 0.25)
    document: dict[str, Any] = json.loads(write_info(service, Api.V2))
    return document


@pytest.mark.parametrize("row", [pytest.param(row, id=row.section) for row in REQUESTS])
def test_requests_of_2_1_are_answered_as_the_section_says(row: Requests) -> None:
    held = held_paths(row.pyramid)

    assert {f"{path}/0/default.jpg" for path in row.held} <= held
    assert held.isdisjoint(f"{path}/0/default.jpg" for path in row.not_held)


@pytest.mark.parametrize("row", [pytest.param(row, id=row.section) for row in FIELDS])
def test_fields_of_2_1_are_as_the_section_says(row: Field) -> None:
    assert read(row.pyramid).get(row.name, ABSENT) == row.value


@pytest.mark.parametrize("pyramid", [SMALL, LIMITED, ONE_TILE, SQUARE, NARROW], ids=lambda each: str(each.size))
def test_sections_4_3_to_4_5_are_answered_by_the_only_ending_that_level_0_has(pyramid: Pyramid) -> None:
    assert all(path.endswith("/0/default.jpg") and path.count("/") == 3 for path in held_paths(pyramid))


def test_section_5_2_has_no_field_beyond_those_that_are_meant() -> None:
    assert set(read(LIMITED)) == {
        "@context",
        "@id",
        "protocol",
        "width",
        "height",
        "profile",
        "tiles",
        "sizes",
        "service",
    }
