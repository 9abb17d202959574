"""The documents, byte for byte, and the names they are stored under."""

import json
from typing import Any

import pytest

from slide2iiif.geometry import Size
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.info import (
    DOCUMENT_NAME,
    PLAUSIBLE_MPP,
    ImageService,
    other_document_name,
    plausible_mpp,
    sizes,
    write_info,
)
from slide2iiif.iiif.pyramid import plan_pyramid

SLIDE = ImageService("https://host.org/iiif/dir/a!20b.svs", plan_pyramid(Size(5000, 3001), 1024), 0.2525)
PLAIN = ImageService("https://host.org/iiif/é", plan_pyramid(Size(300, 200), 512))


def read(service: ImageService, api: Api) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(write_info(service, api))
    return document


def test_a_slide_in_2_1_is_written_like_this() -> None:
    assert write_info(SLIDE, Api.V2).decode() == (
        """\
{
 "@context": "http://iiif.io/api/image/2/context.json",
 "@id": "https://host.org/iiif/dir/a!20b.svs",
 "protocol": "http://iiif.io/api/image",
 "width": 5000,
 "height": 3001,
 "profile": [
  "http://iiif.io/api/image/2/level0.json",
  {
   "maxWidth": 1250
  }
 ],
 "tiles": [
  {
   "width": 1024,
   "scaleFactors": [
    1,
    2,
    4,
    8
   ]
  }
 ],
 "sizes": [
  {
   "width": 625,
   "height": 376
  },
  {
   "width": 1250,
   "height": 751
  }
 ],
 "service": {
  "@context": "http://iiif.io/api/annex/services/physdim/1/context.json",
  "profile": "http://iiif.io/api/annex/services/physdim",
  "physicalScale": 0.0002525,
  "physicalUnits": "mm"
 }
}
"""
    )


def test_a_plain_image_in_3_0_is_written_like_this() -> None:
    assert write_info(PLAIN, Api.V3).decode() == (
        """\
{
 "@context": "http://iiif.io/api/image/3/context.json",
 "id": "https://host.org/iiif/é",
 "type": "ImageService3",
 "protocol": "http://iiif.io/api/image",
 "profile": "level0",
 "width": 300,
 "height": 200,
 "tiles": [
  {
   "width": 512,
   "scaleFactors": [
    1
   ]
  }
 ],
 "sizes": [
  {
   "width": 300,
   "height": 200
  }
 ]
}
"""
    )


def test_the_document_of_the_stored_version_has_the_name_of_the_specification() -> None:
    assert DOCUMENT_NAME == "info.json"


def test_the_document_of_the_other_version_says_which_one_it_is() -> None:
    assert other_document_name(Api.V2) == "info-v3.json"
    assert other_document_name(Api.V3) == "info-v2.json"


def test_sizes_stop_at_the_overview() -> None:
    assert sizes(SLIDE.pyramid) == [{"width": 625, "height": 376}, {"width": 1250, "height": 751}]


def test_sizes_hold_every_level_of_an_image_without_limit() -> None:
    assert sizes(plan_pyramid(Size(1001, 701), 256)) == [
        {"width": 251, "height": 176},
        {"width": 501, "height": 351},
        {"width": 1001, "height": 701},
    ]


@pytest.mark.parametrize("api", Api)
def test_the_limit_is_the_longer_side_because_height_is_limited_by_it_too(api: Api) -> None:
    document = read(ImageService("https://host.org/a", plan_pyramid(Size(1000, 9000), 256)), api)
    limits = document["profile"][1] if api is Api.V2 else document

    assert limits["maxWidth"] == 1125
    assert "maxHeight" not in limits
    assert "maxArea" not in limits


@pytest.mark.parametrize("mpp", [0.1, 0.2525, 1, 8.0, *PLAUSIBLE_MPP])
def test_a_believable_pixel_size_is_kept(mpp: float) -> None:
    assert plausible_mpp(mpp) == mpp


@pytest.mark.parametrize(
    "mpp",
    [
        pytest.param(None, id="unknown"),
        pytest.param(0.0, id="nothing"),
        pytest.param(-0.25, id="negative"),
        pytest.param(0.00025, id="millimetres"),
        pytest.param(25_400 / 300, id="300 dpi of a print"),
        pytest.param(25_400 / 72, id="72 dpi of a screen"),
        pytest.param(float("nan"), id="no number"),
        pytest.param(float("inf"), id="infinite"),
        pytest.param(float("-inf"), id="infinite and negative"),
    ],
)
def test_an_unknown_or_absurd_pixel_size_is_left_out(mpp: float | None) -> None:
    assert plausible_mpp(mpp) is None


def test_the_pixel_size_is_rounded_to_what_a_scanner_can_know() -> None:
    service = ImageService("https://host.org/a", plan_pyramid(Size(10, 10), 256), 0.1 + 0.2)

    assert read(service, Api.V2)["service"]["physicalScale"] == 0.0003
