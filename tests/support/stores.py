"""Every kind of store, as a way to open the same place again."""

import uuid
from collections.abc import Callable
from pathlib import Path

from slide2iiif.stores.base import Store
from slide2iiif.stores.bucket.address import Address
from slide2iiif.stores.bucket.store import BucketStore
from slide2iiif.stores.folder.store import FolderStore
from slide2iiif.stores.memory import MemoryStore

Opener = Callable[[], Store]
KINDS = ("folder", "memory", "bucket in a folder", "bucket in memory")


def opener_of(kind: str, folder: Path) -> Opener:
    """Return what opens one place of a kind, as often as it is called."""
    if kind == "folder":
        return lambda: FolderStore(folder / "tree")
    if kind == "memory":
        memory = MemoryStore()
        return lambda: memory
    url = f"file://{folder}/bucket" if kind == "bucket in a folder" else f"memory://{uuid.uuid4().hex}"
    return lambda: BucketStore(Address(url), cache=folder / "cache", grace=0)
