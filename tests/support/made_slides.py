"""Slides made in a moment, for tests that need no real one."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def write_synthetic(path: Path, width: int, height: int) -> Path:
    """Write a slide that computes its pixels, folders included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"width": width, "height": height}), encoding="ascii")
    return path


def write_endless(path: Path) -> Path:
    """Write a slide of which an export takes longer than any test, on the fastest machine and beside the busiest."""
    return write_synthetic(path, 400_000, 400_000)


def smooth_pixels(width: int, height: int) -> NDArray[np.uint8]:
    """Pixels that differ everywhere, are not symmetric, and survive JPEG well. Shape (height, width, 3)."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    bands = (128 + 100 * np.sin(x / 40), 128 + 90 * np.sin(y / 55 + 1), 128 + 80 * np.sin((x + 2 * y) / 90))
    return np.stack(bands, axis=-1).astype(np.uint8)


def write_image(path: Path, width: int = 300, height: int = 200, **save: Any) -> Path:
    """Write an ordinary image in the format of its suffix, folders included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(smooth_pixels(width, height)).save(path, **save)
    return path
