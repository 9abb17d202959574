"""The picture that every file of the grid shows, as numbers from 0 to 1: true by construction.

Smooth slopes that differ from place to place, and patches whose edges lie on multiples of eight pixels, so that every
way of averaging squares agrees and JPEG keeps all of it well.
"""

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

Levels = NDArray[np.float64]
"""From 0, dark, to 1, bright; shape (height, width, bands)."""

WIDTH, HEIGHT = 149, 101
"""No multiple of any tile."""

_PATCHES = (
    (8, 8, (1.0, 1.0, 1.0)),
    (32, 8, (0.0, 0.0, 0.0)),
    (56, 8, (0.75, 0.25, 0.3)),
    (8, 32, (0.25, 0.65, 0.3)),
    (80, 40, (0.25, 0.3, 0.7)),
    (104, 64, (0.5, 0.5, 0.5)),
    (32, 72, (0.7, 0.65, 0.25)),
    (120, 16, (0.2, 0.45, 0.5)),
)
_SIDE = 16


def frozen(values: NDArray[Any]) -> NDArray[Any]:
    """Return values that nobody can change, because they are shared."""
    values.flags.writeable = False
    return values


@functools.cache
def painted() -> Levels:
    """Return the picture in colour, three bands."""
    x, y = np.meshgrid(np.linspace(0, 1, WIDTH), np.linspace(0, 1, HEIGHT))
    values = np.stack([0.2 + 0.6 * x, 0.75 - 0.5 * y, 0.3 + 0.4 * (x + y) / 2], axis=-1)
    for left, top, colour in _PATCHES:
        values[top : top + _SIDE, left : left + _SIDE] = colour
    return frozen(values)


@functools.cache
def painted_grey() -> Levels:
    """Return the picture in grey, one band."""
    return frozen(painted() @ np.array([[0.5], [0.3], [0.2]]))


@functools.cache
def painted_alpha() -> Levels:
    """Return how opaque the picture is, one band: all of the range, with a patch of each end."""
    x, y = np.meshgrid(np.linspace(0, 1, WIDTH), np.linspace(0, 1, HEIGHT))
    values = 1 - 0.8 * (1 - x) * y
    values[40:64, 32:56] = 0
    values[8:24, 8:48] = 1
    return frozen(values[..., None])


@functools.cache
def painted_extra() -> Levels:
    """Return a band that is no colour, such as a spot ink or a selection: it crosses all the others."""
    x, y = np.meshgrid(np.linspace(0, 1, WIDTH), np.linspace(0, 1, HEIGHT))
    return frozen((((x * 4).astype(int) + (y * 3).astype(int)) % 2).astype(float)[..., None])


def on_white(colours: Levels, alpha: Levels) -> Levels:
    """Return colours as they show before white."""
    return np.asarray(colours * alpha + 1 - alpha)


def as_bytes(values: Levels) -> NDArray[np.uint8]:
    """Return 8 bits a sample of one or three bands, as three."""
    eight = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return eight if eight.shape[2] == 3 else np.repeat(eight, 3, axis=2)
