"""Slide -> manifest, folder -> collection: IIIF Presentation API 3.0. Pure.

Every URL that a document names exists, in every version of a slide: the thumbnail is `full/400,` and the image body
`full/max`. The thumbnail has no service, or viewers would ask that for sizes of their own. The service of the body is
bare: with a width and height but no sizes, Mirador asks for a picture of no size at all.

Source: Presentation API 3.0, section 5 (Manifest, Canvas, Collection) and section 3 (rights, requiredStatement,
thumbnail); "Physical Dimensions" of the annex of services.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from slide2iiif.geometry import Size
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.info import LEVEL_0, ImageService, physical_dimensions
from slide2iiif.iiif.paths import COVER_PATH, SUFFIX, cover_size

CONTEXT = "http://iiif.io/api/presentation/3/context.json"
MANIFEST_NAME = "manifest.json"
"""The manifest of a slide, in its folder."""
COLLECTION_NAME = "collection.json"
"""The collection of a folder, in that folder."""
PAGE_NAME = "index.html"
"""The page of a slide or of a folder, which documents name as their homepage."""

_MICRONS_PER_MM = 1000


@dataclass(frozen=True, slots=True)
class Notice:
    """What every document of a tree says of rights."""

    rights: str = ""
    """URI of a licence or rights statement; empty for none."""
    attribution: str = ""
    """Text that viewers must show; empty for none."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a manifest says of one slide: nothing but what is on the list of what may go out."""

    label: str
    """Its name for people."""
    service: ImageService
    """The image service that it is seen through."""
    api: Api
    """Version of that service."""
    objective: float | None = None
    """Magnification of the objective; None where unknown."""
    format: str = ""
    """The scanner's or file format; empty where unknown."""
    properties: Mapping[str, str] = field(default_factory=dict)
    """What was asked for by name."""


@dataclass(frozen=True, slots=True)
class Member:
    """A document that a collection names."""

    uri: str
    """Where it is."""
    kind: str
    """`Manifest` or `Collection`."""
    label: str
    """Its name for people."""
    thumbnail: dict[str, Any] | None = None
    """See `thumbnail`."""


def thumbnail(service: ImageService, api: Api) -> dict[str, Any]:
    """Describe the thumbnail of a slide: a plain picture."""
    return _image(f"{service.uri}/{COVER_PATH}", cover_size(service.pyramid, api))


def metadata(subject: Subject) -> list[tuple[str, str]]:
    """List what is known of a slide, as label and value."""
    width, height = subject.service.pyramid.size
    found = [("Size", f"{width:,} × {height:,} px")]
    mpp = subject.service.plausible_mpp
    if mpp is not None:
        found += [
            ("Physical size", f"{_length(width * mpp)} × {_length(height * mpp)} mm"),
            ("Resolution", f"{mpp:.4g} µm per pixel"),
        ]
    if subject.objective is not None:
        found.append(("Objective", f"{subject.objective:g}×"))
    if subject.format:
        found.append(("Format", subject.format))
    return [*found, *sorted(subject.properties.items())]


def write_manifest(subject: Subject, notice: Notice) -> bytes:
    """Write the manifest of a slide as UTF-8 JSON, the same bytes for the same slide."""
    uri = subject.service.uri
    return _write(
        {
            "@context": CONTEXT,
            "id": f"{uri}/{MANIFEST_NAME}",
            "type": "Manifest",
            "label": {"none": [subject.label]},
            "metadata": [{"label": {"en": [name]}, "value": {"none": [value]}} for name, value in metadata(subject)],
            **_notice(notice),
            "thumbnail": [thumbnail(subject.service, subject.api)],
            "homepage": [_homepage(uri, subject.label)],
            "items": [_canvas(subject)],
        }
    )


def write_collection(uri: str, folder: str, label: str, members: Iterable[Member], notice: Notice) -> bytes:
    """Write a collection.

    Args:
        uri: where the document is.
        folder: URL of the folder whose page shows the same.
        label: name of the folder for people.
        members: what it holds, in order.
        notice: what is said of rights.
    """
    return _write(
        {
            "@context": CONTEXT,
            "id": uri,
            "type": "Collection",
            "label": {"none": [label]},
            **_notice(notice),
            "homepage": [_homepage(folder, label)],
            "items": [_member(member) for member in members],
        }
    )


def _canvas(subject: Subject) -> dict[str, Any]:
    service = subject.service
    width, height = service.pyramid.size
    canvas = f"{service.uri}/canvas"
    body = _image(f"{service.uri}/full/max{SUFFIX}", service.pyramid.overview.size)
    body["service"] = [_service(service.uri, subject.api)]
    painting = {
        "id": f"{canvas}/page/image",
        "type": "Annotation",
        "motivation": "painting",
        "body": body,
        "target": canvas,
    }
    physical = physical_dimensions(service)
    return {
        "id": canvas,
        "type": "Canvas",
        "label": {"none": [subject.label]},
        "width": width,
        "height": height,
        "thumbnail": [thumbnail(service, subject.api)],
        **({"service": [physical]} if physical else {}),
        "items": [{"id": f"{canvas}/page", "type": "AnnotationPage", "items": [painting]}],
    }


def _service(uri: str, api: Api) -> dict[str, str]:
    if api is Api.V2:
        return {"@id": uri, "@type": "ImageService2", "profile": LEVEL_0[api]}
    return {"id": uri, "type": "ImageService3", "profile": LEVEL_0[api]}


def _image(uri: str, size: Size) -> dict[str, Any]:
    return {
        "id": uri,
        "type": "Image",
        "format": "image/jpeg",
        "width": size.width,
        "height": size.height,
    }


def _member(member: Member) -> dict[str, Any]:
    found: dict[str, Any] = {"id": member.uri, "type": member.kind, "label": {"none": [member.label]}}
    return found | ({"thumbnail": [member.thumbnail]} if member.thumbnail else {})


def _homepage(folder: str, label: str) -> dict[str, Any]:
    return {"id": f"{folder}/{PAGE_NAME}", "type": "Text", "label": {"none": [label]}, "format": "text/html"}


def _notice(notice: Notice) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if notice.rights:
        found["rights"] = notice.rights
    if notice.attribution:
        found["requiredStatement"] = {"label": {"en": ["Attribution"]}, "value": {"none": [notice.attribution]}}
    return found


def _length(microns: float) -> str:
    """Spell a length in millimetres, to a hundredth or to two digits."""
    length = microns / _MICRONS_PER_MM
    return f"{length:,.1f}" if length >= 1 else f"{length:.2g}"


def _write(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n"
