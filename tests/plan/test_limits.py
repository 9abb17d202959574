"""What a slide may be at most, judged from its plan."""

import pytest

from slide2iiif.errors import SourceError, UsageError
from slide2iiif.geometry import Size
from slide2iiif.options import BLOCK_TIMEOUT, MAX_PIXELS, OPEN_TIMEOUT, Limited, Options
from slide2iiif.plan.service import plan_service
from slide2iiif.sources.base import Description, StoredLevel


def test_a_slide_with_too_many_pixels_is_refused_with_what_to_do() -> None:
    description = Description("test", "test", (StoredLevel(Size(1001, 1000)),))
    with pytest.raises(SourceError, match=r"has 1,001,000 pixels .* at most 1,000,000 are allowed; .*--max-pixels"):
        plan_service("a.svs", description, Options(max_pixels=1_000_000))
    assert plan_service("a.svs", description, Options(max_pixels=1_001_000)).tile_count


@pytest.mark.parametrize("limit", [MAX_PIXELS, OPEN_TIMEOUT, BLOCK_TIMEOUT])
def test_limits_must_be_positive(limit: Limited) -> None:
    with pytest.raises(UsageError, match=f"{limit.name} 0: must be from 1 to"):
        limit.parse("0")
