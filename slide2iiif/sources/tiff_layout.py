"""Layout of a TIFF: the directory of the picture, those of its levels, and the format of its samples.

Decided once, over all directories: the first one may be a thumbnail, a mask is no picture, and what is neither the
picture nor reduced from it is a second picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Size
from slide2iiif.imaging.orientation import UPRIGHT
from slide2iiif.imaging.picture import Extra, Kind, Meaning, PictureFormat, Samples
from slide2iiif.sources.acquisition import Acquisition, read_acquisition
from slide2iiif.sources.tiff_tags import Directory, TiffFile
from slide2iiif.sources.unsupported import damaged_directory, several

JPEG, OLD_JPEG, WEBP, JPEG_XL = 7, 6, 50001, 50002
APERIO_YCBCR, APERIO_RGB, JPEG_2000 = 33003, 33005, 34712
_DECODED_TO_RGB = (JPEG, OLD_JPEG, WEBP, JPEG_XL, JPEG_2000)
"""Compressions whose decoder gives RGB for YCbCr."""
_MEANINGS = {
    0: Meaning.INVERTED_GREY,
    1: Meaning.GREY,
    2: Meaning.RGB,
    3: Meaning.PALETTE,
    5: Meaning.CMYK,
    6: Meaning.YCBCR,
    8: Meaning.LAB,
    9: Meaning.ICC_LAB,
}
_OTHERS = {
    4: "a transparency mask alone",
    10: "ITULAB colours",
    32803: "raw samples of a camera's colour filter (CFA)",
    32844: "LogL samples of high dynamic range",
    32845: "LogLuv samples of high dynamic range",
    34892: "raw samples of a camera (LinearRaw)",
    51177: "a depth map",
}
_KINDS = {1: Kind.UNSIGNED, 2: Kind.SIGNED, 3: Kind.FLOAT, 4: Kind.UNSIGNED, 5: Kind.COMPLEX, 6: Kind.COMPLEX}
_EXTRAS = {1: Extra.PREMULTIPLIED, 2: Extra.STRAIGHT}
_CMYK_INKS = 1
_EXTRA_SAMPLES, _PLANES, _SUBSAMPLING = 338, 284, 530
_APART = 2
_DEPTHS = (32997, 32998)
"""Depth of an image and of its tiles (SGI)."""
_MOST_SAMPLES = 64
_SMALLEST_SCALE = 2
_MASK_NOTE = "holds a transparency mask, which is not applied: all stored pixels are shown"


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """The picture of a TIFF file."""

    levels: tuple[Directory, ...]
    """Directories of the picture and its smaller versions, full resolution first."""
    picture: PictureFormat
    """Format of the samples of the first one."""
    acquisition: Acquisition
    """Description that the file has of its making."""
    notes: tuple[str, ...] = ()
    """Parts of the file that are not published, in words."""

    @property
    def main(self) -> Directory:
        """Directory of full resolution."""
        return self.levels[0]

    @property
    def is_as_openslide_reads(self) -> bool:
        """True if OpenSlide's reader of any tiled TIFF takes the same picture: the first, upright, of plain samples."""
        return self.main.index == 0 and self.main.sub is None and self.picture.orientation == UPRIGHT


def read_layout(file: TiffFile) -> Layout:
    """Decide which directories of a file are published.

    Raises:
        SourceError: it is not one picture, or its directories cannot be read.
    """
    directories = list(file.directories())
    chain = [each for each in directories if each.sub is None]
    main = choose_picture(directories)
    try:
        acquisition = read_acquisition(chain, main)
    except (ValueError, TypeError, ArithmeticError, AttributeError) as error:
        raise damaged_directory(error) from None
    if acquisition.refusal:
        raise SourceError(acquisition.refusal)
    if acquisition.page is not None:
        main = chain[acquisition.page]
    depth = max(main.value(tag, 1) for tag in _DEPTHS)
    if depth > 1:
        raise SourceError(several("focal planes", depth))
    others = _others(directories, main) if acquisition.page is None else ()
    notes = _check_others(others, main)
    if any(each.is_mask and each.size == main.size for each in directories):
        notes = (*notes, _MASK_NOTE)
    picture = picture_format(main)
    return Layout(
        (main, *_levels(directories, main, is_flagged=acquisition.page is not None)), picture, acquisition, notes
    )


