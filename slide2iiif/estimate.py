"""How many bytes a slide will take, from a sample of its tiles."""

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
from slide2iiif.sources import open_source
from slide2iiif.sources.base import Source

_GRID = 6
"""Patches along each side of a level: 36 in all."""

_HALVINGS = 2
"""How often a patch is reduced, to sample the levels that are made from the same input."""


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


def sample(task: SampleTask) -> dict[int, float]:
    """Encode a grid of patches from each stored level that is read.

    Returns:
        Bytes a pixel by published level; levels that were not sampled are left out.

    Raises:
        SourceError: the slide cannot be read.
    """
    with open_source(task.path) as source:
        found: dict[int, float] = {}
        for pass_ in task.passes:
            if pass_.stored_level is not None:
                for level, density in _sample_level(source, task, pass_).items():
                    found.setdefault(level, density)
        return found


def estimate_bytes(plan: SlidePlan, samples: Mapping[int, float]) -> int:
    """Add up the bytes of all tiles and pictures; a level without a sample has the density of the next finer one."""
    below_top = plan.pyramid.levels[:-1]
    exact = _copied_bytes(plan)
    tiles = sum(exact.get(level.index) or level.size.pixels * _density(level.index, samples) for level in below_top)
    coarsest = _density(len(plan.pyramid.levels), samples)
    whole = sum(picture.size.pixels for picture in pictures(plan.pyramid, plan.api))
    return round(tiles + whole * coarsest)


def _copied_bytes(plan: SlidePlan) -> dict[int, int]:
    """Add up the stored bytes of levels that are copied."""
    found: dict[int, int] = {}
    for pass_ in plan.passes:
        jpeg = plan.description.levels[pass_.stored_level].jpeg if pass_.stored_level is not None else None
        if pass_.copies and jpeg is not None:
            found[pass_.input_level] = jpeg.stored_bytes
    return found


def _density(level: int, samples: Mapping[int, float]) -> float:
    return samples[max(index for index in samples if index <= level)]


def _sample_level(source: Source, task: SampleTask, pass_: Pass) -> dict[int, float]:
    level = task.pyramid.levels[pass_.input_level]
    stored = pass_.stored_level or 0
    densities: dict[int, list[float]] = {}
    for region in _patches(level, task.pyramid.tile_size):
        pixels = pad_pixels(source.read(stored, clip(region, pass_.stored_size)), region.size)
        for index in range(level.index, level.index + _HALVINGS + 1):
            height, width, _ = pixels.shape
            stream = encode(pixels, task.encoding)
            densities.setdefault(index, []).append(len(stream) / (height * width))
            pixels = reduce_pixels(pixels, 2)
    return {index: sum(found) / len(found) for index, found in densities.items()}


def _patches(level: Level, side: int) -> list[Region]:
    """Spread patches of a tile's size evenly over a level."""
    width, height = min(side, level.size.width), min(side, level.size.height)
    across = {(level.size.width - width) * step // (_GRID - 1) for step in range(_GRID)}
    down = {(level.size.height - height) * step // (_GRID - 1) for step in range(_GRID)}
    return [Region(x, y, width, height) for y in sorted(down) for x in sorted(across)]
