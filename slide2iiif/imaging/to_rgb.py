"""Samples of any format to 8-bit RGB, or the reason why not: the one place where samples become published pixels.

Law: no value is clipped or guessed. A sample beyond full brightness is an error; the only values that are cut are
colours that sRGB cannot show (CIELAB, YCbCr). 16 bits become 8 by value / 257, rounded, after the colour profile has
been applied and alpha been composed at 16 bits.
"""

import numpy as np
from numpy.typing import NDArray

from slide2iiif.errors import SourceError
from slide2iiif.imaging.picture import Extra, Kind, Meaning, PictureFormat, Samples
from slide2iiif.imaging.pixels import RGB, WHITE, Colour, Pixels
from slide2iiif.imaging.profiled import has_usable_profile, has_wrong_profile, to_srgb_samples

_BYTE, _WORD = 255, 65535
_LONGEST = 16
"""Bits of the longest sample whose brightness is defined."""
_PIXELS_AT_ONCE = 1 << 20
_COMPOSED_AS_STORED = (Meaning.GREY, Meaning.RGB)
"""Colours that are the same whether they are composed before they are converted or after."""
_GREYS = (Meaning.GREY, Meaning.INVERTED_GREY)
_D50 = (0.9642, 1.0, 0.8249)
_XYZ_TO_SRGB = (
    (3.1338561, -1.6168667, -0.4906146),
    (-0.9787684, 1.9161415, 0.0334540),
    (0.0719453, -0.2289914, 1.4052427),
)
"""Linear sRGB of XYZ with the white point D50, adapted by Bradford's method."""
_DEPTH_ADVICE = "which of their values are black and white is not said: convert it to 8 bits a sample first"


def refusal(picture: PictureFormat) -> str | None:
    """Return why samples of a format cannot be published, or None."""
    if picture.meaning is Meaning.UNKNOWN:
        return f"holds {picture.stated}, which cannot be shown as it is: convert it to RGB of 8 bits a sample first"
    if picture.kind is not Kind.UNSIGNED:
        return f"holds {picture.bits}-bit {picture.kind} samples, and {_DEPTH_ADVICE}"
    if not 1 <= picture.bits <= _LONGEST:
        return f"holds {picture.bits}-bit {picture.kind} samples, and {_DEPTH_ADVICE}"
    if picture.meaning in {Meaning.LAB, Meaning.ICC_LAB} and picture.bits not in {8, 16}:
        return f"holds CIELAB samples of {picture.bits} bits, which TIFF does not define: convert it to RGB first"
    if picture.meaning in _GREYS and Extra.UNSPECIFIED in picture.extras:
        return (
            f"holds {picture.samples} samples a pixel, grey and others of no stated meaning, perhaps channels: which "
            "colour each has is a choice, so compose them to one RGB picture first"
        )
    return None


def check_publishable(picture: PictureFormat) -> None:
    """Check that samples of a format can be published.

    Raises:
        SourceError: they cannot, and why.
    """
    reason = refusal(picture)
    if reason is not None:
        raise SourceError(reason)


def notes(picture: PictureFormat) -> tuple[str, ...]:
    """Return what is left out of a picture, in words for its owner."""
    found: list[str] = []
    spare = picture.extras.count(Extra.UNSPECIFIED)
    if spare:
        found.append(
            f"holds {spare} more {'sample' if spare == 1 else 'samples'} a pixel beyond its colours (a selection or "
            "a spot colour), which cannot be shown: the colours alone are published"
        )
    if has_wrong_profile(picture):
        found.append("its colour profile is damaged, or one for other samples than it holds: colours are shown without")
    return tuple(found)


