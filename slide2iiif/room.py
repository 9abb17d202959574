"""What a slide takes of a file system, in inodes and in bytes as they are given out, before it is made. Pure.

A tile of 15,000 bytes takes 16,384 where blocks have 4 KiB, and three folders of a block each on ext4: the bytes of
the files alone say little. Inodes are arithmetic, and exact but for tiles of one colour that share files; bytes are
those of stored tiles where these are copied, and come from a sample of the others.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from slide2iiif.errors import SourceError
from slide2iiif.estimate import Density, density_of, expected_bytes
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.uris import named_tile_count, pictures
from slide2iiif.ledger import ledger_bytes, order_files
from slide2iiif.options import Blank, Options
from slide2iiif.plan import Counts, SlidePlan, count_service
from slide2iiif.pyramid import Level
from slide2iiif.receipts import Receipt
from slide2iiif.sources.jpeg_tiles import JpegTiles
from slide2iiif.stores.capacity import Capacity

RECORD_INODES = 3
"""Folder, receipt and ledger, in the private folder."""

_ENTRY_BYTES = 44
"""What the name of a region takes in the slide's own folder, a third of it being empty."""

_NOTE_BYTES = 20
"""What a tile takes in the journal at most: one line of it is of some 64 tiles, or of one of a thin image."""

_MOST_BYTES = 3
"""Bytes a pixel as it is; no encoded tile has more."""


class Room(NamedTuple):
    """Inodes and bytes."""

    inodes: int
    size: int
    """Bytes, as they are given out."""

    def plus(self, other: "Room") -> "Room":
        """Add another one."""
        return Room(self.inodes + other.inodes, self.size + other.size)

    def less(self, other: "Room") -> "Room":
        """Take another one away; what is left may be less than nothing."""
        return Room(self.inodes - other.inodes, self.size - other.size)


def expected_room(plan: SlidePlan, samples: Mapping[int, Density], capacity: Capacity, *, links_blank: bool) -> Room:
    """Give what a service takes that lies in a folder of its own.

    Args:
        plan: of the service.
        samples: what sampled tiles take, by published level.
        capacity: how the file system counts.
        links_blank: whether tiles of one colour share files.
    """
    size, shared = 0.0, 0.0
    for level in plan.pyramid.levels[:-1]:
        tiles = named_tile_count(plan.pyramid, level, plan.api)
        copied = _copied_size(plan, level, capacity)
        density = density_of(level.index, samples)
        share = density.share if links_blank and copied is None else 1.0
        own = tiles * share
        shared += tiles - own
        size += copied if copied is not None else own * _mean_rounded(density, level, own, capacity)
    for picture in pictures(plan.pyramid, plan.api):
        size += capacity.rounded(round(expected_bytes(plan, picture.size, samples)))
    return _with_rest(plan, round(size), capacity, 0 if capacity.counts_names else round(shared))


def least_room(plan: SlidePlan, capacity: Capacity, *, links_blank: bool) -> Room:
    """Give what a service takes at least, without a look at its pixels."""
    size = shared = 0
    for level in plan.pyramid.levels[:-1]:
        tiles = named_tile_count(plan.pyramid, level, plan.api)
        copied = _copied_size(plan, level, capacity)
        if copied is None and links_blank:
            shared += tiles
        size += copied if copied is not None else 0 if links_blank else tiles * capacity.block
    size += len(pictures(plan.pyramid, plan.api)) * capacity.block
    return _with_rest(plan, size, capacity, 0 if capacity.counts_names else shared)


def most_room(plan: SlidePlan, capacity: Capacity) -> Room:
    """Give what a service takes at most, without a look at its pixels."""
    size = 0
    for level in plan.pyramid.levels:
        copied = _copied_size(plan, level, capacity)
        size += (
            copied if copied is not None else level.size.pixels * _MOST_BYTES + 2 * capacity.block * level.tile_count
        )
    size += sum(capacity.rounded(each.size.pixels * _MOST_BYTES) for each in pictures(plan.pyramid, plan.api))
    return _with_rest(plan, size, capacity, 0)


def published_room(receipt: Receipt, pages: int, capacity: Capacity) -> Room:
    """Give what a published slide takes, which is free again when a new version has taken its place.

    Args:
        receipt: of the slide.
        pages: files of pages that lie with its own.
        capacity: how the file system counts.
    """
    api = Api(receipt.settings.api)
    documents = 1 if receipt.other_base_url is None else 2
    counts = [count_service(pyramid, api, documents) for _, pyramid in receipt.services()]
    files = sum(each.files for each in counts) + pages + bool(receipt.profile) - receipt.blank
    whole = Counts(files, sum(each.names for each in counts), sum(each.folders for each in counts))
    size = receipt.stored_bytes + files * capacity.block // 2 + whole.folders * capacity.folder
    return Room(whole.folders + (whole.names if capacity.counts_names else files), size)


