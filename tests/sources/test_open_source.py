"""Opening a slide: the right reader, the true reason where there is none, and pixels from the right place."""

import os
import shutil
from pathlib import Path

import numpy as np
import openslide
import pytest
from made_slides import smooth_pixels, write_image, write_synthetic

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region, Size
from slide2iiif.sources import open_source
from slide2iiif.sources.synthetic import synthetic_pixels

READERS = {
    "aperio/CMU-1-Small-Region.svs": ("openslide", "aperio"),
    "aperio/P37-CRC01-he.svs": ("openslide", "aperio"),
    "aperio/tcga-cr-7395-01a-01-ts1.svs": ("openslide", "aperio"),
    "dicom/cmu-1-small-region/level-0-frames-0-30.dcm": ("openslide", "dicom"),
    "hamamatsu/test3-DAPI-2-387.ndpi": ("openslide", "hamamatsu"),
    "tiff/gray-lzw.tif": ("openslide", "generic-tiff"),
    "images/6976x5074.jpg": ("vips", "jpeg"),
    "images/world.jp2": ("pillow", "jpeg2000"),
}
BROKEN = {
    "made-bad-ifd-offset.svs": "truncated",
    "made-html-renamed.svs": "not a slide",
    "made-random-64k.svs": "not a slide",
    "made-truncated-half.svs": "truncated",
    "made-truncated-tail-64k.svs": "truncated",
    "made-zero-byte.svs": "the file is empty",
    "unopenable.tiff": "damaged or of an unknown variant",
}


@pytest.mark.parametrize("name", READERS)
def test_a_slide_is_opened_by_the_reader_that_knows_it(slides: Path, name: str) -> None:
    with open_source(slides / name) as source:
        assert (source.description.reader, source.description.format) == READERS[name]


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_slide_does_not_open_and_says_why(slides: Path, name: str) -> None:
    with pytest.raises(SourceError, match=BROKEN[name]):
        open_source(slides / "broken" / name)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("name", ["aperio/CMU-1-Small-Region.svs", "tiff/gray-lzw.tif", "tiff/boxes.tiff"])
def test_a_truncated_tiff_never_opens(slides: Path, tmp_path: Path, name: str, share: float) -> None:
    content = (slides / name).read_bytes()
    cut = tmp_path / Path(name).name
    cut.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(SourceError, match=r"truncated|damaged"):
        open_source(cut)


@pytest.mark.parametrize("suffix", ["svs", "tif", "ndpi", "jpg", "png", "jp2", "czi", "dcm", "synthetic"])
@pytest.mark.parametrize("content", [b"", b"x", b"<html>", bytes(1000), b"II*\0" + bytes(8), b"\xff\xd8\xff\xe0"])
def test_nonsense_of_any_name_is_an_error_of_the_source(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(content)
    with pytest.raises(SourceError) as raised:
        open_source(path)
    assert str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_true_reason_is_told_for_what_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "folder.svs").mkdir()
    os.mkfifo(tmp_path / "pipe.svs")
    for name, reason in [("missing.svs", "no such file"), ("folder.svs", "not a file"), ("pipe.svs", "not a file")]:
        with pytest.raises(SourceError, match=reason):
            open_source(tmp_path / name)


def test_too_many_open_files_are_told_as_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_image(tmp_path / "a.png")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(SourceError, match=r"^too many open files: raise the limit \(ulimit -n\)"):
        open_source(path)


@pytest.mark.parametrize("name", ["a[page=2].png", "a b.png", "a%20.png", "a::b.png", "-a.png", "a\n.png", "ü.png"])
def test_hostile_names_open(tmp_path: Path, name: str) -> None:
    with open_source(write_image(tmp_path / name)) as source:
        assert source.description.size == Size(300, 200)