def choose_picture(directories: Sequence[Directory]) -> Directory:
    """Return the directory of the picture: the largest that is neither mask nor reduced.

    Raises:
        SourceError: none has pixels.
    """
    pictures = [each for each in directories if not each.is_mask and min(each.size) > 0]
    if not pictures and any(each.is_mask and min(each.size) > 0 for each in directories):
        raise SourceError("holds a transparency mask alone, and no picture: export the picture with it")
    if not pictures:
        raise SourceError("holds no picture: its TIFF directories have no pixels")
    whole = [each for each in pictures if not each.is_reduced and not _hangs_below_larger(each, pictures)]
    return max(whole or pictures, key=lambda each: each.size.pixels)


def has_plain_tiles(directories: Sequence[Directory]) -> bool:
    """Return True if no tiled directory holds anything but 8-bit grey, RGB or YCbCr, side by side."""
    tiled = (each for each in directories if each.tile is not None and not each.is_mask)
    return all(picture_format(each).is_plain for each in tiled)


def picture_format(directory: Directory) -> PictureFormat:
    """Return the format of the samples that decoding a directory gives."""
    bits = {int(value) for value in directory.numbers(258)} or {1}
    kinds = {_KINDS.get(int(value)) for value in directory.numbers(339)} or {Kind.UNSIGNED}
    samples = directory.value(277, 1)
    meaning, stated = _meaning(directory, samples)
    if len(bits) > 1 or len(kinds) > 1 or None in kinds:
        meaning, stated = Meaning.UNKNOWN, "samples of differing bits or kinds"
    spare = samples - meaning.colours if meaning is not Meaning.UNKNOWN else 0
    listed = [_EXTRAS.get(int(value), Extra.UNSPECIFIED) for value in directory.numbers(_EXTRA_SAMPLES)]
    # Those that a list leaves out come last, and mean nothing.
    extras = (*listed, *[Extra.UNSPECIFIED] * min(_MOST_SAMPLES, max(0, spare)))[: max(0, spare)]
    luma = directory.numbers(529)
    reference = directory.numbers(532)
    profile = directory.content(34675)
    orientation = directory.value(274, UPRIGHT)
    return PictureFormat(
        meaning=meaning,
        bits=bits.pop(),
        kind=kinds.pop() or Kind.UNSIGNED,
        extras=extras,
        is_planar=directory.value(_PLANES, 1) == _APART and samples > 1,
        orientation=orientation if orientation in range(1, 9) else UPRIGHT,
        directory=directory.index,
        profile=profile or None,
        palette=_palette(directory) if meaning is Meaning.PALETTE else None,
        **({"luma": luma} if len(luma) == 3 and luma[1] else {}),  # type: ignore[arg-type]  # noqa: PLR2004
        reference=reference if len(reference) == 6 and _is_range(reference) else (),  # noqa: PLR2004
        stated=stated,
    )


def _meaning(directory: Directory, samples: int) -> tuple[Meaning, str]:
    number = directory.value(262, -1)
    compression = directory.compression
    if number < 0:
        return Meaning.UNKNOWN, "samples whose meaning it does not state (no PhotometricInterpretation)"
    meaning = _MEANINGS.get(number)
    if meaning is None:
        return Meaning.UNKNOWN, _OTHERS.get(
            number, f"samples of an unknown meaning (PhotometricInterpretation {number})"
        )
    if meaning is Meaning.CMYK and directory.value(332, _CMYK_INKS) != _CMYK_INKS:
        return Meaning.UNKNOWN, "inks that are not cyan, magenta, yellow and black"
    if compression == APERIO_YCBCR:
        return Meaning.YCBCR, ""
    is_planar = directory.value(_PLANES, 1) == _APART
    if meaning is Meaning.YCBCR and is_planar and any(each > 1 for each in directory.numbers(_SUBSAMPLING)):
        return Meaning.UNKNOWN, "subsampled YCbCr with its planes apart"
    # A decoder that is given one plane has no colours to convert.
    is_converted = compression in _DECODED_TO_RGB and not is_planar
    if compression == APERIO_RGB or (meaning is Meaning.YCBCR and is_converted):
        meaning = Meaning.RGB
    doubt = _doubt(directory, meaning, samples)
    return (Meaning.UNKNOWN, doubt) if doubt else (meaning, "")


