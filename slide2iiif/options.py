"""Options of an export, with their defaults and limits; no default is defined elsewhere."""

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import urlsplit

from slide2iiif.errors import UsageError
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.info import PLAUSIBLE_MPP


@dataclass(frozen=True, slots=True)
class Limited:
    """An integer option with a default and limits."""

    name: str
    """Name of the option on the command line, with its dashes."""
    default: int
    low: int
    high: int

    def check(self, value: int) -> int:
        """Return the value if it is within the limits.

        Raises:
            UsageError: it is outside the limits.
        """
        if not self.low <= value <= self.high:
            raise UsageError(f"{self.name} {value}: must be from {self.low} to {self.high}")
        return value

    def parse(self, text: str) -> int:
        """Parse the value from the command line.

        Raises:
            UsageError: not an integer, or outside the limits.
        """
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
            raise UsageError(f"{self.name} {text}: must be a whole number from {self.low} to {self.high}")
        return self.check(int(text))


TILE_SIZE = Limited("--tile-size", default=512, low=64, high=4096)
"""Side of a published tile in pixels; the default applies where stored tiles cannot be copied."""

COPYABLE_TILE_SIZES = range(128, 1025)
"""Stored tile sizes that `auto` keeps: smaller tiles make too many files, larger ones load too slowly."""

QUALITY = Limited("--quality", default=85, low=1, high=100)
"""JPEG quality of encoded tiles, on libjpeg's scale."""

JOBS = Limited("--jobs", default=0, low=0, high=1024)
"""Number of worker processes; 0 for one per available core."""

MAX_TILES = Limited("--max-tiles", default=20_000_000, low=1, high=1_000_000_000)
"""Maximum number of tiles of a slide; a file of a megabyte can claim millions."""

MAX_PIXELS = Limited("--max-pixels", default=1_000_000_000_000, low=1, high=10**15)
"""Maximum number of full-resolution pixels of a slide; the largest scans have a fortieth of the default."""

OPEN_TIMEOUT = Limited("--open-timeout", default=120, low=1, high=86_400)
"""Time limit for opening a slide, in seconds; the slowest network share needs a few."""

BLOCK_TIMEOUT = Limited("--block-timeout", default=1800, low=1, high=86_400)
"""Time limit for one block, in seconds: 64 tiles of a slide, or all of an image that is decoded as a whole."""

WORKER_MEMORY = Limited("--worker-memory", default=960, low=256, high=1_000_000)
"""Memory limit of a worker in megabytes; with shared memory it stays below 1 GB by default."""

CONNECTIONS = Limited("--connections", default=32, low=1, high=512)
"""Requests to a bucket that a process may have under way."""

PORT = Limited("--port", default=8000, low=0, high=65535)
"""TCP port of the preview server; 0 for any free one."""


SUBSAMPLINGS = ("auto", "420", "422", "444")
"""Chroma subsamplings of encoded tiles; `auto`, the default, depends on the quality."""

FULL_CHROMA_QUALITY = 90
"""Lowest quality at which `auto` is 4:4:4: from here on subsampling would lose more than the quantisation does."""


ASSOCIATED = ("thumbnail", "macro", "label")
"""Associated images that can be published."""

IDENTIFYING_ASSOCIATED = frozenset({"macro", "label"})
"""Associated images that show the label, with names and barcodes on it."""

PATH_IDENTIFIERS, HASHED_IDENTIFIERS = "path", "hash"
"""Naming schemes besides a table; the first is the default."""


@dataclass(frozen=True, slots=True)
class MaxDelete:
    """A limit for removals: a number of slides, or a share of those that are published."""

    text: str
    """The limit as it was given."""
    count: int | None
    """Most slides that may be removed; None where a share is meant."""
    percent: float = 0.0
    """Largest share that may be removed, in per cent."""

    def allows(self, count: int, total: int) -> bool:
        """Return whether so many of all published slides may be removed."""
        return count <= self.count if self.count is not None else 100 * count <= self.percent * total


DELETED_AT_ONCE = 1
"""Slides that may always be removed, however few there are, unless a limit is given."""

DELETED_SHARE = MaxDelete("50%", None, 50.0)
"""Share of a tree that may be removed, unless a limit is given."""


class Only(StrEnum):
    """Kinds of images that can be asked for, told apart by their names."""

    SLIDES = "slides"
    """All but ordinary images; TIFF counts as a slide."""
    IMAGES = "images"
    """Ordinary images such as JPEG and PNG."""


