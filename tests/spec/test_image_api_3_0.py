"""IIIF Image API 3.0, section by section: the requests that must be answered and the fields of the document.

Sections are those of https://iiif.io/api/image/3.0/ and, where it says so, of its compliance document and its
implementation notes.
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
TALL = plan_pyramid(Size(6001, 9001), 512)
ONE_TILE = plan_pyramid(Size(200, 100), 256)
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
        held=("256,256,256,256/256,256",),
        not_held=("256,256/256,256,256,256",),
    ),
    Requests("4.1 full is the whole image", SMALL, held=("full/251,176",)),
    Requests("4.1 x,y,w,h counts pixels of the full image", SMALL, held=("512,0,489,512/245,256",)),
    Requests("4.1 a region ends where the image ends", SMALL, held=("768,512,233,189/233,189",)),
    Requests("4.1 a region beyond the edge is not needed", SMALL, not_held=("768,512,256,256/256,256",)),
    Requests("4.2 max is the maximum size available", SMALL, held=("full/max",)),
    Requests("4.2 max is what the limits allow", LIMITED, held=("full/max",)),
    Requests("4.2 full is no size any more", SMALL, not_held=("full/full",)),
    Requests("4.2 full is no size of a narrow tile either", NARROW, not_held=("0,0,200,256/full", "full/full")),
    Requests("4.2 nothing is scaled up", SMALL, not_held=("full/^max", "full/1002,702", "full/^2002,1402")),
    Requests("4.8 region: full if the full image is requested", ONE_TILE, held=("full/200,100",)),
    Requests("4.8 region: otherwise x,y,w,h", SMALL, held=("0,0,512,512/256,256",)),
    Requests("4.8 size: max if the maximum size is requested", ONE_TILE, held=("full/max",)),
    Requests(
        "4.8 size: otherwise w,h",
        SMALL,
        held=("0,0,512,512/256,256",),
        not_held=("0,0,512,512/256,", "0,0,512,512/,256", "0,0,512,512/pct:50", "0,0,512,512/^256,256"),
    ),
    Requests(
        "5.3 sizes: a request by w,h must be supported",
        SMALL,
        held=("full/1001,701", "full/501,351", "full/251,176"),
    ),
    Requests(
        "5.3 sizes: within the limit",
        LIMITED,
        held=("full/1126,751", "full/563,376", "full/282,188"),
        not_held=("full/2251,1501", "full/9001,6001"),
    ),
    Requests(
        "5.4 tiles: scale factor 1",
        SMALL,
        held=("0,0,256,256/256,256", "768,0,233,256/233,256", "0,512,256,189/256,189"),
    ),
    Requests(
        "5.4 tiles: scale factor 2",
        SMALL,
        held=(
            "0,0,512,512/256,256",
            "512,0,489,512/245,256",
            "0,512,512,189/256,95",
            "512,512,489,189/245,95",
        ),
    ),
    Requests("5.4 tiles: scale factor 4", SMALL, held=("0,0,1001,701/251,176",)),
    Requests(
        "5.4 tiles: no scale factor that is not listed",
        SMALL,
        not_held=("0,0,1001,701/126,88", "full/126,88"),
    ),
    Requests(
        "implementation notes 3: a partial tile is rounded up",
        SMALL,
        held=("512,512,489,189/245,95",),
        not_held=("512,512,489,189/244,94", "512,512,489,189/245,94", "512,512,489,189/244,95"),
    ),
    Requests("compliance 3.1 region full at level 0", LIMITED, held=("full/max",)),
    Requests("compliance 3.1 no other forms of region", SMALL, not_held=("square/176,176", "pct:0,0,100,100/max")),
    Requests("compliance 3.2 size max at level 0", NARROW, held=("full/max",)),
    Requests("compliance 3.2 sizes that are listed", NARROW, held=("full/50,175", "full/100,350", "full/200,700")),
    Requests(
        "compliance 3.2 sizes implicit in tiles",
        NARROW,
        held=("0,512,200,188/200,188", "0,512,200,188/100,94"),
    ),
    Requests("compliance 3.2 no other forms of size", SMALL, not_held=("full/,176", "full/pct:25", "full/!251,176")),
]


@dataclass(frozen=True)
class Field:
    """A sentence of the specification as a field of the document."""

    section: str
    pyramid: Pyramid
    name: str
    value: object


FIELDS = [
    Field("5.2 @context is the URI of the context", SMALL, "@context", "http://iiif.io/api/image/3/context.json"),
    Field("5.2 id is the base URI without a slash at the end", SMALL, "id", "https://host.org/iiif/dir/a.svs"),
    Field("5.2 type", SMALL, "type", "ImageService3"),
    Field("5.2 protocol", SMALL, "protocol", "http://iiif.io/api/image"),
    Field("5.2 profile is a string", SMALL, "profile", "level0"),
    Field("5.2 profile is a string where a limit is declared", LIMITED, "profile", "level0"),
    Field("5.2 width of the full image", LIMITED, "width", 9001),
    Field("5.2 height of the full image", LIMITED, "height", 6001),
    Field("5.2 maxWidth where max is smaller than the image", LIMITED, "maxWidth", 1126),
    Field("5.2 maxWidth limits the height as well", TALL, "maxWidth", 1126),
    Field("5.2 maxHeight is inferred", TALL, "maxHeight", ABSENT),
    Field("5.2 maxArea is not limited", TALL, "maxArea", ABSENT),
    Field("5.2 no maxWidth where max is the image", SMALL, "maxWidth", ABSENT),
    Field(
        "5.3 sizes: width and height of what is available",
        SMALL,
        "sizes",
        [{"width": 251, "height": 176}, {"width": 501, "height": 351}, {"width": 1001, "height": 701}],
    ),
    Field(
        "5.2 sizes are within the limit",
        LIMITED,
        "sizes",
        [{"width": 282, "height": 188}, {"width": 563, "height": 376}, {"width": 1126, "height": 751}],
    ),
    Field("5.4 tiles: width and scale factors", SMALL, "tiles", [{"width": 256, "scaleFactors": [1, 2, 4]}]),
    Field("5.4 tiles: also for one tile", ONE_TILE, "tiles", [{"width": 256, "scaleFactors": [1]}]),
    Field("5.5 no preferred format where there is one", SMALL, "preferredFormats", ABSENT),
    Field("5.6 rights are not ours to tell", SMALL, "rights", ABSENT),
    Field("5.7 no more qualities", SMALL, "extraQualities", ABSENT),
    Field("5.7 no more formats", SMALL, "extraFormats", ABSENT),
    Field("5.7 no more features", SMALL, "extraFeatures", ABSENT),
    Field("2.1's @id is no field of 3.0", SMALL, "@id", ABSENT),
]


def held_paths(pyramid: Pyramid) -> set[str]:
    paths = {path for picture in pictures(pyramid, Api.V3) for path in picture.paths}
    for level in pyramid.levels[:-1]:
        for tile in pyramid.tiles(level):
            paths.update(tile_paths(pyramid, tile, Api.V3))
    return paths


def read(pyramid: Pyramid) -> dict[str, Any]:
    service = ImageService("https://host.org/iiif/dir/a.svs", pyramid, 0.25)
    document: dict[str, Any] = json.loads(write_info(service, Api.V3))
    return document


@pytest.mark.parametrize("row", [pytest.param(row, id=row.section) for row in REQUESTS])
def test_requests_of_3_0_are_answered_as_the_section_says(row: Requests) -> None:
    held = held_paths(row.pyramid)

    assert {f"{path}/0/default.jpg" for path in row.held} <= held
    assert held.isdisjoint(f"{path}/0/default.jpg" for path in row.not_held)


@pytest.mark.parametrize("row", [pytest.param(row, id=row.section) for row in FIELDS])
def test_fields_of_3_0_are_as_the_section_says(row: Field) -> None:
    assert read(row.pyramid).get(row.name, ABSENT) == row.value


@pytest.mark.parametrize("pyramid", [SMALL, LIMITED, TALL, ONE_TILE, NARROW], ids=lambda each: str(each.size))
def test_sections_4_3_to_4_5_are_answered_by_the_only_ending_that_level_0_has(pyramid: Pyramid) -> None:
    assert all(path.endswith("/0/default.jpg") and path.count("/") == 3 for path in held_paths(pyramid))


def test_section_5_2_puts_the_context_first() -> None:
    assert next(iter(read(SMALL))) == "@context"


def test_section_5_has_no_field_beyond_those_that_are_meant() -> None:
    assert set(read(LIMITED)) == {
        "@context",
        "id",
        "type",
        "protocol",
        "profile",
        "width",
        "height",
        "maxWidth",
        "tiles",
        "sizes",
        "service",
    }


def test_section_5_8_wants_services_in_a_list_with_a_profile() -> None:
    (physical,) = read(SMALL)["service"]

    assert physical["profile"] == "http://iiif.io/api/annex/services/physdim"
    assert (physical["physicalScale"], physical["physicalUnits"]) == (0.00025, "mm")


def test_section_5_8_wants_an_id_and_a_type_for_every_service() -> None:
    (physical,) = read(SMALL)["service"]

    assert {"id", "type"} <= set(physical) or {"@id", "@type"} <= set(physical)
