"""What these tests share: an export in this process, and the stored tiles as an outsider reads them.

Nothing here asks slide2iiif where a stored tile lies or what it lacks: tifffile and pydicom say where, and a complete
stream is put together anew.
"""

import functools
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pydicom
import pytest
import simplejpeg
import tifffile
import turbojpeg
from numpy.typing import NDArray
from pydicom.encaps import generate_frames
from stagings import objects_in

from slide2iiif.discovery.walk import walk
from slide2iiif.engines.serial import SerialEngine
from slide2iiif.geometry import Region, Size
from slide2iiif.options import Check, Damaged, Options
from slide2iiif.progress import Silent
from slide2iiif.publish.run import Export
from slide2iiif.publish.tree import Tree
from slide2iiif.records.receipts import Receipts
from slide2iiif.samples import write_aperio, write_generic_tiff
from slide2iiif.samples.coding import encode_ycbcr
from slide2iiif.stores.memory import MemoryStore

Pixels = NDArray[np.uint8]

APERIO = "aperio/CMU-1-Small-Region.svs"
LARGE = "aperio/P37-CRC01-he.svs"
DICOM = "dicom/cmu-1-small-region/level-0-frames-0-30.dcm"
NDPI = "hamamatsu/test3-DAPI-2-387.ndpi"
REAL = (APERIO, LARGE, DICOM, NDPI)
"""Real slides whose full resolution can be copied."""

MADE: Mapping[str, Callable[[Path], None]] = {
    "420.svs": lambda path: write_aperio(path, Size(1390, 1111)),
    "422.svs": lambda path: write_aperio(path, Size(1390, 1111), subsampling="422"),
    "444.svs": lambda path: write_aperio(path, Size(1390, 1111), subsampling="444", tile_size=240, seed=2),
    "rgb.svs": lambda path: write_aperio(path, Size(1111, 777), rgb_coded=True, tile_size=240),
    "rgb-complete.svs": lambda path: write_aperio(path, Size(1111, 777), rgb_coded=True, shared_tables=False),
    "420-complete.svs": lambda path: write_aperio(path, Size(1111, 777), shared_tables=False, quality=95),
    "420-big.svs": lambda path: write_aperio(path, Size(1390, 777), bigtiff=True, scales=(1, 2, 4)),
    "422-classic.svs": lambda path: write_aperio(path, Size(1390, 777), bigtiff=False, subsampling="422", quality=60),
    "generic.tif": lambda path: write_generic_tiff(path, Size(1390, 1111)),
    "gray.tif": lambda path: write_generic_tiff(path, Size(900, 600), colours="gray"),
}
"""Slides that are made, in every coding that there is."""

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
ADOBE_RGB = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"
DQT, DHT, DRI, SOS, APP0, APP14 = 0xDB, 0xC4, 0xDD, 0xDA, 0xE0, 0xEE
FRAMES = (0xC0, 0xC1)
_OFFSETS, _COUNTS = 324, 325
_FORMATS = {3: "H", 4: "I", 16: "Q"}


class Jpeg(NamedTuple):
    """A stream, taken apart."""

    segments: tuple[tuple[int, bytes], ...]
    """Marker and content of what comes before the scan."""
    scan_header: bytes
    """Content of the start-of-scan segment."""
    scan: bytes
    """Entropy-coded bytes, the end-of-image marker included."""

    @property
    def markers(self) -> list[int]:
        return [marker for marker, _ in self.segments]

    @property
    def frame(self) -> bytes:
        [frame] = [content for marker, content in self.segments if marker in FRAMES]
        return frame

    @property
    def size(self) -> Size:
        height, width = struct.unpack(">HH", self.frame[1:5])
        return Size(width, height)

    @property
    def sampling(self) -> list[tuple[int, int]]:
        return [(factors >> 4, factors & 15) for factors in self.frame[7::3]]

    @property
    def tables(self) -> dict[tuple[int, int], bytes]:
        """Quantisation and Huffman tables by kind and number; a later one replaces an earlier one."""
        found: dict[tuple[int, int], bytes] = {}
        for marker, content in self.segments:
            while marker in {DQT, DHT} and content:
                length = 65 if marker == DQT else 17 + sum(content[1:17])
                found[marker, content[0]] = content[1:length]
                content = content[length:]  # noqa: PLW2901 - several tables in one segment
        return found


