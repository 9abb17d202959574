"""Cells of the grid in JPEG, WebP and JPEG 2000, whose codestreams Pillow encodes."""

import functools
import io
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pictures.cells import Cell, Shown
from pictures.colours import NO_EXTRA, Extra, content
from pictures.jpeg_2000_files import GREY, SRGB, SYCC, Boxes, codestream, jp2
from pictures.orientations import ORIENTATIONS, turned
from pictures.painting import as_bytes, on_white, painted, painted_alpha, painted_grey
from pictures.profiles import PROFILES, RGB_PROFILES, profile_of
from pictures.samples import U8, U16
from PIL import Image

_ALPHA = Extra("alpha", (2,))
_COLOURS = {"grey": "black-is-zero", "rgb": "rgb", "cmyk": "cmyk"}


def jpeg_cells() -> Iterator[Cell]:
    """Return the cells in JPEG: colours × profile × progressive, and orientations."""
    for kind, profile, progressive in product(_COLOURS, ("", *PROFILES), (False, True)):
        save = {"quality": 98, "subsampling": 0, "progressive": progressive}
        words = [kind, *[f"{profile}-profile"] * bool(profile), *["progressive"] * progressive]
        yield _cell(
            f"jpeg/{'-'.join(words)}.jpg",
            f"jpeg {kind}{f' {profile} profile' if profile else ''}",
            functools.partial(_saved, _COLOURS[kind], NO_EXTRA, profile, "JPEG", save),
            functools.partial(_shown, _COLOURS[kind], NO_EXTRA, profile),
        )
    for orientation, progressive in product(ORIENTATIONS, (False, True)):
        name = f"jpeg/turned-{orientation}{'-progressive' * progressive}.jpg"
        yield _cell(
            name,
            "jpeg orientation",
            functools.partial(_saved_turned, orientation, progressive=progressive),
            functools.partial(_shown, "rgb", NO_EXTRA, ""),
        )


def webp_cells() -> Iterator[Cell]:
    """Return the cells in WebP: alpha × profile."""
    # Lossy WebP has chroma for every other pixel only, which is more than an honest JPEG loses.
    save = {"quality": 100, "lossless": True, "exact": True}
    for extra, profile in product((NO_EXTRA, _ALPHA), ("", *RGB_PROFILES, "grey")):
        kind = f"{extra.name}{f' {profile} profile' if profile else ''}"
        yield _cell(
            f"webp/{kind.replace(' ', '-')}.webp",
            f"webp {kind}",
            functools.partial(_saved, "rgb", extra, profile, "WEBP", save),
            functools.partial(_shown, "rgb", extra, profile),
        )
    yield _cell(
        "webp/two-frames.webp",
        "webp frames",
        _animated,
        functools.partial(_shown, "rgb", NO_EXTRA, ""),
        frozenset({"frames"}),
        "frames",
    )


def _animated() -> bytes:
    first = Image.fromarray(as_bytes(painted()))
    target = io.BytesIO()
    first.save(target, "WEBP", save_all=True, append_images=[first.rotate(180)], lossless=True, duration=100)
    return target.getvalue()


def _saved(colour: str, extra: Extra, profile: str, kind: str, save: dict[str, Any]) -> bytes:
    stored = content(colour, U8, extra).stored
    if colour == "cmyk":
        # Pillow writes it as Adobe has it, and all readers expect: 0 is full ink.
        image = Image.merge("CMYK", [Image.fromarray(np.ascontiguousarray(stored[..., ink])) for ink in range(4)])
    else:
        image = Image.fromarray(stored[..., 0] if stored.shape[2] == 1 else stored)
    target = io.BytesIO()
    image.save(target, kind, icc_profile=profile_of(profile) if profile else None, **save)
    return target.getvalue()


def _saved_turned(orientation: int, *, progressive: bool) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    target = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(turned(as_bytes(painted()), orientation)))
    image.save(target, "JPEG", quality=98, subsampling=0, exif=exif.tobytes(), progressive=progressive)
    return target.getvalue()


def _shown(colour: str, extra: Extra, profile: str) -> Sequence[Shown]:
    return content(colour, U8, extra, profile).shown


