"""How many bytes a slide will take, from a sample of its tiles."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from slide2iiif.blocks import Pass
from slide2iiif.geometry import Region
from slide2iiif.iiif.uris import pictures
from slide2iiif.inputs import clip, pad_pixels, reduce_pixels
from slide2iiif.jpeg import Encoding, encode
from slide2iiif.plan import SlidePlan
from slide2iiif.pyramid import Level, Pyramid
from slide2iiif.sources import open_scanned_area, open_source
from slide2iiif.sources.base import Source

_GRID = 8
"""Tiles along each side of a level that are encoded for the estimate: 64 in all, or all there are."""

_HALVINGS = 3
"""How often such a tile is reduced, to sample the levels that are made from the same input."""

_HEADER_BYTES = 623
"""What a JPEG stream takes before its first pixel, and after the last: tables and markers."""


@dataclass(frozen=True, slots=True)
class SampleTask:
    """A slide to sample."""

    path: Path
    """The slide file."""
    pyramid: Pyramid
    """The published levels."""
    passes: tuple[Pass, ...]
    """How they are made."""
    encoding: Encoding
    """How tiles are encoded."""
    crops: bool = False
    """Whether the slide is cut down to its scanned area."""


def sample(task: SampleTask) -> dict[int, float]:
    """Encode some tiles of each stored level that is read.

    Returns:
        Bytes a pixel, headers apart, by published level; levels that were not sampled are left out.

    Raises:
        SourceError: the slide cannot be read.
    """
    with (open_scanned_area if task.crops else open_source)(task.path) as source:
        found: dict[int, float] = {}
        for pass_ in task.passes:
            if pass_.stored_level is not None:
                # What a stored level says of its own scale is truer than what a finer one says.
                found.update(_sample_level(source, task, pass_))
        return found


def estimate_bytes(plan: SlidePlan, samples: Mapping[int, float]) -> int:
    """Add up the bytes of all tiles and pictures; a level without a sample has the density of the next finer one."""
    exact = plan.copied_bytes
    total = 0.0
    for level in plan.pyramid.levels[:-1]:
        total += exact.get(level.index) or _bytes(level.tile_count, level.size.pixels * _density(level.index, samples))
    for picture in pictures(plan.pyramid, plan.api):
        halvings = round(math.log2(plan.pyramid.size.width / picture.size.width))
        total += _bytes(1, picture.size.pixels * _density(halvings, samples))
    return round(total)


def _bytes(streams: int, payload: float) -> float:
    return streams * _HEADER_BYTES + payload


def _density(level: int, samples: Mapping[int, float]) -> float:
    return samples[max(index for index in samples if index <= level)]


def _sample_level(source: Source, task: SampleTask, pass_: Pass) -> dict[int, float]:
    level = task.pyramid.levels[pass_.input_level]
    stored = pass_.stored_level or 0
    payload: Counter[int] = Counter()
    area: Counter[int] = Counter()
    for region in _sampled_tiles(level, task.pyramid.tile_size):
        pixels = pad_pixels(source.read(stored, clip(region, pass_.stored_size)), region.size)
        for index in range(level.index, level.index + _HALVINGS + 1):
            height, width, _ = pixels.shape
            payload[index] += max(0, len(encode(pixels, task.encoding)) - _HEADER_BYTES)
            area[index] += height * width
            pixels = reduce_pixels(pixels, 2)
    return {index: payload[index] / area[index] for index in payload}


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
    """Take one place from the middle of each of a few equal parts."""
    parts = min(count, _GRID)
    return [(2 * part + 1) * count // (2 * parts) for part in range(parts)]
