"""Findings of verify: what is wrong with a published file."""

from dataclasses import dataclass
from enum import StrEnum

from slide2iiif.iiif.pyramid import Tile


class Kind(StrEnum):
    """What is wrong."""

    MISSING = "missing"
    """A URL that a document announces has no file."""
    CHANGED = "changed"
    """A file has another size or other bytes than were published."""
    ALIAS = "alias differs"
    """A URL has other bytes than the one that asks for the same picture."""
    STRANGER = "stranger"
    """Something is there that nothing announces."""
    DOCUMENT = "document differs"
    """A document does not say what was published."""
    RECEIPT = "receipt damaged"
    """What was published is not known: receipt or digests are missing or damaged."""
    UNREADABLE = "unreadable"
    """The file system gives an error."""
    UNDECODABLE = "undecodable"
    """A tile is no whole JPEG of its dimensions."""
    OUTDATED = "source changed"
    """The slide is not what it was when it was published."""
    UNPUBLISHED = "not published"
    """A slide of the source has no tree."""
    NO_SOURCE = "no source"
    """A published slide is gone from the source."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong."""

    kind: Kind
    slide: str
    """Identifier; empty for what is in no slide."""
    path: str
    """URL path below the base URL, or what there is in its place."""
    detail: str = ""
    """What was found instead, in words."""
    tile: Tile | None = None
    """Level, column and row, where it is a tile's."""
    ordinal: int | None = None
    """Where the record of the file lies among the digests of the slide, where it is one of the pyramid."""
