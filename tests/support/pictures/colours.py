"""Kinds of colours: what is stored of the painted picture in each, and what that shows."""

import functools
from typing import Any, NamedTuple

import numpy as np
import pyvips
from formats.tiff_files import Value
from numpy.typing import NDArray
from pictures.cells import Shown
from pictures.judging import through_profile
from pictures.painting import (
    Levels,
    as_bytes,
    frozen,
    on_white,
    painted,
    painted_alpha,
    painted_extra,
    painted_grey,
)
from pictures.profiles import RGB_PROFILES, profile_of
from pictures.samples import Sample
from PIL import Image, ImageCms

GREYS = ("white-is-zero", "black-is-zero")
PHOTOMETRICS = {"white-is-zero": 0, "black-is-zero": 1, "rgb": 2, "palette": 3, "cmyk": 5, "cielab": 8, "icclab": 9}
"""As the tag has them."""


class Extra(NamedTuple):
    """Bands beyond the colours."""

    name: str
    """As cells are named."""
    codes: tuple[int, ...]
    """As ExtraSamples has them: 0 not said, 1 associated alpha, 2 alpha."""
    is_declared: bool = True
    """Whether the tag is there."""

    @property
    def tags(self) -> dict[int, Value]:
        """The tag."""
        return {338: self.codes} if self.codes and self.is_declared else {}

    @property
    def alpha(self) -> int:
        """Code of the band that is alpha; 0 for none."""
        return max(self.codes, default=0)


NO_EXTRA = Extra("plain", ())
EXTRAS = (
    NO_EXTRA,
    Extra("spot", (0,)),
    Extra("associated", (1,)),
    Extra("alpha", (2,)),
    Extra("two-spots", (0, 0)),
    Extra("alpha-and-spot", (2, 0)),
    Extra("spot-and-alpha", (0, 2)),
    Extra("undeclared", (0,), is_declared=False),
)


class Content(NamedTuple):
    """A picture of some kind of colours."""

    stored: NDArray[Any]
    """Numbers, shape (height, width, bands)."""
    shown: tuple[Shown, ...]
    """What they may be shown as."""
    tags: dict[int, Value]
    """What TIFF says of them."""


@functools.cache
def content(colour: str, sample: Sample, extra: Extra = NO_EXTRA, profile: str = "") -> Content:
    """Return the painted picture as a file stores it, and what that shows."""
    tags: dict[int, Value] = {262: PHOTOMETRICS[colour], **extra.tags}
    alpha = sample.recall(sample.store(painted_alpha()))
    colours = _colours(colour, sample, alpha if extra.alpha == 1 else None)
    bands = [colours, *(sample.store(painted_alpha() if code else painted_extra()) for code in extra.codes)]
    tags |= {320: _colour_map(sample)} if colour == "palette" else {}
    tags |= {34675: profile_of(profile)} if profile else {}
    return Content(frozen(np.concatenate(bands, axis=2)), _shown(colour, colours, sample, alpha, extra, profile), tags)


def _colours(colour: str, sample: Sample, alpha: Levels | None) -> NDArray[Any]:
    if colour in GREYS:
        levels = painted_grey()
    elif colour == "rgb":
        levels = painted()
    elif colour == "palette":
        return sample.store(painted_grey())
    elif colour == "cmyk":
        levels = inks()
    else:
        return _lab(sample, is_icc=colour == "icclab")
    if alpha is not None:
        levels = levels * alpha
    return sample.store(1 - levels if colour == "white-is-zero" else levels)


def inks() -> Levels:
    """Return the picture in cyan, magenta, yellow and black."""
    black = 0.5 * (1 - painted().max(axis=2, keepdims=True))
    return np.concatenate([1 - painted() / (1 - black), black], axis=2)


