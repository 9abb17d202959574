"""Small slides in the formats of scanners that are several files or no TIFF: MIRAX, Hamamatsu VMS and VMU, Zeiss CZI.

Source: https://openslide.org/formats/ and what OpenSlide demands of each; for CZI, Zeiss' description of the format.
"""

import io
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from formats.pictures import JPEG, Pixels, picture, reduced
from PIL import Image

MIRAX_TILE = 128
_MIRAX_LEVELS = 3


def write_mirax(path: Path, *, missing: Sequence[tuple[int, int]] = (), overlap: int = 0) -> Path:
    """MIRAX: an empty `.mrxs`, and a folder with an index and JPEG images. Some images may be missing.

    Args:
        path: the `.mrxs`.
        missing: columns and rows of images of full resolution that were not scanned.
        overlap: pixels that images share with the next, by a map of positions.
    """
    folder = path.with_suffix("")
    folder.mkdir(parents=True)
    path.write_bytes(b"")
    across, down = 8, 8
    slide_id = "6EE66A0B1C9F4D0E8E8E0F3D5C7B9A11"
    data = _DataFile()
    levels: list[list[tuple[int, int, int]]] = []
    full = picture(across * MIRAX_TILE, down * MIRAX_TILE)
    for level in range(_MIRAX_LEVELS):
        scale, pixels = 1 << level, reduced(full, 1 << level)
        images = []
        for row in range(0, down, scale):
            for column in range(0, across, scale):
                if scale == 1 and (column, row) in missing:
                    continue
                x, y = column // scale * MIRAX_TILE, row // scale * MIRAX_TILE
                tile = pixels[y : y + MIRAX_TILE, x : x + MIRAX_TILE]
                images.append((row * across + column, *data.put(JPEG.encode(tile))))
        levels.append(images)
    advance = MIRAX_TILE - overlap
    positions = b"".join(
        struct.pack("<bii", 0, column * advance, row * advance) for row in range(down) for column in range(across)
    )
    records = [data.put(zlib.compress(positions) if overlap else b""), data.put(JPEG.encode(picture(80, 60)))]
    (folder / "Data0000.dat").write_bytes(bytes(data.data))
    (folder / "Index.dat").write_bytes(_mirax_index(slide_id, levels, records))
    (folder / "Slidedat.ini").write_text(_mirax_settings(slide_id, across, down, overlap), encoding="utf-8-sig")
    return path


class _DataFile:
    def __init__(self) -> None:
        self.data = bytearray(b"01.02")

    def put(self, content: bytes) -> tuple[int, int]:
        """Append, and give place and length."""
        place = len(self.data)
        self.data += content
        return place, len(content)


def _mirax_index(
    slide_id: str, levels: Sequence[Sequence[tuple[int, int, int]]], records: Sequence[tuple[int, int]]
) -> bytes:
    """Two tables of pointers, one to the images of each level, one to other records, each by way of a page."""
    index = bytearray(f"01.02{slide_id}".encode() + bytes(8))
    root = len(index) - 8

    def pointers(pages: list[bytes]) -> int:
        """Append pages and heads that point to them, and a table that points to the heads."""
        heads = []
        for page in pages:
            place = len(index)
            index.extend(page)
            heads.append(len(index))
            index.extend(struct.pack("<ii", 0, place))
        table = len(index)
        index.extend(struct.pack(f"<{len(heads)}i", *heads))
        return table

    images = [
        struct.pack("<ii", len(level), 0) + b"".join(struct.pack("<iiii", *image, 0) for image in level)
        for level in levels
    ]
    others = [struct.pack("<iiiiiii", 1, 0, 0, 0, *record, 0) for record in records]
    index[root : root + 8] = struct.pack("<ii", pointers(images), pointers(others))
    return bytes(index)


