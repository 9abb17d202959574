"""Verification of a published tree against its receipts, digests and documents. Yields findings, never prints.

```
folders ─► slides ─► receipt, documents ─► files by ordinal ─► findings
           (or strangers)                  (in workers)
```

Nothing is locked. A slide that an export replaces meanwhile does not match the receipt that was read before. So slides
with findings are checked again at the end if their receipt or document has changed by then, or if a run holds the tree;
only the findings that remain are reported.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from slide2iiif.discovery.walk import PassedOver, Unusable, walk
from slide2iiif.engines.base import Deadlines, Engine
from slide2iiif.errors import WorkerError
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.file_order import FileOrder, order_files
from slide2iiif.iiif.info import DOCUMENT_NAME, PROFILE_NAME, other_document_name, read_info
from slide2iiif.iiif.manifest import MANIFEST_NAME, PAGE_NAME
from slide2iiif.maintenance.sameness import Made, is_made_of, made_of
from slide2iiif.options import MAX_TILES
from slide2iiif.records.digests import Digests
from slide2iiif.records.documents import documents
from slide2iiif.records.file_check import CheckTask, check_document, check_files
from slide2iiif.records.findings import Finding, Kind
from slide2iiif.records.receipt import Receipt
from slide2iiif.records.receipts import Receipts
from slide2iiif.records.version import recorded_version
from slide2iiif.site.labels import is_site_name
from slide2iiif.stores.base import NotAnObjectError, Store, UnreadableObjectError
from slide2iiif.system_errors import PRIVATE

_DOCUMENTS = frozenset({DOCUMENT_NAME, *(other_document_name(api) for api in Api)})
_PAGES = frozenset({MANIFEST_NAME, PAGE_NAME})
_TASK_FILES = 4096
"""Number of files of a task, which take some tenths of a second."""
_KEPT_FINDINGS = 10_000
"""Largest number of findings that are held back until a slide is done; with more it is not checked again."""
_ATTEMPTS = 3
"""Number of checks of a slide that is being replaced."""
_PAUSE_SECONDS = 1.0
"""Pause between two checks; longer than a run takes from publishing a slide to writing its receipt."""


@dataclass(slots=True)
class Totals:
    """Numbers of checked slides and files."""

    slides: int = 0
    files: int = 0
    """Number of URLs that were read."""


@dataclass(slots=True)
class _SlideCheck:
    """Check of a slide under way."""

    state: object
    """Versions of document and receipt at the beginning of the check."""
    under_way: int = 0
    """Number of tasks without a result yet."""
    is_submitted: bool = False
    """True if all tasks of the slide have been submitted."""
    is_given_up: bool = False
    """True if a worker was lost, so that the rest of the slide is not checked."""
    is_reported: bool = False
    """True if some findings have been reported already, because there were too many to hold them back."""
    files: int = 0
    """Number of URLs that were read."""
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """True if all files have been checked."""
        return self.is_submitted and not self.under_way

    def give_up(self, slide: str, error: WorkerError) -> None:
        """Stop the check of a slide after a worker was lost, with one finding."""
        if not self.is_given_up:
            self.is_given_up = True
            detail = f"{error}; what is left of the slide was not looked at"
            self.findings.append(Finding(Kind.UNREADABLE, slide, slide, detail))


@dataclass(slots=True)
class Verification:
    """Verification of a tree."""

    store: Store
    """Store of the tree; need not be entered."""
    receipts: Receipts
    """Receipts of the tree."""
    engine: Engine
    """Engine, already started."""
    is_deep: bool = False
    """True to decode tiles as well."""
    deadlines: Deadlines = field(default_factory=Deadlines)
    """Time limits of tasks."""
    pages: Callable[[Receipt], list[tuple[str, bytes]]] | None = None
    """Function that returns the gallery files of a slide; None if they are unknown, and any content is accepted."""
    is_held: bool = False
    """True if this process holds the tree, so that no slide can be replaced meanwhile."""
    totals: Totals = field(default_factory=Totals)
    """Numbers of slides and files checked so far."""
    _strangers: list[Finding] = field(default_factory=list)

    def tree(self) -> Iterator[Finding]:
        """Check the whole tree."""
        yield from self.slides(self._find_slides())
        yield from self._take_strangers()
        gone = [identifier for identifier in self.receipts.identifiers() if self._is_gone(identifier)]
        if gone and self.store.holder():
            time.sleep(_PAUSE_SECONDS)
        for identifier in gone:
            if self._is_gone(identifier):
                yield Finding(Kind.MISSING, identifier, identifier, "all of the slide")

    def slides(self, identifiers: Iterable[str]) -> Iterator[Finding]:
        """Check some slides; check those again that are replaced meanwhile."""
        for attempt in range(1, _ATTEMPTS + 1):
            again: list[str] = []
            yield from self._check(identifiers, again, is_last=attempt == _ATTEMPTS)
            if not again:
                return
            time.sleep(_PAUSE_SECONDS)
            identifiers = again

    def source(self, root: Path) -> Iterator[Finding]:
        """Compare the tree with the slides that it was made from.

        Args:
            root: source root, or one slide.
        """
        published: dict[str, tuple[str, Made]] = {}
        for identifier in self.receipts.identifiers():
            version = recorded_version(self.store.public, self.receipts, identifier)
            if version is not None:
                published[version.receipt.source] = (identifier, made_of(version.receipt))
        sees_all = root.is_dir()
        for each in walk(root):
            # What is passed over may have been asked for by name, and is looked at if it is published.
            is_published = isinstance(each, PassedOver) and each.slide is not None and each.slide.source in published
            if isinstance(each, PassedOver) and not is_published:
                continue
            found = each.slide if isinstance(each, PassedOver) and each.slide is not None else each
            if isinstance(found, Unusable):
                sees_all = sees_all and not found.hides_slides
                yield Finding(Kind.UNREADABLE, "", str(found.path), found.reason)
                continue
            identifier, made = published.pop(found.source, ("", None))
            if made is None:
                yield Finding(Kind.UNPUBLISHED, found.identifier, found.source)
            elif not is_made_of(found.members, made, self.engine, self.deadlines.checking):
                yield Finding(Kind.OUTDATED, identifier, found.source)
        if sees_all:
            for source, (identifier, _) in published.items():
                yield Finding(Kind.NO_SOURCE, identifier, source)

    def _is_gone(self, identifier: str) -> bool:
        """Return True if a published slide has a receipt but no folder."""
        if self.store.public.is_folder(identifier):
            return False
        # Without a fingerprint, one was about to be published, and is not yet; then the one before it is gone.
        receipt = self.receipts.previous(identifier) or self.receipts.read(identifier)
        return self.receipts.head(identifier) is not None and (receipt is None or receipt.fingerprint != "")

    def _check(self, identifiers: Iterable[str], again: list[str], *, is_last: bool) -> Iterator[Finding]:
        checks: dict[str, _SlideCheck] = {}
        for task, checked in self.engine.attempt(
            check_files, self._tasks(identifiers, checks), self.deadlines.checking
        ):
            yield from self._take_strangers()
            check = checks[task.slide]
            check.under_way -= 1
            if isinstance(checked, WorkerError):
                check.give_up(task.slide, checked)
            else:
                check.files += checked.files
                check.findings += checked.findings
            if len(check.findings) > _KEPT_FINDINGS:
                yield from check.findings
                check.findings.clear()
                check.is_reported = True
            for slide in [slide for slide, each in checks.items() if each.is_over]:
                yield from self._settle(slide, checks.pop(slide), again, is_last=is_last)
        for slide, check in checks.items():
            yield from self._settle(slide, check, again, is_last=is_last)

    def _settle(self, slide: str, check: _SlideCheck, again: list[str], *, is_last: bool) -> Iterator[Finding]:
        is_final = self.is_held or is_last or check.is_reported or check.is_given_up
        if check.findings and not is_final and self._may_be_exchanged(slide, check):
            again.append(slide)
            return
        self.totals.slides += 1
        self.totals.files += check.files
        yield from check.findings

    def _may_be_exchanged(self, slide: str, check: _SlideCheck) -> bool:
        return self._state(slide) != check.state or self.store.holder() is not None

    def _state(self, slide: str) -> object:
        """Return versions of document and receipt, which change when a slide is published anew."""
        return self.store.public.head(f"{slide}/{DOCUMENT_NAME}"), self.receipts.head(slide)

    def _take_strangers(self) -> list[Finding]:
        found, self._strangers = self._strangers, []
        return found

    def _tasks(self, identifiers: Iterable[str], checks: dict[str, _SlideCheck]) -> Iterator[CheckTask]:
        for identifier in identifiers:
            check = checks[identifier] = _SlideCheck(self._state(identifier))
            for task in self._tasks_of(identifier, check.findings):
                if check.is_given_up:
                    break
                check.under_way += 1
                yield task
            check.is_submitted = True

    def _tasks_of(self, identifier: str, findings: list[Finding]) -> Iterator[CheckTask]:
        """Yield the tasks of one slide; add faults of receipt, documents and digests to the findings."""
        version = recorded_version(self.store.public, self.receipts, identifier)
        announced = self._announced(identifier)
        if version is None:
            detail = "there is none, or it cannot be read; export the slide again"
            findings.append(Finding(Kind.RECEIPT, identifier, identifier, detail))
            if announced is not None:
                # Pages and a profile may well be its own.
                others = _DOCUMENTS | _PAGES | {PROFILE_NAME}
                yield from self._service_tasks(identifier, "", announced, None, 0, others)
            return
        receipt = version.receipt
        api = Api(receipt.settings.api)
        documents_ = documents(receipt, api) + (self.pages(receipt) if self.pages else [])
        for name, content in documents_:
            finding = check_document(self.store.public, identifier, name, content)
            if finding is not None:
                findings.append(finding)
        digests: Digests | None = version.digests
        finding = _check_digests(version.digests, receipt)
        if finding is not None:
            findings.append(finding)
            digests = None
        others = frozenset(name.partition("/")[0] for name, _ in documents_)
        if self.pages is None:
            others |= _PAGES
        findings += self._strangers_between(identifier, [place for place, _ in receipt.services()])
        differs = announced is not None and announced != order_files(receipt.service(api).pyramid, api)
        base = 0
        # Without its digests a receipt is not believed where the document differs: it may claim billions of files.
        for place, pyramid in receipt.services() if digests is not None or not differs else ():
            order = order_files(pyramid, api)
            yield from self._service_tasks(identifier, place, order, digests, base, others)
            base += order.count
        if announced is not None and differs:
            # The document is wrong, and viewers believe it: what it announces must be told as missing too.
            yield from self._service_tasks(identifier, "", announced, None, 0, is_alone=False)

    def _strangers_between(self, identifier: str, places: Iterable[str]) -> Iterator[Finding]:
        """Find strangers in folders that may hold nothing but services."""
        holders: dict[str, set[str]] = {}
        for place in filter(None, places):
            holder, _, name = place.rstrip("/").rpartition("/")
            holders.setdefault(holder, set()).add(name)
        for holder, names in holders.items():
            if holder:
                with suppress(UnreadableObjectError, NotAnObjectError):
                    found = {entry.name for entry in self.store.public.list(f"{identifier}/{holder}")}
                    for name in sorted(found - names):
                        yield Finding(Kind.STRANGER, identifier, f"{identifier}/{holder}/{name}")

    def _service_tasks(
        self,
        identifier: str,
        place: str,
        order: FileOrder,
        digests: Digests | None,
        base: int,
        others: frozenset[str] = _DOCUMENTS,
        *,
        is_alone: bool = True,
    ) -> Iterator[CheckTask]:
        count = order.count
        for first in range(0, count, _TASK_FILES):
            ordinals = range(first, min(first + _TASK_FILES, count))
            yield CheckTask(
                self.store.public, identifier, place, order, ordinals, digests, base, others, is_alone, self.is_deep
            )

    def _announced(self, identifier: str) -> FileOrder | None:
        """Return the order of the files that the stored document announces; None if it cannot be read."""
        try:
            service = read_info(self.store.public.read(f"{identifier}/{DOCUMENT_NAME}") or b"")
        except UnreadableObjectError:
            return None
        if service is None or service[0].tile_count > MAX_TILES.high:
            return None
        return order_files(*service)

    def _find_slides(self) -> Iterator[str]:
        """Find slides folder by folder; collect strangers that belong to none."""
        waiting = [""]
        while waiting:
            below = waiting.pop()
            try:
                for entry in self.store.public.list(below.rstrip("/")):
                    path = below + entry.name
                    if path == PRIVATE or is_site_name(entry.name):
                        continue
                    if not entry.is_folder:
                        self._strangers.append(Finding(Kind.STRANGER, "", path))
                    elif self._is_slide(path):
                        yield path
                    elif self.receipts.is_above(path) or self._leads_to_document(path):
                        waiting.append(f"{path}/")
                    elif self.store.public.is_folder(path):
                        # Not so where a bucket lists a folder whose last object is gone.
                        self._strangers.append(Finding(Kind.STRANGER, "", path))
            except NotAnObjectError:
                self._strangers.append(Finding(Kind.STRANGER, "", below))
            except UnreadableObjectError as error:
                self._strangers.append(Finding(Kind.UNREADABLE, "", below, error.detail))

    def _is_slide(self, path: str) -> bool:
        return self.receipts.head(path) is not None or self._has_document(path)

    def _has_document(self, path: str) -> bool:
        """Return True if a folder has a document, or something unreadable in its place."""
        try:
            return self.store.public.read_range(f"{path}/{DOCUMENT_NAME}", 0, 1) is not None
        except (NotAnObjectError, UnreadableObjectError):
            return True

    def _leads_to_document(self, path: str) -> bool:
        """Return True if there is a slide somewhere below a folder."""
        waiting = [path]
        while waiting:
            place = waiting.pop()
            with suppress(NotAnObjectError, UnreadableObjectError):
                for entry in self.store.public.list(place):
                    if entry.is_folder:
                        waiting.append(f"{place}/{entry.name}")
                    elif entry.name == DOCUMENT_NAME:
                        return True
        return False


def _check_digests(digests: Digests, receipt: Receipt) -> Finding | None:
    """Check the digests of a slide against its receipt; return the finding, or None if they match."""
    slide = receipt.identifier
    try:
        is_whole = digests.is_whole(receipt.file_count, receipt.ledger)
    except UnreadableObjectError as error:
        return Finding(Kind.UNREADABLE, slide, slide, f"its digests: {error.detail}")
    detail = "its digests are missing or damaged; export the slide again with --overwrite"
    return None if is_whole else Finding(Kind.RECEIPT, slide, slide, detail)
