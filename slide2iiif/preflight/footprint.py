"""What a slide takes of a file system, in inodes and in bytes as they are given out, before it is made. Pure.

A tile of 15,000 bytes takes 16,384 where blocks have 4 KiB, and three folders of a block each on ext4: the bytes of
the files alone say little. Inodes are arithmetic, and exact; where tiles of one colour share files, they lie between
what is exact without these files and what is with them. Bytes are those of stored tiles where these are copied, and
come from a sample of the others.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from slide2iiif.errors import SourceError
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.file_order import order_files
from slide2iiif.iiif.paths import named_tile_count, pictures
from slide2iiif.iiif.pyramid import Level
from slide2iiif.options import Blank, Options
from slide2iiif.plan.service import Counts, ServicePlan, count_service
from slide2iiif.preflight.sampling import Density, density_of, expected_bytes
from slide2iiif.preflight.space import Footprint, shortage
from slide2iiif.records.digests import digests_size
from slide2iiif.records.receipt import Receipt
from slide2iiif.sources.jpeg_tiles import JpegTiles
from slide2iiif.stores.base import Capacity

RECORD_INODES = 3
"""Folder, receipt and digests, in the private folder."""

_ENTRY_BYTES = 44
"""What the name of a region takes in the slide's own folder, a third of it being empty."""

_NOTE_BYTES = 20
"""What a tile takes in the journal at most: one line of it is of some 64 tiles, or of one of a thin image."""

_MOST_BYTES = 3
"""Bytes a pixel as it is; no encoded tile has more."""


def expected_footprint(
    plan: ServicePlan, samples: Mapping[int, Density], capacity: Capacity, *, links_blank: bool
) -> Footprint:
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
        own = tiles * (density.share if links_blank else 1.0)
        shared += tiles - own
        if copied is not None:
            size += copied - (tiles - own) * capacity.block
        else:
            size += own * _mean_rounded(density, level, own, capacity)
    for picture in pictures(plan.pyramid, plan.api):
        size += capacity.rounded(round(expected_bytes(plan, picture.size, samples)))
    return _with_rest(plan, round(size), capacity, 0 if capacity.counts_names else round(shared))


def least_footprint(plan: ServicePlan, capacity: Capacity, *, links_blank: bool) -> Footprint:
    """Give what a service takes at least, without a look at its pixels.

    Folders and pictures are exact. Where tiles of one colour share files, all tiles may be of one: stored ones too.
    """
    size = shared = 0
    for level in plan.pyramid.levels[:-1]:
        tiles = named_tile_count(plan.pyramid, level, plan.api)
        if links_blank:
            shared += tiles
            continue
        copied = _copied_size(plan, level, capacity)
        size += copied if copied is not None else tiles * capacity.block
    size += len(pictures(plan.pyramid, plan.api)) * capacity.block
    return _with_rest(plan, size, capacity, 0 if capacity.counts_names else shared)


def most_footprint(plan: ServicePlan, capacity: Capacity) -> Footprint:
    """Give what a service takes at most, without a look at its pixels."""
    size = 0
    for level in plan.pyramid.levels:
        copied = _copied_size(plan, level, capacity)
        size += (
            copied if copied is not None else level.size.pixels * _MOST_BYTES + 2 * capacity.block * level.tile_count
        )
    size += sum(capacity.rounded(each.size.pixels * _MOST_BYTES) for each in pictures(plan.pyramid, plan.api))
    return _with_rest(plan, size, capacity, 0)


def slide_footprint(levels: Footprint, pictures: Sequence[Footprint], capacity: Capacity) -> Footprint:
    """Add up what the services of a slide take: those of pictures beside the levels share one folder."""
    total = levels.plus(Footprint(1, capacity.folder)) if pictures else levels
    for picture in pictures:
        total = total.plus(picture)
    return total


