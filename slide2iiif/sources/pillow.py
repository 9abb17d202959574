"""Ordinary images through Pillow, where the libvips wheel lacks a loader: JPEG 2000, BMP, PBM, PGM, PPM."""

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Size
from slide2iiif.imaging.picture import Extra, Kind, Meaning, PictureFormat, Samples
from slide2iiif.machine import check_memory, too_large
from slide2iiif.sources import jpeg2000
from slide2iiif.sources.base import probe
from slide2iiif.sources.frames import holds_more_netpbm
from slide2iiif.sources.other_formats import refusal_of
from slide2iiif.sources.unsupported import COMPARE, COPY_AGAIN, is_of_system, several, system_refusal
from slide2iiif.sources.whole import WholeImageSource

_FORMATS = ("JPEG2000", "BMP", "DIB", "PPM", "PNG", "JPEG", "WEBP", "GIF")
"""Formats that are tried: others of Pillow's start programs, or hold no picture."""
_UNKNOWN = f"is not an image in any format that is known here, or is damaged: {COMPARE}"
_ORIENTATION = 0x0112
"""EXIF tag."""
_MODES = {
    "1": (Meaning.GREY, 1, ()),
    "L": (Meaning.GREY, 8, ()),
    "LA": (Meaning.GREY, 8, (Extra.STRAIGHT,)),
    "La": (Meaning.GREY, 8, (Extra.PREMULTIPLIED,)),
    "RGB": (Meaning.RGB, 8, ()),
    "RGBA": (Meaning.RGB, 8, (Extra.STRAIGHT,)),
    "RGBa": (Meaning.RGB, 8, (Extra.PREMULTIPLIED,)),
    "CMYK": (Meaning.CMYK, 8, ()),
    "YCbCr": (Meaning.YCBCR, 8, ()),
    "I;16": (Meaning.GREY, 16, ()),
    "I;16B": (Meaning.GREY, 16, ()),
    "I;16L": (Meaning.GREY, 16, ()),
}
"""Meaning, bits and samples beyond the colours of Pillow's modes."""


class PillowSource(WholeImageSource):
    """An ordinary image that Pillow reads: held in memory, from the first time that pixels are asked for."""

    def __init__(self, path: Path) -> None:
        """Read what the image says of itself.

        Raises:
            SourceError: not an image, damaged, or not one that can be shown as it is.
        """
        self._path = path
        self._order: tuple[int, ...] = ()
        with self._opened() as image:
            kind = (image.format or "unknown").lower()
            if kind == "ppm" and holds_more_netpbm(path):
                raise SourceError(several("frames"))
            picture = self._format(image)
            super().__init__("pillow", kind, Size(*image.size), picture)

    def decode(self) -> Samples:
        """Decode the image. See `WholeImageSource.decode`."""
        with self._opened() as image:
            check_memory(_decoded_bytes(image, self._path))
            image.load()
            samples: Samples = np.asarray(_unfold(image))
            if samples.dtype == np.bool_:
                samples = samples.astype(np.uint8)
            elif samples.dtype == np.int32:
                samples = samples.astype(np.uint16)
        if samples.ndim == 2:  # noqa: PLR2004 - rows and columns
            samples = samples[..., np.newaxis]
        return samples[..., list(self._order)] if self._order else samples

    def _format(self, image: Any) -> PictureFormat:
        from dataclasses import replace

        orientation = image.getexif().get(_ORIENTATION, 1)
        orientation = orientation if orientation in range(1, 9) else 1
        if image.format == "JPEG2000":
            header = jpeg2000.read_header(self._path)
            reason = jpeg2000.refusal_of_pillow(header)
            if reason is not None:
                raise SourceError(reason)
            order = jpeg2000.channel_order(header)
            self._order = order if order != tuple(range(len(order))) else ()
            picture = jpeg2000.read_picture(header)
            if len(header.components) == 1:
                # Pillow shifts shorter samples to the upper end of 8 or 16 bits.
                bits = 8 if picture.bits <= 8 else 16  # noqa: PLR2004 - bits of a byte
                return replace(
                    picture, maximum=picture.full << (bits - picture.bits), bits=bits, orientation=orientation
                )
            return replace(picture, orientation=orientation)
        return _format_of_mode(image, orientation)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Any]:
        from PIL import Image, UnidentifiedImageError

        # The limit is that of memory, with our own message, instead of Pillow's warning.
        Image.MAX_IMAGE_PIXELS = None
        try:
            with self._path.open("rb") as file, warnings.catch_warnings():
                # What matters of them is also told as an error.
                warnings.simplefilter("ignore")
                yield Image.open(file, formats=_FORMATS)
        except UnidentifiedImageError:
            raise SourceError(refusal_of(probe(self._path)) or _UNKNOWN) from None
        except MemoryError:
            raise SourceError(too_large()) from None
        except (OSError, ValueError, SyntaxError, EOFError) as error:
            if isinstance(error, OSError) and is_of_system(error):
                raise SourceError(system_refusal(error)) from None
            if str(error).startswith("Unsupported"):
                words = f"is of a variant that nothing here reads ({error}): convert it to PNG or TIFF"
                raise SourceError(words) from None
            raise SourceError(f"is damaged: {error}; {COPY_AGAIN}") from None


def _format_of_mode(image: Any, orientation: int) -> PictureFormat:
    """Describe what `_unfold` gives."""
    profile = image.info.get("icc_profile")
    mode = _unfolded_mode(image)
    if mode == "I" and image.format == "PPM":
        # Grey of more than 8 bits, scaled to 16.
        mode = "I;16"
    if mode not in _MODES:
        kind = Kind.FLOAT if mode == "F" else Kind.SIGNED
        return PictureFormat(Meaning.GREY, 32, kind, orientation=orientation)
    meaning, bits, extras = _MODES[mode]
    return PictureFormat(meaning, bits, extras=extras, orientation=orientation, profile=profile)


def _unfolded_mode(image: Any) -> str:
    if image.mode in {"P", "PA"}:
        return "RGBA" if image.mode == "PA" or "transparency" in image.info else "RGB"
    if "transparency" in image.info and image.mode in {"L", "RGB", "1"}:
        return "RGBA"
    return str(image.mode)


def _unfold(image: Any) -> Any:
    """Replace indices of a palette by their colours, and a transparent colour by alpha."""
    mode = _unfolded_mode(image)
    return image if mode == image.mode else image.convert(mode)


def _decoded_bytes(image: Any, path: Path) -> int:
    """Estimate the bytes that decoding an image takes."""
    bands = len(image.getbands())
    pixels = image.width * image.height
    picture = pixels * (1 if bands == 1 else 4)
    if image.format != "JPEG2000":
        return int(picture)
    # Of one tile, which is all of it as a rule, the decoder holds the samples as whole numbers and as bytes too.
    tile = jpeg2000.read_header(path).tile
    return int(picture + min(pixels, tile.pixels) * bands * 5)
