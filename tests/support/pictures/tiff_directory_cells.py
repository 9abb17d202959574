"""Cells of the grid in TIFF that are about more than samples: orientation, several directories, YCbCr, old tags."""

import functools
import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np
from formats.tiff_files import Directory, Value, write_tiff
from numpy.typing import NDArray
from pictures.cells import Cell, Shown
from pictures.colours import content
from pictures.judging import reduced
from pictures.orientations import ORIENTATIONS, turned
from pictures.painting import WIDTH, as_bytes, painted, painted_grey
from pictures.samples import U1, U8, U16, Sample
from pictures.tiff_layout import DEFLATE, STRIP_ROWS, TILE, Layout, lay_out
from PIL import Image

_SUBFILE, _OLD_SUBFILE, _ORIENTATION, _PHOTOMETRIC = 254, 255, 274, 262
_REDUCED, _PAGE, _MASK = 1, 2, 4
"""Bits of NewSubfileType."""
_TILES, _STRIPS = Layout(tiled=True, compression=DEFLATE), Layout(compression=DEFLATE)
_WAYS = {"tiles": _TILES, "strips": _STRIPS}


def tiff_directory_cells() -> Iterator[Cell]:
    """Return every cell."""
    yield from _turned()
    yield from _directories()
    yield from _ycbcr()
    yield from _palettes()


def _turned() -> Iterator[Cell]:
    for orientation, (way, layout), sample, colour in product(
        ORIENTATIONS, _WAYS.items(), (U8, U16), ("black-is-zero", "rgb")
    ):
        for order in "<>":
            yield Cell(
                f"tiff-directories/turned-{orientation}-{way}-{sample.name}-{colour}-{'im'[order == '>']}.tif",
                f"tiff-directories orientation {way} {sample.name} {colour}",
                functools.partial(
                    _write_turned, made=(colour, sample), orientation=orientation, layout=layout._replace(order=order)
                ),
                functools.partial(_shown, colour, sample),
                frozenset({"orientation"}),
            )


def _write_turned(path: Path, *, made: tuple[str, Sample], orientation: int, layout: Layout) -> object:
    found = content(*made)
    stored = np.ascontiguousarray(turned(found.stored, orientation))
    tags = {**found.tags, _ORIENTATION: orientation}
    return write_tiff(path, [lay_out(stored, made[1], layout, tags)], order=layout.order)


def _shown(colour: str, sample: Sample) -> Sequence[Shown]:
    return content(colour, sample).shown


def _level(scale: int, tags: Mapping[int, Value], layout: Layout, inner: tuple[Directory, ...] = ()) -> Directory:
    pixels = np.rint(reduced(as_bytes(painted()), scale)).astype(np.uint8)
    return lay_out(pixels, U8, layout, {_PHOTOMETRIC: 2, **tags}, inner)


