"""Small files that claim to be huge, each by what its format allows."""

import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pydicom
from formats.pictures import picture, stripped, tiled
from formats.tiff_files import Directory, write_tiff
from made_slides import write_image
from pydicom.uid import DeflatedExplicitVRLittleEndian

if TYPE_CHECKING:
    from collections.abc import Callable

_MEGABYTE = 1 << 20


def zeros_deflated(count: int) -> bytes:
    """Deflate so many zeros without having them: one piece again and again."""
    coder = zlib.compressobj(9)
    piece = coder.compress(bytes(_MEGABYTE)) + coder.flush(zlib.Z_FULL_FLUSH)
    header, piece = piece[:2], piece[2:]
    whole, rest = divmod(count, _MEGABYTE)
    last = zlib.compressobj(9, wbits=-15)
    end = last.compress(bytes(rest)) + last.flush()
    adler = (count % 65521 << 16) | 1
    return header + piece * whole + end + struct.pack(">I", adler)


def _tags(width: int, height: int) -> dict[int, object]:
    return {256: width, 257: height, 258: (8, 8, 8), 259: 8, 262: 2, 277: 3, 284: 1}


def sparse_tiff(path: Path) -> None:
    """2.6 million tiles, none of which is stored, at the cost of 31 MB; the file has holes for them."""
    side, tile = 410_000, 256
    count = (-(-side // tile)) ** 2
    entries = [
        (256, 4, 1, side), (257, 4, 1, side), (258, 3, 1, 8), (259, 3, 1, 7), (262, 3, 1, 1), (277, 3, 1, 1),
        (322, 3, 1, tile), (323, 3, 1, tile), (324, 16, count, 4096), (325, 4, count, 4096 + 8 * count),
    ]  # fmt: skip
    directory = struct.pack("<Q", len(entries)) + b"".join(struct.pack("<HHQQ", *entry) for entry in entries)
    with path.open("wb") as file:
        file.write(struct.pack("<2sHHHQ", b"II", 43, 8, 0, 16) + directory + bytes(8))
        file.truncate(4096 + 12 * count)


def circle_tiff(path: Path) -> None:
    """A directory whose next one is itself."""
    write_tiff(path, [tiled(picture(300, 200))])
    content = bytearray(path.read_bytes())
    first = int.from_bytes(content[4:8], "little")
    end = first + 2 + 12 * int.from_bytes(content[first : first + 2], "little")
    content[end : end + 4] = content[4:8]
    path.write_bytes(content)


def sub_circle_tiff(path: Path) -> None:
    """A level that hangs below itself."""
    write_tiff(path, [tiled(picture(300, 200), inner=(tiled(picture(150, 100)),))])
    content = bytearray(path.read_bytes())
    place = content.index(struct.pack("<HHI", 330, 4, 1))
    content[place + 8 : place + 12] = content[4:8]
    path.write_bytes(content)


def deflate_tiff(path: Path) -> None:
    """One tile of 1.2 GB in 1.2 MB."""
    side = 20_000
    write_tiff(path, [Directory({**_tags(side, side), 322: side, 323: side}, [zeros_deflated(3 * side * side)])])  # type: ignore[dict-item]


def png(path: Path, *, interlaced: bool = False) -> None:
    """900 megapixels of zeros; interlaced, nothing of them can be shown before all are decoded."""
    side = 30_000

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, int(interlaced))
    pixels = zeros_deflated(side * (3 * side + 1) + side * 2)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))


def jpeg_2000(path: Path, side: int) -> None:
    """A picture of 300 × 200 pixels whose codestream claims more."""
    write_image(path, 300, 200)
    content = bytearray(path.read_bytes())
    place = content.index(b"\xff\x4f\xff\x51") + 8
    struct.pack_into(">II", content, place, side, side)
    struct.pack_into(">II", content, place + 16, side, side)
    box = content.index(b"ihdr")
    struct.pack_into(">II", content, box + 4, side, side)
    path.write_bytes(content)


def progressive_jpeg(path: Path) -> None:
    """A progressive JPEG that claims 65,000 pixels a side: the decoder holds all coefficients."""
    write_image(path, 300, 200, progressive=True)
    content = bytearray(path.read_bytes())
    struct.pack_into(">HH", content, content.index(b"\xff\xc2") + 5, 30_000, 30_000)
    path.write_bytes(content)


def gif(path: Path) -> None:
    """A GIF whose screen and first frame claim 30,000 pixels a side: libvips holds the frame, or ends the process."""
    write_image(path, 300, 200)
    content = bytearray(path.read_bytes())
    frame = content.index(b",\0\0\0\0" + struct.pack("<HH", 300, 200))
    for place in (6, frame + 5):
        struct.pack_into("<HH", content, place, 30_000, 30_000)
    path.write_bytes(content)


