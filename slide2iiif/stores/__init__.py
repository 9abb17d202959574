"""Stores: published trees. `open_store` picks the kind of store from the name of the place."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from slide2iiif.errors import UsageError
from slide2iiif.options import CONNECTIONS

if TYPE_CHECKING:
    from slide2iiif.stores.base import Store

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")


def open_store(
    dest: str | Path,
    private: str | Path | None = None,
    is_stopped: Callable[[], bool] = lambda: False,
    source: Path | None = None,
    connections: int = CONNECTIONS.default,
) -> "Store":
    """Return the store of a place, not entered: no lock is taken, and nothing is written.

    Args:
        dest: the place: path of a folder, or `s3://bucket/prefix`, `gs://…`, `az://…`.
        private: place of the unpublished records, of the same kind; None is one inside the place.
        is_stopped: returns True once the run was told to stop; what is staged is then left to the next run.
        source: root of the slides, which the private folder must not lie in.
        connections: number of requests to a bucket that a process may have under way.

    Raises:
        UsageError: there is no such kind of place, or the private folder would be published or is another tree's.
    """
    if _URL.match(str(dest)):
        return _open_bucket(str(dest), private, is_stopped, connections)
    if isinstance(private, str) and _URL.match(private):
        raise UsageError(f"--private-dir {private}: the tree lies in a folder, and so must its records; name a folder")
    from slide2iiif.stores.folder.places import check_private_dir
    from slide2iiif.stores.folder.store import FolderStore

    root, folder = Path(dest), None if private is None else Path(private)
    check_private_dir(folder, root, source)
    return FolderStore(root, is_stopped, folder)


def _open_bucket(dest: str, private: str | Path | None, is_stopped: Callable[[], bool], connections: int) -> "Store":
    """Return the store of a place in a bucket.

    Raises:
        UsageError: there is no such kind of place, or the records would lie among what is published.
    """
    from slide2iiif.stores.bucket.address import parse_address
    from slide2iiif.stores.bucket.store import BucketStore

    address = parse_address(dest)
    if isinstance(private, Path):
        raise UsageError(
            f"--private-dir {private}: the tree lies in a bucket, and so must its records, for the next run from "
            "another computer; name a place such as s3://bucket/prefix"
        )
    records = None if private is None else parse_address(private, "--private-dir")
    if records is not None and (address.holds(records) or records.holds(address)):
        raise UsageError(f"--private-dir {records}: lies in DEST {address}, or DEST in it; choose another prefix")
    return BucketStore(address, records, is_stopped=is_stopped, connections=connections)
