"""Pictures beside the levels, handed as intermediate images to the passes that make their tiles. Runs in a worker."""

from dataclasses import dataclass
from pathlib import Path

from slide2iiif.imaging.srgb import to_srgb_from
from slide2iiif.sources import open_source
from slide2iiif.tiles.intermediate import IntermediateImage


@dataclass(frozen=True, slots=True)
class PictureTask:
    """A picture to be handed to the passes that make its tiles."""

    path: Path
    """The slide file."""
    name: str
    """Of the picture."""
    picture: IntermediateImage
    """Where its pixels are wanted."""
    is_srgb: bool
    """Whether its colours are to be transformed to sRGB, if it has a profile."""


def write_associated(task: PictureTask) -> None:
    """Write a picture's pixels where its passes read them. Runs in a worker.

    Raises:
        SourceError: the slide cannot be read.
        TargetError: no room.
    """
    with open_source(task.path) as source:
        pixels = source.read_associated(task.name)
        profile = source.associated_profile(task.name) if task.is_srgb else None
        task.picture.write(0, 0, to_srgb_from(profile, pixels) if profile else pixels)