def record_room(plans: Iterable[SlidePlan], capacity: Capacity) -> Room:
    """Give what the records of a slide take in the private folder."""
    count = sum(order_files(plan.pyramid, plan.api).count for plan in plans)
    return Room(RECORD_INODES, capacity.rounded(ledger_bytes(count)) + 2 * capacity.block + capacity.folder)


def scratch_room(plan: SlidePlan, capacity: Capacity) -> Room:
    """Give what lies beside the files of a slide while they are made: ledger, journal, handed-on pictures, profile."""
    handed_on = [plan.pyramid.levels[each.hands_on].size for each in plan.passes if each.hands_on is not None]
    sizes = [size.pixels * _MOST_BYTES for size in handed_on]
    sizes += [ledger_bytes(order_files(plan.pyramid, plan.api).count), plan.tile_count * _NOTE_BYTES]
    sizes += [len(plan.colours.transformed_from)] if plan.colours.transformed_from else []
    return Room(len(sizes) + 1, sum(capacity.rounded(size) for size in sizes) + capacity.folder)


class Step(NamedTuple):
    """What publishing one slide does to the room."""

    kept: Room
    """What it takes from then on, its records included."""
    scratch: Room
    """What it takes besides while it is made."""
    old: Room
    """What its published version gives back then."""


def peak_room(steps: Sequence[Step], together: int) -> Room:
    """Give the most that a run takes at a time, over what was there before.

    Args:
        steps: of its slides, in order.
        together: slides under way at a time: each lies beside its older version.
    """
    worst = settled = Room(0, 0)
    for number, step in enumerate(steps):
        now = settled
        for under_way in steps[number : number + together]:
            now = now.plus(under_way.kept).plus(under_way.scratch)
        worst = Room(max(worst.inodes, now.inodes), max(worst.size, now.size))
        settled = settled.plus(step.kept).less(step.old)
    return worst


def shortage(needed: Room, capacity: Capacity, *, about: str = "about") -> str:
    """Say what is missing for something, and what to do; empty if nothing is.

    Args:
        needed: what it takes.
        capacity: what is there.
        about: how sure the bytes are: `about` or `at least`.
    """
    missing = []
    if capacity.inodes is not None and needed.inodes > capacity.inodes:
        missing.append(
            f"{needed.inodes:,} inodes (files and folders), and {capacity.inodes:,} are left: "
            "free some, choose larger tiles (--tile-size), or use a file system made with more"
        )
    if needed.size > capacity.size:
        missing.append(
            f"{about} {_amount(needed.size)}, and {_amount(capacity.size)} are left: free some, or choose another DEST"
        )
    return "; and ".join(missing)


def check_slide_fits(plan: SlidePlan, options: Options, capacity: Capacity | None) -> None:
    """Check, as far as can be known without a look at its pixels, that there is room for a slide.

    Raises:
        SourceError: there is not; smaller slides may still fit.
    """
    if capacity is None:
        return
    needed = least_room(plan, capacity, links_blank=options.blank is Blank.LINK)
    if missing := shortage(needed, capacity, about="at least"):
        raise SourceError(f"does not fit into {capacity.place}: it takes {missing}")


def _with_rest(plan: SlidePlan, size: int, capacity: Capacity, shared: int) -> Room:
    counts = plan.counts
    # Pages and manifests have one or two blocks, info.json one.
    size += capacity.rounded(len(plan.colours.carried)) + capacity.block * (plan.document_count + plan.page_count)
    size += counts.folders * capacity.folder
    if capacity.folder:
        size += plan.tile_count * _ENTRY_BYTES
    return Room(counts.folders + (counts.names if capacity.counts_names else counts.files - shared), size)


def _copied_size(plan: SlidePlan, level: Level, capacity: Capacity) -> int | None:
    """Give the bytes that the tiles of a level take that are copied; None if it is encoded."""
    exact = plan.copied_bytes.get(level.index)
    if not exact:
        return None
    pass_ = next(each for each in plan.passes if each.copies and each.input_level == level.index)
    jpeg = plan.description.levels[pass_.stored_level or 0].jpeg
    if isinstance(jpeg, JpegTiles):
        lengths = jpeg.lengths.astype(np.int64) + len(jpeg.tables)
        return int((-(-lengths // capacity.block) * capacity.block).sum())
    return round(level.tile_count * _rounded_mean(exact / level.tile_count, capacity.block))


def _mean_rounded(density: Density, level: Level, own: float, capacity: Capacity) -> float:
    return 0.0 if own < 1 else _rounded_mean(density.header + level.size.pixels * density.own / own, capacity.block)


def _rounded_mean(mean: float, block: int) -> float:
    """Give the mean of sizes rounded up to blocks, as if they lay evenly between nothing and twice their mean."""
    most = 2 * mean / block
    if most <= 1:
        return block
    whole = math.floor(most)
    return block * (whole * (whole + 1) / 2 + (most - whole) * (whole + 1)) / most


def _amount(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size < 10**9 else f"{size / 1e9:,.2f} GB"
