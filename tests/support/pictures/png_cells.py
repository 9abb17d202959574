"""Cells of the grid in PNG: depths × colour types × transparency × profile × interlacing."""

import functools
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pictures.cells import Cell, Shown
from pictures.colours import NO_EXTRA, Extra, content
from pictures.painting import frozen
from pictures.png_files import GREY, GREY_ALPHA, PALETTE, RGB, RGBA, Png, write_png
from pictures.profiles import PROFILES, profile_of
from pictures.samples import U1, U2, U4, U8, U16, Sample

_ALPHA = Extra("alpha", (2,))
_KINDS = {
    "grey": (GREY, "black-is-zero", NO_EXTRA, (U1, U2, U4, U8, U16)),
    "rgb": (RGB, "rgb", NO_EXTRA, (U8, U16)),
    "palette": (PALETTE, "palette", NO_EXTRA, (U1, U2, U4, U8)),
    "grey-alpha": (GREY_ALPHA, "black-is-zero", _ALPHA, (U8, U16)),
    "rgba": (RGBA, "rgb", _ALPHA, (U8, U16)),
}
_KEY = (72, 112)
"""Row and column of a pixel in a patch, whose colour is taken for transparent."""


def png_cells() -> Iterator[Cell]:
    """Return every cell."""
    for kind, profile, interlaced in product(_KINDS, ("", *PROFILES), (False, True)):
        for sample in _KINDS[kind][3]:
            for keyed in (False, True)[: 2 - ("alpha" in kind or kind == "rgba")]:
                yield _cell(kind, sample, profile, keyed=keyed, interlaced=interlaced)


def _cell(kind: str, sample: Sample, profile: str, *, keyed: bool, interlaced: bool) -> Cell:
    words = [sample.name, kind, *["transparent"] * keyed, *[f"{profile} profile"] * bool(profile)]
    way = "interlaced" if interlaced else "rows"

    def write(path: Path) -> object:
        colour_type, colour, extra, _ = _KINDS[kind]
        made = content(colour, sample, extra)
        return write_png(
            path,
            Png(
                made.stored,
                sample,
                colour_type,
                profile_of(profile) if profile else b"",
                _palette(made.tags[320]) if kind == "palette" else b"",
                _transparent(kind, made.stored, sample) if keyed else b"",
                interlaced,
            ),
        )

    return Cell(
        f"png/{'-'.join(words).replace(' ', '-')}-{way}.png",
        " ".join(["png", *words]),
        write,
        lambda: _shown(kind, sample, profile, keyed=keyed),
    )


def _palette(colour_map: Any) -> bytes:
    return np.rint(np.array(colour_map).reshape(3, -1).T / 257).astype(np.uint8).tobytes()


def _alphas(sample: Sample) -> NDArray[np.uint8]:
    """Return how opaque the entries of a palette are."""
    return np.linspace(0, 255, 2**sample.bits).astype(np.uint8)


def _transparent(kind: str, stored: NDArray[Any], sample: Sample) -> bytes:
    return _alphas(sample).tobytes() if kind == "palette" else stored[_KEY].astype(">u2").tobytes()


@functools.cache
def _shown(kind: str, sample: Sample, profile: str, *, keyed: bool) -> tuple[Shown, ...]:
    _, colour, extra, _ = _KINDS[kind]
    made = content(colour, sample, extra, profile)
    if not keyed:
        return made.shown
    if kind == "palette":
        alpha = _alphas(sample)[made.stored] / 255
    else:
        alpha = 1.0 - (made.stored == made.stored[_KEY]).all(axis=2, keepdims=True)
    blended = [np.rint(shown * alpha + 255 * (1 - alpha)).astype(np.uint8) for shown in made.shown]
    return tuple(frozen(each) for each in blended)
