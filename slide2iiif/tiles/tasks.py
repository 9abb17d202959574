"""Tasks sent to workers and the results that come back; all of them are values."""

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
"""Slides whose packed tasks are kept: two for each worker, of which few machines have more than 64."""


@dataclass(frozen=True, slots=True)
class SlideTask:
    """Part that all tasks of one slide share."""

    path: Path
    """The slide file."""
    fingerprint: str
    """Fingerprint of the slide file; an open slide is reused only for the same one."""
    random_access: bool
    """True if regions can be read in any order, so that the slide is kept open for other tasks."""
    background: Colour
    """Background colour, where the slide has no pixels."""
    pyramid: Pyramid
    """The published levels."""
    api: Api
    """Image API version of the file names."""
    encoding: Encoding
    """JPEG parameters of encoded tiles."""
    check: Check
    """Check of stored tiles before they are copied."""
    damaged: Damaged
    """Handling of damaged tiles."""
    staging: Staging
    """Staging that stores the tiles."""
    order: FileOrder
    """Ordinals of the files."""
    crops: bool = False
    """True if the slide is cropped to its scanned area."""
    profile: Path | None = None
    """File with the ICC profile from which pixels are transformed to sRGB; None for no transform."""
    links_blank: bool = False
    """True if tiles of a single colour share one file."""


@dataclass(frozen=True, slots=True)
class RenderTask:
    """Blocks of one pass of one slide."""

    slide: SlideTask
    """Part shared with all other tasks of the slide."""
    pass_: Pass
    """Pass of the plan."""
    blocks: tuple[Block, ...]
    """Blocks of the pass."""
    jpeg: JpegTiles | JpegStrips | None = None
    """Stored tiles or strips that the blocks cover; None where the slide stores no JPEG."""

    def __reduce__(self) -> tuple[Callable[..., "RenderTask"], tuple[object, ...]]:
        """Pickle with the shared part as bytes, packed once for all tasks and unpacked once in each worker."""
        return _unpack_task, (_pack(self.slide), self.pass_, self.blocks, self.jpeg)


def _unpack_task(packed: bytes, *rest: Any) -> RenderTask:
    return RenderTask(_unpack(packed), *rest)


@lru_cache(maxsize=_SLIDES_KEPT)
def _pack(slide: SlideTask) -> bytes:
    return pickle.dumps(slide)


@lru_cache(maxsize=_SLIDES_KEPT)
def _unpack(packed: bytes) -> SlideTask:
    slide: SlideTask = pickle.loads(packed)  # noqa: S301 - packed by this program, and received through its own pipe
    return slide


@dataclass(frozen=True, slots=True)
class Rendered:
    """Result of a task: the files that it has stored."""

    origins: Counter[tuple[int, TileOrigin]] = field(default_factory=Counter)
    """Number of tiles by level and origin."""
    stored_bytes: int = 0
    """Bytes of tiles and pictures, without aliases."""
    damaged: tuple[Tile, ...] = ()
    """Tiles with background, in all or part, because the slide is damaged there."""
    blank: int = 0
    """Number of tiles of a single colour, which share their files."""
    records: tuple[Run, ...] = ()
    """Lengths and digests of the stored files."""
    seconds: float = 0.0
    """Time that workers were busy with it."""

    @property
    def tiles(self) -> int:
        """Number of tiles of all levels, the top level included."""
        return self.origins.total()

    def __add__(self, other: "Rendered") -> "Rendered":
        return Rendered(
            self.origins + other.origins,
            self.stored_bytes + other.stored_bytes,
            self.damaged + other.damaged,
            self.blank + other.blank,
            self.records + other.records,
            self.seconds + other.seconds,
        )