def test_a_name_that_is_no_text_opens(tmp_path: Path, slides: Path) -> None:
    image = tmp_path / os.fsdecode(b"\xff.png")
    shutil.copyfile(write_image(tmp_path / "a.png"), image)
    with open_source(image) as source:
        assert source.description.size == Size(300, 200)
    slide = tmp_path / os.fsdecode(b"\xff.svs")
    shutil.copyfile(slides / "aperio" / "CMU-1-Small-Region.svs", slide)
    with open_source(slide) as source:
        assert source.description.size == Size(2220, 2967)


@pytest.mark.parametrize(
    ("name", "level", "region"),
    [
        ("aperio/CMU-1-Small-Region.svs", 0, Region(1000, 700, 333, 222)),
        ("aperio/CMU-1-Small-Region.svs", 0, Region(2200, 2960, 20, 7)),
        ("aperio/P37-CRC01-he.svs", 1, Region(1024, 2048, 512, 512)),
        ("aperio/P37-CRC01-he.svs", 2, Region(1000, 800, 88, 96)),
        ("hamamatsu/test3-DAPI-2-387.ndpi", 3, Region(100, 200, 300, 400)),
        ("tiff/gray-lzw.tif", 1, Region(512, 512, 100, 100)),
        # Read in several parts, which begin in the middle of tiles.
        ("tiff/gray-lzw.tif", 0, Region(300, 201, 700, 500)),
    ],
)
def test_a_region_of_a_level_is_what_openslide_gives(slides: Path, name: str, level: int, region: Region) -> None:
    with openslide.OpenSlide(slides / name) as slide, open_source(slides / name) as source:
        scale = int(slide.level_downsamples[level])
        expected = np.asarray(slide.read_region((region.x * scale, region.y * scale), level, region.size))
        pixels = source.read(level, region)
        opaque = expected[..., 3] == 255
        assert pixels.shape == (region.height, region.width, 3)
        assert pixels.flags.c_contiguous
        assert np.array_equal(pixels[opaque], expected[..., :3][opaque])
        assert (pixels[expected[..., 3] == 0] == source.description.background).all()


def test_a_slide_reads_on_after_a_read_that_failed(slides: Path) -> None:
    with open_source(slides / "broken" / "unreadable.svs") as source:
        for _ in range(2):
            with pytest.raises(SourceError, match="cannot be read at 0,0,16,16 of level 0"):
                source.read(0, Region(0, 0, 16, 16))


def test_stored_facts_of_a_slide_are_told(slides: Path) -> None:
    with open_source(slides / "aperio" / "CMU-1-Small-Region.svs") as source:
        description = source.description
    assert description.microns_per_pixel == pytest.approx(0.499)
    assert description.objective == 20.0
    assert description.levels[0].tile == Size(240, 240)
    assert description.levels[0].compression == "jpeg"
    assert description.random_access


def test_a_synthetic_slide_computes_the_same_pixels_for_any_region(tmp_path: Path) -> None:
    with open_source(write_synthetic(tmp_path / "a.synthetic", 200_000, 100_000)) as source:
        whole = source.read(0, Region(150_000, 90_000, 300, 200))
        part = source.read(0, Region(150_100, 90_050, 100, 100))
        assert np.array_equal(whole[50:150, 100:200], part)
        assert np.array_equal(whole, synthetic_pixels(Region(150_000, 90_000, 300, 200)))
        with pytest.raises(IndexError):
            source.read(1, Region(0, 0, 1, 1))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"width": 0, "height": 5}', '{"width": "x", "height": 5}', "5"])
def test_a_damaged_description_of_a_synthetic_slide_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.synthetic"
    path.write_text(text)
    with pytest.raises(SourceError):
        open_source(path)


def test_an_image_is_told_from_a_slide_by_its_contents_where_the_name_allows_both(tmp_path: Path) -> None:
    with open_source(write_image(tmp_path / "plain.tif", compression="tiff_lzw")) as source:
        assert source.description.reader == "vips"
        assert np.array_equal(source.read(0, Region(0, 0, 300, 200)), smooth_pixels(300, 200))
