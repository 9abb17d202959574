"""Files of formats that nothing here reads say what they are, and never that they are damaged."""

import io
from pathlib import Path

import numpy as np
import pytest
from made_slides import smooth_pixels
from PIL import Image

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region
from slide2iiif.sources import open_source

PIXELS = smooth_pixels(120, 90)


def encoded(kind: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, kind)
    return stream.getvalue()


HEADS = {
    "a PAM image": b"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 1\nMAXVAL 255\nENDHDR\n\0",
    "a PFM image of floating samples": b"PF\n1 1\n-1.0\n" + bytes(12),
    "a HEIF image": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "an AVIF image": b"\0\0\0\x18ftypavif\0\0\0\0mif1avif",
    "a JPEG XL image": b"\0\0\0\x0cJXL \r\n\x87\n",
    "a Photoshop document": b"8BPS\0\1" + bytes(20),
    "a PDF document": b"%PDF-1.4\n",
    "a compressed archive": b"\x1f\x8b\x08\0",
    "a pointer of Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "a web page": b"\n<!DOCTYPE html><html></html>",
}


@pytest.mark.parametrize("name", ["a.png", "a.svs", "a.tif", "a.ndpi"])
@pytest.mark.parametrize("kind", HEADS)
def test_a_file_says_what_it_is_whatever_its_name(tmp_path: Path, kind: str, name: str) -> None:
    (tmp_path / name).write_bytes(HEADS[kind])
    with pytest.raises(SourceError, match=f"^is {kind}") as caught:
        open_source(tmp_path / name)
    assert "damaged" not in str(caught.value)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "JPEG2000"])
def test_an_image_with_the_name_of_a_slide_says_so(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a.svs").write_bytes(encoded(kind))
    with pytest.raises(SourceError, match="image with the name of a slide: give it the suffix of its format"):
        open_source(tmp_path / "a.svs")


@pytest.mark.parametrize("words", ["JPEG-LS coding", "hierarchical coding", "a height that follows behind its data"])
def test_jpeg_that_no_decoder_knows_is_refused_by_its_kind(tmp_path: Path, words: str) -> None:
    content = bytearray(encoded("JPEG"))
    frame = content.index(b"\xff\xc0")
    if "height" in words:
        content[frame + 5 : frame + 7] = bytes(2)
    else:
        content[frame + 1] = {"JPEG-LS coding": 0xF7, "hierarchical coding": 0xC5}[words]
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(SourceError, match=f"holds JPEG of {words}") as caught:
        open_source(tmp_path / "a.jpg")
    assert "damaged" not in str(caught.value)


def netpbm(kind: int, most: int) -> bytes:
    head = f"P{kind}\n# made\n120 90{'' if kind == 4 else f' {most}'}\n".encode()
    samples = PIXELS[..., :1] if kind != 6 else PIXELS
    if kind == 4:
        return head + np.packbits(samples[..., 0] > 99, axis=1).tobytes()
    return head + samples.astype(np.uint8 if most < 256 else ">u2").tobytes()


@pytest.mark.parametrize(("kind", "most"), [(4, 1), (5, 255), (5, 65535), (6, 255), (6, 65535)])
def test_a_second_image_in_netpbm_is_not_left_out_silently(tmp_path: Path, kind: int, most: int) -> None:
    path = tmp_path / "a.pnm"
    for rest in (b"", b"\n", b"stray bytes P6"):
        path.write_bytes(netpbm(kind, most) + rest)
        with open_source(path) as source:
            assert source.read(0, Region(0, 0, 120, 90)).shape == (90, 120, 3)
    path.write_bytes(netpbm(kind, most) * 2)
    with pytest.raises(SourceError, match="several frames"):
        open_source(path)
