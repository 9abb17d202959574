"""Encoding, decoding, strict checks and the lossless crop."""

import numpy as np
import pytest
import simplejpeg
from numpy.typing import NDArray

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region, Size
from slide2iiif.imaging import jpeg
from slide2iiif.imaging.jpeg import (
    DECODER_SCALES,
    Encoding,
    can_crop,
    check_strictly,
    crop,
    crop_all,
    decode,
    encode,
    encode_colour,
)
from slide2iiif.imaging.resample import reduce_pixels
from slide2iiif.sources.jpeg_tiles import parse_head

SIZE = Size(96, 80)
SAMPLINGS = {"420": ((2, 2), (1, 1), (1, 1)), "422": ((2, 1), (1, 1), (1, 1)), "444": ((1, 1), (1, 1), (1, 1))}


def soft_picture(size: Size = SIZE) -> NDArray[np.uint8]:
    x, y = np.meshgrid(np.arange(size.width), np.arange(size.height))
    return np.stack([x * 2, y * 2, 255 - x - y], axis=-1).astype(np.uint8)


def encoded(subsampling: str = "444", quality: int = 90) -> bytes:
    return encode(soft_picture(), Encoding(quality, subsampling))


@pytest.mark.parametrize("subsampling", SAMPLINGS)
def test_a_picture_is_encoded_with_the_sampling_that_is_asked_for(subsampling: str) -> None:
    head = parse_head(encoded(subsampling))
    assert (head.size, head.sampling) == (SIZE, SAMPLINGS[subsampling])
    assert np.abs(decode(encoded(subsampling), SIZE).astype(int) - soft_picture()).mean() < 2


def test_a_lower_quality_is_shorter() -> None:
    assert len(encoded(quality=30)) < len(encoded(quality=80)) < len(encoded(quality=100))


def test_a_part_of_a_picture_can_be_encoded() -> None:
    part = soft_picture()[5:47:2, 3:90]
    decoded = decode(encode(part, Encoding(95, "444")), Size(87, 21))
    assert np.abs(decoded.astype(int) - part).mean() < 2


@pytest.mark.parametrize("scale", [1, 2])
def test_padded_pixels_are_the_same_pixels_on_every_way(scale: int) -> None:
    plain, padded = (decode(encoded(), SIZE, scale, padded=padded) for padded in (False, True))
    assert (plain.shape[2], padded.shape[2]) == (3, 4)
    assert np.array_equal(padded[..., :3], plain)
    assert np.array_equal(reduce_pixels(padded, 2)[..., :3], reduce_pixels(plain, 2))
    part = np.s_[3:, 5:]
    assert np.array_equal(reduce_pixels(padded[part], 2)[..., :3], reduce_pixels(plain[part], 2))
    assert encode(padded, Encoding(80, "420")) == encode(plain, Encoding(80, "420"))


def test_one_colour_is_that_colour() -> None:
    pixels = decode(encode_colour((250, 120, 30), Size(33, 17), Encoding(90, "420")), Size(33, 17))
    assert pixels.shape == (17, 33, 3)
    assert np.abs(pixels.astype(int) - (250, 120, 30)).max() <= 3


