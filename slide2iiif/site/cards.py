"""Public view of a receipt: the only module that reads a receipt for publishing. Pure.

A receipt also has the path of the source, which is for the operator and not read here.
"""

from dataclasses import dataclass

from slide2iiif.iiif.api import Api
from slide2iiif.iiif.manifest import PAGE_NAME, Subject, metadata
from slide2iiif.iiif.paths import COVER_PATH, SUFFIX, cover_size
from slide2iiif.records.receipt import Receipt
from slide2iiif.site.labels import display_name, visible

COVERS = 4
"""Number of covers on the card of a folder."""

_FORMATS = {
    "aperio": "Aperio",
    "dicom": "DICOM",
    "generic-tiff": "TIFF",
    "hamamatsu": "Hamamatsu",
    "leica": "Leica",
    "mirax": "MIRAX",
    "philips": "Philips",
    "sakura": "Sakura",
    "trestle": "Trestle",
    "ventana": "Ventana",
    "zeiss": "Zeiss",
    "jpeg": "JPEG",
    "png": "PNG",
    "tiff": "TIFF",
    "webp": "WebP",
    "jpeg2000": "JPEG 2000",
}
"""Display names of formats; others are shown under the name that the reader has for them."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a slide; its file exists."""

    src: str
    """Path relative to the folder of the page."""
    width: int
    """Width in pixels."""
    height: int
    """Height in pixels."""


@dataclass(frozen=True, slots=True)
class Card:
    """Card of a slide on the page of its folder."""

    label: str
    """Display name."""
    href: str
    """Path of the slide page, relative to the folder."""
    picture: Picture
    """Cover of the slide."""
    facts: tuple[str, ...]
    """Lines below the name: size in pixels and in mm."""
    badge: str
    """Magnification of the objective; empty where unknown."""


def subject_of(receipt: Receipt) -> Subject:
    """Return the published metadata of a slide."""
    api = Api(receipt.settings.api)
    return Subject(
        label=visible(receipt.words.get("title", "")) or display_name(receipt.identifier),
        service=receipt.service(api),
        api=api,
        objective=receipt.objective,
        format=_FORMATS.get(receipt.format, receipt.format),
        properties={visible(name): visible(value) for name, value in receipt.published_properties.items()},
    )


def associated_of(receipt: Receipt) -> list[tuple[str, str]]:
    """List the published associated images: name, and path below the slide."""
    return [(place.rpartition("/")[2], f"{place}/full/max{SUFFIX}") for place in receipt.associated]


def card_of(receipt: Receipt, folder: str) -> Card:
    """Return the card of a slide for the page of a folder."""
    subject = subject_of(receipt)
    below = receipt.identifier[len(folder) + 1 if folder else 0 :]
    size = cover_size(subject.service.pyramid, subject.api)
    facts = [value for name, value in metadata(subject) if name in {"Size", "Physical size"}]
    return Card(
        label=subject.label,
        href=f"{below}/{PAGE_NAME}",
        picture=Picture(f"{below}/{COVER_PATH}", *size),
        facts=tuple(facts),
        badge=f"{subject.objective:g}×" if subject.objective is not None else "",
    )
