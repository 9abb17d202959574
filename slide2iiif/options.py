"""What can be asked of an export: every default once, with its limits."""

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from slide2iiif.errors import UsageError
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.info import PLAUSIBLE_MPP


@dataclass(frozen=True, slots=True)
class Limited:
    """A whole number with a default and limits."""

    name: str
    """The option as the user spells it."""
    default: int
    low: int
    high: int

    def check(self, value: int) -> int:
        """Give the value back.

        Raises:
            UsageError: it is beyond the limits.
        """
        if not self.low <= value <= self.high:
            raise UsageError(f"{self.name} {value}: must be from {self.low} to {self.high}")
        return value

    def parse(self, text: str) -> int:
        """Read the value from a command line.

        Raises:
            UsageError: not a whole number, or beyond the limits.
        """
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
            raise UsageError(f"{self.name} {text}: must be a whole number from {self.low} to {self.high}")
        return self.check(int(text))


TILE_SIZE = Limited("--tile-size", default=512, low=64, high=4096)
"""Side of a published tile in pixels; the default is for slides whose stored tiles cannot be published."""

COPYABLE_TILE_SIZES = range(128, 1025)
"""Stored tile sizes that `auto` takes over: smaller ones are too many files, larger ones too slow to load."""

QUALITY = Limited("--quality", default=85, low=1, high=100)
"""JPEG quality of tiles that are encoded, on libjpeg's scale."""

JOBS = Limited("--jobs", default=0, low=0, high=1024)
"""Worker processes; 0 means one for each core that may be used."""

MAX_TILES = Limited("--max-tiles", default=20_000_000, low=1, high=1_000_000_000)
"""Most tiles that a slide may have; a file of a megabyte can claim millions."""

MAX_PIXELS = Limited("--max-pixels", default=1_000_000_000_000, low=1, high=10**15)
"""Most pixels that a slide may have at full resolution; the largest that scanners make have a fortieth of it."""

OPEN_TIMEOUT = Limited("--open-timeout", default=120, low=1, high=86_400)
"""Seconds that opening a slide may take; the slowest network share needs a few."""

BLOCK_TIMEOUT = Limited("--block-timeout", default=1800, low=1, high=86_400)
"""Seconds that one block may take: 64 tiles of a slide, or all of an image that can only be read as a whole."""

WORKER_MEMORY = Limited("--worker-memory", default=960, low=256, high=1_000_000)
"""Megabytes of memory that a worker may take: with what it shares with others it stays below 1 GB."""

PORT = Limited("--port", default=8000, low=0, high=65535)
"""Port of the preview server; 0 picks a free one."""


SUBSAMPLINGS = ("auto", "420", "422", "444")
"""Chroma subsamplings of tiles that are encoded; the first is the default: it depends on the quality."""

FULL_CHROMA_QUALITY = 90
"""From this quality on, `auto` keeps the chroma of every pixel: half of it would be the larger loss by then."""


ASSOCIATED = ("thumbnail", "macro", "label")
"""Pictures beside the levels that can be asked for."""

TELLING_ASSOCIATED = frozenset({"macro", "label"})
"""Those of them that show the label, and on it names and barcodes."""

PATH_IDENTIFIERS, HASHED_IDENTIFIERS = "path", "hash"
"""How slides are named, besides by a table; the first is the default."""


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
    """How closely a stored tile is looked at before it is published as it is."""

    BASIC = "basic"
    """Whole in the file, from the first marker to the last, of the dimensions and components of its level."""
    STRICT = "strict"
    """Also every coefficient is parsed; a warning of the decoder is an error."""


class Damaged(StrEnum):
    """What becomes of a slide with a damaged tile."""

    FAIL = "fail"
    """It is not published."""
    PLACEHOLDER = "placeholder"
    """The tile becomes background, and is listed."""


class Icc(StrEnum):
    """What becomes of a slide's colour profile."""

    EMBED = "embed"
    """Pixels stay as they are, and the profile is published with them."""
    SRGB = "srgb"
    """Pixels are transformed to sRGB, so tiles of other colours are encoded anew."""
    IGNORE = "ignore"
    """Pixels stay as they are, and nothing is said of their colours."""


EMBEDDED_PROFILE_BYTES = 1024
"""A profile of no more than this is in every tile too: a tile has some 15,000 bytes."""


class Blank(StrEnum):
    """How tiles of one colour are stored."""

    LINK = "link"
    """Once for each colour and size, and linked everywhere else."""
    COPY = "copy"
    """Each as a file of its own, as all others."""