def _mask(scale: int, layout: Layout) -> Directory:
    """Return a mask that hides nothing."""
    size = -(-painted().shape[0] // scale), -(-WIDTH // scale), 1
    kind = _MASK | (_REDUCED if scale > 1 else 0)
    return lay_out(np.ones(size, np.uint8), U1, layout, {_PHOTOMETRIC: 4, _SUBFILE: kind})


def _other_page(layout: Layout, tags: Mapping[int, Value], *, side: int) -> Directory:
    """Return a picture of something else."""
    pixels = np.full((side, side + 10, 3), (200, 60, 90), np.uint8)
    return lay_out(pixels, U8, layout, {_PHOTOMETRIC: 2, **tags})


def _directories() -> Iterator[Cell]:
    for way, layout in _WAYS.items():
        full, half, quarter = (_level(scale, {_SUBFILE: int(scale > 1)}, layout) for scale in (1, 2, 4))
        bare, old = _level(1, {}, layout), _level(4, {_OLD_SUBFILE: 2}, layout)
        thumbnail = _level(4, {_SUBFILE: _REDUCED}, _STRIPS)
        chains: dict[str, list[Directory]] = {
            "levels": [full, half, quarter],
            "levels-ascending": [quarter, half, full],
            "smaller-first": [thumbnail, full],
            "smaller-first-of-levels": [thumbnail, full, half],
            "smaller-second": [full, thumbnail, half],
            "old-smaller-first": [old, _level(1, {_OLD_SUBFILE: 1}, layout)],
            "old-smaller-second": [bare, old],
            "mask": [full, _mask(1, layout)],
            "mask-of-each-level": [full, _mask(1, layout), half, _mask(2, layout)],
            "masks-last": [full, half, _mask(1, layout), _mask(2, layout)],
            "mask-first": [_mask(1, layout), full],
            "one-page": [_level(1, {_SUBFILE: _PAGE}, layout)],
            "reduced-alone": [_level(1, {_SUBFILE: _REDUCED}, layout)],
            "below": [_level(1, {_SUBFILE: 0}, layout, (half, quarter))],
            "full-below": [_level(4, {_SUBFILE: _REDUCED}, layout, (full,))],
            "full-below-smaller-in-strips": [_level(4, {_SUBFILE: _REDUCED}, _STRIPS, (full,))],
        }
        for name, chain in chains.items():
            yield _chain(f"{name}-{way}", chain, [as_bytes(painted())])
        pages = {
            "two-pages": (_PAGE, 90),
            "two-pictures": (0, 90),
            "two-larger": (0, 180),
            "two-pages-larger": (_PAGE, 180),
        }
        for name, (kind, side) in pages.items():
            chain = [_level(1, {_SUBFILE: kind}, layout), _other_page(layout, {_SUBFILE: kind}, side=side)]
            yield _chain(f"{name}-{way}", chain, [as_bytes(painted())], "pages")


def _chain(name: str, chain: list[Directory], shown: Sequence[Shown], told: str = "") -> Cell:
    def write(path: Path) -> object:
        return write_tiff(path, chain)

    causes = frozenset({told} if told else ())
    return Cell(f"tiff-directories/{name}.tif", f"tiff-directories {name}", write, lambda: shown, causes, told)


def _ycbcr() -> Iterator[Cell]:
    """Return YCbCr that is not JPEG (TIFF 6.0, section 21): with chroma for every pixel and for squares of them."""
    for (across, down), (way, layout), order in product(((1, 1), (2, 1), (2, 2)), _WAYS.items(), "<>"):
        for compression in (1, DEFLATE):
            chosen = layout._replace(compression=compression, order=order)
            yield Cell(
                f"tiff-directories/ycbcr-{across}{down}-{chosen.name}.tif",
                f"tiff-directories ycbcr {across}×{down} {way}",
                functools.partial(_write_ycbcr, across=across, down=down, layout=chosen),
                lambda: [as_bytes(_soft())],
                frozenset({"YCbCr"}),
            )


def _soft() -> NDArray[np.float64]:
    """Return a picture without patches: chroma of squares cannot follow their edges at odd places."""
    y, x = np.mgrid[: painted().shape[0], :WIDTH]
    return np.stack([0.2 + 0.6 * x / WIDTH, 0.8 - 0.5 * y / 101, 0.3 + 0.2 * x / WIDTH + 0.2 * y / 101], axis=2)


def _write_ycbcr(path: Path, *, across: int, down: int, layout: Layout) -> object:
    pixels = np.asarray(Image.fromarray(as_bytes(_soft())).convert("YCbCr"))
    tags: dict[int, Value] = {_PHOTOMETRIC: 6, 530: (across, down)}
    if (across, down) == (1, 1):
        return write_tiff(path, [lay_out(pixels, U8, layout, tags)], order=layout.order)
    directory = lay_out(pixels, U8, layout._replace(compression=1), tags)
    height, width, _ = pixels.shape
    step_y, step_x = (TILE, TILE) if layout.tiled else (STRIP_ROWS, width)
    padded = np.pad(pixels, ((0, -height % step_y if layout.tiled else 1), (0, TILE), (0, 0)), mode="edge")
    parts = []
    for y in range(0, height, step_y):
        rows = step_y if layout.tiled else min(step_y, height - y + height % down)
        columns = step_x + (0 if layout.tiled else width % across)
        parts += [padded[y : y + rows, x : x + columns] for x in range(0, width, step_x)]
    packed = [_data_units(part, across, down) for part in parts]
    segments = [zlib.compress(part, 1) for part in packed] if layout.compression == DEFLATE else packed
    return write_tiff(path, [Directory({**directory.tags, 259: layout.compression}, segments)], order=layout.order)


def _data_units(part: NDArray[np.uint8], across: int, down: int) -> bytes:
    """Return squares: their luma, and one sample of each chroma."""
    height, width = part.shape[0] // down * down, part.shape[1] // across * across
    squares = part[:height, :width].reshape(height // down, down, width // across, across, 3).transpose(0, 2, 1, 3, 4)
    luma = squares[..., 0].reshape(*squares.shape[:2], -1)
    chroma = np.rint(squares[..., 1:].astype(np.float64).mean(axis=(2, 3))).astype(np.uint8)
    return np.concatenate([luma, chroma], axis=2).tobytes()


def _palettes() -> Iterator[Cell]:
    """Return a colour map of bytes, as old programs wrote it: none of its numbers is above 255."""
    for way, layout in _WAYS.items():
        yield Cell(
            f"tiff-directories/palette-of-bytes-{way}.tif",
            f"tiff-directories palette of bytes {way}",
            functools.partial(_write_old_palette, layout=layout),
            lambda: [_old_palette()[U8.store(painted_grey())[..., 0]]],
            frozenset({"palette"}),
        )


def _old_palette() -> NDArray[np.uint8]:
    return np.stack([np.arange(256), 255 - np.arange(256) // 2, np.full(256, 70)], axis=1).astype(np.uint8)


def _write_old_palette(path: Path, *, layout: Layout) -> object:
    tags: dict[int, Value] = {_PHOTOMETRIC: 3, 320: tuple(int(value) for value in _old_palette().T.reshape(-1))}
    return write_tiff(path, [lay_out(U8.store(painted_grey()), U8, layout, tags)])
