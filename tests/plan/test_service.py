"""Description and options make a plan, before anything is read or written."""

import pickle

import pytest

from slide2iiif.geometry import Size
from slide2iiif.iiif.api import Api
from slide2iiif.options import Options
from slide2iiif.plan.provenance import TileOrigin
from slide2iiif.plan.service import choose_tile_size, plan_slide
from slide2iiif.sources.base import Description, StoredLevel


def description(size: Size, tile: Size | None = None, compression: str | None = None) -> Description:
    return Description("openslide", "aperio", (StoredLevel(size, tile, compression),))


@pytest.mark.parametrize(
    ("tile", "compression", "chosen"),
    [
        (Size(256, 256), "jpeg", 256),
        (Size(240, 240), "jpeg", 240),
        (Size(1024, 1024), "jpeg", 1024),
        (Size(128, 128), "jpeg", 128),
        (Size(64, 64), "jpeg", 512),
        (Size(2048, 2048), "jpeg", 512),
        (Size(256, 128), "jpeg", 512),
        (Size(3968, 8), "jpeg", 512),
        (Size(256, 256), "jpeg2000", 512),
        (Size(256, 256), "lzw", 512),
        (Size(256, 256), None, 512),
        (None, "jpeg", 512),
    ],
)
def test_auto_takes_the_stored_size_where_such_tiles_can_be_copied(
    tile: Size | None, compression: str | None, chosen: int
) -> None:
    slide = description(Size(5000, 4000), tile, compression)
    assert choose_tile_size(slide) == chosen
    assert plan_slide("a.svs", slide, Options()).pyramid.tile_size == chosen


def test_a_tile_size_that_was_asked_for_is_taken() -> None:
    slide = description(Size(5000, 4000), Size(256, 256), "jpeg")
    assert plan_slide("a.svs", slide, Options(tile_size=300)).pyramid.tile_size == 300


def test_a_plan_says_how_each_level_is_made() -> None:
    levels = tuple(StoredLevel(Size(8000 // scale, 4000 // scale), Size(512, 512), "lzw") for scale in (1, 4))
    plan = plan_slide("a.svs", Description("openslide", "generic-tiff", levels), Options())
    assert [plan.stored_level_of(level) for level in range(5)] == [0, 0, 1, 1, 1]
    assert plan.origins_of(0) == {TileOrigin.ENCODED: 16 * 8}
    assert plan.origins_of(1) == {TileOrigin.DOWNSAMPLED: 8 * 4}
    assert plan.origins_of(2) == {TileOrigin.ENCODED: 4 * 2}
    assert plan.origins.total() == plan.tile_count


def test_a_plan_is_made_at_once_for_any_size() -> None:
    plan = plan_slide("a.svs", description(Size(1_000_000, 500_000)), Options(tile_size=512))
    assert plan.tile_count > 2_500_000
    assert plan.file_count > plan.tile_count
    assert plan.inode_count > 4 * plan.tile_count


def test_a_plan_is_a_value() -> None:
    plan = plan_slide("a.svs", description(Size(500, 400)), Options(api=Api.V3))
    assert pickle.loads(pickle.dumps(plan)) == plan  # noqa: S301 - our own bytes


@pytest.mark.parametrize(("api", "documents"), [(Api.V2, 2), (Api.V3, 1)])
def test_the_other_versions_document_is_there_where_a_server_can_serve_it(api: Api, documents: int) -> None:
    assert plan_slide("a.svs", description(Size(500, 400)), Options(api=api)).document_count == documents
