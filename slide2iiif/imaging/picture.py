"""Description of the samples of a picture: what every reader fills in before a pixel is read. Pure values."""

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.generic]
"""Samples as they are stored, shape (height, width, samples a pixel), of the smallest type that holds them."""


class Meaning(StrEnum):
    """Meaning of the colour samples of a pixel."""

    GREY = "grey"
    INVERTED_GREY = "grey, 0 is white"
    RGB = "RGB"
    PALETTE = "indices into a palette"
    CMYK = "CMYK"
    YCBCR = "YCbCr"
    LAB = "CIELAB"
    ICC_LAB = "ICCLAB"
    UNKNOWN = "unknown"

    @property
    def colours(self) -> int:
        """Colour samples a pixel."""
        return {"GREY": 1, "INVERTED_GREY": 1, "PALETTE": 1, "CMYK": 4}.get(self.name, 3)


class Kind(StrEnum):
    """Kind of number that a sample is."""

    UNSIGNED = "unsigned"
    SIGNED = "signed"
    FLOAT = "float"
    COMPLEX = "complex"


class Extra(StrEnum):
    """Meaning of a sample beyond the colours (TIFF 6.0, ExtraSamples)."""

    UNSPECIFIED = "unspecified"
    PREMULTIPLIED = "alpha, colours multiplied by it"
    STRAIGHT = "alpha"


@dataclass(frozen=True, slots=True)
class PictureFormat:
    """Format of the samples of one picture in a file."""

    meaning: Meaning
    """Meaning of the colour samples."""
    bits: int = 8
    """Bits a sample."""
    kind: Kind = Kind.UNSIGNED
    """Kind of number."""
    extras: tuple[Extra, ...] = ()
    """Meaning of each sample beyond the colours."""
    maximum: int = 0
    """Value of full brightness; 0 where it is the largest of that many bits."""
    is_planar: bool = False
    """True if each colour is stored apart."""
    orientation: int = 1
    """EXIF orientation, 1 to 8 (TIFF 6.0, tag 274)."""
    directory: int = 0
    """Number of the picture in its file."""
    profile: bytes | None = field(default=None, repr=False)
    """ICC profile of the colour samples."""
    palette: Samples | None = field(default=None, repr=False, compare=False)
    """Colours of a palette, shape (entries, 3), 8 or 16 bits."""
    luma: tuple[float, float, float] = (0.299, 0.587, 0.114)
    """Shares of red, green and blue in Y of YCbCr."""
    reference: tuple[float, ...] = ()
    """Values of black and white of Y, Cb and Cr (TIFF 6.0, ReferenceBlackWhite); empty for the full range."""
    stated: str = ""
    """Words for a meaning that is unknown."""

    @property
    def full(self) -> int:
        """Value of full brightness."""
        return self.maximum or (1 << self.bits) - 1

    @property
    def samples(self) -> int:
        """Samples a pixel."""
        return self.meaning.colours + len(self.extras)

    @property
    def alpha(self) -> Extra | None:
        """Kind of alpha, if there is one."""
        return next((each for each in self.extras if each is not Extra.UNSPECIFIED), None)

    @property
    def is_plain(self) -> bool:
        """True if the samples are 8-bit grey, RGB or YCbCr and nothing else."""
        return (
            self.bits == 8  # noqa: PLR2004 - bits of a byte
            and self.kind is Kind.UNSIGNED
            and not self.extras
            and not self.is_planar
            and self.meaning in {Meaning.GREY, Meaning.RGB, Meaning.YCBCR}
        )


PLAIN_RGB = PictureFormat(Meaning.RGB)
"""Format of published pixels."""
