"""Missing and damaged files of a tree, made again from their slides; everything else stays as it is.

The ledger says what each file was. What is not that any more is made again as the export made it, block by block into
staging, and taken from there if its bytes are those of the ledger. An intact alias is as good as a new file. A damaged
file may be hard-linked, so none is written through: every file that is put right is a new one, renamed into its place.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from slide2iiif.discovery.choice import EVERYTHING
from slide2iiif.discovery.fingerprint import check_unchanged, take_fingerprint
from slide2iiif.discovery.walk import Slide, Unusable, find_listed
from slide2iiif.engines.base import Engine
from slide2iiif.errors import SourceError
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.file_order import FileOrder, order_files
from slide2iiif.maintenance.file_check import is_recorded
from slide2iiif.maintenance.findings import Finding, Kind
from slide2iiif.maintenance.verify import Verification
from slide2iiif.options import Icc
from slide2iiif.plan.passes import Block, Pass
from slide2iiif.plan.service import SlidePlan, plan_slide
from slide2iiif.plan.slide import plan_associated
from slide2iiif.records.digests import Ledger
from slide2iiif.records.documents import documents
from slide2iiif.records.receipt import Receipt
from slide2iiif.records.receipts import Receipts
from slide2iiif.sources.describe import Wish, describe, describe_scanned_area, disclose
from slide2iiif.stores.folder.mending import MendedStaging, link_into_place, move_into_place
from slide2iiif.stores.folder.staging import FolderStaging
from slide2iiif.stores.folder.store import FolderStore
from slide2iiif.system_errors import refusals_of
from slide2iiif.tiles.associated import PictureTask, hand_on
from slide2iiif.tiles.intermediate import handed_on_picture
from slide2iiif.tiles.render import render
from slide2iiif.tiles.schedule import concurrent_passes, render_tasks, slide_task

_LEFT = frozenset({Kind.STRANGER, Kind.UNREADABLE})
"""What a repair tells and leaves alone."""


@dataclass(slots=True)
class Repaired:
    """What became of one slide that was not as it should be."""

    slide: str
    """Identifier."""
    files: int = 0
    """URLs that were put right."""
    reason: str = ""
    """Why some or all could not be; empty if all were."""
    left: list[Finding] = field(default_factory=list)
    """What was found and left alone."""


@dataclass(frozen=True, slots=True)
class Repair:
    """One run over a tree."""

    store: FolderStore
    """The tree; entered."""
    receipts: Receipts
    """What is published in it."""
    engine: Engine
    """What runs the work; entered."""
    source: Path
    """Source root, or one slide."""

    def slides(self, identifiers: Iterable[str]) -> Iterator[Repaired]:
        """Put slides right, and tell of those that were not.

        Raises:
            TargetError: the place cannot be written.
        """
        for identifier in identifiers:
            damage = self._find_damage(identifier)
            if damage is not None:
                yield self._put_right(identifier, damage)

    def _find_damage(self, identifier: str) -> "_Damage | None":
        damage = _Damage()
        look = Verification(self.store.root, self.receipts, self.engine, is_held=True)
        for finding in look.slides([identifier]):
            damage.add(finding)
        return damage if damage.is_any else None

    def _put_right(self, identifier: str, damage: "_Damage") -> Repaired:
        repaired = Repaired(identifier, left=damage.left)
        receipt = self.receipts.read(identifier)
        if receipt is None or damage.is_unknown:
            repaired.reason = "what was published is not known any more: export it again"
            return repaired
        try:
            if damage.ordinals:
                with refusals_of(self.store.root), Ledger(self.receipts.ledger_path(identifier)) as ledger:
                    _Files(self, receipt, ledger, repaired).put_right(damage)
        except SourceError as error:
            repaired.reason = str(error)
        # What cannot be read may not be there for a reader either.
        is_whole = not repaired.reason and all(each.kind is not Kind.UNREADABLE for each in damage.left)
        repaired.files += self._put_documents(receipt, damage.documents, is_whole=is_whole)
        return repaired

    def _put_documents(self, receipt: Receipt, paths: set[str], *, is_whole: bool) -> int:
        """Write documents again; one that is gone announces nothing until all that it announces is there."""
        count = 0
        for name, content in documents(receipt, Api(receipt.settings.api)):
            path = f"{receipt.identifier}/{name}"
            if path in paths and (is_whole or (self.store.root / path).is_file()):
                self.store.replace(receipt.identifier, name, content)
                count += 1
        return count

    def find_slide(self, receipt: Receipt) -> Slide:
        """Give the slide that was published, if it is what it was.

        Raises:
            SourceError: it is gone, or another one.
        """
        root = self.source if self.source.is_dir() else self.source.parent
        for found in find_listed(root, [receipt.source], EVERYTHING):
            if isinstance(found, Unusable):
                raise SourceError(f"{found.path}: {found.reason}")
            if take_fingerprint(found.members) != receipt.fingerprint:
                raise SourceError(f"{found.path} is not what it was when it was published: export it again")
            return found
        raise SourceError(f"{root} has no {receipt.source}")


class _Damage:
    """What is wrong with one slide."""

    def __init__(self) -> None:
        self.ordinals = bytearray()
        """1 at the ordinal of each file of which some URL is not right: a byte each, where a list would take many."""
        self.documents: set[str] = set()
        self.left: list[Finding] = []
        self.is_unknown = False

    def add(self, finding: Finding) -> None:
        """Take a finding in."""
        if finding.kind is Kind.RECEIPT:
            self.is_unknown = True
        elif finding.kind in _LEFT:
            self.left.append(finding)
        elif finding.ordinal is None:
            self.documents.add(finding.path)
        else:
            self.ordinals += bytes(max(0, finding.ordinal + 1 - len(self.ordinals)))
            self.ordinals[finding.ordinal] = 1

    @property
    def is_any(self) -> bool:
        """Whether anything is wrong at all."""
        return bool(self.ordinals or self.documents or self.left or self.is_unknown)

    def between(self, first: int, end: int) -> Iterator[int]:
        """Ordinals of damaged files in a range, ascending."""
        place = self.ordinals.find(1, first, end)
        while place >= 0:
            yield place
            place = self.ordinals.find(1, place + 1, end)


class _Files:
    """The damaged files of one slide: linked from an intact alias, or made again."""

    def __init__(self, repair: Repair, receipt: Receipt, ledger: Ledger, repaired: Repaired) -> None:
        self._repair = repair
        self._receipt = receipt
        self._ledger = ledger
        self._repaired = repaired
        self._folder = repair.store.root / receipt.identifier

    def put_right(self, damage: _Damage) -> None:
        """Put all of them right.

        Raises:
            SourceError: why some cannot be.
        """
        base = 0
        for place, pyramid in self._receipt.services():
            service = _Service(place, order_files(pyramid, Api(self._receipt.settings.api)), base)
            lost = array("Q", self._link_intact(service, damage))
            if lost:
                self._make(service, lost)
            base += service.order.count

    def _link_intact(self, service: "_Service", damage: _Damage) -> Iterator[int]:
        """Put right what has an intact alias, and give the ordinals of what has none."""
        for found in damage.between(service.base, service.base + service.order.count):
            ordinal = found - service.base
            paths = service.paths_at(ordinal)
            broken = self._broken(paths, self._record(service, ordinal))
            intact = [path for path in paths if path not in broken]
            if not intact:
                yield ordinal
                continue
            folder = self._folder
            for path in broken:
                link_into_place(folder / intact[0], folder, path, self._repair.store.spare)
            self._repaired.files += len(broken)

    def _broken(self, paths: Iterable[str], record: bytes) -> list[str]:
        return [path for path in paths if not self._is_sound(self._folder / path, record)]

    @staticmethod
    def _is_sound(path: Path, record: bytes) -> bool:
        """Tell whether a published file is as it was; one that cannot be read is put right like a damaged one."""
        try:
            return is_recorded(path, record)
        except OSError:
            return False

    def _record(self, service: "_Service", ordinal: int) -> bytes:
        return self._ledger.read(service.base + ordinal, 1)

    def _make(self, service: "_Service", ordinals: Iterable[int]) -> None:
        """Make files again in staging, and move those that were asked for into their places."""
        repair, receipt = self._repair, self._receipt
        slide = repair.find_slide(receipt)
        plan = self._plan(slide, service)
        if (plan.pyramid, plan.api) != (service.order.pyramid, service.order.api):
            raise SourceError("would be published otherwise now: export it again with --overwrite")
        staging = repair.store.stage_files()
        try:
            self._render(slide, service, plan, staging.below(service.place), ordinals)
            check_unchanged(slide.members, receipt.fingerprint)
            for ordinal in ordinals:
                self._take(staging, service.paths_at(ordinal), self._record(service, ordinal))
        except BaseException:
            repair.store.discard(staging)
            raise
        repair.store.drop_emptied(staging)

    def _plan(self, slide: Slide, service: "_Service") -> SlidePlan:
        receipt, options, engine = self._receipt, self._receipt.settings.options(), self._repair.engine
        if service.picture:
            [(_, disclosed)] = engine.run(disclose, [Wish(slide.path, (service.picture,), ())])
            if service.picture not in disclosed.associated:
                raise SourceError(f"has no {service.picture} picture any more: export it again with --overwrite")
            size = disclosed.associated[service.picture]
            return plan_associated(receipt.identifier, service.picture, size, options)
        function = describe_scanned_area if options.crop_to_bounds else describe
        [(_, description)] = engine.run(function, [slide.path])
        return plan_slide(receipt.identifier, description, options)

    def _render(
        self, slide: Slide, service: "_Service", plan: SlidePlan, staging: FolderStaging, ordinals: Iterable[int]
    ) -> None:
        """Make the blocks of some files; of these, what differs from the tree is put into staging."""
        receipt, options, engine = self._receipt, self._receipt.settings.options(), self._repair.engine
        mended = MendedStaging(staging, self._folder / service.place)
        task = slide_task(slide.path, receipt.fingerprint, plan, options, mended)
        if service.picture:
            picture = handed_on_picture(staging, plan.pyramid, 0)
            picture.create()
            list(engine.run(hand_on, [PictureTask(slide.path, service.picture, picture, options.icc is Icc.SRGB)]))
        needed = _needed_blocks(plan, service.order, ordinals)
        for pass_ in plan.passes:
            if pass_.hands_on is not None and pass_.input_level in needed:
                handed_on_picture(staging, plan.pyramid, pass_.hands_on).create()

        def is_done(pass_: Pass, blocks: Iterable[Block]) -> bool:
            return needed.get(pass_.input_level, frozenset()).isdisjoint(blocks)

        for group in concurrent_passes(plan):
            for _ in engine.run(render, render_tasks(task, plan, group, is_done)):
                pass

    def _take(self, staging: FolderStaging, paths: Sequence[str], record: bytes) -> None:
        file = staging.folder / paths[0]
        with refusals_of(file):
            is_same = file.exists() and is_recorded(file, record)
        if not is_same:
            raise SourceError(
                "gives other bytes than it was published with, by other versions of libraries perhaps: "
                "export it again with --overwrite"
            )
        for alias in paths[1:]:
            link_into_place(file, self._folder, alias, staging.scratch)
        move_into_place(file, self._folder, paths[0])
        self._repaired.files += len(paths)


@dataclass(frozen=True, slots=True)
class _Service:
    """The levels of a slide, or a picture beside them."""

    place: str
    """Below the slide, with a slash at its end; empty for the slide itself."""
    order: FileOrder
    """Numbers its files."""
    base: int
    """Place of its first record in the slide's ledger."""

    @property
    def picture(self) -> str:
        """Name of the picture; empty for the slide itself."""
        return self.place.rstrip("/").rpartition("/")[2]

    def paths_at(self, ordinal: int) -> list[str]:
        """Paths of a file below the slide."""
        return [self.place + path for path in self.order.paths_at(ordinal)]


