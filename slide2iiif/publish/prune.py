"""Removal of published slides that have no source any more, and the limits that keep it from being a mistake."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from slide2iiif.discovery.walk import PassedOver, Slide, Unusable
from slide2iiif.errors import UsageError
from slide2iiif.options import DELETED_AT_ONCE, DELETED_SHARE, MaxDelete
from slide2iiif.publish.replaced import note_removed
from slide2iiif.publish.summary import Outcome, Status
from slide2iiif.records.receipts import Receipts
from slide2iiif.stores.base import Store
from slide2iiif.stores.tally import Tally

if TYPE_CHECKING:
    from slide2iiif.site.gallery import Gallery


class Seen:
    """Findings of a walk, kept to know afterwards what is gone."""

    def __init__(self, root: Path, receipts: Receipts) -> None:
        """Take the source root and the receipts as they are before the run."""
        self.identifiers: set[str] = set()
        self.sources: set[str] = set()
        self.folders: set[str] = set()
        """First folders below the root in which something was found."""
        self.published = 0
        """Slides that were found and are published already."""
        self.held: list[Slide] = []
        """Slides that cannot be published before others are removed: a file that was a folder, or the reverse."""
        self._root = root
        self._receipts = receipts
        self._blind: Path | None = None
        self._has_files = False

    def of(self, found: Iterator[Slide | Unusable]) -> Iterator[Slide | Unusable]:
        """Pass on what is found, and remember it; hold back what others are in the way of."""
        for each in found:
            if isinstance(each, Unusable):
                self._note_unusable(each)
            else:
                self._note(each)
                if self._receipts.head(each.identifier) is not None:
                    self.published += 1
                elif self._is_blocked(each.identifier):
                    self.held.append(each)
                    continue
            yield each

    def check(self) -> None:
        """Refuse to delete on the word of a walk that has not seen everything.

        Raises:
            UsageError: a part of the source could not be read, or it holds no slide at all.
        """
        if self._blind is not None:
            raise UsageError(f"nothing is deleted: {self._blind} could not be read, so slides may be there")
        if not self._has_files:
            raise UsageError("nothing is deleted: SOURCE holds no slide at all; is it mounted?")

    def check_removals(self, gone: list[str], limit: MaxDelete | None) -> None:
        """Refuse to remove more than is meant.

        Args:
            gone: identifiers of all published slides that were not found.
            limit: what may be removed; None for the limits that catch a folder that is not mounted, and a source that
                is not the one of this tree.

        Raises:
            UsageError: the numbers, and the option that allows it.
        """
        total = self.published + len(gone)
        removed = f"nothing is deleted: {len(gone):,} of {total:,} published slides would be removed"
        if limit is not None:
            if not limit.allows(len(gone), total):
                raise UsageError(f"{removed}, and --max-delete {limit.text} allows fewer")
            return
        sources = {identifier: self._source_of(identifier) for identifier in gone}
        lost = [source for source in sources.values() if source not in self.sources]
        allow = f"if they are to go, run again with --max-delete {len(gone)}"
        folder, count = self._emptied(lost)
        if count > DELETED_AT_ONCE:
            raise UsageError(f"{removed}, all {count:,} of the folder {folder} among them: is it mounted? {allow}")
        if len(lost) > DELETED_AT_ONCE and not DELETED_SHARE.allows(len(lost), total):
            raise UsageError(f"{removed}, more than half: is SOURCE the one of this tree, and all of it? {allow}")

    def _emptied(self, lost: list[str]) -> tuple[str, int]:
        """Return the first folder of SOURCE that has lost the most slides and has none left, and their number."""
        folders = Counter(first for source in lost if (first := _first_folder(source)) not in self.folders)
        del folders[""]
        return folders.most_common(1)[0] if folders else ("", 0)

    def _source_of(self, identifier: str) -> str:
        receipt = self._receipts.read(identifier)
        return receipt.source if receipt is not None and receipt.source else identifier

    def _note(self, slide: Slide) -> None:
        self._has_files = True
        self.identifiers.add(slide.identifier)
        # One text for both where they are alike: there may be a million.
        self.sources.add(slide.identifier if slide.source == slide.identifier else slide.source)
        self.folders.add(_first_folder(slide.source))
        # It may have become a slide itself.
        self.folders.add(slide.source)

    def _note_unusable(self, found: Unusable) -> None:
        self._blind = found.path if found.hides_slides else self._blind
        if found.hides_slides or (isinstance(found, PassedOver) and found.slide is None):
            return
        self._has_files = True
        if found.path.is_relative_to(self._root):
            self.folders.add(_first_folder(found.path.relative_to(self._root).as_posix()))

    def _is_blocked(self, identifier: str) -> bool:
        """Return whether a published slide lies where a folder must be, or others where this one must."""
        places = identifier.split("/")
        above = ("/".join(places[:count]) for count in range(1, len(places)))
        return self._receipts.is_above(identifier) or any(self._receipts.head(each) for each in above)


def removals(
    store: Store,
    receipts: Receipts,
    keep: Iterable[str],
    gallery: "Gallery | None" = None,
    *,
    dry: bool,
    tally: Tally | None = None,
    check: Callable[[list[str]], None] = lambda _: None,
) -> Iterator[Outcome]:
    """Remove slides whose source is gone, or list them. Pages are updated before slides are removed.

    Args:
        store: the tree.
        receipts: receipts of the tree.
        keep: identifiers of all slides that have a source, exported or failed.
        gallery: pages of the tree, if it has any.
        dry: say that they would be removed; the tree is one on trial.
        tally: count of the files that are removed.
        check: raises an error if the identifiers that are to go must not go; then none does.
    """
    kept = set(keep)
    gone = [identifier for identifier in receipts.identifiers() if identifier not in kept]
    check(gone)
    if gallery is not None and gone:
        gallery.update(leaving=frozenset(gone))
    for identifier in gone:
        note_removed(tally, store, identifier, receipts.read(identifier))
        store.remove(identifier)
        receipts.remove(identifier)
        yield Outcome(identifier, Status.REMOVABLE if dry else Status.REMOVED)


def _first_folder(source: str) -> str:
    """Return the first folder on a path; empty for what lies in the root."""
    first, slash, _ = source.partition("/")
    return first if slash else ""
