"""Pyramid -> info.json, for Image API 2.1 (section 5) and 3.0 (section 5). Pure.

Only what every static host can keep is claimed: compliance level 0, one square tile size, the scale factors
without a gap, and the sizes that exist as files. Every entry more would make viewers ask for files.
"""

import json
import math
from dataclasses import dataclass
from typing import Any

from slide2iiif.geometry import Size
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.pyramid import Pyramid, plan_pyramid

LEVEL_0 = {Api.V2: "http://iiif.io/api/image/2/level0.json", Api.V3: "level0"}
"""The profile of each version. OpenSeadragon 6 compares the first to the letter, `http` included."""

CONTEXT = {
    Api.V2: "http://iiif.io/api/image/2/context.json",
    Api.V3: "http://iiif.io/api/image/3/context.json",
}
PROTOCOL = "http://iiif.io/api/image"
DOCUMENT_NAME = "info.json"
"""The document of the version that the tree is stored in."""

PHYSICAL_CONTEXT = "http://iiif.io/api/annex/services/physdim/1/context.json"
PHYSICAL_PROFILE = "http://iiif.io/api/annex/services/physdim"


@dataclass(frozen=True, slots=True)
class ImageService:
    """What a document says of one slide."""

    uri: str
    """Where the document is fetched, less `/info.json`."""
    pyramid: Pyramid
    """The published levels."""
    microns_per_pixel: float | None = None
    """Size of a full-resolution pixel in µm; None where unknown or implausible."""

    @property
    def plausible_mpp(self) -> float | None:
        """Microns per pixel if they can be true."""
        return plausible_mpp(self.microns_per_pixel)


def other_document_name(stored: Api) -> str:
    """Name of the document of the version that a tree is not stored in, for hosts that rewrite."""
    return f"info-v{stored.other}.json"


def plausible_mpp(value: float | None) -> float | None:
    """Give back microns per pixel if they can be true, else None."""
    if value is None or not math.isfinite(value) or not PLAUSIBLE_MPP[0] <= value <= PLAUSIBLE_MPP[1]:
        return None
    return value


def plausible_objective(value: float | None) -> float | None:
    """Give back the magnification of an objective if it can be true, else None."""
    if value is None or not PLAUSIBLE_OBJECTIVE[0] <= value <= PLAUSIBLE_OBJECTIVE[1]:
        return None
    return value


def physical_dimensions(service: ImageService) -> dict[str, Any]:
    """Describe the size of a pixel as a service with the id and type that every one has in 3.0 (section 5.8).

    Empty where the size is unknown.
    """
    physical = _physical(service)
    identity = {"@id": f"{service.uri}#physical-dimensions", "@type": "PhysicalDimensions"}
    return identity | physical["service"] if physical else {}


def write_info(service: ImageService, api: Api) -> bytes:
    """Write the document as UTF-8 JSON, the same bytes for the same service."""
    document = _info_2(service) if api is Api.V2 else _info_3(service)
    return json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n"


def read_info(content: bytes) -> tuple[Pyramid, Api] | None:
    """Give the levels that a document announces, and its version; None where it is no document of this form."""
    try:
        document = json.loads(content)
        api = Api.V3 if document.get("type") == "ImageService3" else Api.V2
        [tiles] = document["tiles"]
        numbers = (document["width"], document["height"], tiles["width"])
        if any(type(number) is not int for number in numbers):
            return None
        pyramid = plan_pyramid(Size(*numbers[:2]), numbers[2])
        announced = tiles["scaleFactors"]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return (pyramid, api) if announced == [level.scale for level in pyramid.levels] else None


def sizes(pyramid: Pyramid) -> list[dict[str, int]]:
    """List the sizes of the whole image that exist, ascending: the smallest levels without a gap.

    OpenSeadragon from 4.1 on takes the list for the level list, so it holds levels of the pyramid and nothing else.
    """
    levels = pyramid.levels[: pyramid.overview.index - 1 if pyramid.overview.index else None : -1]
    return [{"width": level.size.width, "height": level.size.height} for level in levels]


def _info_2(service: ImageService) -> dict[str, Any]:
    pyramid = service.pyramid
    profile: list[Any] = [LEVEL_0[Api.V2]]
    if pyramid.is_limited:
        profile.append(_limits(pyramid))
    return {
        "@context": CONTEXT[Api.V2],
        "@id": service.uri,
        "protocol": PROTOCOL,
        "width": pyramid.size.width,
        "height": pyramid.size.height,
        "profile": profile,
        "tiles": _tiles(pyramid),
        "sizes": sizes(pyramid),
        **_physical(service),
    }


def _info_3(service: ImageService) -> dict[str, Any]:
    pyramid = service.pyramid
    return {
        "@context": CONTEXT[Api.V3],
        "id": service.uri,
        "type": "ImageService3",
        "protocol": PROTOCOL,
        "profile": LEVEL_0[Api.V3],
        "width": pyramid.size.width,
        "height": pyramid.size.height,
        **(_limits(pyramid) if pyramid.is_limited else {}),
        "tiles": _tiles(pyramid),
        "sizes": sizes(pyramid),
        **({"service": [physical]} if (physical := physical_dimensions(service)) else {}),
    }


def _limits(pyramid: Pyramid) -> dict[str, int]:
    # maxWidth alone limits the height as well (2.1 section 5.3, 3.0 section 5.2), so it is the longer side.
    return {"maxWidth": pyramid.overview.size.longer_side}


def _tiles(pyramid: Pyramid) -> list[dict[str, Any]]:
    return [{"width": pyramid.tile_size, "scaleFactors": [level.scale for level in pyramid.levels]}]


def _physical(service: ImageService) -> dict[str, Any]:
    """Physical dimensions service: millimetres a pixel. Source: IIIF annex of services, "Physical Dimensions"."""
    mpp = service.plausible_mpp
    if mpp is None:
        return {}
    return {
        "service": {
            "@context": PHYSICAL_CONTEXT,
            "profile": PHYSICAL_PROFILE,
            "physicalScale": float(f"{mpp / 1000:.9g}"),
            "physicalUnits": "mm",
        }
    }


PLAUSIBLE_OBJECTIVE = (0.1, 250.0)
"""Magnifications that an objective can have, with an extra lens included."""


PLAUSIBLE_MPP = (0.02, 10.0)
"""Microns per pixel that a microscope or a slide scanner can have.

Below and above are wrong units (a slide has 0.12 to 1 as a rule, so a hundred times of it is 12 at least), and above
is the print resolution of an ordinary image (300 dpi are 85 µm), which says nothing of the size of what it shows.
"""


PROFILE_NAME = "profile.icc"
"""File below a slide that holds its colour profile."""
