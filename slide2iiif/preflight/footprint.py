"""Footprint of a slide on a file system, in inodes and allocated bytes, computed before it is made. Pure.

A tile of 15,000 bytes takes 16,384 where blocks have 4 KiB, and three folders of a block each on ext4: the length of
the files alone says little. The number of inodes is exact arithmetic; where tiles of one colour share files, it lies
between the numbers without and with these files. Bytes are those of the stored tiles where these are copied, and are
estimated from a sample elsewhere.
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
"""Inodes of the records of a slide in the private folder: folder, receipt and digests."""

_ENTRY_BYTES = 44
"""Bytes of a region's entry in the folder of the slide, a third of which is empty."""

_NOTE_BYTES = 20
"""Largest number of journal bytes a tile: a line covers some 64 tiles, or one tile of a narrow image."""

_MOST_BYTES = 3
"""Bytes of an uncompressed pixel; no encoded tile has more."""


def expected_footprint(
    plan: ServicePlan, samples: Mapping[int, Density], capacity: Capacity, *, links_blank: bool
) -> Footprint:
    """Estimate the footprint of a service, in a folder of its own, from sampled tiles.

    Args:
        plan: plan of the service.
        samples: density of sampled tiles, by published level.
        capacity: units of allocation of the file system.
        links_blank: True if tiles of one colour share files.
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
    """Return a lower bound of the footprint of a service, without reading pixels.

    The numbers of folders and pictures are exact. Where tiles of one colour share files, all tiles may be of one
    colour, copied ones too.
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
    """Return an upper bound of the footprint of a service, without reading pixels."""
    size = 0
    for level in plan.pyramid.levels:
        copied = _copied_size(plan, level, capacity)
        size += (
            copied if copied is not None else level.size.pixels * _MOST_BYTES + 2 * capacity.block * level.tile_count
        )
    size += sum(capacity.rounded(each.size.pixels * _MOST_BYTES) for each in pictures(plan.pyramid, plan.api))
    return _with_rest(plan, size, capacity, 0)


def slide_footprint(levels: Footprint, pictures: Sequence[Footprint], capacity: Capacity) -> Footprint:
    """Sum the footprints of the services of a slide; those of associated images share one folder."""
    total = levels.plus(Footprint(1, capacity.folder)) if pictures else levels
    for picture in pictures:
        total = total.plus(picture)
    return total


def published_footprint(receipt: Receipt, pages: int, capacity: Capacity) -> Footprint:
    """Return the footprint of a published slide, which is freed when a new version replaces it.

    Args:
        receipt: receipt of the slide.
        pages: number of gallery files among its own.
        capacity: units of allocation of the file system.
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
    """Return the footprint of the records of a slide in the private folder."""
    count = sum(order_files(plan.pyramid, plan.api).count for plan in plans)
    return Footprint(RECORD_INODES, capacity.rounded(digests_size(count)) + 2 * capacity.block + capacity.folder)


def scratch_footprint(plan: ServicePlan, capacity: Capacity, *, is_picture: bool = False) -> Footprint:
    """Return the footprint of a service's scratch folder: digests, journal, intermediate images, profile.

    Args:
        plan: plan of the service.
        capacity: units of allocation of the file system.
        is_picture: True for an associated image, the whole of which lies in the scratch folder.
    """
    levels = (each.intermediate_level for each in plan.passes)
    intermediates = [plan.pyramid.levels[level].size for level in levels if level is not None]
    intermediates += [plan.pyramid.size] if is_picture else []
    sizes = [size.pixels * _MOST_BYTES for size in intermediates]
    sizes += [digests_size(order_files(plan.pyramid, plan.api).count), plan.tile_count * _NOTE_BYTES]
    sizes += [len(plan.colours.transformed_from)] if plan.colours.transformed_from else []
    return Footprint(len(sizes) + 1, sum(capacity.rounded(size) for size in sizes) + capacity.folder)


class Step(NamedTuple):
    """Changes of the footprint of a tree by publishing one slide."""

    kept: Footprint
    """Footprint of the new version, with its records."""
    scratch: Footprint
    """Footprint of the scratch folder while it is made."""
    old: Footprint
    """Footprint of the older version, which is freed."""


def peak_footprint(steps: Sequence[Step], together: int) -> Footprint:
    """Return the peak footprint of a run, beyond that of the tree before it.

    Args:
        steps: steps of its slides, in order.
        together: number of slides in flight, each of which lies beside its older version.
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
    """Check that the lower bound of a slide's footprint fits into the free space, without reading pixels.

    Args:
        services: plans of its levels, then of its associated images.
        options: options that affect the output bytes.
        capacity: free space.

    Raises:
        SourceError: the slide does not fit; smaller slides may still fit.
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
    """Return the allocated bytes of the tiles of a copied level; None if it is encoded."""
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
    """Return the mean of sizes rounded up to blocks, if sizes are uniform between zero and twice their mean."""
    most = 2 * mean / block
    if most <= 1:
        return block
    whole = math.floor(most)
    return block * (whole * (whole + 1) / 2 + (most - whole) * (whole + 1)) / most
