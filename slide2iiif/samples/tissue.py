"""Painted tissue: haematoxylin and eosin on a glass slide.

Two stains absorb light, each with its own spectrum (Beer-Lambert law). Their densities at a pixel are mixed from a
few periodic textures, weighted by slowly varying fields: tissue or glass, glandular or connective. The fields are
computed on a lattice and interpolated in integers. So a pixel depends on its position, the size of the slide and the
seed alone, not on the requested region.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from slide2iiif.geometry import Region, Size, ceil_div
from slide2iiif.samples.textures import BLOCK, Texture, make_textures, smooth_noise

Pixels = NDArray[np.uint8]
"""Red, green, blue, shape (height, width, 3)."""

_LATTICE = 16
"""Distance of lattice points in pixels: the largest interpolated value, 255 · 16 · 16, fits in 16 bits."""

_GLASS = (243.0, 242.0, 245.0)
"""Red, green, blue of empty glass."""
_HAEMATOXYLIN = (0.650, 0.704, 0.286)
_EOSIN = (0.090, 0.860, 0.400)
_DENSITY_STEP = 1 / 250
"""Optical density of one step of a texture."""
_FILM = 2
"""Tissue density on empty glass, of 255: barely visible dirt, so that empty tiles have different bytes."""


class _Ellipse(NamedTuple):
    """A piece of tissue, in full-resolution pixels."""

    x: float
    y: float
    half_width: float
    half_height: float


class _Scene(NamedTuple):
    """Layout of a slide, derived from its size and seed."""

    pieces: tuple[_Ellipse, ...]
    waviness: float
    """Deviation of the outline from the ellipses; 1 for a large slide."""
    shift: tuple[int, int]
    """Blocks from the origin of the textures to that of the slide, in x and y."""


def tissue(region: Region, size: Size, seed: int = 0) -> Pixels:
    """Paint a region of a slide.

    Args:
        region: region to paint, in full-resolution pixels, within the slide.
        size: full-resolution size of the slide; the tissue is laid out to fill it.
        seed: another seed is another slide.

    Returns:
        Pixels of shape (height, width, 3): red, green, blue. A region equals the crop of the whole slide.

    Raises:
        ValueError: the region is empty or leaves the slide.
    """
    x, y, width, height = region
    if min(x, y) < 0 or min(width, height) < 1 or x + width > size.width or y + height > size.height:
        raise ValueError(f"no tissue at {region} of a slide of {size} pixels")
    scene = _scene(size, seed)
    pixels = np.empty((height, width, 3), np.uint8)
    for row in range(y // BLOCK, ceil_div(y + height, BLOCK)):
        top, bottom = max(y, row * BLOCK), min(y + height, (row + 1) * BLOCK)
        for column in range(x // BLOCK, ceil_div(x + width, BLOCK)):
            left, right = max(x, column * BLOCK), min(x + width, (column + 1) * BLOCK)
            part = Region(left, top, right - left, bottom - top)
            pixels[top - y : bottom - y, left - x : right - x] = _paint(part, scene)
    return pixels


@lru_cache(maxsize=64)
def _scene(size: Size, seed: int) -> _Scene:
    """Lay out two or three overlapping pieces and choose where the textures begin."""
    random = np.random.default_rng(seed)
    pieces = []
    for _ in range(3):
        x, y, half_width, half_height = random.random(4)
        pieces.append(
            _Ellipse(
                x=size.width * (0.30 + 0.40 * x),
                y=size.height * (0.34 + 0.32 * y),
                half_width=size.width * (0.20 + 0.12 * half_width),
                half_height=size.height * (0.20 + 0.16 * half_height),
            )
        )
    shift_x, shift_y = random.integers(0, 1 << 20, 2)
    return _Scene(tuple(pieces), min(1.0, min(size) / 3000), (int(shift_x), int(shift_y)))


def _paint(region: Region, scene: _Scene) -> Pixels:
    """Paint a region that lies within one block."""
    density, glandular = _fields(region, scene)
    textures = make_textures()
    fibres, cytoplasm, scattered, crowded = (_slice(texture, region, scene) for texture in textures)
    fibrous = 255 - glandular
    # Weights add up to 255, so sums of products stay within 255 · 255 and fit 16 bits.
    eosin = (fibres * fibrous + cytoplasm * glandular) >> 8
    haematoxylin = (scattered * fibrous + crowded * glandular) >> 8
    eosin = (eosin * density) >> 8
    haematoxylin = (haematoxylin * density) & 0xFF00
    pixels: Pixels = _colours().take(haematoxylin | eosin, axis=0)
    return pixels


def _slice(texture: Texture, region: Region, scene: _Scene) -> Texture:
    period = len(texture)
    x, y = (region.x + scene.shift[0] * BLOCK) % period, (region.y + scene.shift[1] * BLOCK) % period
    return texture[y : y + region.height, x : x + region.width]


def _fields(region: Region, scene: _Scene) -> tuple[Texture, Texture]:
    """Compute the tissue density and the glandular share of each pixel, both 0 to 255."""
    columns = np.arange(region.x // _LATTICE, ceil_div(region.x + region.width, _LATTICE) + 1)
    rows = np.arange(region.y // _LATTICE, ceil_div(region.y + region.height, _LATTICE) + 1)
    inside = _inside(columns * _LATTICE, rows * _LATTICE, scene)
    glands, variety = (
        noise[
            np.ix_(
                (rows + scene.shift[1] * (BLOCK // _LATTICE)) % len(noise),
                (columns + scene.shift[0] * (BLOCK // _LATTICE)) % len(noise),
            )
        ]
        for noise in _slow_noise()
    )
    piece = np.clip(128 + 5 * (inside + scene.waviness * (90 * variety + 30 * glands)), 0, 255)
    ring = glands + 0.35 * variety
    lumen = np.clip(900 * (ring - 1.45), 0, 255)
    density = piece * (1 - lumen / 255) * (0.86 + 0.05 * np.clip(variety, -2, 2))
    glandular = np.clip(900 * (ring - 0.55), 0, 255)
    offset = region.x % _LATTICE, region.y % _LATTICE
    return (
        _interpolate(np.maximum(density, _FILM), offset, region.size),
        _interpolate(glandular, offset, region.size),
    )


def _inside(x: NDArray[np.int64], y: NDArray[np.int64], scene: _Scene) -> NDArray[np.float64]:
    """Compute the depth of points in tissue: approximate distance to the outline in pixels, negative outside.

    Args:
        x: columns of the points, shape (columns,).
        y: rows of the points, shape (rows,).
        scene: layout of the slide.

    Returns:
        Shape (rows, columns).
    """
    depths = []
    for piece in scene.pieces:
        across, down = (x - piece.x) / piece.half_width, (y - piece.y) / piece.half_height
        unit = min(piece.half_width, piece.half_height) / 2
        depths.append(unit * ((1 - down * down)[:, None] - across * across))
    depth: NDArray[np.float64] = np.maximum.reduce(depths)
    return depth


@lru_cache(maxsize=1)
def _slow_noise() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Make the noise of the glands, and the slower noise that varies over the slide."""
    random = np.random.default_rng(21)
    return smooth_noise((272, 272), (3, 3), random), smooth_noise((464, 464), (14, 14), random)