def to_rgb(samples: Samples, picture: PictureFormat, background: Colour = WHITE) -> Pixels:
    """Convert samples to 8-bit RGB of sRGB, composed on a background.

    Args:
        samples: shape (height, width, samples a pixel).
        picture: their format.
        background: shown where the picture is not opaque.

    Returns:
        Shape (height, width, 3), contiguous.

    Raises:
        SourceError: samples of this format cannot be published, or are brighter than it allows.
    """
    check_publishable(picture)
    if is_rgb(picture):
        return np.ascontiguousarray(samples, np.uint8)
    height, width, _ = samples.shape
    pixels = np.empty((height, width, RGB), np.uint8)
    rows = max(1, _PIXELS_AT_ONCE // width)
    for top in range(0, height, rows):
        pixels[top : top + rows] = _convert(samples[top : top + rows], picture, background)
    return pixels


def is_rgb(picture: PictureFormat) -> bool:
    """Return True if samples are published pixels as they are."""
    return (
        picture.meaning is Meaning.RGB
        and picture.full == _BYTE
        and not picture.extras
        and picture.kind is Kind.UNSIGNED
        and not has_usable_profile(picture)
    )


def to_bytes(samples: Samples, full: int) -> NDArray[np.uint8]:
    """Scale samples to 8 bits, rounded.

    Args:
        samples: of any shape.
        full: value of full brightness.

    Raises:
        SourceError: a sample is brighter than that.
    """
    return _scaled(samples, full, _BYTE).astype(np.uint8)


def _convert(samples: Samples, picture: PictureFormat, background: Colour) -> Pixels:
    full = _WORD if picture.full > _BYTE or _has_deep_palette(picture) else _BYTE
    colours = _colours(samples[..., : picture.meaning.colours], picture, full)
    alpha = _alpha(samples, picture, full)
    if alpha is None:
        return to_bytes(_to_srgb(colours, picture, full), full)
    weight = alpha[..., np.newaxis].astype(np.uint64)
    under = np.array(background, np.uint64) * (full // _BYTE) * (full - weight)
    is_premultiplied = picture.alpha is Extra.PREMULTIPLIED
    if is_premultiplied and picture.meaning in _COMPOSED_AS_STORED and not has_usable_profile(picture):
        over = np.minimum(_to_srgb(colours, picture, full), weight) * np.uint64(full)
    else:
        straight = _straight(colours, alpha, full) if is_premultiplied else colours
        over = _to_srgb(straight, picture, full) * weight
    return to_bytes(np.asarray((over + under + full // 2) // full, np.uint64), full)


def _has_deep_palette(picture: PictureFormat) -> bool:
    return picture.palette is not None and picture.palette.dtype.itemsize > 1


def _scaled(samples: Samples, full: int, target: int) -> NDArray[np.uint32]:
    if full == target and samples.dtype.itemsize == np.min_scalar_type(full).itemsize:
        return samples.astype(np.uint32)
    brightest = int(samples.max(initial=0))
    if brightest > full:
        raise SourceError(f"holds a sample of {brightest} where {full} is full brightness: its header is wrong")
    return ((samples.astype(np.uint64) * target + full // 2) // full).astype(np.uint32)


def _colours(samples: Samples, picture: PictureFormat, full: int) -> NDArray[np.uint32]:
    """Return colour samples at full scale, palettes looked up, 0 being black."""
    if picture.meaning is Meaning.PALETTE:
        palette = picture.palette
        if palette is None:
            raise SourceError("holds indices into a palette, and no palette: export it anew")
        if int(samples.max(initial=0)) >= len(palette):
            raise SourceError(f"holds a colour beyond the {len(palette)} of its palette: export it anew")
        return np.asarray(palette[samples[..., 0].astype(np.intp)], np.uint32)
    scaled = _scaled(samples, picture.full, full)
    return full - scaled if picture.meaning is Meaning.INVERTED_GREY else scaled


def _alpha(samples: Samples, picture: PictureFormat, full: int) -> NDArray[np.uint32] | None:
    if picture.alpha is None:
        return None
    band = picture.meaning.colours + picture.extras.index(picture.alpha)
    alpha = _scaled(samples[..., band], picture.full, full)
    return None if int(alpha.min(initial=full)) == full else alpha


def _straight(colours: NDArray[np.uint32], alpha: NDArray[np.uint32], full: int) -> NDArray[np.uint32]:
    """Divide colours by alpha; where that leaves the range, rounding or a careless writer made them too bright."""
    divisor = np.maximum(alpha, 1)[..., np.newaxis].astype(np.uint64)
    straight = (colours.astype(np.uint64) * full + divisor // 2) // divisor
    return np.asarray(np.minimum(straight, full), np.uint32)


def _to_srgb(colours: NDArray[np.uint32], picture: PictureFormat, full: int) -> NDArray[np.uint32]:
    """Return sRGB samples, shape (height, width, 3), at the same scale."""
    if has_usable_profile(picture) or picture.meaning is Meaning.CMYK:
        return to_srgb_samples(colours, picture, is_deep=full == _WORD)
    if picture.meaning in _GREYS:
        return np.repeat(colours, RGB, axis=2)
    if picture.meaning is Meaning.YCBCR:
        return _from_ycbcr(colours, picture, full)
    if picture.meaning in {Meaning.LAB, Meaning.ICC_LAB}:
        return _from_lab(colours, picture, full)
    return colours


def _from_ycbcr(colours: NDArray[np.uint32], picture: PictureFormat, full: int) -> NDArray[np.uint32]:
    """Convert YCbCr (TIFF 6.0, section 21); colours that RGB has not are cut."""
    half = (full + 1) // 2
    y, cb, cr = (colours[..., band].astype(np.float64) for band in range(RGB))
    if picture.reference:
        scale = full / picture.full
        black_y, white_y, black_b, white_b, black_r, white_r = (value * scale for value in picture.reference)
        y = (y - black_y) * full / (white_y - black_y)
        cb = (cb - black_b) * (full - half) / (white_b - black_b)
        cr = (cr - black_r) * (full - half) / (white_r - black_r)
    else:
        cb, cr = cb - half, cr - half
    red_share, green_share, blue_share = picture.luma
    red = y + cr * (2 - 2 * red_share)
    blue = y + cb * (2 - 2 * blue_share)
    green = (y - red_share * red - blue_share * blue) / green_share
    return _rounded(np.stack((red, green, blue), axis=-1), full)


def _from_lab(colours: NDArray[np.uint32], picture: PictureFormat, full: int) -> NDArray[np.uint32]:
    """Convert CIELAB (TIFF 6.0, section 23) or ICCLAB with the white point D50; colours that sRGB has not are cut."""
    lightness = colours[..., 0] * (100 / full)
    step, middle = (256, 128 * 256) if full == _WORD else (1, 128)
    chroma = colours[..., 1:].astype(np.int64)
    signed = (
        chroma - middle
        if picture.meaning is Meaning.ICC_LAB
        else np.where(chroma >= middle, chroma - 2 * middle, chroma)
    )
    a, b = signed[..., 0] / step, signed[..., 1] / step
    middle_y = (lightness + 16) / 116
    parts = (middle_y + a / 500, middle_y, middle_y - b / 200)
    cubes = (np.where(part > 6 / 29, part**3, (part - 4 / 29) * 3 * (6 / 29) ** 2) for part in parts)
    xyz = np.stack([cube * white for cube, white in zip(cubes, _D50, strict=True)], axis=-1)
    linear = np.clip(xyz @ np.array(_XYZ_TO_SRGB).T, 0, 1)
    return _rounded(np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055) * full, full)  # noqa: PLR2004


def _rounded(values: NDArray[np.float64], full: int) -> NDArray[np.uint32]:
    return np.clip(np.rint(values), 0, full).astype(np.uint32)
