"""Receipt."""

import json
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from slide2iiif.geometry import Size
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.file_order import order_files
from slide2iiif.iiif.info import ImageService, plausible_mpp
from slide2iiif.iiif.pyramid import Pyramid, plan_pyramid
from slide2iiif.options import Blank, Check, Damaged, Icc, Options

FORMAT_VERSION = 4
"""Rises whenever the same slide and options give other files, so that they are made anew."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What decides the files besides the source; equal settings give equal files."""

    api: str
    tile_size: int | None
    quality: int
    subsampling: str
    recompress: bool
    damaged: str
    check: str
    blank: str = "link"
    crop_to_bounds: bool = False
    icc: str = ""
    mpp: float | None = None
    associated: str = ""
    properties: str = ""
    format_version: int = FORMAT_VERSION

    @classmethod
    def of(cls, options: Options) -> "Settings":
        """Take from the options what a receipt records."""
        return cls(
            api=str(options.api),
            tile_size=options.tile_size,
            quality=options.quality,
            subsampling=options.subsampling,
            recompress=options.recompress,
            damaged=str(options.damaged),
            check=str(options.check),
            blank=str(options.blank),
            crop_to_bounds=options.crop_to_bounds,
            icc=str(options.icc),
            mpp=options.mpp,
            associated=",".join(options.associated),
            properties=",".join(options.properties),
        )

    def options(self) -> Options:
        """Give the options that a slide was published with, as far as they decide its files."""
        return Options(
            api=Api(self.api),
            tile_size=self.tile_size,
            quality=self.quality,
            subsampling=self.subsampling,
            recompress=self.recompress,
            check=Check(self.check),
            damaged=Damaged(self.damaged),
            blank=Blank(self.blank),
            crop_to_bounds=self.crop_to_bounds,
            icc=Icc(self.icc or Icc.EMBED),
            mpp=self.mpp,
            associated=tuple(filter(None, self.associated.split(","))),
            properties=tuple(filter(None, self.properties.split(","))),
        )


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is published of one slide."""

    identifier: str
    """Path below the base URL."""
    fingerprint: str
    """Of the files that it was made from."""
    settings: Settings
    """What it was made with."""
    base_url: str
    """Base of the id in the stored document."""
    other_base_url: str | None
    """Base of the id in the other version's document; None where there is none."""
    width: int
    """Full resolution in pixels."""
    height: int
    """Full resolution in pixels."""
    tile_size: int
    """Side of a tile as it was chosen."""
    microns_per_pixel: float | None
    """Size of a full-resolution pixel in µm, where plausible."""
    tiles: int
    """Number of tiles."""
    files: int
    """Number of names that can be asked for, documents included."""
    stored_bytes: int
    """Bytes of all tiles and pictures, aliases not counted."""
    levels: list[dict[str, int]]
    """For each level its scale, and how many tiles were copied, cropped, encoded, derived."""
    damaged: list[list[int]]
    """Level, column and row of tiles that are background because the slide is damaged there."""
    blank: int = 0
    """Tiles of one colour, which share their files where the store knows links."""
    objective: float | None = None
    """Magnification of the objective, where plausible."""
    format: str = ""
    """The scanner's or file format."""
    source: str = ""
    """Path of the slide below the source root."""
    profile: str = ""
    """Colour profile of the slide's pixels, which lies beside its document, in base64; empty where there is none."""
    published_properties: dict[str, str] = field(default_factory=dict)
    """Properties of the slide that were asked for by name, for its manifest: the only ones that may go out."""
    associated: dict[str, list[int]] = field(default_factory=dict)
    """Pictures that were asked for: place of the service below the slide -> width, height and side of a tile."""
    ledger: str = ""
    """SHA-256 of the digests of all files, in hexadecimal."""

    @property
    def profile_bytes(self) -> bytes:
        """The colour profile as it is published."""
        return b64decode(self.profile, validate=True)

    @property
    def is_lossless(self) -> bool:
        """Whether all tiles of full resolution are the stored ones."""
        full = self.levels[0] if self.levels else {}
        return not any(full.get(how) for how in ("encoded", "derived", "damaged"))

    def service(self, api: Api) -> ImageService:
        """Give what the document of a version says."""
        base = self.base_url if api == self.settings.api else self.other_base_url
        pyramid = plan_pyramid(Size(self.width, self.height), self.tile_size)
        return ImageService(f"{base}/{self.identifier}", pyramid, self.microns_per_pixel)

    def associated_services(self, api: Api) -> Iterator[tuple[str, ImageService]]:
        """Give what the documents of the pictures beside the levels say, by place below the slide."""
        base = self.base_url if api == self.settings.api else self.other_base_url
        for place, (width, height, tile_size) in self.associated.items():
            uri = f"{base}/{self.identifier}/{place}"
            yield place, ImageService(uri, plan_pyramid(Size(width, height), tile_size))

    def services(self) -> list[tuple[str, Pyramid]]:
        """Levels of all services of the slide, in the order of the digests, by place below the slide, with a slash."""
        api = Api(self.settings.api)
        beside = [(f"{place}/", service.pyramid) for place, service in self.associated_services(api)]
        return [("", self.service(api).pyramid), *beside]

    @property
    def file_count(self) -> int:
        """Number of the files that have a digest."""
        return sum(order_files(pyramid, Api(self.settings.api)).count for _, pyramid in self.services())

    def moved(self, base_url: str, other_base: str | None) -> "Receipt":
        """Give the receipt under another base URL."""
        return replace(self, base_url=base_url, other_base_url=other_base)


def _parse(text: bytes) -> Receipt | None:
    try:
        fields: dict[str, Any] = json.loads(text)
        receipt = Receipt(settings=Settings(**fields.pop("settings")), **fields)
        # As good as its word: the documents can be written from it.
        api = Api(receipt.settings.api)
        _ = receipt.profile_bytes
        for service in (receipt.service(api), *(service for _, service in receipt.associated_services(api))):
            plausible_mpp(service.microns_per_pixel)
    except (ValueError, TypeError, KeyError, AttributeError):
        # Of another version, or damaged: the slide is published anew and the receipt with it.
        return None
    return receipt
