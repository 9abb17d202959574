"""Slides with planted secrets, and a search for them in all bytes and pixels of a folder."""

import base64
import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pydicom
from colour_profiles import matrix_profile
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from slide2iiif.geometry import Size
from slide2iiif.samples.coding import JpegCoding, LosslessCoding
from slide2iiif.samples.levels import Slide
from slide2iiif.samples.pages import Overview, level_page, picture_page, put_strip
from slide2iiif.samples.tiff import Compression, Tag, TiffFile, Value

_TILE = 256
_SOI = b"\xff\xd8"
_COM, _APP1, _APP2, _APP11, _APP13 = 0xFE, 0xE1, 0xE2, 0xEB, 0xED


class Canary(str):
    """A secret: a text that occurs nowhere by chance."""

    __slots__ = ()


def canary(number: int, what: str) -> Canary:
    return Canary(f"Zq{number:02}{what}Wv")


FOLDER = canary(1, "Folder")
FILE = canary(2, "File")
NAMES = (FOLDER, FILE)

APERIO = {
    "User": canary(10, "User"),
    "Filename": canary(11, "Filename"),
    "Date": canary(12, "BirthDate"),
    "ScanScope ID": canary(13, "Serial"),
    "ImageID": canary(14, "Accession"),
    "Patient Name": canary(15, "MusterfrauErika"),
    "MRN": canary(16, "Mrn"),
    "Barcode": canary(17, "Barcode"),
    "a key that no list knows": canary(18, "UnknownKey"),
}
TAGS = {
    Tag.ARTIST: canary(20, "Artist"),
    Tag.SOFTWARE: canary(21, "Software"),
    Tag.HOST_COMPUTER: canary(22, "Host"),
    Tag.COPYRIGHT: canary(23, "Copyright"),
    Tag.DATE_TIME: canary(24, "DateTime"),
    Tag.XMP: canary(25, "XmpTag"),
    Tag.IMAGE_DESCRIPTION: canary(26, "Description"),
}
PROFILE = canary(27, "ProfileSerial")
TILE_SEGMENTS = {
    _COM: canary(30, "TileComment"),
    _APP1: canary(31, "TileExif"),
    _APP11: canary(32, "TileUnknown"),
    _APP13: canary(33, "TileIptc"),
    _APP2: canary(34, "TileProfile"),
}
TILE_XMP = canary(35, "TileXmp")
DICOM = {
    "PatientName": canary(40, "MustermannMax"),
    "PatientID": canary(41, "PatientId"),
    "PatientBirthDate": "19031217",
    "AccessionNumber": canary(43, "Acc"),
    "InstitutionName": canary(44, "Hospital"),
    "DeviceSerialNumber": canary(45, "DeviceSerial"),
    "OperatorsName": canary(46, "Operator"),
    "BarcodeValue": canary(47, "DicomBarcode"),
    "ContainerIdentifier": canary(48, "Container"),
    "StudyDescription": canary(49, "Study"),
}
HAMAMATSU = {
    b"NDP.S/N=950291": canary(50, "Serial"),
    b"Updated=2017/01/27": canary(51, "HamaDate"),
    b"DAPI 2 (387)": canary(52, "Ref"),
    b"NDP.scan 2.5.89": canary(53, "HamaSoft"),
}
IMAGE = {
    "comment": canary(60, "JpegComment"),
    "artist": canary(61, "ExifArtist"),
    "serial": canary(62, "ExifSerial"),
    "xmp": canary(63, "JpegXmp"),
    "png text": canary(64, "PngText"),
    "png unicode": Canary("Zq65Jürgen-ÄußereWv"),
    "png packed": canary(66, "PngPacked"),
}
LABEL_COLOURS = ((255, 0, 255), (0, 255, 0))
"""Of the checkers on labels and macro pictures: no tissue has them."""
_CHECK = 16