class Check(StrEnum):
    """Check of a stored tile before it is copied."""

    BASIC = "basic"
    """The stream is complete, from SOI to EOI, with the dimensions and components of its level."""
    STRICT = "strict"
    """Also all coefficients are decoded; a warning of the decoder is an error."""


class Damaged(StrEnum):
    """Handling of slides with damaged tiles."""

    FAIL = "fail"
    """The slide is not published."""
    PLACEHOLDER = "placeholder"
    """Damaged tiles are published as background and listed."""


class Icc(StrEnum):
    """Handling of a slide's colour profile."""

    EMBED = "embed"
    """Pixels are not changed; the profile is published with them."""
    SRGB = "srgb"
    """Pixels are transformed to sRGB; tiles in other colour spaces are re-encoded."""
    IGNORE = "ignore"
    """Pixels are not changed; no profile is published."""


EMBEDDED_PROFILE_BYTES = 1024
"""Largest profile that is also embedded in every tile, in bytes; a tile has some 15,000 bytes."""


class Blank(StrEnum):
    """Storage of tiles of a single colour."""

    LINK = "link"
    """One file for each colour and size, hard-linked everywhere else."""
    COPY = "copy"
    """One file for each tile, as for all others."""


class Viewer(StrEnum):
    """Origin of OpenSeadragon in slide pages."""

    CDN = "cdn"
    """A public CDN, pinned by version and digest; needs internet access."""
    LOCAL = "local"
    """A file in the tree."""


@dataclass(frozen=True, slots=True)
class SiteOptions:
    """Options that affect pages, manifests and collections; a change rewrites those, and no tile."""

    title: str = "Slides"
    """Heading of the root page."""
    rights: str = ""
    """URI of a licence or rights statement; empty for none."""
    attribution: str = ""
    """Attribution shown with every slide; empty for none."""
    viewer: Viewer = Viewer.CDN
    """Origin of OpenSeadragon."""
    mirador: str = "https://projectmirador.org/embed/"
    """URL of a Mirador that accepts `iiif-content`; empty for no link."""

    def __post_init__(self) -> None:
        for name, value in (("--rights", self.rights), ("--mirador", self.mirador)):
            if value and not re.fullmatch(r"https?://[!#-;=?-\[\]_a-z~]+", value):
                raise UsageError(f"{name} {value}: must be a URL that begins with http:// or https://")


@dataclass(frozen=True, slots=True)
class Options:
    """Options that affect the published bytes; a change publishes a slide again."""

    api: Api = Api.V2
    """Version of the Image API that the tree is stored in."""
    tile_size: int | None = None
    """Side of a tile in pixels; None for the stored size where such tiles can be copied, else the default."""
    quality: int = QUALITY.default
    """JPEG quality of encoded tiles."""
    subsampling: str = SUBSAMPLINGS[0]
    """Chroma subsampling of encoded tiles."""
    recompress: bool = False
    """True to re-encode every tile, even where the stored one could be copied."""
    check: Check = Check.BASIC
    """Check of stored tiles before they are copied."""
    damaged: Damaged = Damaged.FAIL
    """Handling of slides with damaged tiles."""
    max_tiles: int = MAX_TILES.default
    """Maximum number of tiles; a slide with more fails."""
    max_pixels: int = MAX_PIXELS.default
    """Maximum number of full-resolution pixels; a slide with more fails."""
    open_timeout: int = OPEN_TIMEOUT.default
    """Time limit for opening a slide, in seconds; a slide that takes longer fails."""
    block_timeout: int = BLOCK_TIMEOUT.default
    """Time limit for one block, in seconds; a slide that takes longer fails."""
    worker_memory: int = WORKER_MEMORY.default
    """Memory limit of a worker in megabytes; a slide that needs more fails."""
    require_lossless: bool = False
    """True to fail a slide whose full-resolution tiles cannot all be copied or losslessly cropped."""
    blank: Blank = Blank.LINK
    """Storage of tiles of a single colour."""
    crop_to_bounds: bool = False
    """True to publish only the scanned area, where the slide states its bounds."""
    icc: Icc = Icc.EMBED
    """Handling of the slide's colour profile."""
    mpp: float | None = None
    """Microns per pixel of all slides; None for the value that each slide states, if it is plausible."""
    associated: tuple[str, ...] = ()
    """Names of the associated images to publish, each as an image service of its own."""
    properties: tuple[str, ...] = ()
    """Names of the properties to publish."""

    def __post_init__(self) -> None:
        if self.tile_size is not None:
            TILE_SIZE.check(self.tile_size)
        QUALITY.check(self.quality)
        MAX_TILES.check(self.max_tiles)
        MAX_PIXELS.check(self.max_pixels)
        OPEN_TIMEOUT.check(self.open_timeout)
        BLOCK_TIMEOUT.check(self.block_timeout)
        WORKER_MEMORY.check(self.worker_memory)
        low, high = PLAUSIBLE_MPP
        if self.mpp is not None and not low <= self.mpp <= high:
            raise UsageError(f"--mpp {self.mpp:g}: must be from {low:g} to {high:g} µm a pixel")
        if self.subsampling not in SUBSAMPLINGS:
            raise UsageError(f"--subsampling {self.subsampling}: must be one of {', '.join(SUBSAMPLINGS)}")

    def limited(self, open_timeout: int, block_timeout: int, worker_memory: int) -> "Options":
        """Return the options with limits of time, in seconds, and memory, in megabytes."""
        return replace(self, open_timeout=open_timeout, block_timeout=block_timeout, worker_memory=worker_memory)


