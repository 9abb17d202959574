"""How a picture is turned may stand in EXIF, in a text of PNG, or in XMP alone: it is upright in each case."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile
from made_slides import smooth_pixels
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from slide2iiif.geometry import Region
from slide2iiif.imaging.orientation import turn_upright
from slide2iiif.sources import open_source

PIXELS = smooth_pixels(120, 90)
ORIENTATIONS = range(1, 9)


def exif(orientation: int, order: str = ">") -> bytes:
    magic = b"MM\0*" if order == ">" else b"II*\0"
    entries = struct.pack(order + "HHIHH", 256, 3, 1, 120, 0) + struct.pack(order + "HHIHH", 274, 3, 1, orientation, 0)
    return magic + struct.pack(order + "IH", 8, 2) + entries + bytes(4)


def raw_profile(orientation: int, *, head: bytes = b"") -> str:
    content = head + exif(orientation)
    digits = content.hex()
    lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    return f"\nexif\n{len(content):8}\n{lines}\n"


def xmp(orientation: int, *, is_attribute: bool = True) -> str:
    inner = (
        f'tiff:Orientation="{orientation}"/>'
        if is_attribute
        else f"><tiff:Orientation>{orientation}</tiff:Orientation>"
    )
    return f"<x:xmpmeta><rdf:RDF><rdf:Description {inner}</rdf:RDF></x:xmpmeta>"


def png(orientation: int, way: str) -> bytes:
    texts = PngImagePlugin.PngInfo()
    if way == "raw profile":
        texts.add_text("Raw profile type exif", raw_profile(orientation), zip=True)
    elif way == "raw profile of JPEG":
        texts.add_text("Raw profile type APP1", raw_profile(orientation, head=b"Exif\0\0").replace("exif", "APP1"))
    else:
        texts.add_itxt("XML:com.adobe.xmp", xmp(orientation, is_attribute=way == "XMP"))
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, "png", pnginfo=texts)
    return stream.getvalue()


def shown(path: Path) -> NDArray[np.int64]:
    with open_source(path) as source:
        return source.read(0, Region(0, 0, *source.description.size)).astype(np.int64)


def check_upright(path: Path, orientation: int, tolerance: float = 0) -> None:
    found, expected = shown(path), turn_upright(PIXELS, orientation)
    assert found.shape == expected.shape
    assert np.abs(found - expected).mean() <= tolerance


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("way", ["raw profile", "raw profile of JPEG", "XMP", "XMP element"])
def test_png_is_turned_as_its_texts_say(tmp_path: Path, way: str, orientation: int) -> None:
    (tmp_path / "a.png").write_bytes(png(orientation, way))
    check_upright(tmp_path / "a.png", orientation)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_an_image_is_turned_as_xmp_says_where_exif_says_nothing(tmp_path: Path, kind: str, orientation: int) -> None:
    options = {"quality": 98, "subsampling": 0} if kind == "JPEG" else {"lossless": True}
    path = tmp_path / f"a.{kind.lower()}"
    Image.fromarray(PIXELS).save(path, kind, xmp=xmp(orientation).encode(), **options)
    check_upright(path, orientation, 2)


@pytest.mark.parametrize("stated", [1, 3])
def test_exif_is_believed_before_xmp(tmp_path: Path, stated: int) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(PIXELS).save(path, quality=98, subsampling=0, exif=b"Exif\0\0" + exif(stated), xmp=xmp(6).encode())
    check_upright(path, stated, 2)


def test_tiff_that_states_no_orientation_is_upright_whatever_its_xmp_says(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, PIXELS, photometric="rgb", rowsperstrip=30, extratags=[(700, 1, None, xmp(6).encode(), True)]
    )
    check_upright(path, 1)


@pytest.mark.parametrize("order", ["<", ">"])
def test_jpeg_of_twelve_bits_is_turned(tmp_path: Path, order: str) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    deep = np.rint(PIXELS / 255 * 4095).astype(np.uint16)
    content = imagecodecs.jpeg_encode(deep, level=98, bitspersample=12, colorspace="RGB", outcolorspace="YCBCR")
    note = b"Exif\0\0" + exif(6, order)
    segment = b"\xff\xe1" + struct.pack(">H", len(note) + 2) + note
    (tmp_path / "a.jpg").write_bytes(content[:2] + segment + content[2:])
    check_upright(tmp_path / "a.jpg", 6, 2)


NONSENSE = [
    "",
    "\nexif\n",
    "\nexif\n 8\nzz",
    "\nexif\n 8\n123",
    "\nexif\n 99\n4d4d002affffffff",
    raw_profile(0),
    raw_profile(99),
]


@pytest.mark.parametrize("text", NONSENSE)
def test_texts_that_make_no_sense_turn_nothing(tmp_path: Path, text: str) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Raw profile type exif", text or " ")
    Image.fromarray(PIXELS).save(tmp_path / "a.png", pnginfo=texts)
    check_upright(tmp_path / "a.png", 1)