def _doubt(directory: Directory, meaning: Meaning, samples: int) -> str:
    """Return why nobody can say what some of the samples are; nothing where it is clear."""
    words = f"{samples} samples a pixel where {meaning} has {meaning.colours}"
    if samples < meaning.colours:
        return words
    is_grey = meaning in {Meaning.GREY, Meaning.INVERTED_GREY}
    if samples == meaning.colours or is_grey or _EXTRA_SAMPLES in directory:
        return ""
    return f"{words}, and does not state which of them are alpha (no ExtraSamples)"


def _palette(directory: Directory) -> Samples | None:
    entries = directory.array(320)
    if not entries.size or entries.size % 3:
        return None
    colours = np.ascontiguousarray(entries.reshape(3, -1).T.astype(np.uint16))
    # Many writers leave bytes where 16 bits are meant; libtiff takes them for bytes as well.
    return colours.astype(np.uint8) if int(colours.max()) <= 255 else colours  # noqa: PLR2004


def _is_range(reference: tuple[float, ...]) -> bool:
    """Return True if white differs from black, and it is not the full range that is the default anyway."""
    return all(white != black for black, white in zip(reference[::2], reference[1::2], strict=True))


def _hangs_below_larger(directory: Directory, pictures: Sequence[Directory]) -> bool:
    if directory.sub is None:
        return False
    above = (each for each in pictures if each.sub is None and each.index == directory.index)
    return any(each.size.pixels >= directory.size.pixels for each in above)


def _others(directories: Sequence[Directory], main: Directory) -> list[Directory]:
    """List the pictures that are not reduced from the main one and do not say that they are."""
    others = [
        each
        for each in directories
        if each is not main
        and not each.is_mask
        and not each.is_reduced
        and min(each.size) > 0
        and not _hangs_below_larger(each, directories)
    ]
    # A level is there once; two pictures of one size are no levels, but one in strips is a thumbnail beside tiles.
    kinds = [(each.size, each.tile is None) for each in others]
    return [
        each
        for each, kind in zip(others, kinds, strict=True)
        if not is_reduced(each.size, main.size) or kinds.count(kind) > 1 or each.is_page
    ]


def _check_others(others: Sequence[Directory], main: Directory) -> tuple[str, ...]:
    """Return a note on pictures beside a slide.

    Raises:
        SourceError: they are pictures like the main one.
    """
    if not others:
        return ()
    if any(each.size == main.size for each in others):
        raise SourceError(several("pictures of one size", 1 + sum(each.size == main.size for each in others)))
    if main.tile is None or any(each.tile is not None for each in others):
        raise SourceError(several("pictures of different sizes", 1 + len(others)))
    sizes = ", ".join(str(each.size) for each in others)
    return (f"holds pictures beside the slide that are not published: {sizes}",)


def _levels(directories: Sequence[Directory], main: Directory, *, is_flagged: bool) -> list[Directory]:
    """List the tiled directories that are reduced from the main one, largest first."""
    if main.tile is None:
        return []
    below = [each for each in directories if each.sub is not None and each.index == main.index and each is not main]
    later = [each for each in directories if each.sub is None and each is not main]
    found, last = list[Directory](), main
    for each in sorted(below or later, key=lambda each: -each.size.pixels):
        is_told = each.sub is not None or each.is_reduced or not is_flagged
        if each.tile and not each.is_mask and is_told and is_reduced(each.size, last.size) and _is_alike(each, main):
            found.append(each)
            last = each
    return found


def _is_alike(directory: Directory, main: Directory) -> bool:
    first, second = picture_format(directory), picture_format(main)
    return (first.bits, first.kind, first.samples) == (second.bits, second.kind, second.samples)


def is_reduced(size: Size, larger: Size) -> bool:
    """Return True if a size is another one's, reduced evenly, ± 1 pixel: a label is of another shape."""
    if size.width >= larger.width or size.height >= larger.height or min(size) < 1:
        return False
    scale = round(larger.width / size.width)
    fits = all(abs(whole / scale - part) <= 1 for whole, part in zip(larger, size, strict=True))
    return scale >= _SMALLEST_SCALE and fits
