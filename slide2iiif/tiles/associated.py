"""Associated images, written as intermediate images for the passes that make their tiles. Runs in a worker."""

from dataclasses import dataclass
from pathlib import Path

from slide2iiif.imaging.srgb import to_srgb_from
from slide2iiif.sources import open_source
from slide2iiif.tiles.intermediate import IntermediateImage


@dataclass(frozen=True, slots=True)
class PictureTask:
    """An associated image to be written as an intermediate image."""

    path: Path
    """The slide file."""
    name: str
    """Name of the associated image."""
    picture: IntermediateImage
    """Intermediate image that takes the pixels."""
    is_srgb: bool
    """True to transform the pixels to sRGB, if the associated image has a profile."""


def write_associated(task: PictureTask) -> None:
    """Write the pixels of an associated image to its intermediate image. Runs in a worker.

    Raises:
        SourceError: the slide cannot be read.
        TargetError: the intermediate image cannot be written.
    """
    with open_source(task.path) as source:
        pixels = source.read_associated(task.name)
        profile = source.associated_profile(task.name) if task.is_srgb else None
        task.picture.write(0, 0, to_srgb_from(profile, pixels) if profile else pixels)
