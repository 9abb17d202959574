"""Receipt -> what is shown of a slide. Pure, and the one place that takes anything from a receipt for the public.

A receipt also knows the path of the source; that is for the operator and never read here.
"""

from dataclasses import dataclass

from slide2iiif.iiif.api import Api
from slide2iiif.iiif.manifest import PAGE_NAME, Subject, metadata
from slide2iiif.iiif.paths import COVER_PATH, SUFFIX, cover_size
from slide2iiif.records.receipt import Receipt
from slide2iiif.site.labels import display_name, visible

COVERS = 4
"""Pictures on the card of a folder."""

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
"""How formats are spelt; others are shown as the reader calls them."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a slide that exists."""

    src: str
    """Path below the folder that shows it."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""


@dataclass(frozen=True, slots=True)
class Card:
    """A slide in the page of its folder."""

    label: str
    """Its name."""
    href: str
    """Path of its page below the folder."""
    picture: Picture
    """What it looks like."""
    facts: tuple[str, ...]
    """Lines below the name."""
    badge: str
    """Magnification; empty where unknown."""


def subject_of(receipt: Receipt) -> Subject:
    """Take from a receipt what may be told of its slide."""
    api = Api(receipt.settings.api)
    return Subject(
        label=display_name(receipt.identifier),
        service=receipt.service(api),
        api=api,
        objective=receipt.objective,
        format=_FORMATS.get(receipt.format, receipt.format),
        properties={visible(name): visible(value) for name, value in receipt.published_properties.items()},
    )


def associated_of(receipt: Receipt) -> list[tuple[str, str]]:
    """Name the pictures that were asked for besides the slide, each with a path below it."""
    return [(place.rpartition("/")[2], f"{place}/full/max{SUFFIX}") for place in receipt.associated]


def card_of(receipt: Receipt, folder: str) -> Card:
    """Make the card of a slide for the page of a folder."""
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
