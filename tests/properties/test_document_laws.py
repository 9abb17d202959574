"""An info.json says all that is needed to plan the pyramid again, and always the same bytes."""

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from slide2iiif.geometry import Size
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.info import PLAUSIBLE_MPP, ImageService, plausible_mpp, write_info
from slide2iiif.iiif.pyramid import plan_pyramid

bounded = settings(max_examples=150, deadline=None, derandomize=True, database=None)

apis = st.sampled_from(Api)
sides = st.one_of(st.integers(1, 600), st.integers(1, 300_000))
pyramids = st.builds(
    plan_pyramid,
    st.builds(Size, sides, sides),
    st.one_of(st.sampled_from([256, 512, 1024]), st.integers(1, 5000)),
)
uris = st.from_regex(r"https://[a-z]{1,8}\.org/iiif/[A-Za-z0-9._!-]{1,20}", fullmatch=True)
scales = st.one_of(st.none(), st.floats(), st.floats(*PLAUSIBLE_MPP))
services = st.builds(ImageService, uris, pyramids, scales)


def read(service: ImageService, api: Api) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(write_info(service, api))
    return document


@bounded
@given(services, apis)
def test_the_pyramid_can_be_planned_again_from_the_document(service: ImageService, api: Api) -> None:
    document = read(service, api)
    (tiles,) = document["tiles"]

    planned = plan_pyramid(Size(document["width"], document["height"]), tiles["width"])

    assert planned == service.pyramid
    assert tiles["scaleFactors"] == [level.scale for level in planned.levels]


@bounded
@given(services)
def test_both_versions_carry_the_uri_unchanged(service: ImageService) -> None:
    assert read(service, Api.V2)["@id"] == read(service, Api.V3)["id"] == service.uri


@bounded
@given(services, apis)
def test_equal_services_make_equal_bytes(service: ImageService, api: Api) -> None:
    again = ImageService(
        str(service.uri),
        plan_pyramid(Size(*service.pyramid.size), service.pyramid.tile_size),
        service.microns_per_pixel,
    )

    assert write_info(service, api) == write_info(again, api)


@bounded
@given(services, apis)
@example(ImageService("https://host.org/iiif/a", plan_pyramid(Size(9000, 9000), 4096)), Api.V3)
def test_no_listed_size_and_no_tile_exceeds_a_declared_limit(service: ImageService, api: Api) -> None:
    document = read(service, api)
    limits = document if api is Api.V3 else dict(enumerate(document["profile"])).get(1, {})
    limit = limits.get("maxWidth")

    assert (limit is None) == (not service.pyramid.is_limited)
    if limit is not None:
        assert limit == max(document["sizes"][-1].values())
        assert max(side for entry in document["sizes"] for side in entry.values()) <= limit
        assert document["tiles"][0]["width"] <= limit


@bounded
@given(services, apis)
def test_the_document_holds_numbers_that_json_can_say(service: ImageService, api: Api) -> None:
    def refuse(constant: str) -> float:
        raise AssertionError(constant)

    json.loads(write_info(service, api), parse_constant=refuse)


@bounded
@given(scales)
@example(float("inf"))
@example(float("nan"))
@example(0.0)
@example(PLAUSIBLE_MPP[0])
@example(PLAUSIBLE_MPP[1])
def test_the_size_of_a_pixel_is_told_only_where_it_can_be_true(scale: float | None) -> None:
    service = ImageService("https://host.org/iiif/a", plan_pyramid(Size(10, 10), 256), scale)
    believable = scale is not None and PLAUSIBLE_MPP[0] <= scale <= PLAUSIBLE_MPP[1]

    assert (plausible_mpp(scale) is not None) == believable
    for api in Api:
        assert ("service" in read(service, api)) == believable


@bounded
@given(st.floats(*PLAUSIBLE_MPP))
def test_both_versions_tell_the_pixel_in_millimetres_to_nine_digits(scale: float) -> None:
    service = ImageService("https://host.org/iiif/a", plan_pyramid(Size(10, 10), 256), scale)
    physical = read(service, Api.V2)["service"]

    [with_identity] = read(service, Api.V3)["service"]
    assert physical.items() <= with_identity.items()
    assert physical["physicalUnits"] == "mm"
    assert abs(physical["physicalScale"] * 1000 / scale - 1) < 1e-8
