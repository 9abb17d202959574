"""JPEG 2000 whose component is an index into a palette: the codestream decoded alone, colours looked up here.

Decoders leave palettes aside, or know those alone whose columns are mapped in their order. Source: T.800, annexes
I.5.3.4 (palette) and I.5.3.5 (component mapping).
"""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np

from slide2iiif.errors import SourceError
from slide2iiif.imaging.picture import Meaning, Samples
from slide2iiif.machine import check_memory
from slide2iiif.sources import jpeg2000
from slide2iiif.sources.unsupported import COPY_AGAIN
from slide2iiif.sources.whole import WholeImageSource

_BYTE = 8
_LONGEST_INDEX, _LONGEST_COLOUR = 16, 16
_BYTES_A_PIXEL = 12
_FROM_PALETTE = 1
_SYCC = 18
_CONVERT = "convert it to TIFF or PNG (opj_decompress)"


class PaletteSource(WholeImageSource):
    """A JPEG 2000 image of one component, with a palette."""

    def __init__(self, path: Path, header: jpeg2000.Jpeg2000Header) -> None:
        """Read the palette.

        Raises:
            SourceError: it is damaged, or not one whose colours are known.
        """
        self._path = path
        self._header = header
        colours, bits = _read_palette(header.palette)
        self._colours = colours[:, _columns(header, colours.shape[1])][:, jpeg2000.channel_order(header)]
        picture = replace(jpeg2000.read_picture(header), bits=bits)
        if header.colours == _SYCC and picture.meaning is Meaning.RGB:
            picture = replace(picture, meaning=Meaning.YCBCR)
        super().__init__("pillow", "jpeg2000", header.size, picture)

    def decode(self) -> Samples:
        """Decode the image. See `WholeImageSource.decode`."""
        check_memory(self._stored.pixels * _BYTES_A_PIXEL)
        indices = _read_indices(self._path, self._header)
        if int(indices.max(initial=0)) >= len(self._colours):
            raise SourceError(f"holds a colour beyond the {len(self._colours)} of its palette: export it anew")
        samples: Samples = self._colours[indices]
        return samples


def _read_palette(content: bytes) -> tuple[Samples, int]:
    """Return the colours, shape (entries, columns), and their bits.

    Raises:
        SourceError: the palette is not whole, or its columns differ.
    """
    entries, columns = int.from_bytes(content[:2]), content[2] if len(content) > 2 else 0  # noqa: PLR2004 - NE, NPC
    depths = set(content[3 : 3 + columns])
    if len(depths) > 1 or max(depths, default=0) >= _LONGEST_COLOUR:
        raise SourceError(f"holds JPEG 2000 with a palette of signed colours, or of differing bits: {_CONVERT}")
    bits = max(depths, default=0) + 1
    wide = 1 if bits <= _BYTE else 2
    raw = content[3 + columns : 3 + columns + entries * columns * wide]
    if not entries or not columns or len(raw) < entries * columns * wide:
        raise SourceError(f"is damaged: its JPEG 2000 palette is not whole; {COPY_AGAIN}")
    return np.frombuffer(raw, f">u{wide}").astype(f"u{wide}").reshape(entries, columns), bits


def _columns(header: jpeg2000.Jpeg2000Header, count: int) -> list[int]:
    """Return the column of the palette that each channel has.

    Raises:
        SourceError: a channel is no column of it.
    """
    [component, *others] = header.components
    is_index = not component.is_signed and component.bits <= _LONGEST_INDEX and not header.is_subsampled
    channels = [header.mapping[place : place + 4] for place in range(0, len(header.mapping) - 3, 4)]
    are_of_palette = all(each[:3] == bytes((0, 0, _FROM_PALETTE)) and each[3] < count for each in channels)
    if others or not is_index or not channels or not are_of_palette:
        raise SourceError(
            f"holds JPEG 2000 whose channels are partly a palette's and partly not, which is not read: {_CONVERT}"
        )
    return [each[3] for each in channels]


def _read_indices(path: Path, header: jpeg2000.Jpeg2000Header) -> Samples:
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None
    stream = path.read_bytes()[header.stream :]
    try:
        with Image.open(io.BytesIO(stream), formats=("JPEG2000",)) as image:
            samples = np.asarray(image)
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise SourceError(f"is damaged: {error}; {COPY_AGAIN}") from None
    bits = header.components[0].bits
    # Pillow shifts shorter samples to the upper end of 8 or 16 bits.
    return np.asarray(samples >> ((_BYTE if bits <= _BYTE else 2 * _BYTE) - bits))
