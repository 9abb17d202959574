"""Images that only imagecodecs decodes (the extra `formats`): JPEG of 12 bits, JPEG 2000 of many kinds."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

from slide2iiif.errors import SourceError
from slide2iiif.imaging.picture import Meaning, PictureFormat, Samples
from slide2iiif.machine import check_memory
from slide2iiif.sources import jpeg2000
from slide2iiif.sources.jpeg_files import JpegHeader
from slide2iiif.sources.unsupported import COPY_AGAIN
from slide2iiif.sources.whole import WholeImageSource

_INSTALL = "install slide2iiif[formats], or convert it to 8 bits a sample (TIFF or PNG)"
_CONVERT = "convert it to TIFF or PNG"
_BYTES_A_SAMPLE = 10


def has_imagecodecs() -> bool:
    """Return True if imagecodecs is installed."""
    return importlib.util.find_spec("imagecodecs") is not None


class RareJpegSource(WholeImageSource):
    """A JPEG image that is not of 8 bits, or not coded as usual."""

    def __init__(self, path: Path, header: JpegHeader) -> None:
        """Take the header.

        Raises:
            SourceError: nothing installed here decodes it.
        """
        if not header.is_decodable:
            raise SourceError(f"holds JPEG of {header.kind}, which nothing here reads: {_CONVERT}")
        if not has_imagecodecs():
            raise SourceError(f"holds JPEG of {header.kind}, which nothing installed here reads: {_INSTALL}")
        meaning = {1: Meaning.GREY, 3: Meaning.RGB}.get(header.components, Meaning.UNKNOWN)
        picture = PictureFormat(
            meaning,
            header.bits,
            orientation=header.orientation,
            profile=header.profile,
            stated=f"JPEG of {header.components} components of {header.kind}",
        )
        super().__init__("imagecodecs", "jpeg", header.size, picture)
        self._path = path

    def decode(self) -> Samples:
        """Decode the image. See `WholeImageSource.decode`."""
        check_memory(self._stored.pixels * self._picture.samples * _BYTES_A_SAMPLE)
        return _decoded(self._path, "jpeg_decode", self._picture)


class RareJpeg2000Source(WholeImageSource):
    """A JPEG 2000 image whose boxes say more than Pillow heeds."""

    def __init__(self, path: Path, header: jpeg2000.Jpeg2000Header) -> None:
        """Take the header.

        Raises:
            SourceError: its samples cannot be published.
        """
        super().__init__("imagecodecs", "jpeg2000", header.size, jpeg2000.read_picture(header))
        self._path = path

    def decode(self) -> Samples:
        """Decode the image. See `WholeImageSource.decode`."""
        check_memory(self._stored.pixels * self._picture.samples * _BYTES_A_SAMPLE)
        return _decoded(self._path, "jpeg2k_decode", self._picture)


def _decoded(path: Path, decoder: str, picture: PictureFormat) -> Samples:
    codecs: Any = importlib.import_module("imagecodecs")
    try:
        samples: Samples = getattr(codecs, decoder)(path.read_bytes())
    except (RuntimeError, ValueError, OSError) as error:
        words = " ".join(str(error).split())
        raise SourceError(f"does not decode ({words}); {COPY_AGAIN}") from None
    if samples.dtype.kind != "u":
        raise SourceError(f"decodes to {samples.dtype} samples: convert it to 8 bits a sample first")
    if samples.ndim == 2:  # noqa: PLR2004 - rows and columns
        samples = samples[..., np.newaxis]
    return samples[..., : picture.samples]
