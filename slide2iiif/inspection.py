"""What `inspect` tells of a slide. Runs in a worker: a slide that is only looked at can be as hostile as any."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from slide2iiif.geometry import Region, Size
from slide2iiif.sources import open_source
from slide2iiif.sources.base import Description


@dataclass(frozen=True, slots=True)
class KeptBack:
    """What a slide holds that is not published unless it is asked for."""

    properties: Mapping[str, str]
    """By name."""
    associated: Mapping[str, Size]
    """Sizes of pictures beside the levels, by name."""
    segments: Mapping[str, str]
    """What lies in stored tiles beside their pixels."""


@dataclass(frozen=True, slots=True)
class Inspected:
    """What was found."""

    description: Description
    """What the slide is."""
    area: Region | None
    """What cutting it down to its scanned area would leave; None where it names none."""
    kept_back: KeptBack | None
    """None where it was not asked for."""


@dataclass(frozen=True, slots=True)
class InspectTask:
    """What to look at. A value: it travels to a worker."""

    path: Path
    """Slide file."""
    with_kept_back: bool
    """Whether to list what is not published."""


def inspect_slide(task: InspectTask) -> Inspected:
    """Open a slide and tell what it is.

    Raises:
        SourceError: it cannot be opened.
    """
    from slide2iiif.sources.cropped import find_area

    with open_source(task.path) as source:
        kept_back = None
        if task.with_kept_back:
            from slide2iiif.disclosure import kept_back as properties_kept_back
            from slide2iiif.disclosure import segments_kept_back

            segments = segments_kept_back(source.description)
            kept_back = KeptBack(properties_kept_back(source.properties), dict(source.associated), segments)
        return Inspected(source.description, find_area(source), kept_back)
