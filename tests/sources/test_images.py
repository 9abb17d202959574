"""Ordinary images of every kind come out as upright 8-bit sRGB on white."""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from made_slides import smooth_pixels, write_image
from numpy.typing import NDArray
from PIL import Image

from slide2iiif import machine as memory
from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region, Size
from slide2iiif.sources import open_source
from slide2iiif.sources.pillow import PillowSource


def read_whole(path: Path) -> NDArray[np.uint8]:
    """Read an image as the export does: rows of blocks from top to bottom."""
    with open_source(path) as source:
        width, height = source.description.size
        strips = [source.read(0, Region(0, y, width, min(64, height - y))) for y in range(0, height, 64)]
        return np.concatenate(strips)


LOSSLESS = ["png", "tif", "bmp", "gif", "webp", "jp2", "ppm"]


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_every_kind_of_file_gives_its_pixels(tmp_path: Path, suffix: str) -> None:
    options: dict[str, dict[str, Any]] = {
        "webp": {"lossless": True},
        "jp2": {"irreversible": False},
        "tif": {"compression": "tiff_lzw"},
    }
    path = write_image(tmp_path / f"a.{suffix}", 150, 130, **options.get(suffix, {}))
    with Image.open(path) as image:
        # A GIF has 256 colours at most; the others keep every pixel.
        expected = np.asarray(image.convert("RGB"))
    assert suffix == "gif" or np.array_equal(expected, smooth_pixels(150, 130))
    assert np.array_equal(read_whole(path), expected)


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg"])
@pytest.mark.parametrize("rows", [1, 100, 256, 2048])
def test_a_tiff_in_strips_is_read_in_rows_of_any_height(tmp_path: Path, compression: str, rows: int) -> None:
    path = write_image(tmp_path / "a.tif", 2500, 2300, compression=compression)
    with open_source(path) as source:
        # Blocks of one row read the same rows, each its own columns.
        regions = [Region(x, y, 1250, min(rows, 2300 - y)) for y in range(0, 2300, rows) for x in (0, 1250)]
        pixels = np.zeros((2300, 2500, 3), np.uint8)
        for region in regions:
            x, y, width, height = region
            pixels[y : y + height, x : x + width] = source.read(0, region)
    assert np.abs(pixels.astype(np.int16) - smooth_pixels(2500, 2300)).mean() < 1


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_gives_its_pixels_progressive_or_not(tmp_path: Path, progressive: bool) -> None:  # noqa: FBT001
    path = write_image(tmp_path / "a.jpg", 151, 133, quality=95, subsampling=0, progressive=progressive)
    assert np.abs(read_whole(path).astype(int) - smooth_pixels(151, 133)).mean() < 1


def save(tmp_path: Path, mode: str) -> tuple[Path, NDArray[np.uint8]]:
    image = Image.fromarray(smooth_pixels(120, 90))
    path = tmp_path / "a.png"
    if mode == "RGBA":
        image.putalpha(Image.fromarray((np.indices((90, 120))[1] * 2).astype(np.uint8)))
        image.save(path)
        alpha = np.asarray(image)[..., 3:].astype(float) / 255
        return path, np.round(np.asarray(image)[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
    converted = image.convert(mode)
    converted.save(path)
    return path, np.asarray(converted.convert("L" if mode == "LA" else "RGB").convert("RGB"))


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "RGB", "RGBA"])
def test_every_mode_comes_out_as_rgb_on_white(tmp_path: Path, mode: str) -> None:
    path, expected = save(tmp_path, mode)
    assert np.abs(read_whole(path).astype(int) - expected).max() <= 1


