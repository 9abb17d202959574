"""Periodic textures of stained tissue, made once a process.

A texture repeats without a seam, and its period is a multiple of `BLOCK`, so that a block of the picture is always
one slice of it. The periods differ, so a mixture of textures has a much longer period than each of them.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BLOCK = 256
"""Side in pixels of the squares that a picture is painted in."""

Texture = NDArray[np.uint16]
"""Optical density at each pixel, 0 to 255, shape (period, period).

16 bits wide because it is multiplied by a weight of 0 to 255.
"""


class Textures(NamedTuple):
    """The four textures that are mixed to a picture."""

    fibres: Texture
    """Eosin of connective tissue."""
    cytoplasm: Texture
    """Eosin of glandular tissue."""
    scattered: Texture
    """Haematoxylin of connective tissue: few, long nuclei."""
    crowded: Texture
    """Haematoxylin of glandular tissue: many, round nuclei."""


@lru_cache(maxsize=1)
def make_textures() -> Textures:
    """Make the textures, once a process."""
    random = np.random.default_rng(20)
    fibres, cytoplasm, scattered, crowded = 5 * BLOCK, 2 * BLOCK, 3 * BLOCK, 4 * BLOCK
    return Textures(
        fibres=_fibres(fibres, random),
        cytoplasm=_quantised(52 + 9 * smooth_noise((cytoplasm, cytoplasm), (2, 2), random)),
        scattered=_nuclei(scattered, random, spacing=34, radii=(3.0, 11.0)),
        crowded=_nuclei(crowded, random, spacing=17, radii=(5.5, 8.5)),
    )


def smooth_noise(shape: tuple[int, int], radii: tuple[int, int], random: np.random.Generator) -> NDArray[np.float64]:
    """Make periodic noise of mean 0 and standard deviation 1.

    Args:
        shape: rows and columns of the noise, which are its periods.
        radii: smoothing radii down and across, in pixels.
        random: random generator.
    """
    # Whole numbers throughout, so that the picture is the same on every processor.
    noise = random.integers(0, 256, shape, dtype=np.int32) - 128
    for radius in radii:
        noise = np.ascontiguousarray(noise.T)  # sums along columns are several times slower
        for _ in range(3):  # three boxes are close to a Gaussian
            noise = _box_sum(noise, radius)
        noise >>= max(0, 3 * (2 * radius + 1).bit_length() - 8)
    noise -= int(noise.sum(dtype=np.int64)) // noise.size
    deviation = np.sqrt(int((noise.astype(np.int64) ** 2).sum()) / noise.size)
    smoothed: NDArray[np.float64] = noise / deviation
    return smoothed


def _box_sum(values: NDArray[np.int32], radius: int) -> NDArray[np.int32]:
    """Replace each value by the sum over `radius` neighbours on both sides in its row, around the edge."""
    width, length = 2 * radius + 1, values.shape[1]
    around = np.pad(values, ((0, 0), (radius + 1, radius)), mode="wrap")
    sums = around.cumsum(axis=1, dtype=np.int32)  # may overflow; the difference is correct nevertheless
    difference: NDArray[np.int32] = sums[:, width : width + length] - sums[:, :length]
    return difference


def _quantised(densities: NDArray[np.float64]) -> Texture:
    return np.clip(np.rint(densities), 0, 255).astype(np.uint16)


def _fibres(period: int, random: np.random.Generator) -> Texture:
    """Draw bundles along x, then bend them: each column is shifted by a smooth random field."""
    shape = (period, period)
    bundles = smooth_noise(shape, (3, 30), random) * 17 + smooth_noise(shape, (1, 9), random) * 9
    bend = np.rint(34 * smooth_noise(shape, (60, 50), random)).astype(np.int64)
    rows = (np.arange(period)[:, None] + bend) % period
    grain = smooth_noise(shape, (1, 1), random) * 6
    return _quantised(66 + bundles[rows, np.arange(period)] + grain)


def _nuclei(period: int, random: np.random.Generator, *, spacing: int, radii: tuple[float, float]) -> Texture:
    """Draw ellipses with chromatin, one in each square of `spacing` pixels.

    Args:
        period: side of the texture in pixels.
        random: random generator of shapes and positions.
        spacing: mean distance of nuclei in pixels.
        radii: mean half axes of a nucleus in pixels.
    """
    count = (period // spacing) ** 2
    centres = random.random((2, count)) * period
    half = radii[0] * (0.75 + 0.5 * random.random(count)), radii[1] * (0.75 + 0.5 * random.random(count))
    slope = random.random((2, count)) - 0.5
    along, across = slope / np.sqrt((slope * slope).sum(axis=0) + 1e-9)

    reach = int(1.25 * max(radii)) + 1
    corner = np.floor(centres).astype(np.int64) - reach
    steps = np.arange(2 * reach + 2)
    columns, rows = corner[0][:, None, None] + steps, corner[1][:, None, None] + steps[:, None]
    x, y = columns - centres[0][:, None, None], rows - centres[1][:, None, None]
    u, v = (
        (x * along[:, None, None] + y * across[:, None, None]) / half[0][:, None, None],
        (y * along[:, None, None] - x * across[:, None, None]) / half[1][:, None, None],
    )
    darkness = (0.7 + 0.3 * random.random(count))[:, None, None]
    stamps = np.clip((1.0 - u * u - v * v) * 3.0, 0.0, 1.0) * darkness

    texture = np.zeros(period * period)
    np.maximum.at(texture, (rows % period * period + columns % period).ravel(), stamps.ravel())
    chromatin = 185 + 24 * smooth_noise((period, period), (1, 1), random)
    haze = 14 + 5 * smooth_noise((period, period), (6, 6), random)
    return _quantised(texture.reshape(period, period) * chromatin + haze)
