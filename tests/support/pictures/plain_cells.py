"""Cells of the grid in Netpbm, GIF and BMP."""

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pictures.cells import Cell, Shown
from pictures.colours import Extra, content
from pictures.painting import HEIGHT, WIDTH, as_bytes, on_white, painted, painted_alpha, painted_grey
from pictures.plain_files import Frame, bmp, bmp_of_width, gif, netpbm
from pictures.samples import U1, U4, U8

_LARGEST = (1, 15, 100, 255, 1023, 4095, 65535)


def netpbm_cells() -> Iterator[Cell]:
    """Return the cells in Netpbm: greatest values × bands × digits or bytes."""
    for largest, colour, plain in product(_LARGEST, ("grey", "rgb"), (False, True)):
        if largest == 1 and colour == "rgb":
            continue
        suffix = "pnm" if largest == 1 else "pgm" if colour == "grey" else "ppm"
        levels = painted_grey() if colour == "grey" else painted()
        stored = np.rint(levels * largest).astype(np.int64)
        yield _cell(
            f"netpbm/{colour}-{largest}-{'digits' if plain else 'bytes'}.{suffix}",
            f"netpbm {colour} {largest}",
            netpbm(stored, largest, plain=plain),
            [as_bytes(stored / largest)],
            frozenset({"more bits"} if largest > 255 else ()),
        )


def gif_cells() -> Iterator[Cell]:
    """Return the cells in GIF: frames as large as the canvas and smaller, transparent, interlaced, several."""
    whole = Frame(_indices())
    part = Frame(_indices()[20:80, 30:121], 30, 20)
    holes = Frame(_indices(), transparent=200)
    own = part._replace(palette=_PALETTE[::-1])
    cells = {
        "whole": [whole],
        "interlaced": [whole._replace(interlaced=True)],
        "small": [part],
        "small-interlaced": [part._replace(interlaced=True)],
        "transparent": [holes],
        "small-transparent": [part._replace(transparent=200)],
        "own-palette": [whole._replace(palette=_PALETTE[::-1])],
        "small-own-palette": [own],
        "two-frames": [whole, part._replace(indices=255 - part.indices)],
        "small-first": [part, whole],
    }
    for name, frames in cells.items():
        yield _cell(
            f"gif/{name}.gif",
            f"gif {name}",
            gif(WIDTH, HEIGHT, _PALETTE, frames, _BACKGROUND),
            [_drawn(frames[0], colour) for colour in (_WHITE, _colours(_PALETTE)[_BACKGROUND])],
            frozenset({"frames"} if len(frames) > 1 else ()),
            "frames" if len(frames) > 1 else "",
        )


_BACKGROUND = 40
_WHITE = np.full(3, 255, np.uint8)
_PALETTE = (
    np.stack([np.arange(256), 255 - np.arange(256) // 2, 40 + np.arange(256) // 2], axis=1).astype(np.uint8).tobytes()
)


def _indices() -> NDArray[np.uint8]:
    return U8.store(painted_grey())[..., 0]


def _colours(palette: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(palette, np.uint8).reshape(-1, 3)


def _drawn(frame: Frame, around: NDArray[np.uint8]) -> Shown:
    canvas = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    canvas[:] = around
    rows, columns = frame.indices.shape
    colours = _colours(frame.palette or _PALETTE)[frame.indices]
    place = canvas[frame.top : frame.top + rows, frame.left : frame.left + columns]
    seen = frame.indices != frame.transparent
    place[seen] = colours[seen]
    return canvas


def bmp_cells() -> Iterator[Cell]:
    """Return the cells in BMP: bits a pixel, palettes, rows from the top, alpha."""
    grey, colours = painted_grey(), as_bytes(painted())
    for sample in (U1, U4, U8):
        stored = sample.store(grey)
        rows = np.frombuffer(sample.pack(stored, "<"), np.uint8).reshape(HEIGHT, -1)
        table = content("palette", sample, Extra("plain", ())).tags[320]
        palette = np.rint(np.array(table).reshape(3, -1).T / 257).astype(np.uint8)
        entries = np.pad(palette[:, ::-1], ((0, 0), (0, 1))).tobytes()
        made = bmp_of_width(rows, WIDTH, sample.bits, entries)
        yield _cell(f"bmp/palette-{sample.name}.bmp", f"bmp palette {sample.name}", made, [palette[stored[..., 0]]])
    blue_first = colours[..., ::-1].reshape(HEIGHT, -1)
    yield _cell("bmp/rgb24.bmp", "bmp 24 bits", bmp_of_width(blue_first, WIDTH, 24), [colours])
    made = bmp_of_width(blue_first, WIDTH, 24, top_down=True)
    yield _cell("bmp/rgb24-top-down.bmp", "bmp 24 bits", made, [colours])
    alpha = U8.store(painted_alpha())
    four = np.concatenate([colours[..., ::-1], alpha], axis=2).reshape(HEIGHT, -1)
    shown = [as_bytes(on_white(painted(), alpha / 255)), colours]
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    yield _cell("bmp/rgba32.bmp", "bmp 32 bits with alpha", bmp(four, 32, masks=masks), shown)
    yield _cell("bmp/rgbx32.bmp", "bmp 32 bits", bmp(four, 32), [colours])
    red, green, blue = (np.rint(painted()[..., band] * 31).astype(np.uint16) for band in range(3))
    short = (red << 10 | green << 5 | blue).astype("<u2").view(np.uint8).reshape(HEIGHT, -1)
    five = np.stack([red, green, blue], axis=2) / 31
    yield _cell("bmp/rgb16.bmp", "bmp 16 bits", bmp(short, 16), [as_bytes(five)])


def _cell(
    name: str,
    kind: str,
    content_: bytes,
    shown: Sequence[Shown],
    causes: frozenset[str] = frozenset(),
    told: str = "",
) -> Cell:
    def write(path: Path) -> object:
        return path.write_bytes(content_)

    return Cell(name, kind, write, lambda: shown, causes, told)
