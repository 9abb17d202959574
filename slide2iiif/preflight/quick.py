"""Quick check before the first write of a run: footprint of its slides against the free space.

It costs next to nothing where space is plentiful: the sizes of the slide files decide, and the thorough check is not
even loaded. Of a long run only the first slides are checked together; each later slide is checked by itself before
anything of it is written.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from slide2iiif.discovery.fingerprint import size_of, take_fingerprint
from slide2iiif.discovery.walk import Slide, Unusable
from slide2iiif.engines.base import Engine
from slide2iiif.errors import SourceError
from slide2iiif.options import Options
from slide2iiif.plan.service import ServicePlan
from slide2iiif.preflight.space import Footprint, Verdict, shortage
from slide2iiif.records.receipts import Receipts
from slide2iiif.records.version import current_version
from slide2iiif.stores.base import Capacity, Store

CHECKED_TOGETHER = 256
"""Number of slides at the beginning of a run that are checked together."""

_PLENTY = 8
"""Most bytes of a tree for each byte of a slide file, with the blocks of folders; a coarse guess."""

_PLENTY_BYTES_AN_INODE = 1024
"""Fewest bytes of a slide file for each inode of a tree; as coarse."""

_PLENTY_OF_SLIDE = Footprint(20_000, 64_000_000)
"""Allowance for each slide, even of a small file: some files describe huge images in few bytes."""


@dataclass(frozen=True, slots=True)
class QuickCheck:
    """Check of a run that is about to begin. Writes nothing, holds nothing open."""

    store: Store
    """Target of the run; not entered."""
    receipts: Receipts
    """Receipts of the target."""
    engine: Engine
    """Engine, already started."""
    options: Options
    """Options that affect the output bytes."""
    overwrite: bool = False
    """True if unchanged slides are published anew."""
    page_count: int = 0
    """Number of gallery files among those of a slide."""
    together: int = 1
    """Number of slides in flight."""
    options_of: Callable[[Slide], Options] | None = None
    """Options of a slide, where they are not those of all."""

    def of(self, found: Iterator[Slide | Unusable]) -> tuple[Verdict, Iterator[Slide | Unusable]]:
        """Check the first slides of a run; return the verdict, and all slides again, from the first.

        Raises:
            TargetError: the file system does not answer.
        """
        first = list(islice(found, CHECKED_TOGETHER))
        return self.judge([each for each in first if isinstance(each, Slide)]), chain(first, found)

    def judge(self, slides: Sequence[Slide]) -> Verdict:
        """Return the verdict on the free space for some slides.

        Raises:
            TargetError: the file system does not answer.
        """
        capacity = self.store.capacity()
        if capacity is None:
            return Verdict(None)
        due = [slide for slide in slides if self._is_due(slide)]
        if has_plenty(capacity, due):
            return Verdict(capacity)
        from slide2iiif.preflight.thorough import ThoroughCheck

        thorough = ThoroughCheck(self.store, self.receipts, self.engine, self.options, self.page_count, self.together)
        return thorough.judge(due, capacity)

    def _is_due(self, slide: Slide) -> bool:
        """Return True if a slide will be published; one that cannot be read fails later in its turn."""
        try:
            fingerprint = take_fingerprint(slide.members)
            options = self.options if self.options_of is None else self.options_of(slide)
        except SourceError:
            return False
        if self.overwrite:
            return True
        if current_version(self.store, self.receipts, options, slide.identifier, fingerprint) is not None:
            return False
        receipt = self.receipts.read(slide.identifier)
        if receipt is None or not receipt.content or receipt.content_size != size_of(slide.members):
            return True
        # It may be a copy of what is published, which its turn tells; before it is made, its own room is looked at.
        return not current_version(self.store, self.receipts, self.options, slide.identifier, receipt.fingerprint)


def check_room(store: Store, slide: Slide, services: Sequence[ServicePlan], options: Options) -> None:
    """Check that a slide fits, before anything of it is written.

    Raises:
        SourceError: it does not.
        TargetError: the file system does not answer.
    """
    capacity = store.capacity()
    if capacity is not None and not has_plenty(capacity, [slide]):
        from slide2iiif.preflight.footprint import check_slide_fits

        check_slide_fits(list(services), options, capacity)


def has_plenty(capacity: Capacity, slides: Sequence[Slide]) -> bool:
    """Return True if free space exceeds any possible footprint of the slides, judged by the sizes of their files."""
    total = Footprint(0, 0)
    for slide in slides:
        size = sum(member.stat().st_size for member in slide.members if member.exists())
        total = total.plus(_PLENTY_OF_SLIDE).plus(Footprint(size // _PLENTY_BYTES_AN_INODE, size * _PLENTY))
    return not shortage(total, capacity)
