"""Names that documents announce: all of a version, and none of another."""

from hypothesis import given
from hypothesis import strategies as st

from slide2iiif.geometry import Size
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.file_order import order_files
from slide2iiif.iiif.info import ImageService, write_info
from slide2iiif.iiif.pyramid import plan_pyramid
from slide2iiif.stores.bucket.announced import announced_names

sizes = st.builds(Size, st.integers(1, 3000), st.integers(1, 3000))
sides = st.sampled_from([1, 7, 64, 254, 256, 512])
apis = st.sampled_from(list(Api))


def info(size: Size, side: int, api: Api) -> bytes:
    return write_info(ImageService("https://h/a.svs", plan_pyramid(size, side)), api)


def paths_of(size: Size, side: int, api: Api) -> set[str]:
    order = order_files(plan_pyramid(size, side), api)
    return {path for ordinal in range(order.count) for path in order.paths_at(ordinal)}


@given(sizes, st.sampled_from([64, 254, 256, 512]), apis)
def test_every_path_of_a_version_is_announced(size: Size, side: int, api: Api) -> None:
    names = announced_names([("manifest.json", b"{}"), ("info.json", info(size, side, api))])
    assert all(names.has(path) for path in paths_of(size, side, api))
    assert names.has("manifest.json")
    assert names.has("info.json")
    assert not names.has("index.html")


@given(sizes, sizes, st.sampled_from([64, 256]), st.sampled_from([64, 128, 512]), apis)
def test_no_path_of_another_version_is(older: Size, newer: Size, side: int, other: int, api: Api) -> None:
    names = announced_names([("info.json", info(newer, side, api))])
    of_newer = paths_of(newer, side, api)
    assert {path for path in paths_of(older, other, api) if names.has(path)} <= of_newer


def test_services_below_a_slide_have_names_of_their_own() -> None:
    size = Size(300, 200)
    names = announced_names(
        [("info.json", info(size, 256, Api.V2)), ("!associated/macro/info.json", info(Size(90, 60), 256, Api.V2))]
    )
    assert names.has("!associated/macro/full/max/0/default.jpg")
    assert not names.has("!associated/label/full/max/0/default.jpg")
    assert not names.has("!associated/macro/0,0,256,200/256,/0/default.jpg")


def test_a_document_that_says_nothing_announces_itself_alone() -> None:
    names = announced_names([("info.json", b"{}")])
    assert names.services == ()
    assert names.has("info.json")
    assert not names.has("full/max/0/default.jpg")