class Viewer(StrEnum):
    """Where pages of slides load OpenSeadragon from."""

    CDN = "cdn"
    """A public host, by version and digest; needs the internet."""
    LOCAL = "local"
    """The tree itself."""


@dataclass(frozen=True, slots=True)
class SiteOptions:
    """What decides pages, manifests and collections. A change of any of them writes those anew, and no tile."""

    title: str = "Slides"
    """Heading of the root's page."""
    rights: str = ""
    """URI of a licence or rights statement; empty for none."""
    attribution: str = ""
    """Text to be shown with every slide; empty for none."""
    viewer: Viewer = Viewer.CDN
    """Where OpenSeadragon comes from."""
    mirador: str = "https://projectmirador.org/embed/"
    """A Mirador that takes a manifest in `iiif-content`; empty for no link."""

    def __post_init__(self) -> None:
        for name, value in (("--rights", self.rights), ("--mirador", self.mirador)):
            if value and not re.fullmatch(r"https?://[!#-;=?-\[\]_a-z~]+", value):
                raise UsageError(f"{name} {value}: must be a URL that begins with http:// or https://")


@dataclass(frozen=True, slots=True)
class Options:
    """What decides the bytes of the published files. A change of any of them publishes a slide anew."""

    api: Api = Api.V2
    """Version of the Image API that the tree is stored in."""
    tile_size: int | None = None
    """Side of a tile in pixels; None takes the stored size where such tiles can be copied, else the default."""
    quality: int = QUALITY.default
    """JPEG quality of encoded tiles."""
    subsampling: str = SUBSAMPLINGS[0]
    """Chroma subsampling of encoded tiles."""
    recompress: bool = False
    """Encode every tile anew, even where the stored one could be published as it is."""
    check: Check = Check.BASIC
    """How closely stored tiles are looked at."""
    damaged: Damaged = Damaged.FAIL
    """What becomes of a slide with a damaged tile."""
    max_tiles: int = MAX_TILES.default
    """Fail a slide that would have more."""
    max_pixels: int = MAX_PIXELS.default
    """Fail a slide that has more."""
    open_timeout: int = OPEN_TIMEOUT.default
    """Fail a slide whose opening takes more seconds."""
    block_timeout: int = BLOCK_TIMEOUT.default
    """Fail a slide of which a block takes more seconds."""
    worker_memory: int = WORKER_MEMORY.default
    """Fail a slide that needs more megabytes in one process."""
    require_lossless: bool = False
    """Fail a slide whose full-resolution tiles cannot all be copied or cropped."""
    blank: Blank = Blank.LINK
    """How tiles of one colour are stored."""
    crop_to_bounds: bool = False
    """Publish the scanned area only, where a slide names one."""
    icc: Icc = Icc.EMBED
    """What becomes of a slide's colour profile."""
    mpp: float | None = None
    """Microns per pixel of all slides; None takes what each says, if it can be true."""
    associated: tuple[str, ...] = ()
    """Pictures beside the levels that go out, each as a service of its own."""
    properties: tuple[str, ...] = ()
    """Names of properties that go out."""

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


def choose_subsampling(options: Options) -> str:
    """Choose the chroma subsampling: what was asked for, or what suits the quality."""
    if options.subsampling != SUBSAMPLINGS[0]:
        return options.subsampling
    return "444" if options.quality >= FULL_CHROMA_QUALITY else "420"


def parse_mpp(text: str | None) -> float | None:
    """Read microns per pixel.

    Raises:
        UsageError: no number.
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
    """Read names of associated pictures, with commas between them.

    Raises:
        UsageError: a name that none has.
    """
    names = _parse_names(text)
    unknown = next((name for name in names if name not in ASSOCIATED), None)
    if unknown is not None:
        raise UsageError(f"--associated {unknown}: must be of {', '.join(ASSOCIATED)}")
    return names


def parse_properties(text: str) -> tuple[str, ...]:
    """Read names of properties, with commas between them."""
    return _parse_names(text)


def _parse_names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def parse_tile_size(text: str) -> int | None:
    """Read `auto` (None) or a number of pixels.

    Raises:
        UsageError: neither.
    """
    return None if text == "auto" else TILE_SIZE.parse(text)


def parse_base_url(text: str, option: str = "--base-url") -> str:
    """Check the URL under which a tree is served, and drop trailing slashes.

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
    """Give the base URL of the version that the tree is not stored in, where none is named.

    `https://host/iiif` becomes `https://host/iiif-v3`, and a host without a path gets `/iiif-v3`.
    """
    path = urlsplit(base_url).path
    return f"{base_url}-v{other}" if path else f"{base_url}/iiif-v{other}"
