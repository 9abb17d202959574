"""What a slide holds beside its levels, and how the part of it that was asked for goes out.

Properties and associated pictures name patients, so none of them goes out by itself: a picture becomes an image
service of its own below the slide, a property an entry of the receipt, from which manifests are written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from slide2iiif.colours import to_srgb_from
from slide2iiif.errors import SourceError
from slide2iiif.geometry import Size
from slide2iiif.handover import HandedOnPicture
from slide2iiif.options import Options
from slide2iiif.plan import SlidePlan, plan_slide
from slide2iiif.sources import open_source
from slide2iiif.sources.base import Description, StoredLevel
from slide2iiif.sources.jpeg_tiles import JpegTiles, left_out

PUBLIC_PROPERTIES = frozenset({"openslide.vendor", "openslide.mpp-x", "openslide.objective-power"})
"""Properties whose values go out, or may, without being asked for: format, microns per pixel, magnification."""

_COLOUR_MARKERS = (b"JFIF", b"Adob")
"""What says how colours are coded, and is published anew."""

_GEOMETRY = ("openslide.level", "openslide.associated.", "openslide.bounds-", "openslide.region[")
"""What properties begin with that tell of nothing but sizes and places."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What of a slide is to go out besides its levels."""

    path: Path
    """The slide file."""
    associated: tuple[str, ...]
    """Names of pictures."""
    properties: tuple[str, ...]
    """Names of properties."""


@dataclass(frozen=True, slots=True)
class Disclosed:
    """The part of a wish that the slide has."""

    associated: Mapping[str, Size]
    """Pictures, in the order of the wish."""
    properties: Mapping[str, str]
    """Properties, in the order of the wish."""


@dataclass(frozen=True, slots=True)
class PictureTask:
    """A picture to be handed to the passes that make its tiles."""

    path: Path
    """The slide file."""
    name: str
    """Of the picture."""
    picture: HandedOnPicture
    """Where its pixels are wanted."""
    is_srgb: bool
    """Whether its colours are to be transformed to sRGB, if it has a profile."""


def disclose(wish: Wish) -> Disclosed:
    """Find what a slide has of a wish. Runs in a worker.

    Raises:
        SourceError: the slide cannot be opened.
    """
    with open_source(wish.path) as source:
        pictures, properties = source.associated, source.properties
        return Disclosed(
            {name: pictures[name] for name in wish.associated if name in pictures},
            {name: properties[name] for name in wish.properties if name in properties},
        )


def hand_on(task: PictureTask) -> None:
    """Write a picture's pixels where its passes read them. Runs in a worker.

    Raises:
        SourceError: the slide cannot be read.
        TargetError: no room.
    """
    with open_source(task.path) as source:
        pixels = source.read_associated(task.name)
        profile = source.associated_profile(task.name) if task.is_srgb else None
        task.picture.write(0, 0, to_srgb_from(profile, pixels) if profile else pixels)


def associated_path(name: str) -> str:
    """Give the place of a picture's service below its slide: no region of an image can have this name."""
    return f"associated/{name}"


def plan_associated(identifier: str, name: str, size: Size, options: Options) -> SlidePlan:
    """Plan the service of a picture: as of a slide whose full resolution has been handed on.

    Raises:
        SourceError: it would have more tiles than are allowed.
    """
    description = Description("openslide", "associated", (StoredLevel(size),))
    try:
        plan = plan_slide(f"{identifier}/{associated_path(name)}", description, options)
    except SourceError as error:
        raise SourceError(f"its picture {name!r} {error}") from None
    return replace(plan, passes=tuple(replace(pass_, stored_level=None) for pass_ in plan.passes))


def segments_kept_back(description: Description) -> dict[str, str]:
    """Give comments and application data of the longest tile of each level, as text, by where they are.

    Raises:
        SourceError: the slide cannot be read.
    """
    found: dict[str, str] = {}
    for index, level in enumerate(description.levels):
        if not isinstance(level.jpeg, JpegTiles):
            continue
        row, column = divmod(int(level.jpeg.lengths.argmax()), level.jpeg.lengths.shape[1])
        with level.jpeg.path.open("rb") as file:
            stream = level.jpeg.read_stored(file.fileno(), column, row)
        for number, (name, content) in enumerate(left_out(stream), start=1):
            if content[:4] not in _COLOUR_MARKERS:
                found[f"level {index}, tile {column}, {row}, segment {number}, {name}"] = content.decode("latin-1")
    return found


def kept_back(properties: Mapping[str, str]) -> dict[str, str]:
    """Give the properties that stay inside unless they are asked for, by name."""
    return {
        name: value
        for name, value in sorted(properties.items())
        if name not in PUBLIC_PROPERTIES and not name.startswith(_GEOMETRY)
    }