@pytest.mark.parametrize("scale", [1, *DECODER_SCALES])
@pytest.mark.parametrize("size", [SIZE, Size(97, 81), Size(7, 1), Size(250, 3)])
def test_the_decoder_reduces_and_rounds_sizes_up(size: Size, scale: int) -> None:
    stream = encode(soft_picture(size), Encoding(95, "444"))
    reduced = decode(stream, size, scale)
    assert reduced.shape == (-(-size.height // scale), -(-size.width // scale), 3)
    whole = soft_picture(size)[: size.height // scale * scale, : size.width // scale * scale].astype(float)
    height, width = whole.shape[0] // scale, whole.shape[1] // scale
    if size == SIZE:
        means = whole.reshape(height, scale, width, scale, 3).mean(axis=(1, 3))
        assert np.abs(reduced - means).mean() < 2


@pytest.mark.parametrize("size", [Size(95, 80), Size(96, 79), Size(192, 160)])
def test_another_size_than_expected_is_an_error(size: Size) -> None:
    with pytest.raises(SourceError, match="other dimensions"):
        decode(encoded(), size)


@pytest.mark.parametrize("end", [0, 1, 100, 600, -1000, -50, -3])
def test_a_cut_stream_is_found_by_every_way_of_reading_it(end: int) -> None:
    stream = encoded(quality=100)[:end]
    for scale in (1, *DECODER_SCALES):
        with pytest.raises(SourceError, match="damaged"):
            decode(stream, SIZE, scale)
    with pytest.raises(SourceError, match="damaged"):
        check_strictly(stream, SIZE)
    with pytest.raises(SourceError, match="damaged"):
        crop(stream, Size(50, 50))
    with pytest.raises(SourceError, match="damaged"):
        crop_all(stream, [Region(0, 0, 64, 64), Region(64, 0, 32, 64)])


def test_zeros_in_a_scan_are_found_by_every_way_of_reading_it() -> None:
    stream = encoded(quality=100)
    torn = stream[:-2000] + bytes(1000) + stream[-1000:]
    assert simplejpeg.decode_jpeg(torn, strict=False).shape == (80, 96, 3), "a lenient decoder notices nothing"
    for check in (
        lambda: decode(torn, SIZE),
        lambda: check_strictly(torn, SIZE),
        lambda: crop(torn, Size(90, 75)),
        lambda: crop_all(torn, [Region(0, 0, 96, 80)]),
    ):
        with pytest.raises(SourceError, match="damaged"):
            check()


@pytest.mark.parametrize("subsampling", SAMPLINGS)
def test_a_good_stream_passes_the_strict_check(subsampling: str) -> None:
    check_strictly(encoded(subsampling), SIZE)


@pytest.mark.parametrize("subsampling", SAMPLINGS)
@pytest.mark.parametrize("size", [Size(1, 1), Size(8, 80), Size(95, 79), Size(33, 50), SIZE])
def test_a_crop_keeps_the_coefficients(subsampling: str, size: Size) -> None:
    stream = encoded(subsampling)
    cropped = crop(stream, size)
    assert (parse_head(cropped).size, parse_head(cropped).sampling) == (size, SAMPLINGS[subsampling])
    ours = simplejpeg.decode_jpeg(cropped, fastupsample=True, strict=True)
    theirs = simplejpeg.decode_jpeg(stream, fastupsample=True, strict=True)
    assert np.array_equal(ours, theirs[: size.height, : size.width])


def test_many_parts_are_cut_at_once() -> None:
    stream = encoded()
    regions = [Region(0, 0, 64, 64), Region(64, 0, 32, 64), Region(0, 64, 64, 16), Region(64, 64, 32, 16)]
    whole = decode(stream, SIZE)
    for region, part in zip(regions, crop_all(stream, regions), strict=True):
        x, y, width, height = region
        assert np.array_equal(decode(part, region.size), whole[y : y + height, x : x + width])


def test_a_part_that_does_not_begin_at_a_block_or_lies_outside_is_refused() -> None:
    for region in (Region(3, 0, 8, 8), Region(0, 88, 8, 8)):
        with pytest.raises(SourceError):
            crop_all(encoded("420"), [region])


def test_without_the_library_cropping_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    assert can_crop()
    monkeypatch.setattr(jpeg, "_turbojpeg", lambda: None)
    assert not can_crop()
    for cut in (lambda: crop(encoded(), Size(8, 8)), lambda: crop_all(encoded(), [])):
        with pytest.raises(RuntimeError, match="libturbojpeg0"):
            cut()


def test_a_library_that_is_not_found_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    import turbojpeg

    def nothing(_path: str | None) -> None:
        raise RuntimeError("Unable to locate turbojpeg library automatically")

    monkeypatch.setattr(turbojpeg, "TurboJPEG", nothing)
    jpeg._turbojpeg.cache_clear()
    try:
        assert not can_crop()
    finally:
        jpeg._turbojpeg.cache_clear()
