"""Findings of verify: faults of a published tree."""

from dataclasses import dataclass
from enum import StrEnum

from slide2iiif.iiif.pyramid import Tile


class Kind(StrEnum):
    """Kind of a finding."""

    MISSING = "missing"
    """A URL that a document announces has no file."""
    CHANGED = "changed"
    """A file has another size or other bytes than were published."""
    ALIAS = "alias differs"
    """An alias has other bytes than the first URL of the same picture."""
    STRANGER = "stranger"
    """A file or folder is there that no document announces."""
    DOCUMENT = "document differs"
    """A document differs from the one that was published."""
    RECEIPT = "receipt damaged"
    """The receipt or the digests are missing or damaged, so the published state is unknown."""
    UNREADABLE = "unreadable"
    """Reading a file failed with an error of the system."""
    UNDECODABLE = "undecodable"
    """A tile is no complete JPEG of its dimensions."""
    OUTDATED = "source changed"
    """The slide file has changed since it was published."""
    UNPUBLISHED = "not published"
    """A slide of the source is not published."""
    NO_SOURCE = "no source"
    """The source of a published slide is gone."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of a published tree."""

    kind: Kind
    slide: str
    """Identifier of the slide; empty if the path is in no slide."""
    path: str
    """URL path below the base URL, or the path of a source file."""
    detail: str = ""
    """Explanation in words; may be empty."""
    tile: Tile | None = None
    """Level, column and row, if the file is a tile."""
    ordinal: int | None = None
    """Position of the file's record among the digests of the slide, if it is a tile or picture."""