def test_sixteen_bits_come_out_as_eight(tmp_path: Path) -> None:
    grey = (np.arange(256, dtype=np.uint16) * 257).repeat(100).reshape(256, 100).T
    Image.fromarray(np.ascontiguousarray(grey)).save(tmp_path / "a.png")
    pixels = read_whole(tmp_path / "a.png")
    assert np.abs(pixels[0, :, 0].astype(int) - np.arange(256)).max() <= 1
    assert (pixels[..., 0] == pixels[..., 2]).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_exif_orientation_is_obeyed(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = write_image(tmp_path / "a.jpg", 160, 96, exif=exif, quality=95, subsampling=0)
    upright = smooth_pixels(160, 96)
    flips = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: upright.transpose(1, 0, 2)[:, ::-1],
        7: upright.transpose(1, 0, 2)[::-1, ::-1],
        8: upright.transpose(1, 0, 2)[::-1],
    }
    pixels = read_whole(path)
    assert pixels.shape == flips[orientation].shape
    assert np.abs(pixels.astype(int) - flips[orientation]).mean() < 1.5


def test_a_tiled_tiff_is_read_in_any_order(tmp_path: Path) -> None:
    pixels = smooth_pixels(700, 500)
    # Tiles without a compression that OpenSlide takes: libvips reads them.
    tifffile.imwrite(tmp_path / "a.tif", pixels.astype(np.uint16) * 257, tile=(128, 128), photometric="rgb")
    with open_source(tmp_path / "a.tif") as source:
        assert source.description.size == Size(700, 500)
        for region in (Region(600, 400, 100, 100), Region(0, 0, 50, 60), Region(123, 45, 200, 300)):
            x, y, width, height = region
            difference = source.read(0, region).astype(int) - pixels[y : y + height, x : x + width]
            assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("suffix", ["png", "jpg", "jp2", "tif", "webp", "gif"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_image_is_refused_and_not_filled_with_grey(tmp_path: Path, suffix: str, share: float) -> None:
    path = write_image(tmp_path / f"a.{suffix}", 400, 300)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(SourceError, match=r"damaged|truncated|cannot be read|not an image"):
        read_whole(path)


def test_a_png_with_a_damaged_row_is_refused(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.png", 400, 300)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 40] = bytes(40)
    path.write_bytes(content)
    with pytest.raises(SourceError):
        read_whole(path)


def png_header(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    chunks = [(b"IHDR", header), (b"IDAT", body), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


@pytest.mark.parametrize("size", [(100_000, 100_000), (2_000_000, 3), (0, 5), (2**31 - 1, 2**31 - 1)])
def test_a_small_file_that_claims_a_huge_picture_is_refused_without_a_long_time(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    (tmp_path / "bomb.png").write_bytes(png_header(*size))
    with pytest.raises(SourceError):
        read_first_rows(tmp_path / "bomb.png")


def read_first_rows(path: Path) -> None:
    with open_source(path) as source:
        width, height = source.description.size
        source.read(0, Region(0, 0, min(width, 4096), min(height, 512)))
        source.read(0, Region(0, 0, min(width, 4096), min(height, 4096)))


def test_pillow_refuses_to_decode_more_than_memory_should_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_image(tmp_path / "a.png", 300, 200)
    for left, fits in ((4 * 60_000, True), (4 * 60_000 - 1, False)):
        monkeypatch.setattr(memory, "memory_left", lambda left=left: left)
        with PillowSource(path) as source:
            assert source.description.size == Size(300, 200)
            if fits:
                assert source.read(0, Region(0, 0, 300, 200)).shape == (200, 300, 3)
            else:
                with pytest.raises(SourceError, match=r"needs more memory .* convert it to tiled TIFF"):
                    source.read(0, Region(0, 0, 300, 200))


def test_the_resolution_that_an_image_states_is_told(tmp_path: Path) -> None:
    write_image(tmp_path / "a.jpg", dpi=(25_400, 25_400))
    with open_source(tmp_path / "a.jpg") as source:
        assert source.description.microns_per_pixel == pytest.approx(1.0, rel=1e-3)
    write_image(tmp_path / "b.png")
    with open_source(tmp_path / "b.png") as source:
        assert source.description.microns_per_pixel is None