def parse(stream: bytes) -> Jpeg:
    """Take a stream apart; anything that is not a row of segments fails."""
    assert stream[:2] == SOI
    segments: list[tuple[int, bytes]] = []
    place = 2
    while True:
        assert stream[place] == 0xFF
        marker, (length,) = stream[place + 1], struct.unpack_from(">H", stream, place + 2)
        content = stream[place + 4 : place + 2 + length]
        assert len(content) == length - 2
        place += 2 + length
        if marker == SOS:
            return Jpeg(tuple(segments), content, stream[place:])
        segments.append((marker, content))


@functools.lru_cache(maxsize=4)
def decode(stream: bytes) -> Pixels:
    """Decode to RGB with the one decoder of these tests; a warning is an error."""
    pixels: Pixels = simplejpeg.decode_jpeg(stream, colorspace="RGB", strict=True)
    return pixels


@functools.lru_cache(maxsize=4)
def planes(stream: bytes) -> list[Pixels]:
    """Decode to the components as they are stored, all blocks of each: no colours, nothing interpolated.

    Equal planes and equal tables are equal coefficients.
    """
    jpeg = parse(stream)
    across, down = (max(factors) for factors in zip(*jpeg.sampling, strict=True))
    # The frame header is made to say that the image ends with the last unit, so that no block is cut.
    width, height = (-(-side // (8 * most)) * 8 * most for side, most in zip(jpeg.size, (across, down), strict=True))
    grown = stream.replace(jpeg.frame, jpeg.frame[:1] + struct.pack(">HH", height, width) + jpeg.frame[5:], 1)
    if len(jpeg.sampling) == 1:
        return [simplejpeg.decode_jpeg(grown, colorspace="GRAY", strict=True)[..., 0]]
    found: list[Pixels] = _library().decode_to_yuv_planes(grown)
    # What fills the last unit up is not the image's (T.81, section A.2.4).
    return [
        plane[: _blocks(jpeg.size.height * vertical, down), : _blocks(jpeg.size.width * horizontal, across)]
        for plane, (horizontal, vertical) in zip(found, jpeg.sampling, strict=True)
    ]


def _blocks(side: int, most: int) -> int:
    """Round a component's side, given as a multiple, up to whole pixels and these to whole blocks."""
    return -(-side // (8 * most)) * 8


@functools.cache
def _library() -> Any:
    return turbojpeg.TurboJPEG()


class StoredLevel(NamedTuple):
    """The JPEG of a stored level, as complete streams."""

    size: Size
    tile: Size
    """Pixels of a stored tile; where a level is one image, of the level."""
    read: Callable[[int, int], bytes]
    """Stream of a tile, by column and row."""

    def containing(self, region: Region) -> tuple[bytes, Region]:
        """Give the stored tile that a region lies in, and where in it."""
        column, row = region.x // self.tile.width, region.y // self.tile.height
        x, y = region.x - column * self.tile.width, region.y - row * self.tile.height
        return self.read(column, row), Region(x, y, *region.size)


def stored_levels(path: Path) -> list[StoredLevel]:
    """Read all JPEG levels of a slide."""
    if path.suffix == ".dcm":
        return [_dicom_level(file) for file in sorted(path.parent.iterdir())]
    with tifffile.TiffFile(path) as tiff:
        found: Any = tiff.pages
        pages = [page for page in found if page.is_tiled and page.compression == 7]
        return [_ndpi_level(path, page) if page.is_ndpi else _tiff_level(path, page) for page in pages]


def _tiff_level(path: Path, page: Any) -> StoredLevel:
    data, across = path.read_bytes(), -(-page.imagewidth // page.tilewidth)
    offsets, counts = tuple(page.dataoffsets), tuple(page.databytecounts)
    tables, colour = (page.jpegtables or SOI + EOI)[2:-2], ADOBE_RGB if page.photometric == 2 else b""

    def read(column: int, row: int) -> bytes:
        index = row * across + column
        raw = data[offsets[index] : offsets[index] + counts[index]]
        return SOI + colour + tables + raw[2:]

    return StoredLevel(Size(page.imagewidth, page.imagelength), Size(page.tilewidth, page.tilelength), read)


def _ndpi_level(path: Path, page: Any) -> StoredLevel:
    [offset], [count] = page.tags[273].value, page.tags[279].value
    size, data = Size(page.imagewidth, page.imagelength), path.read_bytes()
    return StoredLevel(size, size, lambda _column, _row: data[offset : offset + count])


def _dicom_level(path: Path) -> StoredLevel:
    image = pydicom.dcmread(path)
    frames = list(generate_frames(image.PixelData, number_of_frames=int(image.NumberOfFrames)))
    size = Size(int(image.TotalPixelMatrixColumns), int(image.TotalPixelMatrixRows))
    across = -(-size.width // int(image.Columns))
    colour = ADOBE_RGB if image.PhotometricInterpretation == "RGB" else b""

    def read(column: int, row: int) -> bytes:
        raw = frames[row * across + column].rstrip(b"\0")
        # The header's word for the colours counts, as it does for OpenSlide; JFIF would say something else.
        jfif = 4 + len(parse(raw).segments[0][1]) if colour and parse(raw).markers[0] == APP0 else 0
        return SOI + colour + raw[2 + jfif :]

    return StoredLevel(size, Size(int(image.Columns), int(image.Rows)), read)


class Place(NamedTuple):
    """Where a stored tile lies in its file."""

    offset: int
    length: int


class TiffLevel:
    """The tiles of a directory of a TIFF that is to be changed."""

    def __init__(self, path: Path, index: int = 0) -> None:
        self.path = path
        with tifffile.TiffFile(path) as tiff:
            pages: Any = tiff.pages
            page = [page for page in pages if page.is_tiled][index]
            self.size, self.columns = Size(page.imagewidth, page.imagelength), -(-page.imagewidth // page.tilewidth)
            self.tables: bytes = page.jpegtables or b""
            self.places = [Place(*place) for place in zip(page.dataoffsets, page.databytecounts, strict=True)]
            self._tags = [
                (page.tags[code].valueoffset, _FORMATS[page.tags[code].dtype]) for code in (_OFFSETS, _COUNTS)
            ]

    def read(self, index: int) -> bytes:
        offset, length = self.places[index]
        with self.path.open("rb") as file:
            file.seek(offset)
            return file.read(length)

    def put(self, index: int, content: bytes) -> None:
        """Replace a tile by one of any length, behind all others."""
        with self.path.open("r+b") as file:
            end = file.seek(0, 2)
            file.write(content)
        self.point(index, Place(end, len(content)))

    def point(self, index: int, place: Place) -> None:
        """Change what the directory says of a tile."""
        self.places[index] = place
        with self.path.open("r+b") as file:
            for (start, kind), number in zip(self._tags, place, strict=True):
                file.seek(start + index * struct.calcsize(kind))
                file.write(struct.pack(f"<{kind}", number))

    def overwrite(self, index: int, start: int, content: bytes) -> None:
        """Write over a part of a tile, in place."""
        with self.path.open("r+b") as file:
            file.seek(self.places[index].offset + start)
            file.write(content)


@dataclass(frozen=True)
class Published:
    """What an export came to."""

    record: dict[str, Any]
    """Of the slide, from the summary for machines."""
    summary: dict[str, Any]
    exit_code: int
    files: Mapping[str, bytes]
    """By path; none where the slide failed."""
    receipt: Any

    @property
    def size(self) -> Size:
        return Size(self.record["width"], self.record["height"])

    @property
    def tile_size(self) -> int:
        return int(self.receipt.tile_size)

    def level_size(self, level: int) -> Size:
        width, height = self.size
        return Size(-(-width // (1 << level)), -(-height // (1 << level)))

    def grid(self, level: int) -> Iterator[tuple[int, int]]:
        """Columns and rows of a level."""
        size, side = self.level_size(level), self.tile_size
        for row in range(-(-size.height // side)):
            for column in range(-(-size.width // side)):
                yield column, row

    def region(self, level: int, column: int, row: int) -> Region:
        """Pixels of its own level that a tile covers."""
        size, side = self.level_size(level), self.tile_size
        x, y = column * side, row * side
        return Region(x, y, min(side, size.width - x), min(side, size.height - y))

    def tile(self, level: int, column: int, row: int) -> bytes:
        """Give a tile by the path that a viewer asks for."""
        scale = 1 << level
        x, y = column * self.tile_size * scale, row * self.tile_size * scale
        width, height = (
            min(self.tile_size * scale, whole - start) for whole, start in zip(self.size, (x, y), strict=True)
        )
        return self.files[f"{x},{y},{width},{height}/{-(-width // scale)},/0/default.jpg"]

    def counts(self, level: int) -> dict[str, int]:
        """How the tiles of a level came to be."""
        return {how: count for how, count in self.record["levels"][level].items() if how != "scale"}

    def copied_levels(self) -> list[int]:
        return [
            level for level in range(len(self.record["levels"])) if {"copied", "cropped"} & self.counts(level).keys()
        ]


def publish(path: Path, private: Path, **options: Any) -> Published:
    """Export one slide in this process, into memory."""
    (private / "staging").mkdir(parents=True, exist_ok=True)
    chosen = {**options}
    if "check" in chosen:
        chosen["check"] = Check(chosen["check"])
    if "damaged" in chosen:
        chosen["damaged"] = Damaged(chosen["damaged"])
    store = MemoryStore()
    with store, SerialEngine() as engine:
        receipts = Receipts(objects_in(private))
        base = "https://host.example/iiif"
        export = Export(Tree(store, receipts, Options(**chosen), base, f"{base}-v3", overwrite=True), engine, Silent())
        summary = export.slides(walk(path))
    told = summary.as_json()
    [record] = told["slides"]
    identifier = record["identifier"]
    files = store.slides.get(identifier, {})
    return Published(record, told, summary.exit_code, files, receipts.read(identifier) if files else None)


@pytest.fixture(scope="session")
def private(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Private folder of the exports."""
    return tmp_path_factory.mktemp("private")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Give a made slide by its name; it is not to be changed."""
    folder = tmp_path_factory.mktemp("made")

    def get(name: str) -> Path:
        path = folder / name
        if not path.exists():
            MADE[name](path)
        return path

    return get


@pytest.fixture(scope="session")
def slide_of(slides: Path, made: Callable[[str], Path]) -> Callable[[str], Path]:
    """Give a slide by its name, real or made."""
    return lambda name: made(name) if name in MADE else slides / name


@pytest.fixture(scope="session")
def published_of(slide_of: Callable[[str], Path], private: Path) -> Callable[[str], Published]:
    """Give what a slide is published as; a slide is exported once."""
    return functools.cache(lambda name: publish(slide_of(name), private))


def smooth_stream(size: Size, quality: int) -> bytes:
    """Encode a picture of soft colours, 4:2:0."""
    x, y = np.meshgrid(np.arange(size.width), np.arange(size.height))
    bands = [128 + 100 * np.sin((x + shift * y) / 40) for shift in range(3)]
    return encode_ycbcr(np.stack(bands, axis=-1).astype(np.uint8), quality, "420")