TEXTS: tuple[str, ...] = tuple(
    dict.fromkeys(
        [
            *NAMES,
            *APERIO.values(),
            *TAGS.values(),
            PROFILE,
            *TILE_SEGMENTS.values(),
            TILE_XMP,
            *DICOM.values(),
            *HAMAMATSU.values(),
            *IMAGE.values(),
        ]
    )
)


def plant_made(folder: Path) -> Path:
    """Write slides of four formats, each with its secrets, into a folder of a telling name; give the upper folder."""
    telling = folder / FOLDER
    telling.mkdir(parents=True)
    aperio(telling / f"{FILE}-aperio.svs")
    generic(telling / f"{FILE}-generic.tif")
    images(telling)
    return folder


def plant_real(folder: Path, real: Path) -> None:
    """Add slides of two formats more, which are copies of real ones."""
    dicom(folder / FOLDER / f"{FILE}-dicom", real / "dicom" / "cmu-1-small-region")
    hamamatsu(folder / FOLDER / f"{FILE}-hamamatsu.ndpi", real / "hamamatsu" / "test3-DAPI-2-387.ndpi")


def label_pixels(width: int, height: int) -> NDArray[np.uint8]:
    """Checkers, shape (height, width, 3)."""
    row, column = np.indices((height, width)) // _CHECK
    pixels: NDArray[np.uint8] = np.array(LABEL_COLOURS, np.uint8)[(row + column) % 2]
    return pixels


def segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2) + content


PLANTED = b"".join(
    [
        *(segment(marker, secret.encode()) for marker, secret in TILE_SEGMENTS.items()),
        segment(_APP1, b"http://ns.adobe.com/xap/1.0/\0" + TILE_XMP.encode()),
    ]
)
"""What every tile of the Aperio slide carries."""


def aperio(path: Path) -> None:
    properties = "".join(f"|{key} = {value}" for key, value in APERIO.items())
    head = "Aperio Image Library v11.2.1 \r\n600x500 [0,0 600x500] (256x256) JPEG/YCC Q=80"
    described = {
        Tag.IMAGE_DESCRIPTION: f"{head}|AppMag = 20|MPP = 0.5{properties}".encode(),
        Tag.ICC_PROFILE: matrix_profile(PROFILE.encode()),
    }
    coding = JpegCoding()
    label: dict[Tag, Value] = {Tag.NEW_SUBFILE_TYPE: 1, Tag.IMAGE_DESCRIPTION: head.encode() + b"\r\nlabel 300x320"}
    macro: dict[Tag, Value] = {Tag.NEW_SUBFILE_TYPE: 9, Tag.IMAGE_DESCRIPTION: head.encode() + b"\r\nmacro 640x320"}
    slide = Slide(Size(600, 500), (1,), _TILE, 0)
    level = level_page(Size(600, 500), _TILE, coding, described)
    overview = Overview(slide)
    with TiffFile(path) as file:
        for strip in slide.strips():
            overview.add(strip)
            for x in range(0, strip.pixels.shape[1], _TILE):
                tile = strip.pixels[:, x : x + _TILE]
                lacking = ((0, _TILE - tile.shape[0]), (0, _TILE - tile.shape[1]), (0, 0))
                stream = coding.encode(np.pad(tile, lacking, mode="edge"))
                file.put(level, _SOI + PLANTED + stream[2:])
        thumbnail = picture_page(file, overview.pixels(Size(300, 250)), coding, described)
        lossless = LosslessCoding(Compression.LZW)
        file.finish(
            [
                level,
                thumbnail,
                picture_page(file, label_pixels(300, 320), lossless, label),
                picture_page(file, label_pixels(640, 320), lossless, macro),
            ]
        )


def generic(path: Path) -> None:
    coding = JpegCoding()
    slide = Slide(Size(500, 400), (1,), _TILE, 1)
    page = level_page(Size(500, 400), _TILE, coding, {tag: secret.encode() for tag, secret in TAGS.items()})
    with TiffFile(path) as file:
        for strip in slide.strips():
            put_strip(file, page, strip.pixels, coding, _TILE)
        file.finish([page])


