"""A published tree against its receipts, ledgers and documents -> findings, as they are found. Never prints.

```
folders ─► slides ─► receipt, documents ─► files by ordinal ─► findings
           (or strangers)                  (in workers)
```

Nothing is locked. What an export exchanges meanwhile does not agree with the receipt that was read before, so slides
that disagree are looked at again at the end if their receipt or their folder is another one by then, or if a run holds
the tree; only what still disagrees is told.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from slide2iiif.discovery.fingerprint import take_fingerprint
from slide2iiif.discovery.walk import PassedOver, Slide, Unusable, walk
from slide2iiif.engines.base import Engine
from slide2iiif.errors import SourceError, WorkerError
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.file_order import FileOrder, order_files
from slide2iiif.iiif.info import DOCUMENT_NAME, other_document_name, read_info
from slide2iiif.iiif.manifest import MANIFEST_NAME, PAGE_NAME
from slide2iiif.maintenance.file_check import NO_FILE_AT_ALL, NOT_THERE, CheckTask, check_document, check_files
from slide2iiif.maintenance.findings import Finding, Kind
from slide2iiif.options import MAX_TILES
from slide2iiif.records.digests import Ledger
from slide2iiif.records.documents import documents
from slide2iiif.records.receipt import Receipt
from slide2iiif.records.receipts import Receipts
from slide2iiif.site.labels import is_site_name
from slide2iiif.stores.folder.locks import is_in_use
from slide2iiif.system_errors import PRIVATE

_DOCUMENTS = frozenset({DOCUMENT_NAME, *(other_document_name(api) for api in Api)})
_PAGES = frozenset({MANIFEST_NAME, PAGE_NAME})
_TASK_FILES = 4096
"""Files of a task: some tenths of a second of work."""
_KEPT_FINDINGS = 10_000
"""Findings of a slide that are held back until it is done; one that has more is not looked at again."""
_LOOKS = 3
"""How often a slide is looked at that is being exchanged."""
_PAUSE_SECONDS = 1.0
"""Between two looks: what lies between an exchange and its receipt takes less."""


@dataclass(slots=True)
class Totals:
    """What was looked at."""

    slides: int = 0
    files: int = 0
    """URLs that were asked for."""


@dataclass(slots=True)
class _Look:
    """A slide that is being looked at."""

    state: object
    """Receipt and folder as they were at its beginning."""
    under_way: int = 0
    """Tasks that have not come back."""
    is_given: bool = False
    """Whether all its tasks have been given."""
    is_given_up: bool = False
    """Whether the process that looked at some of its files was lost, so that the rest is not looked at."""
    is_told: bool = False
    """Whether some findings have been told, because there were too many to hold them back."""
    files: int = 0
    """URLs that were asked for."""
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """Whether everything has been looked at."""
        return self.is_given and not self.under_way

    def give_up(self, slide: str, error: WorkerError) -> None:
        """Tell once that the process was lost that looked at some files, and want no more of them looked at."""
        if not self.is_given_up:
            self.is_given_up = True
            detail = f"{error}; what is left of the slide was not looked at"
            self.findings.append(Finding(Kind.UNREADABLE, slide, slide, detail))


@dataclass(slots=True)
class Verification:
    """One look at a tree."""

    root: Path
    """The tree."""
    receipts: Receipts
    """What is published in it."""
    engine: Engine
    """What runs the work; entered."""
    is_deep: bool = False
    """Whether tiles are decoded as well."""
    pages: Callable[[Receipt], list[tuple[str, bytes]]] | None = None
    """Gives the pages that lie with a slide's files, by name; None where they are not known, and any will do."""
    is_held: bool = False
    """Whether the tree is held by this process, so that nobody exchanges anything."""
    totals: Totals = field(default_factory=Totals)
    """What was looked at so far."""
    _strays: list[Finding] = field(default_factory=list)

    def tree(self) -> Iterator[Finding]:
        """Look at everything."""
        yield from self.slides(self._find_slides())
        yield from self._told_strays()
        gone = [identifier for identifier in self.receipts.identifiers() if self._is_gone(identifier)]
        if gone and is_in_use(self.receipts.private):
            time.sleep(_PAUSE_SECONDS)
        for identifier in gone:
            if self._is_gone(identifier):
                yield Finding(Kind.MISSING, identifier, identifier, "all of the slide")

    def slides(self, identifiers: Iterable[str]) -> Iterator[Finding]:
        """Look at some slides, again at those that are exchanged meanwhile."""
        for look in range(1, _LOOKS + 1):
            again: list[str] = []
            yield from self._look(identifiers, again, is_last=look == _LOOKS)
            if not again:
                return
            time.sleep(_PAUSE_SECONDS)
            identifiers = again

    def source(self, root: Path) -> Iterator[Finding]:
        """Compare with the slides that the tree was made from.

        Args:
            root: the source root, or one slide.
        """
        published: dict[str, tuple[str, str]] = {}
        for identifier in self.receipts.identifiers():
            receipt = self.receipts.read(identifier)
            if receipt is not None:
                published[receipt.source] = (identifier, receipt.fingerprint)
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
            identifier, fingerprint = published.pop(found.source, ("", ""))
            if not identifier:
                yield Finding(Kind.UNPUBLISHED, found.identifier, found.source)
            elif not _is_unchanged(found, fingerprint):
                yield Finding(Kind.OUTDATED, identifier, found.source)
        if sees_all:
            for source, (identifier, _) in published.items():
                yield Finding(Kind.NO_SOURCE, identifier, source)

    def _is_gone(self, identifier: str) -> bool:
        """Tell whether a slide that was published is not there any more."""
        if (self.root / identifier).is_dir():
            return False
        receipt = self.receipts.read(identifier)
        # Without a fingerprint, one was about to be published, and is not yet.
        return self.receipts.path(identifier).exists() and (receipt is None or receipt.fingerprint != "")

    def _look(self, identifiers: Iterable[str], again: list[str], *, is_last: bool) -> Iterator[Finding]:
        looks: dict[str, _Look] = {}
        for task, checked in self.engine.attempt(check_files, self._tasks(identifiers, looks)):
            yield from self._told_strays()
            look = looks[task.slide]
            look.under_way -= 1
            if isinstance(checked, WorkerError):
                look.give_up(task.slide, checked)
            else:
                look.files += checked.files
                look.findings += checked.findings
            if len(look.findings) > _KEPT_FINDINGS:
                yield from look.findings
                look.findings.clear()
                look.is_told = True
            for slide in [slide for slide, each in looks.items() if each.is_over]:
                yield from self._settle(slide, looks.pop(slide), again, is_last=is_last)
        for slide, look in looks.items():
            yield from self._settle(slide, look, again, is_last=is_last)

    def _settle(self, slide: str, look: _Look, again: list[str], *, is_last: bool) -> Iterator[Finding]:
        is_final = self.is_held or is_last or look.is_told or look.is_given_up
        if look.findings and not is_final and self._may_be_exchanged(slide, look):
            again.append(slide)
            return
        self.totals.slides += 1
        self.totals.files += look.files
        yield from look.findings

    def _may_be_exchanged(self, slide: str, look: _Look) -> bool:
        return self._state(slide) != look.state or is_in_use(self.receipts.private)

    def _state(self, slide: str) -> object:
        """Give what is another one when a slide has been published anew."""
        return (_inode_of(self.root / slide), _inode_of(self.receipts.path(slide)))

    def _told_strays(self) -> list[Finding]:
        told, self._strays = self._strays, []
        return told

    def _tasks(self, identifiers: Iterable[str], looks: dict[str, _Look]) -> Iterator[CheckTask]:
        for identifier in identifiers:
            look = looks[identifier] = _Look(self._state(identifier))
            for task in self._tasks_of(identifier, look.findings):
                if look.is_given_up:
                    break
                look.under_way += 1
                yield task
            look.is_given = True

    def _tasks_of(self, identifier: str, findings: list[Finding]) -> Iterator[CheckTask]:
        """Give the tasks of one slide; what is found out on the way is added to the findings."""
        receipt = self.receipts.read(identifier)
        announced = self._announced(identifier)
        if receipt is None:
            detail = "there is none, or it cannot be read; export the slide again"
            findings.append(Finding(Kind.RECEIPT, identifier, identifier, detail))
            if announced is not None:
                yield from self._service_tasks(identifier, "", announced, None, 0)
            return
        api = Api(receipt.settings.api)
        documents_ = documents(receipt, api) + (self.pages(receipt) if self.pages else [])
        for name, content in documents_:
            finding = check_document(self.root, identifier, name, content)
            if finding is not None:
                findings.append(finding)
        ledger: Path | None = self.receipts.ledger_path(identifier)
        finding = _check_ledger(self.receipts.ledger_path(identifier), receipt)
        if finding is not None:
            findings.append(finding)
            ledger = None
        others = frozenset(name.partition("/")[0] for name, _ in documents_)
        if self.pages is None:
            others |= _PAGES
        findings += self._strangers_between(identifier, [place for place, _ in receipt.services()])
        base = 0
        for place, pyramid in receipt.services():
            order = order_files(pyramid, api)
            yield from self._service_tasks(identifier, place, order, ledger, base, others)
            base += order.count
        if announced is not None and announced != order_files(receipt.service(api).pyramid, api):
            # The document is wrong, and viewers believe it: what it announces must be told as missing too.
            yield from self._service_tasks(identifier, "", announced, None, 0, is_alone=False)

    def _strangers_between(self, identifier: str, places: Iterable[str]) -> Iterator[Finding]:
        """Look for what nothing announces in folders that hold services and nothing else."""
        holders: dict[str, set[str]] = {}
        for place in filter(None, places):
            holder, _, name = place.rstrip("/").rpartition("/")
            holders.setdefault(holder, set()).add(name)
        for holder, names in holders.items():
            if holder:
                with suppress(OSError):
                    found = {path.name for path in (self.root / identifier / holder).iterdir()}
                    for name in sorted(found - names):
                        yield Finding(Kind.STRANGER, identifier, f"{identifier}/{holder}/{name}")

    def _service_tasks(
        self,
        identifier: str,
        place: str,
        order: FileOrder,
        ledger: Path | None,
        base: int,
        others: frozenset[str] = _DOCUMENTS,
        *,
        is_alone: bool = True,
    ) -> Iterator[CheckTask]:
        count = order.count
        for first in range(0, count, _TASK_FILES):
            ordinals = range(first, min(first + _TASK_FILES, count))
            yield CheckTask(self.root, identifier, place, order, ordinals, ledger, base, others, is_alone, self.is_deep)

    def _announced(self, identifier: str) -> FileOrder | None:
        """Give the files that the stored document announces; None where it says nothing that can be read."""
        try:
            service = read_info((self.root / identifier / DOCUMENT_NAME).read_bytes())
        except OSError:
            return None
        if service is None or service[0].tile_count > MAX_TILES.high:
            return None
        return order_files(*service)

    def _find_slides(self) -> Iterator[str]:
        """Find slides folder by folder, and what belongs to none."""
        waiting = [""]
        while waiting:
            below = waiting.pop()
            try:
                with os.scandir(self.root / below) as entries:
                    for entry in entries:
                        path = below + entry.name
                        if path == PRIVATE or is_site_name(entry.name):
                            continue
                        if not entry.is_dir(follow_symlinks=False):
                            self._strays.append(Finding(Kind.STRANGER, "", path))
                        elif self._is_slide(path):
                            yield path
                        elif self.receipts.is_above(path) or _leads_to_document(self.root / path):
                            waiting.append(f"{path}/")
                        else:
                            self._strays.append(Finding(Kind.STRANGER, "", path))
            except OSError as error:
                self._strays.append(Finding(Kind.UNREADABLE, "", below, error.strerror or ""))

    def _is_slide(self, path: str) -> bool:
        return self.receipts.path(path).exists() or os.path.lexists(self.root / path / DOCUMENT_NAME)


def _inode_of(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _check_ledger(ledger: Path, receipt: Receipt) -> Finding | None:
    """Check the ledger of a slide; None if it is what the receipt means."""
    slide = receipt.identifier
    try:
        with Ledger(ledger) as opened:
            is_whole = opened.is_whole(receipt.file_count, receipt.ledger)
    except OSError as error:
        if error.errno not in NOT_THERE | NO_FILE_AT_ALL:
            return Finding(Kind.UNREADABLE, slide, slide, f"its ledger: {error.strerror}")
        is_whole = False
    detail = "its ledger is missing or damaged; export the slide again with --overwrite"
    return None if is_whole else Finding(Kind.RECEIPT, slide, slide, detail)


def _is_unchanged(slide: Slide, fingerprint: str) -> bool:
    try:
        return take_fingerprint(slide.members) == fingerprint
    except SourceError:
        return False


def _leads_to_document(folder: Path) -> bool:
    """Tell whether there is a slide somewhere below a folder."""
    return any(DOCUMENT_NAME in names for _, _, names in os.walk(folder))
