"""Estimate of the bytes of a slide, from a sample of its tiles."""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from slide2iiif.geometry import Region, Size
from slide2iiif.iiif.paths import pictures
from slide2iiif.iiif.pyramid import Level, Pyramid
from slide2iiif.imaging.blank import blank_colour
from slide2iiif.imaging.jpeg import Encoding, encode
from slide2iiif.imaging.pixels import Pixels
from slide2iiif.imaging.resample import pad_pixels, reduce_pixels
from slide2iiif.options import Blank, Options
from slide2iiif.plan.passes import Pass
from slide2iiif.plan.service import ServicePlan
from slide2iiif.sources import open_scanned_area, open_source
from slide2iiif.sources.base import Source, clip

_GRID = 8
"""Sampled tiles along each side of a level: 64 in total, or all of a smaller level."""

_HALVINGS = 3
"""Number of times that a sampled tile is reduced, to sample the levels that are made from the same input."""

_HEADER_BYTES = 623
"""Bytes of a JPEG stream beside its pixels: tables and markers."""


class Density(NamedTuple):
    """Bytes of the sampled tiles of a level."""

    whole: float
    """Bytes per pixel of all tiles, without headers."""
    own: float
    """Bytes of tiles with files of their own, without headers, per pixel of all tiles."""
    share: float
    """Share of tiles with files of their own."""
    shared_bytes: float
    """Mean size of a file that tiles of one colour share, in bytes."""
    header: int = _HEADER_BYTES
    """Bytes of a JPEG stream beside its pixels."""


_SHAPES = 4
"""Largest number of different tile sizes in a level: inner tiles, and those cut at either edge or both."""


@dataclass(frozen=True, slots=True)
class SampleTask:
    """A service to sample."""

    path: Path
    """Path of the slide file."""
    pyramid: Pyramid
    """Published levels."""
    passes: tuple[Pass, ...]
    """Passes that make the levels."""
    encoding: Encoding
    """JPEG parameters of the tiles."""
    links_blank: bool = False
    """True if tiles of one colour are stored once, and take next to nothing."""
    crops: bool = False
    """True if the slide is cropped to its scanned area."""
    picture: str = ""
    """Name of the associated image to sample; empty for the levels."""


def sample_task(path: Path, plan: ServicePlan, options: Options) -> SampleTask:
    """Return the task that samples a service.

    Args:
        path: path of the slide file.
        plan: plan of the service.
        options: options that affect the output bytes.
    """
    return SampleTask(
        path,
        plan.pyramid,
        plan.passes,
        plan.encoding,
        links_blank=options.blank is Blank.LINK,
        crops=options.crop_to_bounds and not plan.picture,
        picture=plan.picture,
    )


def sample(task: SampleTask) -> dict[int, Density]:
    """Encode some tiles of each stored level that is read.

    Returns:
        Density by published level; levels that were not sampled are left out.

    Raises:
        SourceError: the slide cannot be read.
    """
    with (open_scanned_area if task.crops else open_source)(task.path) as source:
        if task.picture:
            picture = source.read_associated(task.picture)
            return _sample_level(lambda region: _part(picture, region), task, 0)
        found: dict[int, Density] = {}
        for pass_ in task.passes:
            if pass_.stored_level is not None:
                # What a stored level says of its own scale is truer than what a finer one says.
                found.update(_sample_level(_reader(source, pass_), task, pass_.input_level))
        return found


def estimate_bytes(plan: ServicePlan, samples: Mapping[int, Density]) -> int:
    """Estimate the bytes of all tiles and pictures; a level without a sample has the density of the next finer one."""
    exact = plan.copied_bytes
    total = 0.0
    for level in plan.pyramid.levels[:-1]:
        density = density_of(level.index, samples)
        own = level.tile_count * density.share
        # A whole tile, and those that the right edge, the lower edge and both of them cut.
        shared = min(level.tile_count - own, _SHAPES)
        encoded = _bytes(own, level.size.pixels * density.own) + shared * density.shared_bytes
        total += exact.get(level.index) or encoded
    for picture in pictures(plan.pyramid, plan.api):
        total += expected_bytes(plan, picture.size, samples)
    return round(total)


def expected_bytes(plan: ServicePlan, size: Size, samples: Mapping[int, Density]) -> float:
    """Return the estimated bytes of a picture of the whole image."""
    halvings = round(math.log2(plan.pyramid.size.width / size.width))
    return _bytes(1, size.pixels * density_of(halvings, samples).whole)


def _bytes(streams: float, payload: float) -> float:
    return streams * _HEADER_BYTES + payload


def density_of(level: int, samples: Mapping[int, Density]) -> Density:
    """Return the density of a level: its own sample, or that of the next finer level that has one."""
    return samples[max(index for index in samples if index <= level)]


def _reader(source: Source, pass_: Pass) -> Callable[[Region], Pixels]:
    stored = pass_.stored_level or 0
    return lambda region: pad_pixels(source.read(stored, clip(region, pass_.stored_size)), region.size)


def _part(picture: Pixels, region: Region) -> Pixels:
    return picture[region.y : region.y + region.height, region.x : region.x + region.width]


def _sample_level(read: Callable[[Region], Pixels], task: SampleTask, input_level: int) -> dict[int, Density]:
    level = task.pyramid.levels[input_level]
    payload: Counter[int] = Counter()
    area: Counter[int] = Counter()
    tiles: Counter[int] = Counter()
    blank: Counter[int] = Counter()
    blank_payload: Counter[int] = Counter()
    for region in _sampled_tiles(level, task.pyramid.tile_size):
        pixels = read(region)
        for index in range(level.index, level.index + _HALVINGS + 1):
            height, width, _ = pixels.shape
            size = max(0, len(encode(pixels, task.encoding)) - _HEADER_BYTES)
            tiles[index] += 1
            payload[index] += size
            if task.links_blank and blank_colour(pixels) is not None:
                blank[index] += 1
                blank_payload[index] += size
            area[index] += height * width
            pixels = reduce_pixels(pixels, 2)
    return {
        index: Density(
            whole=payload[index] / area[index],
            own=(payload[index] - blank_payload[index]) / area[index],
            share=1 - blank[index] / tiles[index],
            shared_bytes=_HEADER_BYTES + blank_payload[index] / max(1, blank[index]),
        )
        for index in tiles
    }


def _sampled_tiles(level: Level, side: int) -> list[Region]:
    """Choose tiles that are spread evenly over a level."""
    columns, rows = (_spread(count) for count in (level.columns, level.rows))
    width, height = level.size
    return [
        Region(x, y, min(side, width - x), min(side, height - y))
        for y in (row * side for row in rows)
        for x in (column * side for column in columns)
    ]


def _spread(count: int) -> list[int]:
    """Return the middle index of each of a few equal parts."""
    parts = min(count, _GRID)
    return [(2 * part + 1) * count // (2 * parts) for part in range(parts)]
