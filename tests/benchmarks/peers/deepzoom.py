"""OpenSlide's DeepZoomGenerator, written as well as it can be: one pool of processes for all slides.

Run as `deepzoom.py TILE_SIZE QUALITY PROCESSES SLIDE OUT [SLIDE OUT …]`. Each process opens a slide once. It
writes Deep Zoom's layout, which has one folder a level and so costs the file system less than IIIF's.
"""

import functools
import multiprocessing
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import openslide
from openslide.deepzoom import DeepZoomGenerator

_PIECE = 32
"""Tiles of a task: enough that handing tasks out costs nothing, few enough that no process is idle at the end."""


class Setting(NamedTuple):
    """One slide and how it is exported."""

    slide: str
    out: Path
    tile_size: int
    quality: int


class Piece(NamedTuple):
    """A run of tiles in one row of a level."""

    setting: Setting
    level: int
    row: int
    columns: range


@functools.lru_cache(maxsize=2)
def generator_of(setting: Setting) -> Any:
    """Open a slide for tiles without overlap, or give the one that this process has open."""
    return DeepZoomGenerator(openslide.open_slide(setting.slide), setting.tile_size, overlap=0)


def write_piece(piece: Piece) -> None:
    """Write the tiles of one task."""
    generator = generator_of(piece.setting)
    folder = piece.setting.out / str(piece.level)
    for column in piece.columns:
        tile = generator.get_tile(piece.level, (column, piece.row))
        tile.save(folder / f"{column}_{piece.row}.jpeg", quality=piece.setting.quality)


def pieces(setting: Setting) -> Iterator[Piece]:
    """Cut a slide into tasks, the finest level first so that the longest work does not come last."""
    level_tiles = generator_of(setting).level_tiles
    for level in reversed(range(len(level_tiles))):
        (setting.out / str(level)).mkdir(parents=True)
        columns, rows = level_tiles[level]
        for row in range(rows):
            for first in range(0, columns, _PIECE):
                yield Piece(setting, level, row, range(first, min(first + _PIECE, columns)))


def main() -> None:
    """Export all slides."""
    tile_size, quality, processes, *pairs = sys.argv[1:]
    settings = [
        Setting(slide, Path(out), int(tile_size), int(quality))
        for slide, out in zip(pairs[::2], pairs[1::2], strict=True)
    ]
    context = multiprocessing.get_context("spawn")
    with context.Pool(int(processes)) as pool:
        tasks = (piece for setting in settings for piece in pieces(setting))
        for _ in pool.imap_unordered(write_piece, tasks):
            pass
        pool.close()
        pool.join()


if __name__ == "__main__":
    main()