def choose_subsampling(options: Options) -> str:
    """Choose the chroma subsampling: the option, or by the quality where it is `auto`."""
    if options.subsampling != SUBSAMPLINGS[0]:
        return options.subsampling
    return "444" if options.quality >= FULL_CHROMA_QUALITY else "420"


def parse_mpp(text: str | None) -> float | None:
    """Parse microns per pixel.

    Raises:
        UsageError: not a number.
    """
    try:
        return None if text is None else float(text)
    except ValueError:
        raise UsageError(f"--mpp {text}: must be a number of µm a pixel") from None


def parse_max_delete(text: str | None) -> MaxDelete | None:
    """Read how many slides may be removed: a number, or a share in per cent.

    Raises:
        UsageError: it is neither.
    """
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,18}", text):
        return MaxDelete(text, int(text))
    if re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,9})?%", text) and float(text[:-1]) <= 100:  # noqa: PLR2004 - per cent
        return MaxDelete(text, None, float(text[:-1]))
    raise UsageError(f"--max-delete {text}: must be a number of slides, or a share from 0% to 100%")


def parse_associated(text: str) -> tuple[str, ...]:
    """Parse comma-separated names of associated images.

    Raises:
        UsageError: an unknown name.
    """
    names = _parse_names(text)
    unknown = next((name for name in names if name not in ASSOCIATED), None)
    if unknown is not None:
        raise UsageError(f"--associated {unknown}: must be of {', '.join(ASSOCIATED)}")
    return names


def parse_properties(text: str) -> tuple[str, ...]:
    """Parse comma-separated names of properties."""
    return _parse_names(text)


def _parse_names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def parse_tile_size(text: str) -> int | None:
    """Parse `auto` (None) or a number of pixels.

    Raises:
        UsageError: neither of them.
    """
    return None if text == "auto" else TILE_SIZE.parse(text)


def parse_base_url(text: str, option: str = "--base-url") -> str:
    """Check the base URL of a tree and remove trailing slashes.

    Raises:
        UsageError: not an absolute http(s) URL, or one with user, query, fragment or characters that need escapes.
    """
    if not re.fullmatch(r"[!-~]+", text) or re.search(r"[\"<>\\^`{|}]", text):
        raise UsageError(f"{option} {text!r}: has characters that no URL may have; percent-encode them")
    try:
        parts = urlsplit(text)
        valid_port = parts.port is None or parts.port > 0
    except ValueError as error:
        raise UsageError(f"{option} {text}: {error}") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not valid_port:
        raise UsageError(f"{option} {text}: must be an absolute URL such as https://example.org/iiif")
    if parts.query or parts.fragment or parts.username is not None or text.endswith(("?", "#")):
        raise UsageError(f"{option} {text}: must not have a user, a query or a fragment")
    if any(segment in {".", ".."} for segment in parts.path.split("/")):
        raise UsageError(f"{option} {text}: must not have . or .. in its path")
    return text.rstrip("/")


def other_base_url(base_url: str, other: Api) -> str:
    """Return the default base URL of the API version that the tree is not stored in.

    `https://host/iiif` becomes `https://host/iiif-v3`, and a host without a path gets `/iiif-v3`.
    """
    path = urlsplit(base_url).path
    return f"{base_url}-v{other}" if path else f"{base_url}/iiif-v{other}"