def _mirax_settings(slide_id: str, across: int, down: int, overlap: int) -> str:
    general = {
        "SLIDE_VERSION": "01.02",
        "SLIDE_ID": slide_id,
        "IMAGENUMBER_X": across,
        "IMAGENUMBER_Y": down,
        "OBJECTIVE_MAGNIFICATION": 20,
        "CameraImageDivisionsPerSide": 1,
    }
    hierarchy: dict[str, object] = {
        "HIER_COUNT": 1,
        "NONHIER_COUNT": 2,
        "INDEXFILE": "Index.dat",
        "HIER_0_NAME": "Slide zoom level",
        "HIER_0_COUNT": _MIRAX_LEVELS,
        "NONHIER_0_NAME": "StitchingIntensityLayer" if overlap else "Something else",
        "NONHIER_0_COUNT": 1,
        "NONHIER_0_VAL_0": "Default",
        "NONHIER_0_VAL_0_SECTION": "NONHIERLAYER_0_SECTION",
        "NONHIER_1_NAME": "Scan data layer",
        "NONHIER_1_COUNT": 1,
        "NONHIER_1_VAL_0": "ScanDataLayer_SlideBarcode",
        "NONHIER_1_VAL_0_SECTION": "NONHIERLAYER_1_LEVEL_0_SECTION",
    }
    sections: dict[str, dict[str, object]] = {
        "GENERAL": dict(general),
        "HIERARCHICAL": hierarchy,
        "DATAFILE": {"FILE_COUNT": 1, "FILE_0": "Data0000.dat"},
        "NONHIERLAYER_0_SECTION": {"A": 1},
        "NONHIERLAYER_1_LEVEL_0_SECTION": {"BARCODE_IMAGE_TYPE": "JPEG"},
    }
    for level in range(_MIRAX_LEVELS):
        hierarchy[f"HIER_0_VAL_{level}_SECTION"] = f"LAYER_0_LEVEL_{level}_SECTION"
        sections[f"LAYER_0_LEVEL_{level}_SECTION"] = {
            "OVERLAP_X": overlap / (1 << level),
            "OVERLAP_Y": overlap / (1 << level),
            "MICROMETER_PER_PIXEL_X": 0.325 * (1 << level),
            "MICROMETER_PER_PIXEL_Y": 0.325 * (1 << level),
            "IMAGE_FORMAT": "JPEG",
            "IMAGE_FILL_COLOR_BGR": 0xD0E0F0,
            "DIGITIZER_WIDTH": MIRAX_TILE,
            "DIGITIZER_HEIGHT": MIRAX_TILE,
            "IMAGE_CONCAT_FACTOR": 1 if level else 0,
        }
    return "".join(
        f"[{name}]\r\n" + "".join(f"{key} = {value}\r\n" for key, value in section.items())
        for name, section in sections.items()
    )


def write_vms(path: Path) -> Path:
    """Hamamatsu VMS: an index, two JPEG images beside each other, and a map, all with restart markers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    full = picture(1024, 512)
    files = {
        "-0.jpg": full[:, :512],
        "-1.jpg": full[:, 512:],
        "-map.jpg": reduced(full, 4),
        "-macro.jpg": picture(160, 64),
    }
    for suffix, pixels in files.items():
        path.with_name(path.stem + suffix).write_bytes(_with_restarts(pixels, 4))
    keys = {
        "NoLayers": 1,
        "NoJpegColumns": 2,
        "NoJpegRows": 1,
        "ImageFile": f"{path.stem}-0.jpg",
        "ImageFile(1,0)": f"{path.stem}-1.jpg",
        "MapFile": f"{path.stem}-map.jpg",
        "MacroImage": f"{path.stem}-macro.jpg",
        "PhysicalWidth": 1024 * 460,
        "PhysicalHeight": 512 * 460,
        "SourceLens": 20,
    }
    return _write_keys(path, "Virtual Microscope Specimen", keys)


def _with_restarts(pixels: Pixels, blocks: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(
        buffer, "JPEG", quality=90, subsampling="4:2:2", restart_marker_blocks=blocks
    )
    return buffer.getvalue()


def write_vmu(path: Path) -> Path:
    """Hamamatsu VMU: an index, and pixels of 12 bits in columns, as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    full = picture(1024, 512)
    path.with_name(f"{path.stem}.ngr").write_bytes(_ngr(full))
    path.with_name(f"{path.stem}-map.ngr").write_bytes(_ngr(reduced(full, 4)))
    keys = {
        "NoLayers": 1,
        "ImageFile": f"{path.stem}.ngr",
        "MapFile": f"{path.stem}-map.ngr",
        "BitsPerPixel": 36,
        "PixelOrder": "RGB",
        "PhysicalWidth": 1024 * 460,
        "PhysicalHeight": 512 * 460,
        "SourceLens": 20,
    }
    return _write_keys(path, "Uncompressed Virtual Microscope Specimen", keys)


