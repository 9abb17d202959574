"""Private folder of a tree: allowed locations, and the tree that it belongs to."""

import os
from pathlib import Path

from slide2iiif.errors import UsageError
from slide2iiif.stores.folder.atomic import write_pieces_atomically
from slide2iiif.system_errors import PRIVATE

_TREE_NAME = "tree"
"""File in a private folder outside the tree with the path of the tree that it belongs to."""


def check_private_dir(private: Path | None, dest: Path, source: Path | None = None) -> None:
    """Refuse a private folder that would be published, taken for slides, or belongs to another tree.

    Raises:
        UsageError: the folder is one of these.
    """
    if private is None:
        return
    real, tree = private.resolve(), dest.resolve()
    if real.is_relative_to(tree) or tree.is_relative_to(real):
        raise UsageError(f"--private-dir {private}: lies in DEST {dest}, or DEST in it; choose a folder elsewhere")
    if source is not None and source.is_dir() and real.is_relative_to(source.resolve()):
        raise UsageError(f"--private-dir {private}: lies in SOURCE {source}; choose a folder elsewhere")
    inside = dest / PRIVATE
    if (inside / "receipts").is_dir():
        raise UsageError(
            f"--private-dir {private}: {inside} has the receipts of earlier runs; move all that is in it to {private}"
        )
    if private.exists() and not private.is_dir():
        raise UsageError(f"--private-dir {private}: is not a folder")
    try:
        owner = (private / _TREE_NAME).read_text(encoding="utf-8", errors="surrogateescape").strip()
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"--private-dir {private}: {error.strerror}") from None
    if owner != str(tree):
        raise UsageError(
            f"--private-dir {private}: belongs to {owner}; give {dest} one of its own, "
            f"or, if that tree has moved here, delete {private / _TREE_NAME}"
        )


def claim_private_dir(private: Path | None, dest: Path) -> None:
    """Note which tree a private folder outside it belongs to.

    Raises:
        TargetError: it cannot be written.
    """
    if private is None or (private / _TREE_NAME).exists():
        return
    # In one step: half a name would be another tree's.
    write_pieces_atomically(private / _TREE_NAME, [os.fsencode(f"{dest.resolve()}\n")], private)
