"""Descriptions of slides, read in a worker: a slide that is only looked at can be as hostile as any."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from slide2iiif.geometry import Region, Size
from slide2iiif.sources import open_scanned_area, open_source
from slide2iiif.sources.base import Description
from slide2iiif.sources.jpeg_tiles import JpegTiles, left_out


@dataclass(frozen=True, slots=True)
class KeptBack:
    """Parts of a slide that are not published unless they are asked for."""

    properties: Mapping[str, str]
    """By name."""
    associated: Mapping[str, Size]
    """Sizes of pictures beside the levels, by name."""
    segments: Mapping[str, str]
    """Comments and application data of stored tiles."""


@dataclass(frozen=True, slots=True)
class Inspected:
    """Result of an inspection."""

    description: Description
    """Description of the slide."""
    area: Region | None
    """Scanned area that cropping would leave; None where it names none."""
    kept_back: KeptBack | None
    """Parts that are kept back; None where they were not asked for."""


@dataclass(frozen=True, slots=True)
class InspectTask:
    """Task of an inspection. A value: it travels to a worker."""

    path: Path
    """Slide file."""
    with_kept_back: bool
    """True to list what is not published."""


def inspect_slide(task: InspectTask) -> Inspected:
    """Open a slide and describe it.

    Raises:
        SourceError: it cannot be opened.
    """
    from slide2iiif.sources.cropped import find_area

    with open_source(task.path) as source:
        kept_back = None
        if task.with_kept_back:
            segments = segments_kept_back(source.description)
            kept_back = KeptBack(kept_back_properties(source.properties), dict(source.associated), segments)
        return Inspected(source.description, find_area(source), kept_back)


PUBLIC_PROPERTIES = frozenset({"openslide.vendor", "openslide.mpp-x", "openslide.objective-power"})
"""Properties whose values go out, or may, without being asked for: format, microns per pixel, magnification."""


_COLOUR_MARKERS = (b"JFIF", b"Adob")
"""Beginnings of segments that say how colours are coded, and are published anew."""


_GEOMETRY = ("openslide.level", "openslide.associated.", "openslide.bounds-", "openslide.region[")
"""Beginnings of properties that tell of nothing but sizes and places."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Associated images and properties to publish."""

    path: Path
    """The slide file."""
    associated: tuple[str, ...]
    """Names of pictures."""
    properties: tuple[str, ...]
    """Names of properties."""


@dataclass(frozen=True, slots=True)
class Disclosed:
    """Part of a wish that the slide has."""

    associated: Mapping[str, Size]
    """Pictures, in the order of the wish."""
    properties: Mapping[str, str]
    """Properties, in the order of the wish."""


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


def segments_kept_back(description: Description) -> dict[str, str]:
    """Return comments and application data of the longest tile of each level, as text, by their place.

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


def kept_back_properties(properties: Mapping[str, str]) -> dict[str, str]:
    """Return the properties that stay inside unless they are asked for, by name."""
    return {
        name: value
        for name, value in sorted(properties.items())
        if name not in PUBLIC_PROPERTIES and not name.startswith(_GEOMETRY)
    }


def describe(path: Path) -> Description:
    """Open a slide and describe it.

    Raises:
        SourceError: it cannot be opened.
    """
    with open_source(path) as source:
        return source.description


def describe_scanned_area(path: Path) -> Description:
    """Open a slide cut down to its scanned area, and describe it.

    Raises:
        SourceError: it cannot be opened.
    """
    with open_scanned_area(path) as source:
        return source.description
