"""What files say of themselves: DICOM series, and TIFF files that are not whole."""

import contextlib
import shutil
from pathlib import Path

import pytest
import tifffile
from made_slides import smooth_pixels

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Size
from slide2iiif.sources import open_source
from slide2iiif.sources.dicom import is_dicom, read_header
from slide2iiif.sources.formats import is_slide_name, may_be_dicom, suffix_of
from slide2iiif.sources.tiff import check_whole, is_tiff


def test_all_files_of_a_series_say_so(slides: Path) -> None:
    headers = [read_header(path) for path in sorted((slides / "dicom" / "cmu-1-small-region").iterdir())]
    found = [header for header in headers if header is not None]
    assert len(found) == 12
    assert len({header.series for header in found}) == 1
    assert all(header.is_whole_slide and header.is_volume for header in found)
    assert max(header.size for header in found) == Size(2220, 2967)
    assert {header.compression for header in found} == {"jpeg"}


@pytest.mark.parametrize("content", [b"", bytes(132), bytes(128) + b"DICM", bytes(128) + b"DICM" + b"\xff" * 500])
def test_a_damaged_header_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.dcm").write_bytes(content)
    assert read_header(tmp_path / "a.dcm") is None


def test_a_file_that_is_no_dicom_is_none(slides: Path) -> None:
    assert read_header(slides / "images" / "world.jp2") is None
    assert not is_dicom(b"DICM")


def test_a_missing_file_is_none(tmp_path: Path) -> None:
    assert read_header(tmp_path / "a.dcm") is None


def write_tiff(path: Path, *, bigtiff: bool, byteorder: str) -> Path:
    with tifffile.TiffWriter(path, bigtiff=bigtiff, byteorder="<" if byteorder == "little" else ">") as writer:
        for scale in (1, 2):
            pixels = smooth_pixels(512 // scale, 384 // scale)
            writer.write(pixels, tile=(128, 128), photometric="rgb", subfiletype=int(scale > 1))
    return path


@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("byteorder", ["little", "big"])
def test_a_whole_tiff_of_any_variant_passes(tmp_path: Path, bigtiff: bool, byteorder: str) -> None:  # noqa: FBT001
    path = write_tiff(tmp_path / "a.tif", bigtiff=bigtiff, byteorder=byteorder)
    assert is_tiff(path.read_bytes()[:16])
    check_whole(path)


@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("byteorder", ["little", "big"])
@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.75, 0.95])
def test_a_tiff_that_was_cut_anywhere_does_not(
    tmp_path: Path,
    bigtiff: bool,  # noqa: FBT001
    byteorder: str,
    share: float,
) -> None:
    path = write_tiff(tmp_path / "a.tif", bigtiff=bigtiff, byteorder=byteorder)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(SourceError, match="truncated"):
        check_whole(path)


@pytest.mark.parametrize("suffix", ["svs", "tif"])
def test_a_chain_of_directories_that_leads_back_ends(slides: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    shutil.copyfile(slides / "tiff" / "boxes.tiff", path)
    content = bytearray(path.read_bytes())
    first = int.from_bytes(content[4:8], "little")
    entries = int.from_bytes(content[first : first + 2], "little")
    end = first + 2 + 12 * entries
    content[end : end + 4] = content[4:8]
    path.write_bytes(content)
    with contextlib.suppress(SourceError), open_source(path) as source:
        assert source.description.size == Size(300, 250)


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("a.svs", ".svs"), ("A.SVS", ".svs"), ("a.b.TIF", ".tif"), (".svs", ""), ("a", ""), ("a.", "."), ("1.2.3", ".3")],
)
def test_the_suffix_of_a_name_is_in_lower_case(name: str, suffix: str) -> None:
    assert suffix_of(name) == suffix


def test_names_tell_slides_and_what_may_be_dicom() -> None:
    assert is_slide_name("a.SVS")
    assert is_slide_name("a.jpeg")
    assert not is_slide_name("a.txt")
    assert not is_slide_name("a.dcm")
    assert all(map(may_be_dicom, ["a.dcm", "a.DICOM", "IM0001", "1.2.840.10008"]))
    assert not any(map(may_be_dicom, ["a.txt", "a.svs", "a.2b"]))
