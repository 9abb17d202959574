"""Comparison of a slide with what a published one was made of: the same files, or copies of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from slide2iiif.discovery.fingerprint import ContentTask, digest_content, size_of, take_fingerprint
from slide2iiif.engines.base import Deadline, Engine
from slide2iiif.errors import SourceError
from slide2iiif.records.receipt import Receipt


class Made(NamedTuple):
    """Files that a slide was published from."""

    fingerprint: str
    """Fingerprint of the files."""
    content: str
    """Digest of their content; empty where it is unknown."""
    size: int
    """Their bytes."""


def made_of(receipt: Receipt) -> Made:
    """Return the files that a slide was published from, as its receipt has them."""
    return Made(receipt.fingerprint, receipt.content, receipt.content_size)


def is_made_of(members: Sequence[Path], made: Made, engine: Engine, within: Deadline) -> bool:
    """Return True if files are those that a slide was published from, or copies; a worker reads them to find out."""
    try:
        if take_fingerprint(members) == made.fingerprint:
            return True
        if not made.content or size_of(members) != made.size:
            return False
        return engine.call(digest_content, ContentTask(tuple(members)), within) == made.content
    except SourceError:
        return False
