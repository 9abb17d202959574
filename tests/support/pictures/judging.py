"""What was published of the grid, compared with what it shows: every level, every edge."""

import functools
import io
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from pictures.cells import CAUSES, Cell, Shown
from PIL import Image, ImageCms

MEAN, MOST, EDGE = 2.5, 56, 5
"""How far an honest JPEG of quality 95 with full colour may be away: on average, at any place, along an edge."""


class Verdict(NamedTuple):
    """What became of a cell."""

    cell: Cell
    """Which."""
    fault: str
    """Why it is wrong; empty where it is right, or refused with the true reason."""
    is_refused: bool
    """Whether it was refused."""


def judge(cell: Cell, record: dict[str, Any], tree: Path) -> Verdict:
    """Judge what was published of a cell, or why it was not."""
    if record["status"] != "exported":
        reason = record["reason"]
        return Verdict(cell, "" if cell.is_true_reason(reason) else f"refused: {reason}", is_refused=True)
    if cell.told and not re.search(CAUSES[cell.told], record["note"]):
        return Verdict(cell, f"published without a word of its {cell.told}", is_refused=False)
    faults = [_compare(tree / cell.name, shown) for shown in cell.show()]
    return Verdict(cell, "" if "" in faults else "published wrong: " + " / ".join(faults), is_refused=False)


def _compare(slide: Path, shown: Shown) -> str:
    """Say how a slide differs from a picture; nothing where it does not."""
    document = json.loads((slide / "info.json").read_bytes())
    height, width, _ = shown.shape
    if (document["width"], document["height"]) != (width, height):
        return f"{document['width']}×{document['height']} instead of {width}×{height}"
    [tiles] = document["tiles"]
    for scale in tiles["scaleFactors"]:
        fault = difference(stitch(slide, width, height, tiles["width"], scale), reduced(shown, scale))
        if fault:
            return f"scale {scale}: {fault}"
    return ""


def stitch(slide: Path, width: int, height: int, side: int, scale: int) -> Shown:
    """Put the tiles of a level together, as sRGB, as a browser that manages colours shows them."""
    level = np.zeros((-(-height // scale), -(-width // scale), 3), np.uint8)
    step = side * scale
    for y in range(0, height, step):
        for x in range(0, width, step):
            region_width, region_height = min(step, width - x), min(step, height - y)
            size = -(-region_width // scale)
            content = (slide / f"{x},{y},{region_width},{region_height}/{size},/0/default.jpg").read_bytes()
            tile = simplejpeg.decode_jpeg(content)
            level[y // scale : y // scale + tile.shape[0], x // scale : x // scale + tile.shape[1]] = _managed(
                tile, content, slide
            )
    return level


def _managed(tile: Shown, content: bytes, slide: Path) -> Shown:
    beside = slide / "profile.icc"
    profile = beside.read_bytes() if beside.is_file() else b""
    if b"ICC_PROFILE" in content:
        with Image.open(io.BytesIO(content)) as image:
            profile = image.info["icc_profile"]
    return through_profile(tile, profile) if profile else tile


def through_profile(pixels: NDArray[np.uint8], profile: bytes, mode: str = "RGB") -> Shown:
    """Return pixels of a profile as sRGB."""
    return np.asarray(ImageCms.applyTransform(Image.fromarray(pixels, mode), _transform(profile, mode)))


@functools.lru_cache(maxsize=32)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform:
    srgb = ImageCms.createProfile("sRGB")
    return ImageCms.buildTransform(io.BytesIO(profile), srgb, mode, "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC)


def reduced(shown: Shown, scale: int) -> NDArray[np.float64]:
    """Average squares; those at the right and bottom edges may be smaller."""
    height, width, _ = shown.shape
    rows, columns = np.arange(0, height, scale), np.arange(0, width, scale)
    sums = np.add.reduceat(np.add.reduceat(shown.astype(np.float64), rows, axis=0), columns, axis=1)
    counts = np.outer(np.diff([*rows, height]), np.diff([*columns, width]))
    return np.asarray(sums / counts[..., None])


def difference(found: NDArray[Any], expected: NDArray[Any]) -> str:
    """Say how far two pictures are apart; nothing where it is no more than JPEG explains."""
    if found.shape != expected.shape:
        return f"shape {found.shape} instead of {expected.shape}"
    far = np.abs(found.astype(np.float64) - expected)
    edges = {"top": far[0], "bottom": far[-1], "left": far[:, 0], "right": far[:, -1]}
    worst = max(edges, key=lambda name: float(edges[name].mean()))
    if far.mean() > MEAN:
        return f"{far.mean():.0f} away on average"
    if edges[worst].mean() > EDGE:
        return f"{edges[worst].mean():.0f} away along the {worst} edge"
    return f"{far.max():.0f} away at most" if far.max() > MOST else ""
