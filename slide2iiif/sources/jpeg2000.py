"""Header of JPEG 2000: boxes that say what the components of the codestream mean, and the components themselves.

Pillow decodes components and leaves the boxes aside, so that only what is the same without them, or can be put right
afterwards, is read through it. Source: T.800, annex A.5.1 (SIZ) and annex I.5.3 (jp2h).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Size
from slide2iiif.imaging.picture import Extra, Kind, Meaning, PictureFormat
from slide2iiif.sources.unsupported import COPY_AGAIN

_HEAD = 1 << 24
_CODESTREAM = b"\xff\x4f\xff\x51"
"""Markers that a codestream begins with: the second one tells of sizes."""
_SRGB, _GREY, _SYCC = 16, 17, 18
_COLOURS = {_SRGB: 3, _GREY: 1, _SYCC: 3}
"""Colours of the enumerated colour spaces that are shown (T.800, table I.10)."""
_OTHER_SPACES = {
    0: "bi-level",
    1: "YCbCr (1)",
    3: "YCbCr (2)",
    4: "YCbCr (3)",
    9: "PhotoYCC",
    11: "CMY",
    12: "CMYK",
} | {
    13: "YCCK",
    14: "CIELAB",
    15: "bi-level (2)",
    19: "CIEJab",
    20: "e-sRGB",
    21: "ROMM-RGB",
    24: "e-sYCC",
}
"""Names of others (T.801, table M.25)."""
_MAPPING_BYTES = 4
_PROFILES = (2, 3)
_COLOUR, _OPACITY, _PREMULTIPLIED = 0, 1, 2
_CLEAR_COUNTS = (1, 3)
_INSTALL = "install slide2iiif[formats], or convert it to TIFF (opj_decompress)"


@dataclass(frozen=True, slots=True)
class Component:
    """A component of the codestream."""

    bits: int
    is_signed: bool
    across: int
    """Pixels that share a sample."""
    down: int


@dataclass(frozen=True, slots=True)
class Jpeg2000Header:
    """Description of a JPEG 2000 file."""

    size: Size
    """Pixels."""
    tile: Size
    """Pixels of a tile of the codestream."""
    is_at_origin: bool
    """True if image and tiles begin at 0, 0."""
    components: tuple[Component, ...]
    """Components of the codestream."""
    colours: int | None = None
    """Enumerated colour space; None where a profile or nothing says it."""
    profile: bytes | None = None
    """ICC profile."""
    palette: bytes = b""
    """Contents of the box of a palette that components are indices into; none where they are colours."""
    mapping: bytes = b""
    """Contents of the box that maps components and columns of the palette to channels."""
    stream: int = 0
    """Place of the codestream in the file, in bytes."""
    channels: tuple[tuple[int, int, int], ...] = ()
    """Number, type and association of each channel; none where the order is the usual one."""

    @property
    def channel_count(self) -> int:
        """Channels that components and palette come to."""
        return len(self.mapping) // _MAPPING_BYTES if self.palette else len(self.components)

    @property
    def is_subsampled(self) -> bool:
        """True if a component has fewer samples than pixels."""
        return any(each.across * each.down > 1 for each in self.components)


def is_jpeg_2000(head: bytes) -> bool:
    """Return True if the first bytes are those of JPEG 2000, in its boxes or without."""
    return head[:4] == _CODESTREAM or head[4:8] == b"jP  "


def read_header(path: Path) -> Jpeg2000Header:
    """Read the header of a file.

    Raises:
        SourceError: it is damaged.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    try:
        return _parse(head)
    except (IndexError, ValueError):
        raise SourceError(f"is damaged: its JPEG 2000 header is not whole; {COPY_AGAIN}") from None


def read_picture(header: Jpeg2000Header) -> PictureFormat:
    """Return the format of the samples, channels in the order red, green, blue, alpha."""
    count = header.channel_count
    kind = Kind.SIGNED if any(each.is_signed for each in header.components) else Kind.UNSIGNED
    extras = list[Extra]()
    for channel, type_, _ in sorted(header.channels):
        if type_ != _COLOUR and channel < count:
            extras.append({_OPACITY: Extra.STRAIGHT, _PREMULTIPLIED: Extra.PREMULTIPLIED}.get(type_, Extra.UNSPECIFIED))
    colours = count - len(extras)
    meaning = {1: Meaning.GREY, 2: Meaning.GREY}.get(colours, Meaning.RGB)
    extras += [Extra.UNSPECIFIED] * max(0, colours - meaning.colours)
    doubt = _doubt(header, colours)
    return PictureFormat(
        Meaning.UNKNOWN if doubt else meaning,
        header.components[0].bits,
        kind,
        tuple(extras),
        profile=header.profile,
        stated=f"{count} {'component' if count == 1 else 'components'} of JPEG 2000 {doubt}",
    )


def _doubt(header: Jpeg2000Header, colours: int) -> str:
    """Return why nobody can say what the components mean; nothing where it is clear."""
    count = header.channel_count
    if header.colours is not None and header.colours not in _COLOURS:
        name = _OTHER_SPACES.get(header.colours, "one that is not known")
        return f"in the colour space {header.colours} ({name})"
    # Nothing says what a second or fourth component means where channels are not defined.
    if colours < 1 or (count not in _CLEAR_COUNTS and not header.channels):
        return "and does not state what the last one means"
    if header.colours is not None and colours != _COLOURS[header.colours]:
        return (
            f"of which {colours} {'is a colour' if colours == 1 else 'are colours'}, in a colour space of "
            f"{_COLOURS[header.colours]}"
        )
    return ""


