"""Sample slides: painted right, and read back by the readers of real slides."""

import hashlib
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import openslide
import pytest
import simplejpeg
import tifffile
from numpy.typing import NDArray
from PIL import Image

from slide2iiif.geometry import Region, Size
from slide2iiif.samples import Codec, Pixels, Subsampling, tissue, write_aperio, write_generic_tiff, write_image
from slide2iiif.samples.coding import JpegCoding, LosslessCoding, abbreviate, encode_ycbcr
from slide2iiif.samples.levels import Slide, box_average
from slide2iiif.samples.textures import make_textures
from slide2iiif.samples.tiff import CLASSIC_LIMIT, Compression, Page, TiffFile

Colours = Literal["rgb", "gray"]
SIZE = Size(1111, 777)
WHOLE = Region(0, 0, *SIZE)


def psnr(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Likeness in dB; above 35 the eye sees no difference."""
    assert first.shape == second.shape
    error = float(np.mean((first.astype(float) - second) ** 2))
    return float("inf") if error == 0 else 10 * float(np.log10(255**2 / error))


def read_level(path: Path, level: int) -> Pixels:
    with openslide.OpenSlide(path) as slide:
        picture = slide.read_region((0, 0), level, slide.level_dimensions[level])
        return np.asarray(picture.convert("RGB"))


def reduced(scale: int) -> Pixels:
    return box_average(tissue(WHOLE, SIZE), scale)


class TestTissue:
    @pytest.mark.parametrize(
        "region",
        [Region(0, 0, 1, 1), Region(250, 250, 13, 13), Region(255, 511, 513, 2), Region(1110, 0, 1, 777), WHOLE],
    )
    def test_any_region_is_the_crop_of_the_whole(self, region: Region) -> None:
        whole = tissue(WHOLE, SIZE, seed=3)
        x, y, width, height = region
        part = tissue(region, SIZE, seed=3)
        assert part.shape == (height, width, 3)
        assert part.dtype == np.uint8
        assert np.array_equal(part, whole[y : y + height, x : x + width])

    def test_the_same_seed_gives_the_same_slide_even_after_everything_was_made_anew(self) -> None:
        first = tissue(WHOLE, SIZE, seed=5)
        make_textures.cache_clear()
        assert np.array_equal(first, tissue(WHOLE, SIZE, seed=5))

    def test_another_seed_gives_another_slide(self) -> None:
        assert psnr(tissue(WHOLE, SIZE, seed=1), tissue(WHOLE, SIZE, seed=2)) < 20

    @pytest.mark.parametrize("size", [Size(1500, 1000), Size(20_000, 15_000), Size(200_000, 90_000)])
    def test_a_slide_has_both_tissue_and_empty_glass(self, size: Size) -> None:
        spots = [
            tissue(Region(x * (size.width - 64) // 15, y * (size.height - 64) // 15, 64, 64), size)
            for x in range(16)
            for y in range(16)
        ]
        empty = sum(bool(spot.min() > 230) for spot in spots) / len(spots)
        assert 0.2 < empty < 0.85

    def test_the_colours_are_those_of_the_stains(self) -> None:
        size = Size(20_000, 15_000)
        pixels = tissue(Region(9000, 7000, 1024, 1024), size).reshape(-1, 3).astype(int)
        red, green, blue = pixels[pixels.sum(axis=1) < 700].T
        assert np.mean(green) < np.mean(blue) < np.mean(red)  # eosin is pink
        nuclei = red < 130
        assert 0.01 < np.mean(nuclei) < 0.4
        assert np.mean(green[nuclei]) < np.mean(red[nuclei]) < np.mean(blue[nuclei])  # haematoxylin is purple

    @pytest.mark.parametrize("quality", [75, 80, 85])
    def test_tissue_compresses_as_real_tissue_does(self, quality: int) -> None:
        size = Size(20_000, 15_000)
        pixels = tissue(Region(8960, 6912, 1024, 1024), size)
        tiles = [pixels[y : y + 256, x : x + 256] for y in range(0, 1024, 256) for x in range(0, 1024, 256)]
        mean = sum(len(encode_ycbcr(tile, quality, "420")) for tile in tiles) / pixels[..., 0].size
        assert 0.1 < mean < 0.3

    def test_no_two_tiles_of_a_block_row_are_alike(self) -> None:
        size = Size(20_000, 15_000)
        row = tissue(Region(0, 7680, 19_968, 256), size)
        digests = {hashlib.sha256(row[:, x : x + 256].tobytes()).digest() for x in range(0, 19_968, 256)}
        assert len(digests) == 78

    @pytest.mark.parametrize(
        "region", [Region(-1, 0, 2, 2), Region(0, 0, 0, 1), Region(1111, 0, 1, 1), Region(0, 0, 1112, 1)]
    )
    def test_a_region_off_the_slide_is_refused(self, region: Region) -> None:
        with pytest.raises(ValueError, match="no tissue at"):
            tissue(region, SIZE)


class TestLevels:
    @pytest.mark.parametrize(("scales", "tile_size"), [((1, 4, 16), 256), ((1, 2, 4, 8), 112), ((1,), 64)])
    def test_each_level_is_the_box_average_of_the_finer_one(self, scales: tuple[int, ...], tile_size: int) -> None:
        slide = Slide(SIZE, scales, tile_size, seed=0)
        levels: list[list[Pixels]] = [[] for _ in scales]
        for strip in slide.strips():
            assert strip.y == sum(map(len, levels[strip.level]))
            assert len(strip.pixels) <= tile_size
            levels[strip.level].append(strip.pixels)
        expected = tissue(WHOLE, SIZE)
        for index, strips in enumerate(levels):
            if index:
                expected = box_average(expected, scales[index] // scales[index - 1])
            assert all(len(strip) == tile_size for strip in strips[:-1])
            assert np.array_equal(np.concatenate(strips), expected)
            assert expected.shape[:2] == slide.level_sizes[index][::-1]

    def test_a_box_average_is_rounded_and_never_overflows(self) -> None:
        assert box_average(np.full((16, 16, 3), 255, np.uint8), 16).tolist() == [[[255] * 3]]
        assert box_average(np.array([[[0], [1]], [[1], [0]]], np.uint8), 2).tolist() == [[[1]]]

    @pytest.mark.parametrize(
        ("scales", "tile_size"),
        [((2, 4), 256), ((1, 4, 6), 256), ((1, 3), 256), ((1, 32), 256), ((), 256), ((1, 1), 64)],
    )
    def test_scales_that_cannot_be_made_are_refused(self, scales: tuple[int, ...], tile_size: int) -> None:
        with pytest.raises(ValueError, match=r"scales must begin|cannot be reduced"):
            Slide(SIZE, scales, tile_size, seed=0)

    def test_a_level_without_a_pixel_is_refused(self) -> None:
        with pytest.raises(ValueError, match="no level at 1:16"):
            Slide(Size(100, 15), (1, 4, 16), 256, seed=0)


class TestAperio:
    def test_openslide_finds_vendor_levels_resolution_and_objective(self, tmp_path: Path) -> None:
        write_aperio(tmp_path / "a.svs", SIZE, mpp=0.2528, objective=40, properties={"Filename": "CMU-1"})
        with openslide.OpenSlide(tmp_path / "a.svs") as slide:
            assert slide.level_dimensions == ((1111, 777), (277, 194), (69, 48))
            assert slide.properties["openslide.vendor"] == "aperio"
            assert slide.properties["openslide.mpp-x"] == slide.properties["openslide.mpp-y"]
            assert float(slide.properties["openslide.mpp-x"]) == pytest.approx(0.2528)
            assert slide.properties["openslide.objective-power"] == "40"
            assert slide.properties["aperio.Filename"] == "CMU-1"

    def test_what_is_unknown_is_left_out(self, tmp_path: Path) -> None:
        write_aperio(tmp_path / "a.svs", SIZE, mpp=None, objective=None, associated=set())
        with openslide.OpenSlide(tmp_path / "a.svs") as slide:
            assert "openslide.mpp-x" not in slide.properties
            assert "openslide.objective-power" not in slide.properties
            assert not slide.associated_images

    @pytest.mark.parametrize("shared_tables", [True, False])
    @pytest.mark.parametrize(("rgb_coded", "subsampling"), [(True, "444"), (False, "420"), (False, "444")])
    @pytest.mark.parametrize("tile_size", [240, 256])
    def test_every_level_is_the_tissue(
        self, tmp_path: Path, tile_size: int, *, rgb_coded: bool, subsampling: Subsampling, shared_tables: bool
    ) -> None:
        path = tmp_path / "a.svs"
        write_aperio(
            path,
            SIZE,
            tile_size=tile_size,
            scales=(1, 4),
            rgb_coded=rgb_coded,
            subsampling=subsampling,
            shared_tables=shared_tables,
        )
        for level, scale in enumerate((1, 4)):
            assert psnr(read_level(path, level), reduced(scale)) > 33

    def test_tiles_are_abbreviated_streams_that_share_their_tables(self, tmp_path: Path) -> None:
        write_aperio(tmp_path / "a.svs", SIZE, quality=70)
        with tifffile.TiffFile(tmp_path / "a.svs") as file:
            page = file.pages.first
            tables, _ = abbreviate(encode_ycbcr(tissue(Region(0, 0, 64, 64), SIZE), 70, "420"))
            assert page.jpegtables == tables
            tile = file.filehandle.read_array("u1", page.databytecounts[3], offset=page.dataoffsets[3]).tobytes()
        assert tile.startswith(b"\xff\xd8\xff\xc0")
        assert tile.endswith(b"\xff\xd9")
        whole = tables[:-2] + tile[2:]
        assert psnr(simplejpeg.decode_jpeg(whole), tissue(Region(768, 0, 256, 256), SIZE)) > 33

    def test_a_tile_that_holds_rgb_does_not_say_so(self, tmp_path: Path) -> None:
        write_aperio(tmp_path / "a.svs", SIZE, rgb_coded=True)
        with tifffile.TiffFile(tmp_path / "a.svs") as file:
            page = file.pages.first
            assert page.photometric == tifffile.PHOTOMETRIC.RGB
            assert "JPEG/RGB Q=80" in page.description
            tile = file.filehandle.read_array("u1", page.databytecounts[0], offset=page.dataoffsets[0]).tobytes()
        assert b"Adobe" not in tile
        frame = tile.index(b"\xff\xc0") + 10
        assert [tile[frame + 3 * component] for component in range(3)] == [0, 1, 2]

    def test_edge_tiles_are_full_and_continue_the_last_pixels(self, tmp_path: Path) -> None:
        write_aperio(tmp_path / "a.svs", SIZE, scales=(1,), shared_tables=False, quality=95)
        with tifffile.TiffFile(tmp_path / "a.svs") as file:
            page = file.pages.first
            assert len(page.dataoffsets) == 5 * 4
            stream = file.filehandle.read_array("u1", page.databytecounts[-1], offset=page.dataoffsets[-1])
        tile = simplejpeg.decode_jpeg(stream.tobytes())
        assert tile.shape == (256, 256, 3)
        inside = tissue(Region(1024, 768, 87, 9), SIZE)
        assert psnr(tile, np.pad(inside, ((0, 247), (0, 169), (0, 0)), mode="edge")) > 35

    def test_the_small_pictures_are_where_openslide_looks(self, tmp_path: Path) -> None:
        write_aperio(tmp_path / "a.svs", SIZE, associated={"thumbnail", "label", "macro"})
        with openslide.OpenSlide(tmp_path / "a.svs") as slide:
            sizes = {name: picture.size for name, picture in slide.associated_images.items()}
            assert sizes == {"thumbnail": (1024, 716), "label": (387, 463), "macro": (1280, 431)}
            thumbnail = np.asarray(slide.associated_images["thumbnail"].convert("RGB"))
        whole = np.asarray(Image.fromarray(tissue(WHOLE, SIZE)).resize((1024, 716), Image.Resampling.BOX))
        blurred = [box_average(picture, 16) for picture in (thumbnail, whole)]
        assert psnr(*blurred) > 22

    def test_the_description_reads_like_a_scanners(self, tmp_path: Path) -> None:
        write_aperio(tmp_path / "a.svs", SIZE, quality=30)
        with tifffile.TiffFile(tmp_path / "a.svs") as file:
            assert file.is_svs
            assert file.pages.first.description == (
                "Aperio Image Library v11.2.1 \r\n1111x777 [0,0 1111x777] (256x256) JPEG/YCC Q=30"
                "|AppMag = 20|MPP = 0.5000"
            )
            page = file.pages[2]
            assert isinstance(page, tifffile.TiffPage)
            assert page.description.endswith("(256x256) -> 277x194 JPEG/YCC Q=30")

    def test_a_colour_profile_is_kept(self, tmp_path: Path) -> None:
        write_aperio(tmp_path / "a.svs", SIZE, icc_profile=b"profile of odd length")
        with tifffile.TiffFile(tmp_path / "a.svs") as file:
            assert file.pages.first.iccprofile == b"profile of odd length"

    @pytest.mark.parametrize("bigtiff", [True, False])
    def test_both_kinds_of_tiff_are_read(self, tmp_path: Path, *, bigtiff: bool) -> None:
        path = tmp_path / "a.svs"
        write_aperio(path, SIZE, bigtiff=bigtiff, associated={"label"})
        with tifffile.TiffFile(path) as file:
            assert file.is_bigtiff is bigtiff
        assert psnr(read_level(path, 0), tissue(WHOLE, SIZE)) > 33

    def test_the_same_arguments_give_the_same_bytes(self, tmp_path: Path) -> None:
        for name in ("a.svs", "b.svs"):
            write_aperio(tmp_path / name, SIZE, associated={"thumbnail", "label", "macro"}, seed=7)
        assert (tmp_path / "a.svs").read_bytes() == (tmp_path / "b.svs").read_bytes()

    @pytest.mark.parametrize("properties", [{"a": "b|c"}, {"name": "Müller"}])
    def test_properties_that_the_description_cannot_hold_are_refused(
        self, tmp_path: Path, properties: dict[str, str]
    ) -> None:
        with pytest.raises(ValueError, match="must be ASCII"):
            write_aperio(tmp_path / "a.svs", SIZE, properties=properties)
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("write", [write_aperio, write_generic_tiff])
    def test_a_tile_size_that_tiff_does_not_have_is_refused(self, tmp_path: Path, write: Callable[..., None]) -> None:
        with pytest.raises(ValueError, match="multiple of 16"):
            write(tmp_path / "a.tif", SIZE, tile_size=250)


class TestGenericTiff:
    @pytest.mark.parametrize("colours", ["rgb", "gray"])
    @pytest.mark.parametrize("compression", ["jpeg", "deflate", "lzw", "none"])
    def test_openslide_reads_every_level(
        self, tmp_path: Path, compression: Codec, colours: Literal["rgb", "gray"]
    ) -> None:
        path = tmp_path / "a.tif"
        write_generic_tiff(path, SIZE, compression=compression, colours=colours, mpp=0.25)
        bands = slice(1, 2) if colours == "gray" else slice(0, 3)
        with openslide.OpenSlide(path) as slide:
            assert slide.properties["openslide.vendor"] == "generic-tiff"
            assert float(slide.properties["openslide.mpp-x"]) == pytest.approx(0.25)
            assert slide.level_dimensions == ((1111, 777), (555, 388), (277, 194), (138, 97))
        expected = tissue(WHOLE, SIZE)
        for level in range(4):
            likeness = psnr(read_level(path, level), np.broadcast_to(expected[..., bands], expected.shape))
            assert likeness > 33 if compression == "jpeg" else likeness == float("inf")
            expected = box_average(expected, 2)

    def test_a_flat_one_has_one_level(self, tmp_path: Path) -> None:
        write_generic_tiff(tmp_path / "a.tif", SIZE, pyramidal=False)
        with openslide.OpenSlide(tmp_path / "a.tif") as slide:
            assert slide.level_count == 1

    @pytest.mark.parametrize("size", [Size(1, 1), Size(3000, 1), Size(1, 700), Size(256, 256), Size(257, 256)])
    def test_odd_sizes_are_read_back(self, tmp_path: Path, size: Size) -> None:
        write_generic_tiff(tmp_path / "a.tif", size, compression="none")
        assert np.array_equal(read_level(tmp_path / "a.tif", 0), tissue(Region(0, 0, *size), size))


class TestTiffFile:
    def test_a_file_beyond_the_classic_limit_becomes_a_bigtiff(self, tmp_path: Path) -> None:
        path = tmp_path / "big.tif"
        page = Page(Size(16, 16), LosslessCoding(Compression.NONE).tags(1), 16)
        with TiffFile(path) as file:
            # A hole of 4 GiB takes no room on disk.
            file._end = file._file.seek(CLASSIC_LIMIT)
            file.put(page, bytes(range(256)))
            file.finish([page])
        with tifffile.TiffFile(path) as read:
            assert read.is_bigtiff
            assert read.pages[0].asarray().tobytes() == bytes(range(256))

    def test_a_classic_file_that_grows_too_long_is_refused_and_removed(self, tmp_path: Path) -> None:
        path = tmp_path / "big.tif"
        page = Page(Size(16, 16), LosslessCoding(Compression.NONE).tags(1), 16)

        def write_too_much() -> None:
            with TiffFile(path, big=False) as file:
                file._end = file._file.seek(CLASSIC_LIMIT)
                file.put(page, bytes(256))
                file.finish([page])

        with pytest.raises(ValueError, match="too long for a classic TIFF"):
            write_too_much()
        assert not path.exists()

    def test_directories_begin_at_even_offsets(self, tmp_path: Path) -> None:
        path = tmp_path / "a.tif"
        pages = [Page(Size(1, length), LosslessCoding(Compression.NONE).tags(1)) for length in (1, 3)]
        with TiffFile(path) as file:
            for page in pages:
                file.put(page, bytes(page.size.height))
            file.finish(pages)
        (first,) = struct.unpack_from("<I", path.read_bytes(), 4)
        assert first % 2 == 0
        with tifffile.TiffFile(path) as read:
            assert [page.shape for page in read.pages] == [(1, 1), (3, 1)]
            assert all(page.offset % 2 == 0 for page in read.pages)


class TestCoding:
    def test_a_large_tile_is_one_lzw_segment(self, tmp_path: Path) -> None:
        write_generic_tiff(tmp_path / "a.tif", SIZE, tile_size=512, compression="lzw", pyramidal=False)
        assert np.array_equal(read_level(tmp_path / "a.tif", 0), tissue(WHOLE, SIZE))

    def test_the_tables_of_one_quality_are_the_same_for_every_tile(self) -> None:
        coding = JpegCoding(quality=85, shared_tables=False)
        regions = [Region(0, 0, 256, 256), Region(512, 256, 256, 256)]
        assert len({abbreviate(coding.encode(tissue(region, SIZE)))[0] for region in regions}) == 1


class TestImages:
    @pytest.mark.parametrize(("name", "likeness"), [("a.jpg", 33.0), ("a.JPEG", 33.0), ("a.png", float("inf"))])
    def test_an_image_is_the_tissue(self, tmp_path: Path, name: str, likeness: float) -> None:
        write_image(tmp_path / name, SIZE, 4)
        with Image.open(tmp_path / name) as picture:
            assert psnr(np.asarray(picture), tissue(WHOLE, SIZE, 4)) >= likeness

    def test_an_unknown_suffix_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="suffix must be one of"):
            write_image(tmp_path / "a.bmp", SIZE)

    def test_a_jpeg_that_is_too_long_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="its sides end at 65535"):
            write_image(tmp_path / "a.jpg", Size(65_536, 1))
