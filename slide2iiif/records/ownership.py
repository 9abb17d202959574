"""Published slides that the records of a tree do not know: another private folder has theirs, or they are lost."""

from collections.abc import Iterator

from slide2iiif.errors import TargetError, UsageError
from slide2iiif.records.receipts import Receipts
from slide2iiif.stores.base import Store
from slide2iiif.system_errors import PRIVATE


def check_known(store: Store, receipts: Receipts, advice: str) -> None:
    """Refuse to publish beside slides that other records than these belong to.

    Names and privacy of those slides are settings that are not known here, so that the same slides might be published
    a second time, under their file names. The tree is only looked at where there is no receipt at all, and no further
    than to the first slide in it.

    Args:
        store: the tree.
        receipts: its receipts.
        advice: what else can be done than to name the private folder.

    Raises:
        UsageError: the tree has slides, and there is no receipt.
    """
    if next(receipts.identifiers(), None) is not None:
        return
    found = next(_published(store), None)
    if found is not None:
        raise UsageError(
            f"DEST {store.place}: holds published slides, such as {found}, of which no receipt is in the private "
            f"folder: name the one that they were published with by --private-dir{advice}"
        )


def _published(store: Store) -> Iterator[str]:
    """Yield published slides, folder by folder. What cannot be listed was not written by us, as a lost+found."""
    folders = [""]
    while folders:
        folder = folders.pop()
        if folder and store.holds(folder):
            yield folder
            continue
        try:
            inner = sorted((each.name for each in store.public.list(folder) if each.is_folder), reverse=True)
        except TargetError:
            continue
        folders += [f"{folder}/{name}" if folder else name for name in inner if name != PRIVATE]
