"""Pyramid -> info.json, for Image API 2.1 (section 5) and 3.0 (section 5). Pure.

Only features of static files are declared: compliance level 0, one square tile size, all powers of two as scale
factors, and the sizes that exist as files. Any further entry would make viewers request files that do not exist.
"""

import json
import math
from dataclasses import dataclass
from typing import Any

from slide2iiif.geometry import Size
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.pyramid import Pyramid, plan_pyramid

LEVEL_0 = {Api.V2: "http://iiif.io/api/image/2/level0.json", Api.V3: "level0"}
"""Compliance level 0 in each version. OpenSeadragon 6 compares the first literally, `http` included."""

CONTEXT = {
    Api.V2: "http://iiif.io/api/image/2/context.json",
    Api.V3: "http://iiif.io/api/image/3/context.json",
}
PROTOCOL = "http://iiif.io/api/image"
DOCUMENT_NAME = "info.json"
"""File name of the document of the version that the tree is stored in."""

PHYSICAL_CONTEXT = "http://iiif.io/api/annex/services/physdim/1/context.json"
PHYSICAL_PROFILE = "http://iiif.io/api/annex/services/physdim"


@dataclass(frozen=True, slots=True)
class ImageService:
    """Content of one info.json."""

    uri: str
    """URI of the service: the URL of the document without `/info.json`."""
    pyramid: Pyramid
    """The published levels."""
    microns_per_pixel: float | None = None
    """Size of a full-resolution pixel in µm; None where unknown."""

    @property
    def plausible_mpp(self) -> float | None:
        """Microns per pixel; None where unknown or implausible."""
        return plausible_mpp(self.microns_per_pixel)


def other_document_name(stored: Api) -> str:
    """Return the file name of the document of the other API version, for hosts that rewrite URLs."""
    return f"info-v{stored.other}.json"


def plausible_mpp(value: float | None) -> float | None:
    """Return microns per pixel if the value is plausible, else None."""
    if value is None or not math.isfinite(value) or not PLAUSIBLE_MPP[0] <= value <= PLAUSIBLE_MPP[1]:
        return None
    return value


def plausible_objective(value: float | None) -> float | None:
    """Return the magnification of an objective if the value is plausible, else None."""
    if value is None or not PLAUSIBLE_OBJECTIVE[0] <= value <= PLAUSIBLE_OBJECTIVE[1]:
        return None
    return value


def physical_dimensions(service: ImageService) -> dict[str, Any]:
    """Return the physical dimensions service with the id and type that 3.0 demands (section 5.8).

    Empty where the pixel size is unknown.
    """
    physical = _physical(service)
    identity = {"@id": f"{service.uri}#physical-dimensions", "@type": "PhysicalDimensions"}
    return identity | physical["service"] if physical else {}


def write_info(service: ImageService, api: Api) -> bytes:
    """Write info.json as UTF-8; equal services give equal bytes."""
    document = _info_2(service) if api is Api.V2 else _info_3(service)
    return json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n"


def read_info(content: bytes) -> tuple[Pyramid, Api] | None:
    """Parse an info.json into its pyramid and API version; None where it is not of the form that `write_info` makes."""
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
    """List the whole-image sizes that exist as files, ascending: all levels from the smallest to the overview.

    OpenSeadragon from 4.1 on reads the list as the list of levels, so it holds levels of the pyramid and nothing else.
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
    """Return the physical dimensions service, in mm per pixel (IIIF annex of services, "Physical Dimensions")."""
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
"""Plausible magnifications of an objective, extra lenses included: least and greatest."""


PLAUSIBLE_MPP = (0.02, 10.0)
"""Plausible microns per pixel of a microscope or slide scanner: least and greatest.

Values outside are wrong units (slides have 0.12 to 1 as a rule, so a hundred times that is at least 12) or, above,
the print resolution of an ordinary image (300 dpi are 85 µm), which is not the scale of the specimen.
"""


PROFILE_NAME = "profile.icc"
"""File name of the colour profile, in the folder of its slide."""
