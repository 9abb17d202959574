"""Pages of a tree, kept up to date with its slides.

A run that changes nothing touches nothing here but one small file of state. A run that changes slides writes the
pages of their folders and of the folders above. All pages are checked when options or design have changed, when the
last run was interrupted, and after `rebase`: folder by folder, so memory does not grow with the tree. A file is
written only if its bytes change.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from slide2iiif.errors import UsageError
from slide2iiif.iiif.manifest import (
    COLLECTION_NAME,
    MANIFEST_NAME,
    PAGE_NAME,
    Member,
    Notice,
    thumbnail,
    write_collection,
    write_manifest,
)
from slide2iiif.options import SiteOptions, Viewer
from slide2iiif.records.documents import write_changed
from slide2iiif.records.receipt import Receipt
from slide2iiif.records.receipts import Receipts
from slide2iiif.records.version import published_receipt
from slide2iiif.site import openseadragon
from slide2iiif.site.assets import asset_folder, design, read_assets
from slide2iiif.site.cards import COVERS, Card, Picture, associated_of, card_of, subject_of
from slide2iiif.site.folder_cards import count_entries, folder_card, pick_covers
from slide2iiif.site.labels import display_name, natural_order, parent_folder
from slide2iiif.site.state import FolderState, SiteState, States
from slide2iiif.stores.base import Store

if TYPE_CHECKING:
    from slide2iiif.site.pages import FolderCard

ENTRIES = 1000
"""Most slides and folders on one page, and in one collection."""

SLIDE_FILES = 2
"""Number of gallery files among those of a slide: its page and its manifest."""

_PAGE_MARK = b"/site.css"
"""Text in the head of every generated page, by which a page that somebody else wrote is left alone."""


@dataclass
class Gallery:
    """Pages of one tree."""

    store: Store
    """Store of the tree; entered."""
    receipts: Receipts
    """Receipts of the tree."""
    options: SiteOptions
    """Options of the pages."""
    base_url: str
    """Base URL of all ids."""
    viewer_script: Callable[[], bytes] | None = None
    """Function that returns OpenSeadragon, for a tree that hosts its own; None if there is none."""
    _dirty: set[str] = field(default_factory=set)
    """Folders with changed slides."""
    _emptied: list[str] = field(default_factory=list)
    """Folders without slides that still have pages, the inner ones first."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _is_begun: bool = False

    def __post_init__(self) -> None:
        self._states = States(self.receipts)
        self._before = self._states.read_site()
        self._script: bytes | None = None
        if self.options.viewer is Viewer.LOCAL:
            self._script = self._find_script()

    @property
    def _wanted(self) -> SiteState:
        return SiteState(self.options, self.base_url, design(), is_whole=True)

    def begin(self) -> None:
        """Prepare for changed slides: once, before the first of them is published, from any thread."""
        with self._lock:
            if self._is_begun:
                return
            self._is_begun = True
            self._states.write_site(replace(self._wanted, is_whole=False))
            self._put_assets()
        # Workers are busy meanwhile, and this process is not.
        threading.Thread(target=_load_templates, name="templates", daemon=True).start()

    def slide_files(self, receipt: Receipt) -> list[tuple[str, bytes]]:
        """Return the gallery files of a slide as pairs of name and content."""
        from slide2iiif.site.pages import write_slide_page

        subject, options = subject_of(receipt), self._options_of(receipt)
        return [
            (MANIFEST_NAME, write_manifest(subject, Notice(options.rights, options.attribution))),
            (PAGE_NAME, write_slide_page(receipt.identifier, subject, options, associated_of(receipt))),
        ]

    def _options_of(self, receipt: Receipt) -> SiteOptions:
        words = receipt.words
        if not words:
            return self.options
        rights, attribution = self.options.rights, self.options.attribution
        return replace(
            self.options, rights=words.get("rights", rights), attribution=words.get("attribution", attribution)
        )

    def renamed(self, receipt: Receipt) -> None:
        """Write page and manifest of a published slide whose title, rights or attribution have changed."""
        self.begin()
        write_changed(self.store, receipt.identifier, self.slide_files(receipt))
        self.changed(receipt.identifier)

    def changed(self, identifier: str) -> None:
        """Mark the folder of a slide that was published, or is about to be removed."""
        with self._lock:
            self._dirty.add(parent_folder(identifier))

    def update(self, leaving: AbstractSet[str] = frozenset()) -> None:
        """Update the pages of folders.

        Args:
            leaving: slides that are about to be removed, and are left out.

        Raises:
            TargetError: a page cannot be written; the next run writes it.
        """
        for identifier in leaving:
            self.changed(identifier)
        if self._before == self._wanted:
            if not self._dirty:
                return
            self.begin()
            for folder in _with_folders_above(self._dirty):
                self._update_folder(folder, leaving)
        else:
            self.begin()
            self._update_all("", leaving)
            self._drop_old_assets()
        # The outer ones first, and those above them are written: nothing links to a page that goes.
        for folder in reversed(self._emptied):
            self._withdraw_folder(folder, 0)
        self._emptied.clear()
        self._states.write_site(self._wanted)
        self._before = self._wanted
        self._dirty.clear()
        self._is_begun = False

    def rewrite(self) -> None:
        """Check every page, and rewrite those that differ."""
        self._before = None
        self.update()

    @property
    def _notice(self) -> Notice:
        return Notice(self.options.rights, self.options.attribution)

    def _update_all(self, folder: str, leaving: AbstractSet[str]) -> None:
        slides, folders = self.receipts.children(folder)
        for each in folders:
            self._update_all(each, leaving)
        for identifier in slides:
            receipt = self._read(identifier) if identifier not in leaving else None
            if receipt is not None:
                write_changed(self.store, receipt.identifier, self.slide_files(receipt))
        self._update_folder(folder, leaving)

    def _is_there(self, identifier: str) -> bool:
        """Return True if a slide with a receipt is published."""
        if not self.store.trusts_records:
            return self.store.holds(identifier)
        receipt = self._read(identifier)
        return receipt is not None and receipt.fingerprint != ""

    def _update_folder(self, folder: str, leaving: AbstractSet[str]) -> None:
        slides, folders = self.receipts.children(folder)
        states = {each: state for each in folders if (state := self._states.read_folder(each))}
        shown = [
            *sorted(states, key=natural_order),
            *sorted((each for each in slides if each not in leaving and self._is_there(each)), key=natural_order),
        ]
        if not shown and folder:
            self._states.remove_folder(folder)
            self._emptied.append(folder)
            return
        covers: list[Picture] = []
        count = max(1, -(-len(shown) // ENTRIES))
        total = len(shown) - len(states) + sum(state.slides for state in states.values())
        summary = count_entries(len(states), len(shown) - len(states), total)
        # Backwards: a page links to the next one and to its collection, and the collection names its parts.
        for number in range(count, 0, -1):
            part = shown[(number - 1) * ENTRIES : number * ENTRIES]
            receipts = {each: self._read(each) for each in part if each not in states}
            known = {each: receipt for each, receipt in receipts.items() if receipt is not None}
            cards = [card_of(receipt, folder) for receipt in known.values()]
            folder_cards = [folder_card(each, folder, states[each]) for each in part if each in states]
            self._put_collection(folder, number, count, [*self._members(part, known)])
            self._put_part(folder, number, count, (summary, folder_cards, cards))
            covers = [*pick_covers(folder_cards, cards, COVERS), *covers][:COVERS]
        self._withdraw_folder(folder, count)
        self._states.write_folder(folder, FolderState(total, covers))

    def _read(self, identifier: str) -> Receipt | None:
        """Read the receipt of a slide; None unless the slide is published."""
        return published_receipt(self.store, self.receipts, identifier)

    def _put_part(
        self, folder: str, number: int, count: int, shown: "tuple[str, list[FolderCard], list[Card]]"
    ) -> None:
        from slide2iiif.site.pages import Part, page_name, write_folder_page

        content = write_folder_page(Part(folder, number, count, *shown), self.options)
        self._put(_below(folder, page_name(number)), content)

    def _put_collection(self, folder: str, number: int, count: int, members: list[Member]) -> None:
        """Write one part of a folder's collection; the collection of a large folder lists its parts."""
        name = COLLECTION_NAME if count == 1 else _collection_part(number)
        label = self._label(folder)
        self._put_document(folder, name, label if count == 1 else f"{label}, part {number}", members)
        if count > 1 and number == 1:
            parts = [
                Member(self._uri(folder, _collection_part(each)), "Collection", f"{label}, part {each}")
                for each in range(1, count + 1)
            ]
            self._put_document(folder, COLLECTION_NAME, label, parts)

    def _put_document(self, folder: str, name: str, label: str, members: list[Member]) -> None:
        home = f"{self.base_url}/{folder}".rstrip("/")
        content = write_collection(self._uri(folder, name), home, label, members, self._notice)
        self._put(_below(folder, name), content)

    def _members(self, part: Iterable[str], known: dict[str, Receipt]) -> Iterator[Member]:
        for each in part:
            if each in known:
                subject = subject_of(known[each])
                picture = thumbnail(subject.service, subject.api)
                yield Member(f"{subject.service.uri}/{MANIFEST_NAME}", "Manifest", subject.label, picture)
            elif self._states.read_folder(each):
                yield Member(self._uri(each, COLLECTION_NAME), "Collection", self._label(each))

    def _withdraw_folder(self, folder: str, count: int) -> None:
        """Remove pages and collections of a folder beyond its number of pages; all of them if that is 0."""
        from slide2iiif.site.pages import page_name

        if not count:
            if self._is_ours(_below(folder, PAGE_NAME)):
                self.store.public.delete(_below(folder, PAGE_NAME))
            self.store.public.delete(_below(folder, COLLECTION_NAME))
        if count <= 1:
            self.store.public.delete(_below(folder, _collection_part(1)))
        number = max(count, 1) + 1
        while self.store.public.read(_below(folder, page_name(number))) is not None:
            self.store.public.delete(_below(folder, _collection_part(number)))
            self.store.public.delete(_below(folder, page_name(number)))
            number += 1

    def _put(self, path: str, content: bytes) -> None:
        found = self.store.public.read(path)
        if found == content or (found and path.endswith(PAGE_NAME) and _PAGE_MARK not in found):
            return
        self.store.public.write(path, content)

    def _is_ours(self, path: str) -> bool:
        return _PAGE_MARK in (self.store.public.read(path) or b"")

    def _put_assets(self) -> None:
        for name, content in read_assets().items():
            self._put(_below(asset_folder(), name), content)
        if self._script is not None:
            self._put(_below(asset_folder(), openseadragon.NAME), self._script)

    def _drop_old_assets(self) -> None:
        before = self._before
        if before is None or before.design == design():
            return
        for name in (*read_assets(), openseadragon.NAME):
            self.store.public.delete(f"!site-{before.design}/{name}")

    def _find_script(self) -> bytes:
        """Read the viewer of the tree, of this design or the one before, or fetch it."""
        before = [f"!site-{self._before.design}"] if self._before else []
        for folder in (asset_folder(), *before):
            found = self.store.public.read(_below(folder, openseadragon.NAME))
            if found is not None and openseadragon.is_viewer(found):
                return found
        if self.viewer_script is None:
            raise UsageError("the tree has no viewer of its own any more; export with --viewer local, then run again")
        return self.viewer_script()

    def _uri(self, folder: str, name: str) -> str:
        return f"{self.base_url}/{_below(folder, name)}"

    def _label(self, folder: str) -> str:
        return display_name(folder) if folder else self.options.title


def reopen_gallery(store: Store, receipts: Receipts, base_url: str | None = None) -> Gallery | None:
    """Open the pages of a tree with the options of the last run; None where it has none.

    Args:
        store: store of the tree; entered.
        receipts: receipts of the tree.
        base_url: new base URL; None to keep the present one.
    """
    state = States(receipts).read_site()
    return None if state is None else Gallery(store, receipts, state.options, base_url or state.base_url)


def known_pages(store: Store, receipts: Receipts) -> Callable[[Receipt], list[tuple[str, bytes]]] | None:
    """Return a function from a receipt to the gallery files that the slide must have.

    None where they are unknown: another version has written them, or the run was interrupted.
    """
    states = States(receipts)
    if not states.has_site():
        return lambda _: []
    state = states.read_site()
    if state is None or not state.is_whole or state.design != design():
        return None
    # A viewer of the tree's own is not needed for the pages of slides.
    options = replace(state.options, viewer=Viewer.CDN) if state.options.viewer is Viewer.LOCAL else state.options
    gallery = Gallery(store, receipts, options, state.base_url)
    gallery.options = state.options
    return gallery.slide_files


def remove_site(store: Store, receipts: Receipts) -> None:
    """Remove all pages, manifests and collections of a tree."""
    states = States(receipts)
    if not states.has_site():
        return
    state = states.read_site()
    gallery = Gallery(store, receipts, SiteOptions(), "")
    for folder in _folders_top_down(receipts, ""):
        gallery._withdraw_folder(folder, 0)  # noqa: SLF001 - of this module
        states.remove_folder(folder)
        for identifier in receipts.children(folder)[0]:
            for name in (PAGE_NAME, MANIFEST_NAME):
                store.public.delete(f"{identifier}/{name}")
    for name in (*read_assets(), openseadragon.NAME):
        store.public.delete(f"!site-{state.design if state else design()}/{name}")
    states.remove_site()


def _folders_top_down(receipts: Receipts, folder: str) -> Iterator[str]:
    yield folder
    for each in receipts.children(folder)[1]:
        yield from _folders_top_down(receipts, each)


def _with_folders_above(folders: Iterable[str]) -> list[str]:
    """Return folders and all folders above them, the deepest first."""
    found: set[str] = set()
    for folder in folders:
        place = folder
        while place not in found:
            found.add(place)
            place = parent_folder(place)
    return sorted(found, key=lambda each: (-each.count("/") if each else 1, each))


def _load_templates() -> None:
    from slide2iiif.site.pages import load_templates

    load_templates()


def _collection_part(number: int) -> str:
    return f"!page{number}.json"


def _below(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
