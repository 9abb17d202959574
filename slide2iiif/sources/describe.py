"""Descriptions of slides, read in a worker: a slide that is only looked at can be as hostile as any."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from slide2iiif.sources import open_scanned_area, open_source
from slide2iiif.sources.base import Described, Description, KeptBack, Source
from slide2iiif.sources.cropped import find_area
from slide2iiif.sources.jpeg_tiles import JpegTiles, left_out


@dataclass(frozen=True, slots=True)
class DescribeTask:
    """A slide to open, and the extras to list. A value: it travels to a worker."""

    path: Path
    """Slide file."""
    crops: bool = False
    """True to cut it down to its scanned area."""
    associated: tuple[str, ...] = ()
    """Names of associated images to publish, if the slide has them."""
    properties: tuple[str, ...] = ()
    """Names of properties to publish, if the slide has them."""
    with_area: bool = False
    """True to find the scanned area."""
    with_kept_back: bool = False
    """True to list content that is not published."""


def describe(task: DescribeTask) -> Described:
    """Open a slide and describe it. Runs in a worker.

    Raises:
        SourceError: it cannot be opened.
    """
    with (open_scanned_area if task.crops else open_source)(task.path) as source:
        # Listing either may read a part of the file: only where it is asked for.
        pictures = source.associated if task.associated else {}
        properties = source.properties if task.properties else {}
        return Described(
            source.description,
            {name: pictures[name] for name in task.associated if name in pictures},
            {name: properties[name] for name in task.properties if name in properties},
            find_area(source) if task.with_area else None,
            _kept_back(source) if task.with_kept_back else None,
        )


def _kept_back(source: Source) -> KeptBack:
    segments = segments_kept_back(source.description)
    return KeptBack(kept_back_properties(source.properties), dict(source.associated), segments)


PUBLIC_PROPERTIES = frozenset({"openslide.vendor", "openslide.mpp-x", "openslide.objective-power"})
"""Properties whose values go out, or may, without being asked for: format, microns per pixel, magnification."""


_COLOUR_MARKERS = (b"JFIF", b"Adob")
"""Beginnings of segments that say how colours are coded, and are published anew."""


_GEOMETRY = ("openslide.level", "openslide.associated.", "openslide.bounds-", "openslide.region[")
"""Beginnings of properties that tell of nothing but sizes and places."""


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
