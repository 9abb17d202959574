"""Stores: published trees. `open_store` picks the kind of store from the name of the place."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from slide2iiif.errors import UsageError

if TYPE_CHECKING:
    from slide2iiif.stores.base import Store

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/")


def open_store(
    dest: str | Path,
    private: Path | None = None,
    is_stopped: Callable[[], bool] = lambda: False,
    source: Path | None = None,
) -> "Store":
    """Return the store of a place, not entered: no lock is taken, and nothing is written.

    Args:
        dest: the place: path of a folder.
        private: folder of the unpublished records; None is one inside the place.
        is_stopped: returns True once the run was told to stop; what is staged is then left to the next run.
        source: root of the slides, which the private folder must not lie in.

    Raises:
        UsageError: there is no such kind of place, or the private folder would be published or is another tree's.
    """
    url = _URL.match(str(dest))
    if url is not None:
        raise UsageError(f"DEST {dest}: {url[1]} is no kind of place that can be published into; name a folder")
    from slide2iiif.stores.folder.places import check_private_dir
    from slide2iiif.stores.folder.store import FolderStore

    root = Path(dest)
    check_private_dir(private, root, source)
    return FolderStore(root, is_stopped, private)
