"""IIIF Presentation API 3.0: the manifest of a slide and the collection of a folder. Pure.

Every URL in a document exists, whatever the options of a slide: the thumbnail is `full/400,` and the image body
`full/max`. The thumbnail has no service, or viewers would request it in sizes of their own. The service of the body
has id, type and profile alone: with a width and height but no sizes, Mirador requests an image without a size.

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
"""File name of the manifest, in the folder of its slide."""
COLLECTION_NAME = "collection.json"
"""File name of the collection of a folder."""
PAGE_NAME = "index.html"
"""File name of the page of a slide or folder: the homepage of its document."""

_MICRONS_PER_MM = 1000


@dataclass(frozen=True, slots=True)
class Notice:
    """Rights and attribution in every document of a tree."""

    rights: str = ""
    """URI of a licence or rights statement; empty for none."""
    attribution: str = ""
    """Text that viewers must show (requiredStatement); empty for none."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Content of the manifest of one slide; an allow-list: nothing else of the slide is published."""

    label: str
    """Display name."""
    service: ImageService
    """Image service of the slide."""
    api: Api
    """Image API version of the service."""
    objective: float | None = None
    """Magnification of the objective; None where unknown."""
    format: str = ""
    """Scanner vendor or file format; empty where unknown."""
    properties: Mapping[str, str] = field(default_factory=dict)
    """Slide properties that were requested by name."""


@dataclass(frozen=True, slots=True)
class Member:
    """An item of a collection."""

    uri: str
    """URI of the document."""
    kind: str
    """Type of the document: `Manifest` or `Collection`."""
    label: str
    """Display name."""
    thumbnail: dict[str, Any] | None = None
    """Result of the function `thumbnail`; None for none."""


def thumbnail(service: ImageService, api: Api) -> dict[str, Any]:
    """Return the thumbnail of a slide: an image without a service."""
    return _image(f"{service.uri}/{COVER_PATH}", cover_size(service.pyramid, api))


def metadata(subject: Subject) -> list[tuple[str, str]]:
    """List the metadata of a slide as (label, value)."""
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
    """Write the manifest of a slide as UTF-8 JSON; equal subjects give equal bytes."""
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
    """Write the collection of a folder as UTF-8 JSON.

    Args:
        uri: URI of the document.
        folder: URL of the folder, whose page is the homepage.
        label: display name of the folder.
        members: items, in order.
        notice: rights and attribution.
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
    """Format a length in millimetres: one decimal, or two significant digits below 1 mm."""
    length = microns / _MICRONS_PER_MM
    return f"{length:,.1f}" if length >= 1 else f"{length:.2g}"


def _write(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n"