def refusal_of_pillow(header: Jpeg2000Header) -> str | None:
    """Return why Pillow would not show a file as it is, or None."""
    count = len(header.components)
    sizes = {(each.bits, each.is_signed) for each in header.components}
    bits = header.components[0].bits
    reason = None
    if len(sizes) > 1 or count not in {1, 2, 3, 4}:
        reason = f"{count} components, or components of differing bits"
    elif count > 1 and bits != 8:  # noqa: PLR2004 - bits of a byte
        reason = f"colours of {bits} bits a sample"
    elif header.is_subsampled and not _is_evenly_subsampled(header):
        reason = "subsampled components, of an odd size or not of YCbCr"
    elif header.colours == _SYCC and channel_order(header) != tuple(range(count)):
        reason = "YCbCr in another order"
    return None if reason is None else f"holds JPEG 2000 with {reason}, which nothing installed here reads: {_INSTALL}"


def channel_order(header: Jpeg2000Header) -> tuple[int, ...]:
    """Return the component of each channel: red, green, blue or grey, then the others as they come.

    Raises:
        SourceError: two channels claim the same colour.
    """
    count = header.channel_count
    if not header.channels:
        return tuple(range(count))
    colours = sorted((association, channel) for channel, type_, association in header.channels if type_ == _COLOUR)
    others = sorted(channel for channel, type_, _ in header.channels if type_ != _COLOUR)
    order = (*(channel for _, channel in colours), *others)
    if sorted(order) != list(range(count)) or len({each for each, _ in colours}) != len(colours):
        raise SourceError(
            "is damaged: its JPEG 2000 header does not say which channel has which colour; export it anew"
        )
    return order


def _is_evenly_subsampled(header: Jpeg2000Header) -> bool:
    across = max(each.across for each in header.components)
    down = max(each.down for each in header.components)
    sides = (header.size, header.tile)
    return (
        header.colours == _SYCC
        and header.is_at_origin
        and all(width % across == 0 and height % down == 0 for width, height in sides)
    )


def _parse(head: bytes) -> Jpeg2000Header:
    if head[:4] == _CODESTREAM:
        return _codestream(head, 0)
    found: dict[bytes, bytes] = {}
    stream = -1
    for kind, start, end in _boxes(head, 0, len(head)):
        if kind == b"jp2c":
            stream = start
            break
        if kind == b"jp2h":
            for inner, first, last in _boxes(head, start, end):
                # Of several colour specifications the first is the one to take.
                found.setdefault(inner, head[first:last])
    if stream < 0:
        raise ValueError("no codestream")
    plain = _codestream(head, stream)
    colours, profile = _colour_specification(found.get(b"colr", b""))
    return Jpeg2000Header(
        plain.size,
        plain.tile,
        plain.is_at_origin,
        plain.components,
        colours,
        profile,
        palette=found.get(b"pclr", b""),
        mapping=found.get(b"cmap", b""),
        stream=stream,
        channels=_channels(found.get(b"cdef", b"")),
    )


def _boxes(head: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """List type, begin and end of the contents of boxes (T.800, section I.4)."""
    while start + 8 <= end:
        length, kind = int.from_bytes(head[start : start + 4]), head[start + 4 : start + 8]
        begin = start + 8
        if length == 1:
            length, begin = int.from_bytes(head[start + 8 : start + 16]), start + 16
        finish = start + length if length else end
        if finish < begin:
            return
        yield kind, begin, min(finish, end)
        start = finish


def _codestream(head: bytes, place: int) -> Jpeg2000Header:
    if head[place : place + 4] != _CODESTREAM:
        raise ValueError("no codestream")
    width, height, left, top, tile_width, tile_height, tile_left, tile_top = (
        int.from_bytes(head[place + at : place + at + 4]) for at in range(8, 40, 4)
    )
    count = int.from_bytes(head[place + 40 : place + 42])
    components = []
    for index in range(count):
        depth, across, down = head[place + 42 + 3 * index : place + 45 + 3 * index]
        components.append(Component((depth & 127) + 1, bool(depth & 128), across, down))
    if not components:
        raise ValueError("no component")
    return Jpeg2000Header(
        Size(width - left, height - top),
        Size(tile_width, tile_height),
        (left, top, tile_left, tile_top) == (0, 0, 0, 0),
        tuple(components),
    )


def _colour_specification(content: bytes) -> tuple[int | None, bytes | None]:
    if content[:1] == b"\1":
        return int.from_bytes(content[3:7]), None
    return None, content[3:] if content[:1] and content[0] in _PROFILES else None


def _channels(content: bytes) -> tuple[tuple[int, int, int], ...]:
    numbers = [int.from_bytes(content[at : at + 2]) for at in range(0, len(content) - 1, 2)]
    return tuple(zip(numbers[1::3], numbers[2::3], numbers[3::3], strict=False))
