"""Repair of missing and damaged files of a tree from their slides; everything else stays as it is.

Damaged is a file that differs from its digest. It is linked from an intact alias, or made again as the export made it,
block by block into staging, and taken from there if its digest matches. A damaged file may be hard-linked, so it is
never overwritten in place: every repaired file is a new one, renamed into its place.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from slide2iiif.discovery.choice import EVERYTHING
from slide2iiif.discovery.fingerprint import check_unchanged, take_fingerprint
from slide2iiif.discovery.walk import Slide, Unusable, find_listed
from slide2iiif.engines.base import Deadlines, Engine
from slide2iiif.errors import SourceError
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.file_order import FileOrder, order_files
from slide2iiif.maintenance.mending import MendedStaging
from slide2iiif.maintenance.sameness import is_made_of, made_of
from slide2iiif.maintenance.verify import Verification
from slide2iiif.plan.passes import Block, Pass
from slide2iiif.plan.service import ServicePlan
from slide2iiif.plan.slide import plan_slide
from slide2iiif.records.digests import Digests, record_of
from slide2iiif.records.documents import documents
from slide2iiif.records.file_check import is_recorded
from slide2iiif.records.findings import Finding, Kind
from slide2iiif.records.receipt import Receipt
from slide2iiif.records.receipts import Receipts
from slide2iiif.records.version import settle
from slide2iiif.sources.describe import DescribeTask, describe
from slide2iiif.stores.base import NotAnObjectError, Staging, Store
from slide2iiif.tiles.make import Maker, intermediate_images

_LEFT_ALONE = frozenset({Kind.STRANGER, Kind.UNREADABLE})
"""Kinds of findings that a repair reports and leaves alone."""


@dataclass(slots=True)
class Repaired:
    """Result of the repair of one slide."""

    slide: str
    """Identifier of the slide."""
    files: int = 0
    """Number of repaired URLs."""
    reason: str = ""
    """Reason if some URLs could not be repaired; else empty."""
    left: list[Finding] = field(default_factory=list)
    """Findings that were left alone."""


@dataclass(frozen=True, slots=True)
class Repair:
    """Repair of a tree."""

    store: Store
    """Store of the tree; entered."""
    receipts: Receipts
    """Receipts of the tree."""
    engine: Engine
    """Engine, already started."""
    source: Path
    """Source root, or one slide."""
    deadlines: Deadlines = field(default_factory=Deadlines)
    """Time limits of tasks."""

    def slides(self, identifiers: Iterable[str]) -> Iterator[Repaired]:
        """Repair slides; yield the result of each that was damaged.

        Raises:
            TargetError: the place cannot be written.
        """
        for identifier in identifiers:
            settle(self.store, self.receipts, identifier)
            damage = self._find_damage(identifier)
            if damage is not None:
                yield self._put_right(identifier, damage)

    def _find_damage(self, identifier: str) -> "_Damage | None":
        damage = _Damage()
        verification = Verification(self.store, self.receipts, self.engine, deadlines=self.deadlines, is_held=True)
        for finding in verification.slides([identifier]):
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
                _Files(self, receipt, self.receipts.digests(identifier), repaired).put_right(damage)
        except (SourceError, NotAnObjectError) as error:
            repaired.reason = str(error)
        # What cannot be read may not be there for a reader either.
        is_whole = not repaired.reason and all(each.kind is not Kind.UNREADABLE for each in damage.left)
        repaired.files += self._put_documents(receipt, damage.documents, is_whole=is_whole)
        return repaired

    def _put_documents(self, receipt: Receipt, paths: set[str], *, is_whole: bool) -> int:
        """Write documents again and return their number; a missing one only once all files that it announces exist."""
        count = 0
        for name, content in documents(receipt, Api(receipt.settings.api)):
            path = f"{receipt.identifier}/{name}"
            if path in paths and (is_whole or self.store.public.head(path) is not None):
                self.store.public.write(path, content, durable=True)
                count += 1
        return count

    def find_slide(self, receipt: Receipt) -> Slide:
        """Find the source of a published slide.

        Raises:
            SourceError: it is gone, or has changed.
        """
        root = self.source if self.source.is_dir() else self.source.parent
        for found in find_listed(root, [receipt.source], EVERYTHING):
            if isinstance(found, Unusable):
                raise SourceError(f"{found.path}: {found.reason}")
            if not is_made_of(found.members, made_of(receipt), self.engine, self.deadlines.block):
                raise SourceError(f"{found.path} is not what it was when it was published: export it again")
            return found
        raise SourceError(f"{root} has no {receipt.source}")


class _Damage:
    """Findings of one slide, by remedy."""

    def __init__(self) -> None:
        self.ordinals = bytearray()
        """Flag of each file by ordinal, 1 if any of its URLs is damaged: one byte each, less than a list."""
        self.documents: set[str] = set()
        self.left: list[Finding] = []
        self.is_unknown = False

    def add(self, finding: Finding) -> None:
        """Add a finding."""
        if finding.kind is Kind.RECEIPT:
            self.is_unknown = True
        elif finding.kind in _LEFT_ALONE:
            self.left.append(finding)
        elif finding.ordinal is None:
            self.documents.add(finding.path)
        else:
            self.ordinals += bytes(max(0, finding.ordinal + 1 - len(self.ordinals)))
            self.ordinals[finding.ordinal] = 1

    @property
    def is_any(self) -> bool:
        """True if there are findings."""
        return bool(self.ordinals or self.documents or self.left or self.is_unknown)

    def between(self, first: int, end: int) -> Iterator[int]:
        """Yield the ordinals of damaged files in a range, ascending."""
        place = self.ordinals.find(1, first, end)
        while place >= 0:
            yield place
            place = self.ordinals.find(1, place + 1, end)


class _Files:
    """Repair of the files of one slide: linked from an intact alias, or made again."""

    def __init__(self, repair: Repair, receipt: Receipt, digests: Digests, repaired: Repaired) -> None:
        self._repair = repair
        self._receipt = receipt
        self._digests = digests
        self._repaired = repaired
        self._public = repair.store.public
        self._slide = f"{receipt.identifier}/"

    def put_right(self, damage: _Damage) -> None:
        """Repair all damaged files.

        Raises:
            SourceError: some cannot be repaired.
        """
        base = 0
        for place, pyramid in self._receipt.services():
            service = _Service(place, order_files(pyramid, Api(self._receipt.settings.api)), base)
            lost = array("Q", self._link_intact(service, damage))
            if lost:
                self._make(service, lost)
            base += service.order.count

    def _link_intact(self, service: "_Service", damage: _Damage) -> Iterator[int]:
        """Repair files that have an intact alias; yield the ordinals of those that have none."""
        for found in damage.between(service.base, service.base + service.order.count):
            ordinal = found - service.base
            paths = service.paths_at(ordinal)
            broken = self._broken(paths, self._record(service, ordinal))
            intact = [path for path in paths if path not in broken]
            if not intact:
                yield ordinal
                continue
            for path in broken:
                self._public.copy(self._slide + intact[0], self._slide + path)
            self._repaired.files += len(broken)

    def _broken(self, paths: Iterable[str], record: bytes) -> list[str]:
        return [path for path in paths if not is_recorded(self._public, self._slide + path, record)]

    def _record(self, service: "_Service", ordinal: int) -> bytes:
        return self._digests.read(service.base + ordinal, 1)

    def _make(self, service: "_Service", ordinals: Iterable[int]) -> None:
        """Make files again in staging, and move them into their places."""
        repair, receipt = self._repair, self._receipt
        slide = repair.find_slide(receipt)
        fingerprint = take_fingerprint(slide.members)
        plan = self._plan(slide, service)
        if (plan.pyramid, plan.api) != (service.order.pyramid, service.order.api):
            raise SourceError("would be published otherwise now: export it again with --overwrite")
        staging = repair.store.stage(None)
        try:
            place = staging.below(service.place.rstrip("/")) if service.place else staging
            self._render(slide, service, plan, place, ordinals)
            check_unchanged(slide.members, fingerprint)
            for ordinal in ordinals:
                self._take(staging, service.paths_at(ordinal), self._record(service, ordinal))
        except BaseException:
            repair.store.discard(staging)
            raise
        repair.store.drop(staging)

    def _plan(self, slide: Slide, service: "_Service") -> ServicePlan:
        receipt, options, repair = self._receipt, self._receipt.settings.options(), self._repair
        wanted = (service.picture,) if service.picture else ()
        task = DescribeTask(slide.path, options.crop_to_bounds, wanted)
        described = repair.engine.call(describe, task, repair.deadlines.opening)
        plan = plan_slide(receipt.identifier, described, replace(options, associated=wanted))
        found = next((each for each in plan.services if each.picture == service.picture), None)
        if found is None:
            raise SourceError(f"has no {service.picture} picture any more: export it again with --overwrite")
        return found

    def _render(
        self, slide: Slide, service: "_Service", plan: ServicePlan, staging: Staging, ordinals: Iterable[int]
    ) -> None:
        """Make the blocks of some files; put those that differ from the tree into staging."""
        receipt, repair = self._receipt, self._repair
        mended = MendedStaging(staging, self._public, self._slide + service.place)
        needed = _needed_blocks(plan, service.order, ordinals)
        for image in intermediate_images(plan, staging):
            image.create()

        def is_done(pass_: Pass, blocks: Iterable[Block]) -> bool:
            return needed.get(pass_.input_level, frozenset()).isdisjoint(blocks)

        fingerprint, options = take_fingerprint(slide.members), receipt.settings.options()
        maker = Maker(slide.path, fingerprint, options, repair.engine, repair.deadlines)
        maker.make_tiles(plan, mended, is_done, lambda _task, _rendered: None)

    def _take(self, staging: Staging, paths: Sequence[str], record: bytes) -> None:
        """Move a new file into its places, if it matches its record.

        Raises:
            SourceError: it does not.
        """
        content = staging.read(paths[0])
        if content is None or record_of(content) != record:
            raise SourceError(
                "gives other bytes than it was published with, by other versions of libraries perhaps: "
                "export it again with --overwrite"
            )
        self._public.write(self._slide + paths[0], content)
        for alias in paths[1:]:
            self._public.copy(self._slide + paths[0], self._slide + alias)
        self._repaired.files += len(paths)


@dataclass(frozen=True, slots=True)
class _Service:
    """Levels of a slide, or an associated image."""

    place: str
    """Path below the slide, with a trailing slash; empty for the slide itself."""
    order: FileOrder
    """Order of its files, which maps ordinals to paths."""
    base: int
    """Position of its first record among the digests of the slide."""

    @property
    def picture(self) -> str:
        """Name of the associated image; empty for the slide itself."""
        return self.place.rstrip("/").rpartition("/")[2]

    def paths_at(self, ordinal: int) -> list[str]:
        """Return the paths of a file below the slide."""
        return [self.place + path for path in self.order.paths_at(ordinal)]


def _needed_blocks(plan: ServicePlan, order: FileOrder, ordinals: Iterable[int]) -> dict[int, set[Block]]:
    """Find the blocks that make some files, with all blocks that they read, by the input level of their pass."""
    needed: dict[int, set[Block]] = {}
    for ordinal in ordinals:
        pass_, block = _maker(plan, order, ordinal)
        needed.setdefault(pass_.input_level, set()).add(block)
    # Backwards: a pass that reads what another one hands on needs the whole of it.
    reads: int | None = None
    for pass_ in reversed(plan.passes):
        if reads is not None and pass_.intermediate_level == reads:
            needed[pass_.input_level] = set(pass_.blocks())
            reads = None
        if pass_.stored_level is None and pass_.input_level in needed:
            reads = pass_.input_level
    return needed


def _maker(plan: ServicePlan, order: FileOrder, ordinal: int) -> tuple[Pass, Block]:
    """Return the pass and the block that make a file."""
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