def _interpolate(lattice: NDArray[np.float64], offset: tuple[int, int], size: Size) -> Texture:
    """Interpolate lattice values of 0 to 255 linearly, and cut the region out.

    Args:
        lattice: values, shape (rows, columns).
        offset: pixels from the first lattice point to the region, in x and y.
        size: pixels of the region.
    """
    points = np.rint(lattice).astype(np.uint16)
    near = np.arange(_LATTICE, 0, -1, dtype=np.uint16)
    far = np.arange(_LATTICE, dtype=np.uint16)
    rows, columns = points.shape
    wide: Texture = points[:, :-1, None] * near + points[:, 1:, None] * far
    wide = wide.reshape(rows, 1, (columns - 1) * _LATTICE)[:, :, offset[0] : offset[0] + size.width]
    tall: Texture = (wide[:-1] * near[:, None] + wide[1:] * far[:, None]).reshape((rows - 1) * _LATTICE, size.width)
    return np.right_shift(tall[offset[1] : offset[1] + size.height], 8, dtype=np.uint16)


@lru_cache(maxsize=1)
def _colours() -> Pixels:
    """Tabulate the colour of each pair of densities: haematoxylin in the upper byte, eosin in the lower."""
    densities = np.arange(256) * _DENSITY_STEP
    blue = densities[:, None, None] * np.array(_HAEMATOXYLIN)
    pink = densities[None, :, None] * np.array(_EOSIN)
    light: NDArray[np.float64] = np.array(_GLASS) * 10.0 ** -(blue + pink)
    return np.rint(light).astype(np.uint8).reshape(-1, 3)
