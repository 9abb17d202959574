"""Plan of a whole slide: the service of its levels, and one for each picture beside them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Size
from slide2iiif.options import Options
from slide2iiif.plan.service import ServicePlan, plan_service
from slide2iiif.sources.base import Described, Description, StoredLevel


@dataclass(frozen=True, slots=True)
class SlidePlan:
    """Services and properties of a slide that will be published."""

    levels: ServicePlan
    """Service of the levels."""
    pictures: tuple[ServicePlan, ...] = ()
    """Services of the associated images that were asked for and that the slide has."""
    properties: Mapping[str, str] = field(default_factory=dict)
    """Properties that were asked for by name, the only ones that go out."""

    @property
    def identifier(self) -> str:
        """Path of the slide below the base URL."""
        return self.levels.identifier

    @property
    def services(self) -> tuple[ServicePlan, ...]:
        """All services, that of the levels first: the order of their digests."""
        return (self.levels, *self.pictures)


def plan_slide(identifier: str, described: Described, options: Options, page_count: int = 0) -> SlidePlan:
    """Return the plan of a slide.

    Args:
        identifier: path below the base URL.
        described: facts of the slide.
        options: what was asked for.
        page_count: files of pages and manifests that will lie with the slide's.

    Raises:
        SourceError: it has more pixels, or would have more tiles, than are allowed.
    """
    levels = plan_service(identifier, described.description, options, page_count)
    sizes = described.associated.items()
    pictures = tuple(plan_picture(identifier, name, size, options) for name, size in sizes)
    return SlidePlan(levels, pictures, described.properties)


def picture_place(name: str) -> str:
    """Return the folder of a picture's service below its slide: no region of an image can have this name."""
    return f"associated/{name}"


def plan_picture(identifier: str, name: str, size: Size, options: Options) -> ServicePlan:
    """Return the plan of the service of a picture: of a slide whose full resolution is an intermediate image.

    Raises:
        SourceError: more pixels or tiles than the options allow.
    """
    description = Description("openslide", "associated", (StoredLevel(size),))
    place = picture_place(name)
    try:
        plan = plan_service(f"{identifier}/{place}", description, options)
    except SourceError as error:
        raise SourceError(f"its picture {name!r} {error}") from None
    passes = tuple(replace(pass_, stored_level=None) for pass_ in plan.passes)
    return replace(plan, passes=passes, place=place, picture=name)
