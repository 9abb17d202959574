"""Symbolic links in a tree: none is followed, because it may lead out of the tree."""

import os
from pathlib import Path

from slide2iiif.errors import TargetError


def find_link(root: Path, path: Path) -> Path | None:
    """Return the first link on the way from a folder to a path below it; None where there is none.

    The folder itself is not checked. A missing name is no link.
    """
    place = root
    for name in path.relative_to(root).parts:
        place = place / name
        if os.path.islink(place):
            return place
    return None


def link_refusal(link: Path) -> str:
    """Format the message about a link in the way, with the remedy."""
    return f"{link} is a link, which may lead out of the tree, and is not followed: remove it, then run again"


def check_no_link(root: Path, path: Path) -> None:
    """Check that a path below a folder leads through no link.

    Raises:
        TargetError: it does.
    """
    link = find_link(root, path)
    if link is not None:
        raise TargetError(link_refusal(link))