def dicom_frames(path: Path, original: Path) -> None:
    """A level that claims two thousand million frames."""
    header = pydicom.dcmread(original)
    header.SeriesInstanceUID = "1.2.3.4.5"
    header.NumberOfFrames = 2**31 - 1
    header.TotalPixelMatrixColumns = header.TotalPixelMatrixRows = 2**31 - 1
    header.save_as(path)


def dicom_deflated(path: Path, original: Path) -> None:
    """A DICOM file whose elements are 3 GB once they are inflated."""
    header = pydicom.dcmread(original, stop_before_pixels=True)
    header.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    header.save_as(path)
    content = path.read_bytes()
    start = 132 + 12 + int.from_bytes(content[140:144], "little")
    path.write_bytes(content[:start] + zeros_deflated(3 << 30)[2:])


def associated_svs(path: Path, original: Path) -> None:
    """An Aperio slide whose label claims 20,000 pixels a side."""
    content = bytearray(original.read_bytes())
    offset = int.from_bytes(content[4:8], "little")
    places = []
    while offset:
        places.append(offset)
        count = int.from_bytes(content[offset : offset + 2], "little")
        offset = int.from_bytes(content[offset + 2 + 12 * count :][:4], "little")
    label = places[-2]
    for entry in range(int.from_bytes(content[label : label + 2], "little")):
        place = label + 2 + 12 * entry
        if int.from_bytes(content[place : place + 2], "little") in {256, 257, 278}:
            struct.pack_into("<HII", content, place + 2, 4, 1, 20_000)
    path.write_bytes(content)


def profile_tiff(path: Path) -> None:
    """A picture in strips with a colour profile of 450 MB, most of it a hole."""
    tags = stripped(picture(300, 200), 200).tags
    write_tiff(path, [Directory({**tags, 34675: b"\0" * 200}, stripped(picture(300, 200), 200).segments)])
    content = bytearray(path.read_bytes())
    place = content.index(struct.pack("<HHI", 34675, 7, 200))
    struct.pack_into("<II", content, place + 4, 450_000_000, len(content) + len(content) % 2)
    with path.open("wb") as file:
        file.write(content)
        file.truncate(len(content) + 450_000_100)


def wide_tiff(path: Path) -> None:
    """A picture in strips of which one row of blocks takes 2 GB: 700,000 × 1,400 pixels."""
    width, height = 700_000, 1_400
    strip = zeros_deflated(3 * width)
    segments = [strip] * height
    write_tiff(path, [Directory({**_tags(width, height), 278: 1}, segments)])  # type: ignore[dict-item]


def grey(path: Path) -> None:
    """A BMP that claims 60,000 pixels a side, and has none."""
    write_image(path, 60, 50)
    content = bytearray(path.read_bytes())
    struct.pack_into("<ii", content, 18, 30_000, 30_000)
    path.write_bytes(np.frombuffer(content, np.uint8).tobytes())


def write_bombs(folder: Path, dicom: Path, aperio: Path) -> dict[str, str]:
    """Write all of them, each into a folder of its own; give what must be said of each, as a pattern, by path.

    An empty one is of a file that may be published too: as it is without what is hostile in it.
    """
    memory, pixels = "needs more memory than the 960 MB that a worker may take", "at most 1,000,000,000 are allowed"
    late, dead = "took longer than", "the process that worked on it died"
    bombs: dict[str, tuple[Callable[[Path], None], str]] = {
        "sparse.tif": (sparse_tiff, f"{pixels}|{late}|{memory}|damaged"),
        "circle.svs": (circle_tiff, "lead in a circle"),
        "below.tif": (sub_circle_tiff, ""),
        "deflate.tif": (deflate_tiff, f"{memory}|{dead}|damaged"),
        "plain.png": (png, ""),
        "interlaced.png": (lambda path: png(path, interlaced=True), f"{memory}|damaged"),
        "huge.jp2": (lambda path: jpeg_2000(path, 60_000), pixels),
        "large.jp2": (lambda path: jpeg_2000(path, 20_000), memory),
        "progressive.jpg": (progressive_jpeg, memory),
        "frame.gif": (gif, f"^{memory}, some 3,433 MB"),
        "frames.dcm": (lambda path: dicom_frames(path, dicom), f"{pixels}|{memory}|damaged|{dead}|not a slide"),
        "deflated.dcm": (lambda path: dicom_deflated(path, dicom), "not a slide|damaged"),
        "label.svs": (lambda path: associated_svs(path, aperio), "its picture 'label' has 400,000,000 pixels"),
        "profile.tif": (profile_tiff, f"{memory}|damaged|{dead}"),
        "wide.tif": (wide_tiff, f"{memory}|{dead}"),
        "empty.bmp": (grey, f"{memory}|damaged"),
    }
    for name, (write, _) in bombs.items():
        place = folder / name.replace(".", "-") / name
        place.parent.mkdir(parents=True)
        write(place)
    return {f"{name.replace('.', '-')}/{name}": said for name, (_, said) in bombs.items()}