def jpeg_2000_cells() -> Iterator[Cell]:
    """Return the cells in JPEG 2000: what Pillow writes, and boxes that say which component is which colour."""
    grey, rgb = U8.store(painted_grey()), U8.store(painted())
    alpha = U8.store(painted_alpha())
    seen = [as_bytes(on_white(rgb / 255, alpha / 255))]
    grey_seen = [as_bytes(on_white(grey / 255, alpha / 255))]
    premultiplied = np.rint(rgb * (alpha / 255)).astype(np.uint8)
    ycc = np.asarray(Image.fromarray(rgb).convert("YCbCr"))
    deep = U16.store(painted_grey())
    colours, greys = [as_bytes(painted())], [as_bytes(painted_grey())]
    palette = np.stack([np.arange(256), 255 - np.arange(256) // 2, np.full(256, 70)], axis=1).astype(np.uint8)
    in_order = ((0, 0, 1), (1, 0, 2), (2, 0, 3))
    backwards = ((0, 0, 3), (1, 0, 2), (2, 0, 1))
    table: dict[str, tuple[NDArray[Any], Boxes, Sequence[Shown]]] = {
        "grey": (grey, Boxes(GREY), greys),
        "grey-16": (deep, Boxes(GREY), greys),
        "rgb": (rgb, Boxes(SRGB), colours),
        "grey-alpha": (np.concatenate([grey, alpha], 2), Boxes(GREY, definition=((0, 0, 1), (1, 1, 0))), grey_seen),
        "rgba": (np.concatenate([rgb, alpha], 2), Boxes(definition=(*in_order, (3, 1, 0))), seen),
        "rgba-premultiplied": (
            np.concatenate([premultiplied, alpha], 2),
            Boxes(definition=(*in_order, (3, 2, 0))),
            seen,
        ),
        "backwards": (rgb[..., ::-1], Boxes(definition=backwards), colours),
        "abgr": (
            np.concatenate([alpha, rgb[..., ::-1]], 2),
            Boxes(definition=((0, 1, 0), (1, 0, 3), (2, 0, 2), (3, 0, 1))),
            seen,
        ),
        "spot": (np.concatenate([rgb, alpha], 2), Boxes(definition=(*in_order, (3, 65535, 65535))), colours),
        "palette": (grey, Boxes(palette=palette), [palette[grey[..., 0]]]),
        "sycc": (ycc, Boxes(SYCC), colours),
        "grey-profile": (
            grey,
            Boxes(profile=profile_of("grey")),
            list(content("black-is-zero", U8, profile="grey").shown),
        ),
        "other-profile": (rgb, Boxes(profile=profile_of("other")), list(content("rgb", U8, profile="other").shown)),
        "table-profile": (rgb, Boxes(profile=profile_of("table")), list(content("rgb", U8, profile="table").shown)),
    }
    for (name, (stored, boxes, shown)), tiled in product(table.items(), (False, True)):
        if tiled and stored.dtype != np.uint8:
            continue  # Pillow does not encode that right.
        yield _cell(
            f"jpeg-2000/{name}{'-tiles' * tiled}.jp2",
            f"jpeg-2000 {name}",
            functools.partial(_boxed, stored, boxes, tiled=tiled),
            functools.partial(list, shown),
            _CAUSES.get(name, frozenset()),
        )
    for name, stored, shown in (("grey", grey, greys), ("rgb", rgb, colours), ("grey-16", deep, greys)):
        yield _cell(
            f"jpeg-2000/{name}.j2k",
            f"jpeg-2000 {name}",
            functools.partial(codestream, stored),
            functools.partial(list, shown),
            _CAUSES.get(name, frozenset()),
        )


_CAUSES = {
    "grey-16": frozenset({"more bits"}),
    "backwards": frozenset({"components"}),
    "abgr": frozenset({"components"}),
    "spot": frozenset({"components", "extra"}),
    "palette": frozenset({"components", "palette"}),
    "sycc": frozenset({"components", "YCbCr"}),
    "rgba-premultiplied": frozenset({"components"}),
    "grey-profile": frozenset({"profile"}),
    "other-profile": frozenset({"profile"}),
    "table-profile": frozenset({"profile"}),
}


def _boxed(stored: NDArray[Any], boxes: Boxes, *, tiled: bool) -> bytes:
    return jp2(codestream(stored, tiled=tiled), stored, boxes)


def _cell(
    name: str,
    kind: str,
    make: Callable[[], bytes],
    show: Callable[[], Sequence[Shown]],
    causes: frozenset[str] = frozenset(),
    told: str = "",
) -> Cell:
    def write(path: Path) -> object:
        return path.write_bytes(make())

    return Cell(name, kind, write, show, causes, told)
