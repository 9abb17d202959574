"""Image services of associated images (label, macro, thumbnail), planned like a slide of one level."""

from dataclasses import replace

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Size
from slide2iiif.options import Options
from slide2iiif.plan.service import SlidePlan, plan_slide
from slide2iiif.sources.base import Description, StoredLevel


def associated_path(name: str) -> str:
    """Return the path of an associated image's service below its slide; no IIIF region has this name."""
    return f"associated/{name}"


def plan_associated(identifier: str, name: str, size: Size, options: Options) -> SlidePlan:
    """Plan the service of an associated image, whose full resolution is read from an intermediate image.

    Raises:
        SourceError: more pixels or tiles than the options allow.
    """
    description = Description("openslide", "associated", (StoredLevel(size),))
    try:
        plan = plan_slide(f"{identifier}/{associated_path(name)}", description, options)
    except SourceError as error:
        raise SourceError(f"its picture {name!r} {error}") from None
    return replace(plan, passes=tuple(replace(pass_, stored_level=None) for pass_ in plan.passes))