def dicom(folder: Path, real: Path) -> None:
    folder.mkdir()
    for path in sorted(real.iterdir()):
        image = pydicom.dcmread(path)
        for name, value in DICOM.items():
            setattr(image, name, value)
        image.save_as(folder / path.name)


def hamamatsu(path: Path, real: Path) -> None:
    content = real.read_bytes()
    for text, secret in HAMAMATSU.items():
        key, equals, value = text.rpartition(b"=")
        place = content.index(text)
        # In place, so cut or filled up to the length that there is.
        planted = secret.encode()[: len(value)].ljust(len(value), b"_")
        content = content[:place] + key + equals + planted + content[place + len(text) :]
    path.write_bytes(content)


def images(folder: Path) -> None:
    pixels = Slide(Size(400, 300), (1,), _TILE, 2)
    picture = Image.fromarray(np.concatenate([strip.pixels for strip in pixels.strips()]))
    exif = Image.Exif()
    exif[0x013B] = IMAGE["artist"]
    exif[0xC62F] = IMAGE["serial"]
    packet = f"<x:xmpmeta xmlns:x='adobe:ns:meta/'>{IMAGE['xmp']}</x:xmpmeta>".encode()
    picture.save(folder / f"{FILE}-photo.jpg", exif=exif, xmp=packet, comment=IMAGE["comment"])
    notes = PngInfo()
    notes.add_text("Patient", IMAGE["png text"])
    notes.add_itxt("Patient", IMAGE["png unicode"])
    notes.add_text("Packed", IMAGE["png packed"], zip=False)
    picture.save(folder / f"{FILE}-drawing.png", pnginfo=notes)


def spellings(text: str) -> set[bytes]:
    """Ways in which a text may lie in a file."""
    plain = {text.encode(coding) for coding in ("utf-8", "utf-16-le", "utf-16-be", "latin-1")}
    escaped = {quote(text).encode(), text.encode("unicode_escape"), text.encode().hex().encode()}
    return plain | escaped | {inner for raw in plain for inner in _base64(raw)} | {text.encode()[::-1]}


def _base64(raw: bytes) -> Iterator[bytes]:
    """Give what is the same of a base64 text whatever stands before and after."""
    for before in range(3):
        coded = base64.b64encode(bytes(before) + raw)
        yield coded[4 if before else 0 : len(coded) - 4]


def find_texts(folder: Path, texts: tuple[str, ...] = TEXTS) -> dict[str, list[str]]:
    """Find secrets in the names and the bytes of all files, in capitals or not: secret -> where it is."""
    found: dict[str, list[str]] = {}
    wanted = {text: {spelling.lower() for spelling in spellings(text)} for text in texts}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        content = name.encode(errors="surrogateescape") + b"\0" + (path.read_bytes() if path.is_file() else b"")
        content = content.lower()
        for text, ways in wanted.items():
            if any(way in content for way in ways):
                found.setdefault(text, []).append(name)
    return found


def find_label(folder: Path) -> list[str]:
    """Find the pictures that show a label's checkers, however small."""
    found: list[str] = []
    for path in sorted(folder.rglob("default.jpg")):
        pixels = np.asarray(Image.open(io.BytesIO(path.read_bytes())).convert("RGB")).astype(np.int16)
        red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
        magenta = (red - green > 120) & (blue - green > 120)
        lime = (green - red > 120) & (green - blue > 120)
        if magenta.mean() > 0.02 or lime.mean() > 0.02:
            found.append(path.relative_to(folder).as_posix())
    return found


def public(dest: Path, to: Path) -> Path:
    """Copy what a server shows of a tree."""
    return shutil.copytree(dest, to, ignore=shutil.ignore_patterns(".slide2iiif"))
