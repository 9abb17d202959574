"""TIFF files that disturb one reader or another: each comes out right, or is refused with the true reason."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openslide
import pytest
import tifffile
from formats.tiff_files import Directory, write_tiff
from made_slides import smooth_pixels
from numpy.typing import NDArray
from pictures.lzw import literal_codes
from PIL import Image

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region, Size
from slide2iiif.imaging.orientation import turn_upright
from slide2iiif.samples import write_aperio
from slide2iiif.samples.coding import encode_ycbcr
from slide2iiif.sources import codecs, open_source
from tests.copying.conftest import TiffLevel, decode, publish

PIXELS = smooth_pixels(200, 150)
_STRIP = 50


def strips(path: Path, compression: int, encode: Callable[[bytes], bytes]) -> bytes:
    """Write a TIFF of three strips with texts in it, and return its bytes."""
    parts = [encode(PIXELS[y : y + _STRIP].tobytes()) for y in range(0, 150, _STRIP)]
    tags: dict[int, Any] = {256: 200, 257: 150, 258: (8, 8, 8), 259: compression, 262: 2, 277: 3, 278: _STRIP}
    return write_tiff(path, [Directory({**tags, 270: "a picture", 305: "a program"}, parts, ())]).read_bytes()


def entry(content: bytes, tag: int) -> int:
    """Return the place of a tag in the first directory of a little-endian file."""
    (start,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, start)
    places = range(start + 2, start + 2 + 12 * count, 12)
    return next(place for place in places if struct.unpack_from("<H", content, place)[0] == tag)


def without_counts(content: bytes) -> bytes:
    changed = bytearray(content)
    struct.pack_into("<H", changed, entry(content, 279), 60001)
    return bytes(changed)


def with_zero_counts(content: bytes) -> bytes:
    changed = bytearray(content)
    kind, count, place = struct.unpack_from("<HII", content, entry(content, 279) + 2)
    changed[place : place + count * {3: 2, 4: 4}[kind]] = bytes(count * {3: 2, 4: 4}[kind])
    return bytes(changed)


def unsorted(content: bytes) -> bytes:
    (start,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, start)
    entries = [content[start + 2 + 12 * index : start + 14 + 12 * index] for index in range(count)]
    return content[: start + 2] + b"".join(reversed(entries)) + content[start + 2 + 12 * count :]


def with_open_text(content: bytes) -> bytes:
    changed = bytearray(content)
    _, count, place = struct.unpack_from("<HII", content, entry(content, 270) + 2)
    changed[place : place + count] = bytes(range(200, 200 + count))
    return bytes(changed)


def with_unknown_type(content: bytes) -> bytes:
    changed = bytearray(content)
    struct.pack_into("<H", changed, entry(content, 305) + 2, 99)
    return bytes(changed)


def with_text_outside(content: bytes) -> bytes:
    changed = bytearray(content)
    struct.pack_into("<II", changed, entry(content, 305) + 4, 10_000, 0x7FFFFF00)
    return bytes(changed)


NOISE = [without_counts, with_zero_counts, unsorted, with_open_text, with_unknown_type, with_text_outside]
CODINGS: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "none": (1, bytes),
    "lzw": (5, literal_codes),
    "deflate": (8, zlib.compress),
}


@pytest.mark.parametrize("noise", NOISE)
@pytest.mark.parametrize("coding", CODINGS)
def test_a_header_that_libraries_warn_of_costs_no_pixel(
    tmp_path: Path, noise: Callable[[bytes], bytes], coding: str
) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(noise(strips(path, *CODINGS[coding])))
    with open_source(path) as source:
        assert source.description.size == (200, 150)
        for region in (Region(0, 0, 200, 150), Region(17, 45, 60, 70)):
            x, y, width, height = region
            assert np.array_equal(source.read(0, region), PIXELS[y : y + height, x : x + width])


@pytest.mark.parametrize("coding", ["lzw", "deflate"])
def test_pixels_that_are_lost_are_still_damage(tmp_path: Path, coding: str) -> None:
    compression, encode = CODINGS[coding]
    path = tmp_path / "a.tif"
    path.write_bytes(with_open_text(strips(path, compression, lambda raw: encode(raw)[: len(encode(raw)) // 2])))
    with open_source(path) as source, pytest.raises(SourceError, match="copy it again"):
        source.read(0, Region(0, 0, 200, 150))


def tiled(path: Path, stored: list[bytes], tags: dict[int, Any], order: str = "<") -> Path:
    own: dict[int, Any] = {256: 200, 257: 150, 277: 3, 322: 128, 323: 128}
    return write_tiff(path, [Directory({**own, **tags}, stored, ())], order=order)


def tiles(pixels: NDArray[Any] = PIXELS) -> list[NDArray[Any]]:
    filled = np.pad(pixels, ((0, 256 - 150), (0, 256 - 200), (0, 0)))
    return [filled[y : y + 128, x : x + 128] for y in (0, 128) for x in (0, 128)]


def check_shown(path: Path, tolerance: float = 0) -> None:
    with open_source(path) as source:
        assert source.description.size == (200, 150)
        for region in (Region(0, 0, 200, 150), Region(100, 90, 100, 60)):
            x, y, width, height = region
            found = source.read(0, region).astype(int)
            assert np.abs(found - PIXELS[y : y + height, x : x + width]).mean() <= tolerance


def through_pillow(kind: str, **options: Any) -> Callable[[NDArray[Any]], bytes]:
    def encode(tile: NDArray[Any]) -> bytes:
        stream = io.BytesIO()
        Image.fromarray(tile).save(stream, kind, **options)
        return stream.getvalue()

    return encode


def through_imagecodecs(name: str) -> Callable[[NDArray[Any]], bytes]:
    imagecodecs = pytest.importorskip("imagecodecs")
    return lambda tile: bytes(getattr(imagecodecs, name)(np.ascontiguousarray(tile)))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("compression", "encode"),
    [
        (50001, through_pillow("WEBP", lossless=True)),
        (34712, through_pillow("JPEG2000", irreversible=False, no_jp2=True)),
        (34925, lambda tile: __import__("lzma").compress(tile.tobytes())),
        (5, lambda tile: literal_codes(tile.tobytes())),
    ],
    ids=["webp", "jpeg2000", "lzma", "lzw"],
)
def test_tiles_that_openslide_does_not_decode_are_decoded_by_others(
    tmp_path: Path, compression: int, encode: Callable[[Any], bytes], order: str
) -> None:
    tags = {258: (8, 8, 8), 259: compression, 262: 2}
    check_shown(tiled(tmp_path / "a.tif", [encode(tile) for tile in tiles()], tags, order))


@pytest.mark.parametrize(("compression", "encoder"), [(50000, "zstd_encode"), (50002, "jpegxl_encode")])
def test_tiles_that_only_the_extra_decodes(tmp_path: Path, compression: int, encoder: str) -> None:
    encode = through_imagecodecs(encoder)
    stored = [encode(tile if encoder != "zstd_encode" else np.frombuffer(tile.tobytes(), np.uint8)) for tile in tiles()]
    check_shown(tiled(tmp_path / "a.tif", stored, {258: (8, 8, 8), 259: compression, 262: 2}), 1.5)


@pytest.mark.parametrize(
    ("compression", "bits", "reason"),
    [
        (50000, 8, r"compressed as zstd, which nothing installed here decodes: install slide2iiif\[formats\]"),
        (34887, 8, "compressed as LERC"),
        (50002, 8, "compressed as JPEG XL"),
        (34934, 8, "compressed as JPEG XR"),
        (7, 12, "compressed as jpeg of 12 bits a sample"),
        (6, 8, "compressed as old-style JPEG"),
        (52479, 8, "its TIFF compression 52479 is none that is known here"),
    ],
)
def test_a_compression_that_nothing_decodes_is_named_with_what_would_help(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compression: int, bits: int, reason: str
) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(codecs, "import_module", missing)
    path = tiled(tmp_path / "a.tif", [b"x"] * 4, {258: (bits,) * 3, 259: compression, 262: 2})
    with pytest.raises(SourceError, match=reason) as error:
        open_source(path)
    assert "copy it again" not in str(error.value)


@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("order", ["<", ">"])
def test_samples_that_are_packed_are_read(tmp_path: Path, bits: int, order: str) -> None:
    values = [np.rint(tile / 255 * ((1 << bits) - 1)).astype(np.uint16) for tile in tiles()]
    single = [(each.reshape(128, -1, 1) >> np.arange(bits - 1, -1, -1) & 1).astype(np.uint8) for each in values]
    stored = [np.packbits(each.reshape(128, -1), axis=1).tobytes() for each in single]
    check_shown(tiled(tmp_path / "a.tif", stored, {258: (bits,) * 3, 259: 1, 262: 2}, order))


@pytest.mark.parametrize("order", ["<", ">"])
def test_planes_apart_of_an_ome_tiff_are_read_at_every_level(tmp_path: Path, order: str) -> None:
    path = tmp_path / "a.ome.tif"
    half = PIXELS[::2, ::2]
    options: dict[str, Any] = {
        "photometric": "rgb",
        "planarconfig": "separate",
        "tile": (64, 64),
        "compression": "zlib",
    }
    with tifffile.TiffWriter(path, ome=True, byteorder=order) as writer:  # type: ignore[arg-type]
        writer.write(np.ascontiguousarray(PIXELS.transpose(2, 0, 1)), subifds=1, metadata={"axes": "CYX"}, **options)
        writer.write(np.ascontiguousarray(half.transpose(2, 0, 1)), subfiletype=1, **options)
    with open_source(path) as source:
        assert [level.size for level in source.description.levels] == [(200, 150), (100, 75)]
        assert np.array_equal(source.read(0, Region(0, 0, 200, 150)), PIXELS)
        assert np.array_equal(source.read(1, Region(30, 20, 70, 55)), half[20:75, 30:100])


def test_levels_in_rising_order_of_an_aperio_slide_are_all_found(tmp_path: Path) -> None:
    path = tmp_path / "a.svs"
    with tifffile.TiffWriter(path) as writer:
        for scale in (1, 4, 2):
            text = "Aperio Image Library|AppMag = 20|MPP = 0.5" if scale == 1 else None
            writer.write(
                PIXELS[::scale, ::scale],
                tile=(64, 64),
                photometric="rgb",
                compression="zlib",
                description=text,
                metadata=None,
            )
    with open_source(path) as source:
        description = source.description
        assert (description.format, description.microns_per_pixel, description.objective) == ("aperio", 0.5, 20)
        assert [level.size for level in description.levels] == [(200, 150), (100, 75), (50, 38)]
        for level, scale in enumerate((1, 2, 4)):
            expected = PIXELS[::scale, ::scale]
            assert np.array_equal(source.read(level, Region(0, 0, expected.shape[1], expected.shape[0])), expected)


def test_tiles_over_a_place_that_an_aperio_slide_does_not_store_are_as_openslide_shows_them(tmp_path: Path) -> None:
    path = tmp_path / "a.svs"
    write_aperio(path, Size(2000, 1400), scales=(1, 2), associated=frozenset())
    TiffLevel(path).point(5 + TiffLevel(path).columns, type(TiffLevel(path).places[0])(0, 0))
    corrupt = np.zeros((256, 256, 3), np.uint8)
    corrupt[..., 0] = 255
    TiffLevel(path, 1).put(2, encode_ycbcr(corrupt, 90, "420"))
    published = publish(path, tmp_path / "private", quality=95, subsampling="444")
    with openslide.OpenSlide(path) as slide:
        rgba = np.asarray(slide.read_region((1024, 0), 1, (256, 256)))
    expected = np.where(rgba[..., 3:] == 255, rgba[..., :3], 255)
    assert np.abs(decode(published.tile(1, 2, 0)).astype(int) - expected).mean() < 2


@pytest.mark.parametrize("suffix", ["btf", "tf8", "tf2"])
def test_a_tiff_by_another_name_is_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    tifffile.imwrite(path, PIXELS, photometric="rgb", tile=(64, 64), bigtiff=True)
    check_shown(path)


@pytest.mark.parametrize("is_tiled", [True, False])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_mask_that_relies_on_defaults_of_tiff_costs_nothing(tmp_path: Path, order: str, *, is_tiled: bool) -> None:
    """A bit a sample is what TIFF means where nothing is said; OpenSlide refuses a file with such tiles."""
    stored = [np.ascontiguousarray(tile).tobytes() for tile in tiles()]
    own: dict[int, Any] = {256: 200, 257: 150, 277: 3, 322: 128, 323: 128, 258: (8, 8, 8), 259: 1, 262: 2}
    mask: dict[int, Any] = {254: 4, 256: 200, 257: 150, 259: 1, 262: 4}
    mask |= {322: 128, 323: 128} if is_tiled else {278: 150}
    bits = [bytes(128 * 16)] * 4 if is_tiled else [bytes(25 * 150)]
    path = write_tiff(tmp_path / "a.tif", [Directory(own, stored, ()), Directory(mask, bits, ())], order=order)
    check_shown(path)
    with open_source(path) as source:
        assert "transparency mask" in source.description.notes[0]


def other_level(kind: str) -> Directory:
    """Return a directory of half the size that says it is reduced, and is no level of a colour picture."""
    half = np.ascontiguousarray(PIXELS[::2, ::2])
    if kind == "mask":
        tags: dict[int, Any] = {254: 5, 256: 100, 257: 75, 258: 1, 259: 1, 262: 4, 277: 1, 322: 128, 323: 128}
        return Directory(tags, [bytes(128 * 16)], ())
    grey = np.pad(half[..., 1], ((0, 53), (0, 28)))
    words = grey.astype(np.uint16) * 257 if kind == "16 bits" else grey
    tags = {254: 1, 256: 100, 257: 75, 258: 8 * words.itemsize, 259: 1, 262: 1, 277: 1, 322: 128, 323: 128}
    return Directory(tags, [words.tobytes()], ())


@pytest.mark.parametrize("kind", ["mask", "grey", "16 bits"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_a_smaller_picture_of_other_samples_is_no_level(tmp_path: Path, order: str, kind: str) -> None:
    stored = [np.ascontiguousarray(tile).tobytes() for tile in tiles()]
    tags: dict[int, Any] = {256: 200, 257: 150, 277: 3, 322: 128, 323: 128, 258: (8, 8, 8), 259: 1, 262: 2}
    path = write_tiff(tmp_path / "a.tif", [Directory(tags, stored, ()), other_level(kind)], order=order)
    check_shown(path)
    with open_source(path) as source:
        assert [level.size for level in source.description.levels] == [(200, 150)]


def test_tiles_that_contradict_their_header_are_not_called_damaged(tmp_path: Path) -> None:
    stored = [bytes(encode_ycbcr(np.pad(tile, ((0, 16), (0, 16), (0, 0))), 90, "444")) for tile in tiles()]
    path = tiled(tmp_path / "a.tif", stored, {258: (8, 8, 8), 259: 7, 262: 6, 530: (1, 1)})
    with open_source(path) as source, pytest.raises(SourceError, match="not what its header says") as caught:
        source.read(0, Region(0, 0, 200, 150))
    assert "copy it again" not in str(caught.value)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("compression", "encoder", "again", "tags"),
    [
        (34887, "lerc_encode", None, {}),
        (34887, "lerc_encode", zlib.compress, {50674: (4, 1)}),
        (34887, "lerc_encode", "zstd_encode", {50674: (4, 2)}),
        (34934, "jpegxr_encode", None, {}),
    ],
    ids=["lerc", "lerc-deflate", "lerc-zstd", "jpeg-xr"],
)
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("is_grey", [True, False])
def test_lerc_and_jpeg_xr_are_read_by_the_extra(
    tmp_path: Path,
    compression: int,
    encoder: str,
    again: Any,
    tags: dict[int, Any],
    bits: int,
    order: str,
    *,
    is_grey: bool,
) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    encode, then = getattr(imagecodecs, encoder), getattr(imagecodecs, again) if isinstance(again, str) else again
    options = {"planar": False} if compression == 34887 and not is_grey else {}
    stored = []
    for tile in tiles():
        samples = np.ascontiguousarray(tile[..., 1] if is_grey else tile)
        found = bytes(encode(samples.astype(np.uint16) * 257 if bits == 16 else samples, **options))
        stored.append(bytes(then(found)) if then else found)
    own = {258: bits if is_grey else (bits,) * 3, 259: compression, 262: 1 if is_grey else 2, 277: 1 if is_grey else 3}
    path = tiled(tmp_path / "a.tif", stored, {**own, **tags}, order)
    expected = np.repeat(PIXELS[..., 1:2], 3, axis=2) if is_grey else PIXELS
    with open_source(path) as source:
        found_pixels = source.read(0, Region(0, 0, 200, 150)).astype(int)
    assert np.abs(found_pixels - expected).max() <= (0 if compression == 34887 else 2)


def test_the_mask_of_lerc_is_alpha_where_the_directory_has_one(tmp_path: Path) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    opaque = tiles(np.dstack([np.arange(150)[:, None, None].repeat(200, 1) < 100] * 1).astype(np.uint8))
    stored = [
        bytes(imagecodecs.lerc_encode(np.ascontiguousarray(tile), masks=mask[..., 0] > 0, planar=False))
        for tile, mask in zip(tiles(), opaque, strict=True)
    ]
    path = tiled(tmp_path / "a.tif", stored, {258: (8,) * 4, 259: 34887, 262: 2, 277: 4, 338: 2})
    with open_source(path) as source:
        found = source.read(0, Region(0, 0, 200, 150))
    assert np.array_equal(found[:100], PIXELS[:100])
    assert (found[100:] == 255).all()


def test_pixels_that_lerc_calls_invalid_are_refused_without_alpha(tmp_path: Path) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    mask = np.zeros((128, 128), bool)
    stored = [bytes(imagecodecs.lerc_encode(np.ascontiguousarray(t), masks=mask, planar=False)) for t in tiles()]
    path = tiled(tmp_path / "a.tif", stored, {258: (8,) * 3, 259: 34887, 262: 2})
    with open_source(path) as source, pytest.raises(SourceError, match="LERC marks as invalid"):
        source.read(0, Region(0, 0, 200, 150))


@pytest.mark.parametrize("compression", [34887, 34934])
def test_lerc_and_jpeg_xr_that_do_not_decode_are_damaged(tmp_path: Path, compression: int) -> None:
    pytest.importorskip("imagecodecs")
    path = tiled(tmp_path / "a.tif", [b"nothing of the kind"] * 4, {258: (8,) * 3, 259: compression, 262: 2})
    with open_source(path) as source, pytest.raises(SourceError, match=r"does not decode as .* copy it again"):
        source.read(0, Region(0, 0, 200, 150))


@pytest.mark.parametrize("is_tiled", [True, False])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_fourth_sample_of_no_declared_meaning_is_neither_guessed_nor_dropped(
    tmp_path: Path, bits: int, *, is_tiled: bool
) -> None:
    samples = np.dstack([PIXELS, PIXELS[..., 0]]).astype(f"u{bits // 8}")
    kind = {322: 256, 323: 160} if is_tiled else {278: 150}
    stored = np.pad(samples, ((0, 10), (0, 56), (0, 0))) if is_tiled else samples
    tags: dict[int, Any] = {256: 200, 257: 150, 258: (bits,) * 4, 259: 1, 262: 2, 277: 4, **kind}
    path = write_tiff(tmp_path / "a.tif", [Directory(tags, [stored.tobytes()], ())])
    with pytest.raises(SourceError, match=r"4 samples a pixel where RGB has 3, .* which of them are alpha"):
        open_source(path)
    check_shown(
        write_tiff(path, [Directory({**tags, 338: 0}, [np.asarray(stored).tobytes()], ())])
    ) if bits == 8 else None


def progressive(tile: NDArray[Any]) -> bytes:
    return through_pillow("JPEG", quality=98, subsampling=0, progressive=True, comment=b"made")(tile)


def with_fill_bytes(tile: NDArray[Any]) -> bytes:
    """Return a stream with fill bytes before its frame, which T.81 allows (section B.1.1.2)."""
    return bytes(encode_ycbcr(np.ascontiguousarray(tile), 98, "444")).replace(b"\xff\xc0", b"\xff\xff\xff\xc0", 1)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("encode", [progressive, with_fill_bytes])
@pytest.mark.parametrize("has_extra", [True, False])
def test_jpeg_tiles_that_are_not_baseline_need_no_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encode: Callable[[Any], bytes], order: str, *, has_extra: bool
) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    if not has_extra:
        monkeypatch.setattr(codecs, "import_module", missing)
    stored = [encode(tile) for tile in tiles()]
    check_shown(tiled(tmp_path / "a.tif", stored, {258: (8, 8, 8), 259: 7, 262: 6, 530: (1, 1)}, order), 2)


@pytest.mark.parametrize(("frame", "words"), [(0xC3, "lossless coding"), (0xC5, "hierarchical coding")])
def test_jpeg_tiles_that_need_another_decoder_say_of_what_kind_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frame: int, words: str
) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(codecs, "import_module", missing)
    stored = [bytes(encode_ycbcr(np.ascontiguousarray(tile), 90, "444")) for tile in tiles()]
    changed = [each.replace(b"\xff\xc0", bytes((0xFF, frame)), 1) for each in stored]
    path = tiled(tmp_path / "a.tif", changed, {258: (8, 8, 8), 259: 7, 262: 6, 530: (1, 1)}, ">")
    with open_source(path) as source, pytest.raises(SourceError, match=words) as caught:
        source.read(0, Region(0, 0, 200, 150))
    assert "copy it again" not in str(caught.value)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("tag", [32997, 32998])
def test_a_picture_of_some_depth_is_refused_as_focal_planes(tmp_path: Path, order: str, tag: int) -> None:
    stored = [np.ascontiguousarray(tile).tobytes() for tile in tiles()]
    path = tiled(tmp_path / "a.tif", stored, {258: (8, 8, 8), 259: 1, 262: 2, tag: 16}, order)
    with pytest.raises(SourceError, match="holds 16 focal planes"):
        open_source(path)


_APERIO_TEXT = "Aperio Image Library v11.2.1\r\n200x150 [0,0 200x150] (128x128) JPEG/RGB Q=70|AppMag = 20|MPP = 0.5"


def plain_directory(scale: int, tags: dict[int, Any], *, is_tiled: bool = True) -> Directory:
    pixels = np.ascontiguousarray(PIXELS[::scale, ::scale])
    height, width, _ = pixels.shape
    own: dict[int, Any] = {256: width, 257: height, 258: (8, 8, 8), 259: 1, 262: 2, 277: 3}
    if not is_tiled:
        return Directory({**own, 278: height, **tags}, [pixels.tobytes()], ())
    filled = np.pad(pixels, ((0, -height % 128), (0, -width % 128), (0, 0)))
    corners = [(y, x) for y in range(0, filled.shape[0], 128) for x in range(0, filled.shape[1], 128)]
    stored = [np.ascontiguousarray(filled[y : y + 128, x : x + 128]).tobytes() for y, x in corners]
    return Directory({**own, 322: 128, 323: 128, **tags}, stored, ())


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_thumbnail_of_the_size_of_a_level_is_no_second_level(tmp_path: Path, order: str) -> None:
    levels = [
        plain_directory(1, {270: _APERIO_TEXT}),
        plain_directory(2, {}, is_tiled=False),
        plain_directory(2, {270: _APERIO_TEXT}),
    ]
    with open_source(write_tiff(tmp_path / "a.svs", levels, order=order)) as source:
        assert source.description.format == "aperio"
        assert [level.size for level in source.description.levels] == [(200, 150), (100, 75)]
        assert np.array_equal(source.read(0, Region(0, 0, 200, 150)), PIXELS)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_slide_of_aperio_is_turned_as_its_tag_says(tmp_path: Path, orientation: int, order: str) -> None:
    level = plain_directory(1, {270: _APERIO_TEXT, 274: orientation})
    expected = turn_upright(PIXELS, orientation)
    with open_source(write_tiff(tmp_path / "a.svs", [level], order=order)) as source:
        assert source.description.microns_per_pixel == 0.5
        assert np.array_equal(source.read(0, Region(0, 0, *source.description.size)), expected)


@pytest.mark.parametrize("name", ["a.bif", "a.ndpi", "a.scn"])
def test_an_ordinary_tiff_with_the_name_of_a_scanner_s_is_told_how_to_be_read(tmp_path: Path, name: str) -> None:
    path = write_tiff(tmp_path / name, [plain_directory(1, {}, is_tiled=False)])
    with pytest.raises(SourceError, match=r"if it is an ordinary TIFF, name it \.tif$") as caught:
        open_source(path)
    assert "damaged" not in str(caught.value)
    check_shown(path.rename(tmp_path / "a.tif"))


@pytest.mark.parametrize("order", ["<", ">"])
def test_ycbcr_planes_of_jpeg_are_not_taken_for_rgb(tmp_path: Path, order: str) -> None:
    ycbcr = np.asarray(Image.fromarray(PIXELS).convert("YCbCr"))
    encode = through_pillow("JPEG", quality=98)
    stored = [encode(tile[..., band]) for band in range(3) for tile in tiles(ycbcr)]
    tags = {258: (8, 8, 8), 259: 7, 262: 6, 284: 2, 530: (1, 1)}
    check_shown(tiled(tmp_path / "a.tif", stored, tags, order), 2)
    with pytest.raises(SourceError, match="subsampled YCbCr with its planes apart"):
        open_source(tiled(tmp_path / "b.tif", stored, {**tags, 530: (2, 2)}, order))


@pytest.mark.parametrize("order", ["<", ">"])
def test_webp_tiles_that_leave_out_their_alpha_are_opaque(tmp_path: Path, order: str) -> None:
    encode = through_pillow("WEBP", lossless=True, exact=True)
    stored = [encode(tile) for tile in tiles()]
    clear = encode(np.zeros((128, 128, 4), np.uint8))
    tags = {258: (8,) * 4, 259: 50001, 262: 2, 277: 4, 338: 2}
    check_shown(tiled(tmp_path / "a.tif", stored, tags, order))
    with open_source(tiled(tmp_path / "b.tif", [clear, *stored[1:]], tags, order)) as source:
        found = source.read(0, Region(0, 0, 200, 150))
    assert (found[:128, :128] == 255).all()
    assert np.array_equal(found[:, 128:], PIXELS[:, 128:])


def test_a_mask_alone_is_no_picture(tmp_path: Path) -> None:
    mask: dict[int, Any] = {254: 4, 256: 200, 257: 150, 258: 1, 259: 1, 262: 4, 278: 150}
    path = write_tiff(tmp_path / "a.tif", [Directory(mask, [bytes(25 * 150)], ())])
    with pytest.raises(SourceError, match="holds a transparency mask alone"):
        open_source(path)


@pytest.mark.parametrize("is_tiled", [True, False])
@pytest.mark.parametrize("kind", [{254: 2}, {255: 3}])
def test_a_page_of_half_the_size_is_no_thumbnail(tmp_path: Path, kind: dict[int, Any], *, is_tiled: bool) -> None:
    pages = [plain_directory(scale, kind, is_tiled=is_tiled) for scale in (1, 2)]
    with pytest.raises(SourceError, match="holds 2 pictures of different sizes"):
        open_source(write_tiff(tmp_path / "a.tif", pages))
