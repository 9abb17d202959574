"""Ordinary images and DICOM files that disturb readers: right, or refused with the true reason."""

import io
import shutil
import struct
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from made_slides import smooth_pixels
from PIL import Image
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region
from slide2iiif.sources import open_source, rare_images
from slide2iiif.sources.pillow import PillowSource

PIXELS = smooth_pixels(120, 90)
WHOLE = Region(0, 0, 120, 90)


def jpeg(mode: str = "RGB") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(PIXELS).convert(mode).save(stream, "jpeg", quality=95)
    return stream.getvalue()


def read(path: Path, content: bytes) -> tuple[np.ndarray, tuple[str, ...]]:
    path.write_bytes(content)
    with open_source(path) as source:
        return source.read(0, WHOLE).astype(int), source.description.notes


def with_adobe(content: bytes, transform: int) -> bytes:
    return content[:2] + b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0" + bytes((transform,)) + content[2:]


def with_other_scan(content: bytes) -> bytes:
    scan = content.index(b"\xff\xda")
    end = scan + 2 + struct.unpack_from(">H", content, scan + 2)[0]
    return content[: end - 3] + bytes(3) + content[end:]


@pytest.mark.parametrize(
    "content",
    [
        jpeg()[:20] + b"\0\0stray" + jpeg()[20:],
        with_adobe(jpeg(), 9),
        jpeg().replace(b"JFIF\0\1", b"JFIF\0\2"),
        with_other_scan(jpeg()),
    ],
    ids=["stray bytes", "unknown transform", "version", "spectrum"],
)
def test_a_jpeg_header_that_decoders_warn_of_costs_no_pixel_and_is_noted(tmp_path: Path, content: bytes) -> None:
    expected, nothing = read(tmp_path / "a.jpg", jpeg())
    found, notes = read(tmp_path / "b.jpg", content)
    assert np.array_equal(found, expected)
    assert nothing == ()
    assert "no pixel is lost" in notes[0]


def test_four_inks_of_an_unknown_transform_are_those_of_the_usual_one(tmp_path: Path) -> None:
    usual, unknown = bytearray(jpeg("CMYK")), bytearray(jpeg("CMYK"))
    place = usual.index(b"Adobe") + 11
    usual[place], unknown[place] = 2, 9
    assert np.array_equal(read(tmp_path / "a.jpg", bytes(usual))[0], read(tmp_path / "b.jpg", bytes(unknown))[0])


@pytest.mark.parametrize("content", [jpeg()[:-400], jpeg()[:20] + b"stray" + jpeg()[20:-400]])
def test_jpeg_that_ends_early_is_damaged(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(SourceError, match="copy it again"):
        read(tmp_path / "a.jpg", content)


@pytest.mark.parametrize("keyword", [b"T\xedtulo", b"\xff\xfe", b""])
def test_texts_of_any_bytes_in_png_cost_no_pixel(tmp_path: Path, keyword: bytes) -> None:
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, "png")
    chunk = b"tEXt" + keyword + b"\0\xed\xff"
    content = stream.getvalue()
    text = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", __import__("zlib").crc32(chunk))
    found, _ = read(tmp_path / "a.png", content[:33] + text + content[33:])
    assert np.array_equal(found, PIXELS)
    with open_source(tmp_path / "a.png") as source:
        assert isinstance(dict(source.properties), dict)


def test_jpeg_of_twelve_bits_is_read_by_the_extra(tmp_path: Path) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    deep = np.rint(PIXELS / 255 * 4095).astype(np.uint16)
    content = imagecodecs.jpeg_encode(deep, level=98, bitspersample=12, colorspace="RGB", outcolorspace="YCBCR")
    found, _ = read(tmp_path / "a.jpg", content)
    assert np.abs(found - PIXELS).mean() < 2


def test_jpeg_of_twelve_bits_is_refused_without_the_extra_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = bytearray(jpeg())
    content[content.index(b"\xff\xc0") + 4] = 12
    monkeypatch.setattr(rare_images, "has_imagecodecs", lambda: False)
    with pytest.raises(SourceError, match=r"JPEG of 12 bits a sample, .* install slide2iiif\[formats\]"):
        read(tmp_path / "a.jpg", bytes(content))


def test_jpeg_2000_whose_colours_are_subsampled_oddly_is_refused_by_its_name(tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.fromarray(PIXELS[:89, :119]).save(stream, "JPEG2000", irreversible=False)
    content = bytearray(stream.getvalue())
    sizes = content.index(b"\xff\x4f\xff\x51") + 42
    for component in (1, 2):
        content[sizes + 3 * component + 1 : sizes + 3 * component + 3] = b"\2\2"
    (tmp_path / "a.jp2").write_bytes(content)
    with pytest.raises(SourceError, match="subsampled components, of an odd size"):
        PillowSource(tmp_path / "a.jp2")


def test_several_optical_paths_of_a_dicom_slide_are_refused(slides: Path, tmp_path: Path) -> None:
    folder = tmp_path / "series"
    shutil.copytree(slides / "dicom" / "cmu-1-small-region", folder)
    first = next(iter(sorted(folder.iterdir())))
    with warnings.catch_warnings():
        # The slide's own numbers are not as they should be.
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(first)
        dataset.OpticalPathSequence = [pydicom.Dataset(), pydicom.Dataset()]
        for number, item in enumerate(dataset.OpticalPathSequence):
            item.OpticalPathIdentifier = str(number)
        dataset.save_as(first)
    with pytest.raises(SourceError, match="holds 2 optical paths, and one picture is published"):  # noqa: SIM117
        with open_source(first) as source:
            assert source.description.size


def test_a_dicom_slide_that_begins_like_a_tiff_is_read(slides: Path, tmp_path: Path) -> None:
    folder = tmp_path / "series"
    shutil.copytree(slides / "dicom" / "cmu-1-small-region", folder)
    for path in folder.iterdir():
        content = path.read_bytes()
        path.write_bytes(b"II*\0\x08\0\0\0" + content[8:])
    first = next(iter(sorted(folder.iterdir())))
    with open_source(first) as source:
        assert source.description.format == "dicom"
        assert source.read(0, Region(0, 0, 20, 20)).shape == (20, 20, 3)


def test_dicom_that_is_no_slide_says_what_it_is(tmp_path: Path) -> None:
    meta = pydicom.dataset.FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = pydicom.dataset.FileDataset("a.dcm", {}, file_meta=meta, preamble=bytes(128))
    dataset.SOPClassUID, dataset.SeriesInstanceUID = CTImageStorage, generate_uid()
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    with pytest.raises(SourceError, match="no whole-slide image but CT Image Storage"):
        open_source(tmp_path / "a.dcm")
