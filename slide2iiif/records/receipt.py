"""Receipt of a slide: everything that its documents and pages are written from."""

from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from slide2iiif.errors import UsageError
from slide2iiif.geometry import Size
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.file_order import order_files
from slide2iiif.iiif.info import ImageService, plausible_mpp
from slide2iiif.iiif.pyramid import Pyramid, Tile, plan_pyramid
from slide2iiif.options import Blank, Check, Damaged, Icc, Options
from slide2iiif.records.settings import own_values
from slide2iiif.records.strict_json import read_record

FORMAT_VERSION = 4
"""Version of the layout; raised when the same slide and options yield other files, so that slides are made anew."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Options that affect the output bytes; with the fingerprint, the cache key of a slide."""

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
        """Make the settings of some options."""
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
        """Return the options that the slide was published with, as far as they affect its files."""
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
    """Record of one published slide."""

    identifier: str
    """Path below the base URL."""
    fingerprint: str
    """Fingerprint of the slide files that it was made from; empty while a run is about to publish."""
    settings: Settings
    """Options that it was made with."""
    base_url: str
    """Base of the id in the stored document."""
    other_base_url: str | None
    """Base of the id in the other version's document; None where there is none."""
    width: int
    """Width of full resolution in pixels."""
    height: int
    """Height of full resolution in pixels."""
    tile_size: int
    """Side of a tile in pixels."""
    microns_per_pixel: float | None
    """Size of a full-resolution pixel in µm, where plausible."""
    tiles: int
    """Number of tiles."""
    files: int
    """Number of URLs, documents included."""
    stored_bytes: int
    """Bytes of all tiles and pictures, aliases not counted."""
    levels: list[dict[str, int]]
    """Scale of each level, and numbers of tiles by origin: copied, cropped, encoded, derived, damaged."""
    damaged: list[list[int]]
    """Level, column and row of tiles that are background because the slide is damaged there."""
    content: str = ""
    """Digest of the content of the slide files, which travels with them; empty where it was not taken."""
    content_size: int = 0
    """Bytes of the slide files."""
    blank: int = 0
    """Number of tiles of one colour, which share their files where the store has links."""
    objective: float | None = None
    """Magnification of the objective, where plausible."""
    format: str = ""
    """Name of the scanner's or file format."""
    source: str = field(default="", metadata={"any_bytes": True})
    """Path of the slide below the source root."""
    profile: str = ""
    """Colour profile of the pixels, published beside the document, in base64; empty where there is none."""
    published_properties: dict[str, str] = field(default_factory=dict)
    """Properties that were requested by name, for the manifest: the only ones that may be published."""
    associated: dict[str, list[int]] = field(default_factory=dict)
    """Requested associated images: path of the service below the slide -> width, height and side of a tile."""
    own: dict[str, str] = field(default_factory=dict)
    """Settings that were named for this slide alone, as text: later runs keep them."""
    words: dict[str, str] = field(default_factory=dict)
    """Title, rights and attribution of this slide, where they differ from those of the tree."""
    ledger: str = ""
    """SHA-256 of the digests of all files, in hexadecimal."""

    @property
    def profile_bytes(self) -> bytes:
        """Colour profile in bytes, as it is published."""
        return b64decode(self.profile, validate=True)

    @property
    def is_lossless(self) -> bool:
        """True if all tiles of full resolution are bit-exact: copied or cropped without decoding."""
        full = self.levels[0] if self.levels else {}
        return not any(full.get(how) for how in ("encoded", "derived", "damaged"))

    def service(self, api: Api) -> ImageService:
        """Return the image service that the document of a version describes."""
        base = self.base_url if api == self.settings.api else self.other_base_url
        pyramid = plan_pyramid(Size(self.width, self.height), self.tile_size)
        return ImageService(f"{base}/{self.identifier}", pyramid, self.microns_per_pixel)

    def associated_services(self, api: Api) -> Iterator[tuple[str, ImageService]]:
        """Yield the image services of the associated images, by path below the slide."""
        base = self.base_url if api == self.settings.api else self.other_base_url
        for place, (width, height, tile_size) in self.associated.items():
            uri = f"{base}/{self.identifier}/{place}"
            yield place, ImageService(uri, plan_pyramid(Size(width, height), tile_size))

    def services(self) -> list[tuple[str, Pyramid]]:
        """Return path below the slide, with a slash, and pyramid of all services, in the order of the digests."""
        api = Api(self.settings.api)
        beside = [(f"{place}/", service.pyramid) for place, service in self.associated_services(api)]
        return [("", self.service(api).pyramid), *beside]

    @property
    def file_count(self) -> int:
        """Number of files that have a digest."""
        return sum(order_files(pyramid, Api(self.settings.api)).count for _, pyramid in self.services())

    def moved(self, base_url: str, other_base: str | None) -> "Receipt":
        """Return the receipt with other base URLs."""
        return replace(self, base_url=base_url, other_base_url=other_base)


def _parse(text: bytes) -> Receipt | None:
    try:
        receipt = read_record(Receipt, text)
        # As good as its word: the documents can be written from it.
        api = Api(receipt.settings.api)
        _ = receipt.profile_bytes, receipt.settings.options(), [Tile(*tile) for tile in receipt.damaged]
        _ = own_values(receipt.own)
        for service in (receipt.service(api), *(service for _, service in receipt.associated_services(api))):
            plausible_mpp(service.microns_per_pixel)
    except (KeyError, ValueError, TypeError, UsageError):
        # Of another version, or damaged: the slide is published anew and the receipt with it.
        return None
    return receipt
