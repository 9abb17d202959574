"""What other programs show of a picture: Pillow and ImageMagick, both on white, upright, as sRGB."""

import io
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyvips
from pictures.cells import Shown
from pictures.judging import through_profile
from pictures.painting import as_bytes, on_white
from PIL import Image, ImageCms, ImageOps

_SECONDS = 60


def pillow_shows(path: Path) -> Iterator[Shown]:
    """Return what Pillow shows, with the profile of the file and without it; nothing where it cannot."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as opened:
                opened.load()
                image = ImageOps.exif_transpose(opened)
    except Exception:  # noqa: BLE001 - a reader of hostile files raises anything
        return
    profile = opened.info.get("icc_profile") or b""
    if image.mode.startswith("I;16"):
        yield as_bytes(np.asarray(image, np.float64)[..., None] / 65535)
        return
    if image.mode in {"I", "F"}:
        return
    rgba = np.asarray(image.convert("RGBA"), np.float64) / 255
    yield as_bytes(on_white(rgba[..., :3], rgba[..., 3:]))
    if image.mode == "CMYK":
        # Inks without a profile have no one colour; libvips takes them for those of a common press.
        inks = pyvips.Image.new_from_array(np.asarray(image), interpretation="cmyk")
        yield np.asarray(inks.colourspace("srgb").numpy())
    if profile:
        yield from _managed(image, profile, rgba[..., 3:])


def _managed(image: Image.Image, profile: bytes, alpha: np.ndarray) -> Iterator[Shown]:
    mode = {"L": "L", "LA": "L", "1": "L", "CMYK": "CMYK"}.get(image.mode, "RGB")
    try:
        shown = through_profile(np.asarray(image.convert(mode)), profile, mode)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return
    yield as_bytes(on_white(shown / 255, alpha))


def magick_shows(path: Path) -> Shown | None:
    """Return what ImageMagick shows; nothing where it cannot, or warns."""
    show = ["-auto-orient", "-background", "white", "-alpha", "remove", "-alpha", "off", "-colorspace", "sRGB"]
    try:
        done = subprocess.run(
            ["convert", f"{path}[0]", *show, "-depth", "8", "ppm:-"],
            capture_output=True,
            check=False,
            timeout=_SECONDS,
        )
        if done.returncode or done.stderr:
            return None
        with Image.open(io.BytesIO(done.stdout)) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, subprocess.TimeoutExpired):
        return None
