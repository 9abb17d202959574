"""Results of a walk: slides, files that cannot be taken for slides, and files that are left out on purpose."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from slide2iiif.errors import SourceError

STRAY = "it is left alone; copy there what belongs to the slide, if that is meant"
"""Words for a slide of which a file lies outside of SOURCE."""


@dataclass(frozen=True, slots=True)
class Slide:
    """A source image, not opened."""

    identifier: str
    """Path below the source root, made safe for URLs and object keys, or what is published in its place."""
    path: Path
    """The file that a reader opens."""
    members: tuple[Path, ...]
    """All files that make it up, the one that is opened first."""
    source: str = ""
    """Path below the source root, from whatever the identifier is made."""
    allowed: tuple[Path, ...] = ()
    """Real places, below one of which its files must lie; none to ask nothing."""

    def check_inside(self) -> None:
        """Check that the files lie where they may: a folder may have become a link since they were found.

        Raises:
            SourceError: one does not.
        """
        stray = next((path for path in self.members if not is_inside(path, self.allowed)), None)
        if self.allowed and stray is not None:
            raise SourceError(f"{stray.name} is not in SOURCE any more: {STRAY}")


@dataclass(frozen=True, slots=True)
class Unusable:
    """A file or folder that should be a slide, or hold some, and cannot be taken for one."""

    path: Path
    """Path as it was found."""
    reason: str
    """The cause, in words for its owner."""
    hides_slides: bool = False
    """True if slides may be behind it that are not seen, so that nothing must be deleted for being gone."""


@dataclass(frozen=True, slots=True)
class PassedOver(Unusable):
    """A file or folder that is left out on purpose, which is no failure."""

    slide: Slide | None = None
    """The slide that it would be; None for a folder."""


def is_inside(path: Path | str, allowed: Iterable[Path]) -> bool:
    """Return whether a path leads to a place below one of some real folders, or to one of them."""
    real = Path(os.path.realpath(path))
    return any(real.is_relative_to(place) for place in allowed)