def _ngr(pixels: Pixels) -> bytes:
    height, width, _ = pixels.shape
    column = 64
    header = struct.pack("<2sxxiii", b"GN", width, height, column).ljust(24, b"\0") + struct.pack("<i", 64)
    columns = [pixels[:, x : x + column] for x in range(0, width, column)]
    return header.ljust(64, b"\0") + b"".join((each.astype("<u2") << 4).tobytes() for each in columns)


def _write_keys(path: Path, section: str, keys: dict[str, object]) -> Path:
    path.write_text(f"[{section}]\r\n" + "".join(f"{key}={value}\r\n" for key, value in keys.items()), encoding="ascii")
    return path


class Block(NamedTuple):
    """A part of a CZI."""

    pixels: Pixels
    x: int
    y: int
    scale: int = 1
    scene: int = 0
    channel: int = 0
    plane: int | None = None


_GRAY8, _BGR24 = 0, 3


def write_czi(
    path: Path, blocks: Sequence[Block], size: tuple[int, int], *, scenes: int = 1, gray: bool = False
) -> Path:
    """Zeiss CZI: blocks anywhere on the slide, uncompressed, and a description in XML."""
    kind = _GRAY8 if gray else _BGR24
    file, entries = bytearray(_segment(b"ZISRAWFILE", bytes(512))), b""
    for block in blocks:
        entry = _czi_entry(block, kind, len(file))
        raw = block.pixels[..., 1] if gray else block.pixels[..., ::-1]
        head = struct.pack("<iiq", 0, 0, raw.size) + entry
        file += _segment(b"ZISRAWSUBBLOCK", head.ljust(256, b"\0") + raw.tobytes())
        entries += entry
    directory = len(file)
    file += _segment(b"ZISRAWDIRECTORY", struct.pack("<i", len(blocks)).ljust(128, b"\0") + entries)
    metadata = len(file)
    xml = _czi_xml(size, scenes).encode()
    file += _segment(b"ZISRAWMETADATA", struct.pack("<ii", len(xml), 0).ljust(256, b"\0") + xml)
    attachments = len(file)
    file += _segment(b"ZISRAWATTDIR", struct.pack("<i", 0).ljust(256, b"\0"))
    header = struct.pack("<iiii16s16siqqiq", 1, 0, 0, 0, b"p" * 16, b"f" * 16, 0, directory, metadata, 0, attachments)
    file[32 : 32 + len(header)] = header
    path.write_bytes(file)
    return path


def czi_blocks(full: Pixels, tile: int = 256) -> Iterator[Block]:
    """Cut a picture into blocks of two levels."""
    for scale in (1, 4):
        pixels = reduced(full, scale)
        for y in range(0, pixels.shape[0], tile):
            for x in range(0, pixels.shape[1], tile):
                yield Block(pixels[y : y + tile, x : x + tile], x * scale, y * scale, scale)


def _segment(name: bytes, content: bytes) -> bytes:
    allocated = len(content) + -len(content) % 32
    return struct.pack("<16sqq", name, allocated, len(content)) + content.ljust(allocated, b"\0")


def _czi_entry(block: Block, kind: int, place: int) -> bytes:
    height, width = block.pixels.shape[:2]
    dimensions = [
        (b"X", block.x, width * block.scale, width),
        (b"Y", block.y, height * block.scale, height),
        (b"C", block.channel, 1, 1),
        (b"S", block.scene, 1, 1),
    ]
    if block.plane is not None:
        dimensions.append((b"Z", block.plane, 1, 1))
    entry = struct.pack("<2siqiibx4si", b"DV", kind, place, 0, 0, int(block.scale > 1), b"", len(dimensions))
    for name, start, length, stored in dimensions:
        entry += struct.pack("<4siifi", name, start, length, 0.0, stored)
    return entry


def _czi_xml(size: tuple[int, int], scenes: int) -> str:
    return (
        f"<ImageDocument><Metadata><Information><Image><SizeX>{size[0]}</SizeX><SizeY>{size[1]}</SizeY>"
        f'<SizeS>{scenes}</SizeS><ObjectiveSettings><ObjectiveRef Id="Objective:1"/></ObjectiveSettings></Image>'
        '<Instrument><Objectives><Objective Id="Objective:1"><NominalMagnification>20</NominalMagnification>'
        '</Objective></Objectives></Instrument></Information><Scaling><Items><Distance Id="X"><Value>2.2e-07</Value>'
        '</Distance><Distance Id="Y"><Value>2.2e-07</Value></Distance></Items></Scaling></Metadata></ImageDocument>'
    )
