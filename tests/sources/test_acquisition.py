"""What is not one picture is told from what is, whatever a description holds; foreign words are put into ours."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from formats.exports import write_ome, write_pyramid
from formats.folders import write_mirax
from formats.pictures import picture, reduced, tiled
from formats.tiff_files import write_tiff

from slide2iiif.errors import SourceError
from slide2iiif.geometry import Region
from slide2iiif.sources import open_source
from slide2iiif.sources.tiff_choice import is_for_openslide
from slide2iiif.sources.unsupported import explain

OME = '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">{}</OME>'
PIXELS = '<Pixels SizeX="{}" SizeY="200" SizeZ="1" SizeT="1" Type="uint8"><Channel/></Pixels>'


def write_with_levels(path: Path, description: str) -> Path:
    full = picture(300, 200)
    main = tiled(full, inner=(tiled(reduced(full, 2), tags={254: 1}),), tags={270: description})
    return write_tiff(path, [main])


@pytest.mark.parametrize(
    ("description", "reason"),
    [
        (OME.format(""), "tells of no picture"),
        ("<OME><broken></OME>", "tells of no picture"),
        ('<!DOCTYPE x [<!ENTITY a "aaaa">]>' + OME.format("&a;"), "tells of no picture"),
        (OME.format("<BinaryOnly MetadataFile='x.ome' UUID='urn:uuid:1'/>"), "tells of no picture"),
        (OME.format("<Image>" + PIXELS.format(9999) + "</Image>"), "do not agree"),
        (OME.format("<Image>" + PIXELS.format("wide") + "</Image>"), "cannot be read"),
        (OME.format("<Image><Pixels/></Image>"), "cannot be read"),
        (OME.format("<Image>" + PIXELS.format(300).replace("<Channel/>", "<Channel/>" * 4) + "</Image>"), "4 channels"),
    ],
)
def test_a_description_that_makes_no_sense_is_refused(tmp_path: Path, description: str, reason: str) -> None:
    with pytest.raises(SourceError, match=reason):
        open_source(write_with_levels(tmp_path / "a.tif", description))


def test_the_slide_of_an_ome_tiff_is_where_its_description_says(tmp_path: Path) -> None:
    """Here the label comes first."""
    full, label = picture(900, 700), picture(300, 200)
    images = "".join(
        f'<Image Name="{name}"><Pixels SizeX="{size[0]}" SizeY="{size[1]}" Type="uint8"><Channel/>'
        f'<TiffData IFD="{number}"/></Pixels></Image>'
        for number, (name, size) in enumerate([("label image", (300, 200)), ("slide", (900, 700))])
    )
    inner = (tiled(reduced(full, 2), tags={254: 1}),)
    label_page = tiled(label, inner=(tiled(reduced(label, 2)),), tags={270: OME.format(images)})
    path = write_tiff(tmp_path / "a.ome.tif", [label_page, tiled(full, inner=inner)])
    with open_source(path) as source:
        assert [level.size for level in source.description.levels] == [(900, 700), (450, 350)]
        assert np.abs(source.read(0, Region(0, 0, 900, 700)).astype(int) - full).mean() < 3


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_levels_below_a_directory_are_not_left_to_openslide_which_does_not_see_them(
    tmp_path: Path, order: str, *, big: bool
) -> None:
    full = picture(300, 200)
    with_levels = tiled(full, inner=(tiled(reduced(full, 2)),))
    assert not is_for_openslide(write_tiff(tmp_path / "a.tif", [with_levels], big=big, order=order))
    assert is_for_openslide(write_pyramid(tmp_path / "b.tif", full, big=big, order=order))


HEADS = [
    b"II*\0",
    b"II*\0" + bytes(4),
    b"II*\0\xff\xff\xff\xff",
    b"MM\0+" + b"\xff" * 12,
    b"II*\0\x08\0\0\0\xff\xff" + b"\x4a\x01" * 99,
]


@pytest.mark.parametrize("head", HEADS)
def test_a_damaged_first_directory_is_refused(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(head)
    with pytest.raises(SourceError, match=r"damaged|truncated|no picture"):
        open_source(path)


def test_a_mirax_slide_opens_though_its_own_file_is_empty(tmp_path: Path) -> None:
    with open_source(write_mirax(tmp_path / "a.mrxs")) as source:
        assert source.description.format == "mirax"
    (tmp_path / "b.mrxs").touch()
    with pytest.raises(SourceError, match=r"not a slide|damaged"):
        open_source(tmp_path / "b.mrxs")


@pytest.mark.parametrize("cut", ["SubIFD", "data"])
def test_a_level_that_is_cut_off_fails_and_is_not_left_out(tmp_path: Path, cut: str) -> None:
    path = write_ome(tmp_path / "a.ome.tif")
    content = bytearray(path.read_bytes())
    path.write_bytes(content[: len(content) - 600] if cut == "SubIFD" else content[: len(content) // 3])
    with pytest.raises(SourceError, match=r"truncated|damaged"), open_source(path) as source:
        source.read(len(source.description.levels) - 1, Region(0, 0, 10, 10))


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ('Unrecognized subblock dimension "Z"', "several focal planes"),
        ("Attribute TotalPixelMatrixFocalPlanes value 3 != 1", "several focal planes"),
        ('Unrecognized subblock dimension "T"', "several time points"),
        ("Nonzero subblock channel 1", "several channels"),
        ("Pixel type GRAY16 is not supported", "longer samples"),
        ("Pixel type BGR96FLOAT is not supported", "longer samples"),
        ("Attribute BitsAllocated value 16 != 8", "longer samples"),
        ("Attribute SamplesPerPixel value 1 != 3", "no colour picture"),
        ("Slides with dissimilar main images are not supported", "several scenes"),
        ("Expected one WSI image, found 2", "several scenes"),
        ("Slide contains unexpected image (1.2 vs. 1.3)", "several pictures of one size"),
        ('Bad direction attribute "UP"', "perhaps a newer one"),
        ("Bad key file", "is damaged or of an unknown variant"),
    ],
)
def test_a_refusal_of_openslide_is_told_with_what_to_do(message: str, reason: str) -> None:
    told = explain(message)
    assert reason in told
    assert message in told
    assert any(advice in told for advice in ("export", "compose", "convert", "is damaged"))


def test_false_colours_of_a_header_are_noted(slides: Path) -> None:
    notes: dict[str, Any] = {}
    for name in ("dicom/cmu-1-small-region/level-0-frames-0-30.dcm", "aperio/CMU-1-Small-Region.svs"):
        with open_source(slides / name) as source:
            notes[name[:5]] = source.description.notes
    assert "look like YCbCr" in notes["dicom"][0]
    assert notes["aperi"] == ()