def _shown(
    colour: str, colours: NDArray[Any], sample: Sample, alpha: Levels, extra: Extra, profile: str
) -> tuple[Shown, ...]:
    if extra.alpha == 1:
        # Of premultiplied colours what shows is what is stored, and white for the rest.
        levels = sample.recall(colours)
        plain = [np.divide(levels, alpha, out=np.ones_like(levels), where=alpha > 0).clip(0, 1)]
    else:
        plain = _meant(colour, colours, sample)
    managed: list[Shown] = []
    for levels in plain if colour != "cmyk" or profile != "cmyk" else [painted()]:
        if not extra.alpha:
            managed.append(_managed(colour, colours, sample, levels, profile))
            continue
        # Before white first, or to sRGB first: both are done.
        managed.append(_managed(colour, colours, sample, on_white(levels, alpha), profile))
        inner = _managed(colour, colours, sample, levels, profile) / 255
        managed.append(as_bytes(on_white(inner, alpha)))
    return tuple(frozen(each) for each in managed)


def _meant(colour: str, colours: NDArray[Any], sample: Sample) -> list[Levels]:
    """Return the levels of red, green and blue, or of grey, that stored colours mean."""
    if colour == "palette":
        table = np.array(_colour_map(sample)).reshape(3, -1).T / 65535
        return [table[colours[..., 0]]]
    if colour == "cmyk":
        levels = sample.recall(colours)
        return [(1 - levels[..., :3]) * (1 - levels[..., 3:]), _by_vips(levels * 255, "cmyk")]
    if colour in {"cielab", "icclab"}:
        return [painted(), _by_vips(_lab_values(), "lab")]
    levels = sample.recall(colours)
    return [1 - levels if colour == "white-is-zero" else levels]


def _by_vips(values: NDArray[np.float64], interpretation: str) -> Levels:
    """Return what libvips takes colours without a profile for, straight from memory."""
    kind = np.uint8 if interpretation == "cmyk" else np.float32
    raw = np.ascontiguousarray(np.rint(values) if interpretation == "cmyk" else values).astype(kind)
    image = pyvips.Image.new_from_array(raw, interpretation=interpretation)
    return np.asarray(image.colourspace("srgb").numpy() / 255)


def _managed(colour: str, colours: NDArray[Any], sample: Sample, levels: Levels, profile: str) -> Shown:
    """Return colours as sRGB; a profile of the wrong kind is as none."""
    if colour == "cmyk":
        if profile != "cmyk":
            return as_bytes(levels)
        stored = np.rint(sample.recall(colours) * 255).astype(np.uint8)
        return through_profile(stored, profile_of(profile), "CMYK")
    if colour in GREYS and profile == "grey":
        return through_profile(as_bytes(levels)[..., 0], profile_of(profile), "L")
    if colour in {"rgb", "palette"} and profile in RGB_PROFILES:
        return through_profile(as_bytes(levels), profile_of(profile))
    return as_bytes(levels)


@functools.cache
def _colour_map(sample: Sample) -> tuple[int, ...]:
    place = np.linspace(0, 1, 2**sample.bits)
    bands = (0.2 + 0.7 * place, 0.8 - 0.6 * place, 0.3 + 0.4 * place**2)
    return tuple(int(value) for band in bands for value in np.rint(band * 65535))


@functools.cache
def _lab_values() -> NDArray[np.float64]:
    """Return L, a and b of the painted picture, relative to D50."""
    transform = ImageCms.buildTransform(
        ImageCms.createProfile("sRGB"),
        ImageCms.createProfile("LAB"),
        "RGB",
        "LAB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
    eight = np.asarray(ImageCms.applyTransform(Image.fromarray(as_bytes(painted())), transform)).astype(np.float64)
    # Pillow hands out a and b as bytes with a sign.
    signed = np.where(eight[..., 1:] < 128, eight[..., 1:], eight[..., 1:] - 256)
    return frozen(np.concatenate([eight[..., :1] * 100 / 255, signed], axis=2))


def _lab(sample: Sample, *, is_icc: bool) -> NDArray[Any]:
    """Return Lab as TIFF 6.0, section 23, stores it, or as ICC does: its a and b are not signed."""
    wide = sample.bits // 8 - 1
    values = _lab_values()
    lightness = np.rint(values[..., :1] * sample.largest / 100)
    others = np.rint((values[..., 1:] + (128 if is_icc else 0)) * 256**wide)
    return np.concatenate([lightness, others], axis=2).astype(np.int64).astype(sample.type)