def published_footprint(receipt: Receipt, pages: int, capacity: Capacity) -> Footprint:
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
    # The services beside the levels share one folder.
    folders = sum(each.folders for each in counts) + bool(receipt.associated)
    whole = Counts(files, sum(each.names for each in counts), folders)
    size = receipt.stored_bytes + files * capacity.block // 2 + whole.folders * capacity.folder
    return Footprint(whole.folders + (whole.names if capacity.counts_names else files), size)


def record_footprint(plans: Iterable[ServicePlan], capacity: Capacity) -> Footprint:
    """Give what the records of a slide take in the private folder."""
    count = sum(order_files(plan.pyramid, plan.api).count for plan in plans)
    return Footprint(RECORD_INODES, capacity.rounded(digests_size(count)) + 2 * capacity.block + capacity.folder)


def scratch_footprint(plan: ServicePlan, capacity: Capacity, *, is_picture: bool = False) -> Footprint:
    """Give what lies beside the files of a service while they are made: digests, journal, pictures, profile.

    Args:
        plan: of the service.
        capacity: how the file system counts.
        is_picture: whether it is of a picture beside the levels, which lies there as a whole.
    """
    levels = (each.intermediate_level for each in plan.passes)
    intermediates = [plan.pyramid.levels[level].size for level in levels if level is not None]
    intermediates += [plan.pyramid.size] if is_picture else []
    sizes = [size.pixels * _MOST_BYTES for size in intermediates]
    sizes += [digests_size(order_files(plan.pyramid, plan.api).count), plan.tile_count * _NOTE_BYTES]
    sizes += [len(plan.colours.transformed_from)] if plan.colours.transformed_from else []
    return Footprint(len(sizes) + 1, sum(capacity.rounded(size) for size in sizes) + capacity.folder)


class Step(NamedTuple):
    """What publishing one slide does to the room."""

    kept: Footprint
    """What it takes from then on, its records included."""
    scratch: Footprint
    """What it takes besides while it is made."""
    old: Footprint
    """What its published version gives back then."""


def peak_footprint(steps: Sequence[Step], together: int) -> Footprint:
    """Give the most that a run takes at a time, over what was there before.

    Args:
        steps: of its slides, in order.
        together: slides under way at a time: each lies beside its older version.
    """
    worst = settled = Footprint(0, 0)
    for number, step in enumerate(steps):
        now = settled
        for under_way in steps[number : number + together]:
            now = now.plus(under_way.kept).plus(under_way.scratch)
        worst = Footprint(max(worst.inodes, now.inodes), max(worst.size, now.size))
        settled = settled.plus(step.kept).less(step.old)
    return worst


def check_slide_fits(services: Sequence[ServicePlan], options: Options, capacity: Capacity) -> None:
    """Check, as far as can be known without a look at its pixels, that there is room for a slide.

    Args:
        services: plans of its levels, then of the pictures beside them.
        options: what decides the files.
        capacity: what is there.

    Raises:
        SourceError: there is not; smaller slides may still fit.
    """
    links = options.blank is Blank.LINK
    levels, *pictures = (least_footprint(plan, capacity, links_blank=links) for plan in services)
    needed = slide_footprint(levels, pictures, capacity)
    if missing := shortage(needed, capacity, about="at least", inodes_about="at least" if links else ""):
        raise SourceError(f"does not fit into {capacity.place}: it takes {missing}")


def _with_rest(plan: ServicePlan, size: int, capacity: Capacity, shared: int) -> Footprint:
    counts = plan.counts
    # Pages and manifests have one or two blocks, info.json one.
    size += capacity.rounded(len(plan.colours.carried)) + capacity.block * (plan.document_count + plan.page_count)
    size += counts.folders * capacity.folder
    if capacity.folder:
        size += plan.tile_count * _ENTRY_BYTES
    return Footprint(counts.folders + (counts.names if capacity.counts_names else counts.files - shared), size)


def _copied_size(plan: ServicePlan, level: Level, capacity: Capacity) -> int | None:
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
