"""What a worker is given and what it gives back: values."""

import pickle
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from slide2iiif.iiif.api import Api
from slide2iiif.iiif.file_order import FileOrder
from slide2iiif.iiif.pyramid import Pyramid, Tile
from slide2iiif.imaging.jpeg import Encoding
from slide2iiif.imaging.pixels import Colour
from slide2iiif.options import Check, Damaged
from slide2iiif.plan.passes import Block, Pass
from slide2iiif.plan.provenance import TileOrigin
from slide2iiif.records.digests import Run
from slide2iiif.sources.jpeg_strips import JpegStrips
from slide2iiif.sources.jpeg_tiles import JpegTiles
from slide2iiif.stores.base import Staging

_SLIDES_KEPT = 128
"""Slides whose tasks may be under way at a time: two for each worker, and few have more than 64."""


@dataclass(frozen=True, slots=True)
class SlideTask:
    """What all tasks of one slide share."""

    path: Path
    """The slide file."""
    fingerprint: str
    """Tells an open slide from one that was replaced meanwhile."""
    random_access: bool
    """Whether the slide is worth keeping open for other tasks."""
    background: Colour
    """Colour where the slide has nothing."""
    pyramid: Pyramid
    """The published levels."""
    api: Api
    """Version that the files are named for."""
    encoding: Encoding
    """How tiles are encoded."""
    check: Check
    """How closely stored tiles are looked at."""
    damaged: Damaged
    """What becomes of damaged ones."""
    staging: Staging
    """Where tiles are put."""
    order: FileOrder
    """Numbers the files that are put."""
    crops: bool = False
    """Whether the slide is cut down to its scanned area."""
    profile: Path | None = None
    """File with the colour profile that pixels are transformed from; None where they stay as they are."""
    links_blank: bool = False
    """Whether tiles of one colour are stored once."""


@dataclass(frozen=True, slots=True)
class RenderTask:
    """Blocks of one pass of one slide."""

    slide: SlideTask
    """What the blocks share with all others of the slide."""
    pass_: Pass
    """What is read and made."""
    blocks: tuple[Block, ...]
    """Which parts of it."""
    jpeg: JpegTiles | JpegStrips | None = None
    """The stored tiles or strips that the blocks cover, where the slide stores JPEG."""

    def __reduce__(self) -> tuple[Callable[..., "RenderTask"], tuple[object, ...]]:
        """Travel with the slide as bytes: made once for all its tasks, and taken apart once in each worker."""
        return _arrived, (_packed(self.slide), self.pass_, self.blocks, self.jpeg)


def _arrived(packed: bytes, *rest: Any) -> RenderTask:
    return RenderTask(_unpacked(packed), *rest)


@lru_cache(maxsize=_SLIDES_KEPT)
def _packed(slide: SlideTask) -> bytes:
    return pickle.dumps(slide)


@lru_cache(maxsize=_SLIDES_KEPT)
def _unpacked(packed: bytes) -> SlideTask:
    slide: SlideTask = pickle.loads(packed)  # noqa: S301 - of our own making, and come through our own pipe
    return slide


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a task has stored."""

    made: Counter[tuple[int, TileOrigin]] = field(default_factory=Counter)
    """Tiles by level and by how they came to be."""
    stored_bytes: int = 0
    """Bytes of tiles and pictures, aliases not counted."""
    damaged: tuple[Tile, ...] = ()
    """Tiles that are background, the whole of them or a part, because the slide is damaged there."""
    blank: int = 0
    """Tiles of one colour, which share their files."""
    records: tuple[Run, ...] = ()
    """Lengths and digests of the files that were put, for the ledger."""

    @property
    def tiles(self) -> int:
        """Tiles of all levels, the one of the top level included."""
        return self.made.total()

    def __add__(self, other: "Rendered") -> "Rendered":
        return Rendered(
            self.made + other.made,
            self.stored_bytes + other.stored_bytes,
            self.damaged + other.damaged,
            self.blank + other.blank,
            self.records + other.records,
        )
