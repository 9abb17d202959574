"""An open slide as the other rooms see it: a description, and pixels by region."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region, Size
from slide2iiif.imaging.pixels import WHITE, Colour, Pixels
from slide2iiif.sources.jpeg_strips import JpegStrips
from slide2iiif.sources.jpeg_tiles import JpegTiles
from slide2iiif.sources.tile_table import TileTable
from slide2iiif.sources.unsupported import system_refusal


class StoredImage(NamedTuple):
    """Storage of one image in a file."""

    compression: str
    """Name of the compression."""
    jpeg: JpegTiles | JpegStrips | None
    """Its tiles or strips, where they are JPEG that can be published without decoding."""
    table: TileTable | None = None
    """Its tiles that are not stored, where there are any."""


class StoredArea(NamedTuple):
    """The scanned area of a level that is an empty canvas, where the slide stores it as an image of its own."""

    region: Region
    """Place of the area, in whole pixels of the level."""
    jpeg: JpegTiles
    """Its tiles; they begin at its corner, and not at the level's."""


@dataclass(frozen=True, slots=True)
class StoredLevel:
    """A resolution that the slide file holds."""

    size: Size
    """Pixels."""
    tile: Size | None = None
    """Tile or strip that is stored together; None where the level can only be read as a whole."""
    compression: str | None = None
    """`jpeg`, `jpeg2000`, `lzw` …; None where unknown."""
    jpeg: JpegTiles | JpegStrips | None = None
    """Its tiles or strips, where they are JPEG that can be published without decoding."""
    area: StoredArea | None = None
    """Stored part of a level that is mostly empty, where it could be published without the rest."""


@dataclass(frozen=True, slots=True)
class Description:
    """Description of a slide, known before its pixels are read. A value that travels between processes."""

    reader: str
    """Reader: `openslide`, `tiff` (our own), `vips`, `pillow`, `imagecodecs` or `synthetic`."""
    format: str
    """The scanner's or file format, such as `aperio` or `jpeg`."""
    levels: tuple[StoredLevel, ...]
    """At least one, full resolution first."""
    microns_per_pixel: float | None = None
    """Size of a full-resolution pixel in µm, as stored, plausible or not."""
    objective: float | None = None
    """Magnification of the objective, as stored."""
    background: Colour = WHITE
    """Colour outside the scanned area."""
    profile: bytes | None = None
    """ICC profile of the stored colours; None where there is none, or pixels come out as sRGB."""
    random_access: bool = True
    """True if regions can be read in any order at their own cost; if not, one worker takes the whole slide."""
    notes: tuple[str, ...] = ()
    """Notes for its owner."""

    @property
    def size(self) -> Size:
        """Full resolution."""
        return self.levels[0].size


class Source(Protocol):
    """An open slide. Not shared between threads or processes."""

    @property
    def description(self) -> Description:
        """Description of the slide."""
        ...

    @property
    def properties(self) -> Mapping[str, str]:
        """Properties of the slide by name. Names and values are private until somebody asks for them."""
        ...

    @property
    def associated(self) -> Mapping[str, Size]:
        """Pictures beside the levels, such as `label` and `macro`, with their sizes. Private in the same way."""
        ...

    def read_associated(self, name: str) -> Pixels:
        """Read one of those pictures, composed on the background.

        Raises:
            SourceError: it cannot be read.
        """
        ...

    def associated_profile(self, name: str) -> bytes | None:
        """Return the ICC profile of one of those pictures, if it has one."""
        ...

    def read(self, level: int, region: Region) -> Pixels:
        """Read a region of a stored level, in pixels of that level, composed on the background.

        The region lies inside the level.

        Raises:
            SourceError: the slide cannot be read there.
        """
        ...

    def close(self) -> None:
        """Release what the open slide holds."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...


class ClosingSource:
    """Base of all sources: use in a `with` statement. Most have nothing beside their levels."""

    @property
    def properties(self) -> Mapping[str, str]:
        """See `Source.properties`."""
        return {}

    @property
    def associated(self) -> Mapping[str, Size]:
        """See `Source.associated`."""
        return {}

    def read_associated(self, name: str) -> Pixels:
        """See `Source.read_associated`."""
        raise SourceError(f"has no picture {name!r}")

    def associated_profile(self, name: str) -> bytes | None:
        """See `Source.associated_profile`."""
        del name
        return None

    def close(self) -> None:
        """Release what the open slide holds."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.close()


_MIRAX_SUFFIX = ".mrxs"
"""Of a slide whose own file may be empty: all of it is in the folder of that name."""


def probe(path: Path) -> bytes:
    """Read the first bytes of a file, to learn the true reason where it cannot be read.

    The libraries below give one message for seven causes, so this asks the operating system first.

    Returns:
        Up to 512 bytes, at least one; of MIRAX perhaps none.

    Raises:
        SourceError: missing, not permitted, not a file, empty, or whatever the system says.
    """
    try:
        if not path.is_file():
            path.stat()
            raise SourceError("is not a file: name the file of a slide, or its folder as SOURCE")
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise SourceError(system_refusal(error)) from None
    if not head and path.suffix.lower() != _MIRAX_SUFFIX:
        raise SourceError("the file is empty: copy it again from where it was made")
    return head


def clip(region: Region, size: Size) -> Region:
    """Cut a region at the edges of a stored level, which may be a pixel short of the published one.

    Raises:
        SourceError: nothing is left.
    """
    width, height = min(region.width, size.width - region.x), min(region.height, size.height - region.y)
    if width < 1 or height < 1:
        raise SourceError(f"a stored level of {size} has nothing at {region}")
    return Region(region.x, region.y, width, height)


@dataclass(frozen=True, slots=True)
class KeptBack:
    """Content of a slide that is not published unless it is asked for."""

    properties: Mapping[str, str]
    """By name."""
    associated: Mapping[str, Size]
    """Sizes of pictures beside the levels, by name."""
    segments: Mapping[str, str]
    """Comments and application data of stored tiles."""


@dataclass(frozen=True, slots=True)
class Described:
    """Facts of a slide that a plan is made from."""

    description: Description
    """Levels, scale, colours."""
    associated: Mapping[str, Size] = field(default_factory=dict)
    """Sizes of the associated images that were asked for, in that order."""
    properties: Mapping[str, str] = field(default_factory=dict)
    """Properties that were asked for, in that order."""
    area: Region | None = None
    """Scanned area; None where the slide names none, or it was not asked for."""
    kept_back: KeptBack | None = None
    """Content that stays unpublished; None where it was not asked for."""
