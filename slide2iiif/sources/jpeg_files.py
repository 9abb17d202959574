"""JPEG files: their header, and a copy of a file whose header disturbs decoders though no pixel is lost.

Bytes between segments, an Adobe marker with an unknown number and the like are warned of by libjpeg in the same words
as lost pixels. Without them the rest of the file has to decode without a word. Sources: T.81, annex B; T.872, 6.5.3.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from slide2iiif.geometry import Size
from slide2iiif.sources.exif import orientation_of_exif

_SOI = b"\xff\xd8"
_SOS, _DHT, _DAC = 0xDA, 0xC4, 0xCC
_APP0, _APP1, _APP2, _APP14, _APP15, _COM = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF, 0xFE
_JPEG_LS = 0xF7
_FRAMES = frozenset(range(0xC0, 0xD0)) - {_DHT, 0xC8, _DAC} | {_JPEG_LS}
_USUAL_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
_ADOBE_TRANSFORM = 11
_PROFILE = b"ICC_PROFILE\0"
_JFIF = b"JFIF\0"
_EXIF = b"Exif\0\0"
_YCC, _YCCK = 1, 2
_SEQUENTIAL = (0, 1)
_WHOLE_SPECTRUM = b"\x00\x3f\x00"
"""First and last coefficient and bits of a scan that is not progressive (T.81, table B.3)."""
_HEAD = 1 << 22
_PROCESSES = {
    3: "lossless coding",
    9: "arithmetic coding",
    10: "arithmetic coding",
    11: "lossless, arithmetic coding",
} | {
    **dict.fromkeys((5, 6, 7), "hierarchical coding"),
    **dict.fromkeys((13, 14, 15), "hierarchical, arithmetic coding"),
    _JPEG_LS - 0xC0: "JPEG-LS coding",
}
_BY_LIBJPEG = frozenset({0, 1, 2, 9, 10})
"""Processes of 8 bits that libjpeg-turbo decodes."""
_DECODED = frozenset({0, 1, 2, 3, 9, 10})
"""Processes that some decoder here knows (T.81, table B.1)."""


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """Frame of a JPEG file."""

    size: Size
    """Pixels."""
    bits: int
    """Bits a sample."""
    components: int
    """Samples a pixel."""
    process: int
    """Number of the frame marker, 0 for baseline."""
    profile: bytes | None = None
    """ICC profile, where it lies in one segment."""
    orientation: int = 1
    """EXIF orientation, 1 to 8."""

    @property
    def is_usual(self) -> bool:
        """True if every decoder reads it: 8 bits, Huffman coding, sequential or progressive."""
        return self.bits == 8 and 0xC0 + self.process in _USUAL_FRAMES and self.size.height > 0  # noqa: PLR2004

    @property
    def is_for_libjpeg(self) -> bool:
        """True if libjpeg-turbo decodes it, though others may not: arithmetic coding besides."""
        return self.bits == 8 and self.process in _BY_LIBJPEG and self.size.height > 0  # noqa: PLR2004

    @property
    def is_decodable(self) -> bool:
        """True if some decoder that may be installed here reads it."""
        return self.process in _DECODED and self.size.height > 0

    @property
    def kind(self) -> str:
        """Words for what is unusual of it."""
        if not self.size.height:
            return "a height that follows behind its data (DNL)"
        return _PROCESSES.get(self.process, f"{self.bits} bits a sample")


def is_jpeg(head: bytes) -> bool:
    """Return True if the first bytes are those of a JPEG file."""
    return head[:3] == b"\xff\xd8\xff"


def read_header(path: Path) -> JpegHeader | None:
    """Read the frame of a file; None where none is found."""
    with path.open("rb") as file:
        return parse_header(file.read(_HEAD))


def parse_header(head: bytes) -> JpegHeader | None:
    """Return the frame of a stream from its first bytes; None where none is found."""
    profile, orientation = None, None
    for marker, content, _ in _segments(head):
        if marker == _APP1 and content.startswith(_EXIF):
            orientation = orientation or orientation_of_exif(content)
        if marker == _APP2 and content.startswith(_PROFILE + b"\1\1"):
            profile = content[len(_PROFILE) + 2 :]
        if marker in _FRAMES and len(content) >= 6:  # noqa: PLR2004 - T.81, section B.2.2
            height, width = struct.unpack(">HH", content[1:5])
            return JpegHeader(Size(width, height), content[0], content[5], marker - 0xC0, profile, orientation or 1)
    return None


def disturbs_decoders(path: Path) -> bool:
    """Return True if the header of a file holds what decoders warn of though no pixel is lost by it."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    process, components = _frame(head)
    last = len(_SOI)
    for marker, segment, end in _segments(head):
        begin = end - len(segment) - 4
        if begin > last and head[last:begin].strip(b"\xff"):
            return True
        if _settled(marker, segment, process, components) != segment:
            return True
        last = end
    return False


def cleaned(content: bytes) -> bytes:
    """Copy a file without what lies between segments, with values in its header that decoders know."""
    process, components = _frame(content)
    parts = [_SOI]
    for marker, segment, end in _segments(content):
        parts.append(_segment(marker, _settled(marker, segment, process, components)))
        if marker == _SOS:
            parts.append(content[end:])
    return b"".join(parts)


def without_notes(stream: bytes) -> bytes:
    """Return what follows the start-of-image marker of a stream, without comments and application data."""
    parts = list[bytes]()
    for marker, segment, end in _segments(stream):
        if marker != _COM and not _APP0 <= marker <= _APP15:
            parts.append(_segment(marker, segment))
        if marker == _SOS:
            parts.append(stream[end:])
    return b"".join(parts)


def _frame(head: bytes) -> tuple[int, int]:
    """Return the process and the number of components of a header; 0 and 0 where it has no frame."""
    for marker, segment, _ in _segments(head):
        if marker in _FRAMES and len(segment) > 5:  # noqa: PLR2004 - T.81, section B.2.2
            return marker - 0xC0, segment[5]
    return 0, 0


def _settled(marker: int, segment: bytes, process: int, components: int) -> bytes:
    """Return a segment with values that decoders know, where libjpeg takes others for those anyway."""
    if marker == _APP0 and segment.startswith(_JFIF) and segment[5:6] not in {b"\1", b""}:
        return segment[:5] + b"\1" + segment[6:]
    if marker == _APP14 and segment.startswith(b"Adobe") and len(segment) > _ADOBE_TRANSFORM:
        usual = _YCCK if components == 4 else _YCC  # noqa: PLR2004 - CMYK
        if segment[_ADOBE_TRANSFORM] not in {0, usual}:
            return segment[:_ADOBE_TRANSFORM] + bytes((usual,)) + segment[_ADOBE_TRANSFORM + 1 :]
    if marker == _SOS and process in _SEQUENTIAL:
        return segment[: -len(_WHOLE_SPECTRUM)] + _WHOLE_SPECTRUM
    return segment


def _segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2) + content


def _segments(stream: bytes) -> Iterator[tuple[int, bytes, int]]:
    """List marker, content and end of the segments up to the first scan; what lies between them is passed over."""
    place = len(_SOI)
    while True:
        place = stream.find(b"\xff", place)
        if place < 0 or place + 4 > len(stream):
            return
        marker = stream[place + 1]
        if marker in {0x00, 0x01, 0xFF} or 0xD0 <= marker <= 0xD9:  # noqa: PLR2004 - markers without a length
            place += 1
            continue
        end = place + 2 + int.from_bytes(stream[place + 2 : place + 4])
        yield marker, stream[place + 4 : end], end
        if marker == _SOS:
            return
        place = end