def _needed_blocks(plan: SlidePlan, order: FileOrder, ordinals: Iterable[int]) -> dict[int, set[Block]]:
    """Find the blocks that make some files, by the input level of their pass, with all that those read."""
    needed: dict[int, set[Block]] = {}
    for ordinal in ordinals:
        pass_, block = _maker(plan, order, ordinal)
        needed.setdefault(pass_.input_level, set()).add(block)
    # Backwards: a pass that reads what another one hands on needs the whole of it.
    reads: int | None = None
    for pass_ in reversed(plan.passes):
        if reads is not None and pass_.hands_on == reads:
            needed[pass_.input_level] = set(pass_.blocks())
            reads = None
        if pass_.stored_level is None and pass_.input_level in needed:
            reads = pass_.input_level
    return needed


def _maker(plan: SlidePlan, order: FileOrder, ordinal: int) -> tuple[Pass, Block]:
    """Give the pass and the block that make a file."""
    if ordinal >= order.tile_count:
        size = order.pictures[ordinal - order.tile_count].size
        levels = {level.size: level.index for level in plan.pyramid.levels}
        made = [pass_ for pass_ in plan.passes if levels.get(size) in pass_.pictures]
        [pass_] = made or [pass_ for pass_ in plan.passes if pass_.makes_thumbnails]
        return pass_, Block(0, 0)
    tile = order.tile_at(ordinal)
    [pass_] = [pass_ for pass_ in plan.passes if tile.level in pass_.levels]
    per_side = pass_.side // (plan.pyramid.tile_size << (tile.level - pass_.input_level))
    return pass_, Block(tile.column // per_side, tile.row // per_side)
