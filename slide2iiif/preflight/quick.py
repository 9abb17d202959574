"""Whether a run fits, before its first write: what its slides will take, against what the file system has left.

That costs the start next to nothing where there is plenty of room: then the sizes of the slide files tell enough, and
the thorough check is not even loaded. A long run is looked at as far as its first slides; each slide that follows is
looked at by itself before anything of it is written.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from slide2iiif.discovery.fingerprint import take_fingerprint
from slide2iiif.discovery.walk import Slide, Unusable
from slide2iiif.engines.base import Engine
from slide2iiif.errors import SourceError
from slide2iiif.options import Options
from slide2iiif.plan.service import ServicePlan
from slide2iiif.preflight.space import Footprint, Verdict, shortage
from slide2iiif.records.receipts import Receipts, current_receipt
from slide2iiif.stores.base import Capacity, Store

CHECKED_TOGETHER = 256
"""Slides that are looked at together, the first ones of a run."""

_PLENTY = 8
"""Bytes that a byte of a slide file takes at most, encoded, with the blocks of its folders; a coarse guess."""

_PLENTY_BYTES_AN_INODE = 1024
"""Bytes of a slide file for which an inode is taken at most; as coarse."""

_PLENTY_OF_SLIDE = Footprint(20_000, 64_000_000)
"""What is allowed for each slide, however small its file is: some say much in few bytes."""


@dataclass(frozen=True, slots=True)
class QuickCheck:
    """One run that is about to begin: nothing is written, and nothing is held."""

    store: Store
    """Where it will write; not entered."""
    receipts: Receipts
    """What is published there."""
    engine: Engine
    """What runs the work; entered."""
    options: Options
    """What decides the files."""
    overwrite: bool = False
    """Whether what is unchanged is published anew."""
    page_count: int = 0
    """Files of pages that lie with those of a slide."""
    together: int = 1
    """Slides that are under way at a time."""

    def of(self, found: Iterator[Slide | Unusable]) -> tuple[Verdict, Iterator[Slide | Unusable]]:
        """Look at a run; give whether it fits, and what it has found.

        Raises:
            TargetError: the file system does not answer.
        """
        first = list(islice(found, CHECKED_TOGETHER))
        return self.judge([each for each in first if isinstance(each, Slide)]), chain(first, found)

    def judge(self, slides: Sequence[Slide]) -> Verdict:
        """Tell whether there is room for slides.

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
        """Tell whether a slide will be published; one that cannot be asked fails in its turn."""
        try:
            fingerprint = take_fingerprint(slide.members)
        except SourceError:
            return False
        return self.overwrite or not current_receipt(
            self.store, self.receipts, self.options, slide.identifier, fingerprint
        )


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
    """Tell whether there is more room than slides can take, judged by the sizes of their files."""
    total = Footprint(0, 0)
    for slide in slides:
        size = sum(member.stat().st_size for member in slide.members if member.exists())
        total = total.plus(_PLENTY_OF_SLIDE).plus(Footprint(size // _PLENTY_BYTES_AN_INODE, size * _PLENTY))
    return not shortage(total, capacity)
