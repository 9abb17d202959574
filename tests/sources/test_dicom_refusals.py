"""DICOM that no reader here shows says what it is, and is not called damaged."""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
import simplejpeg
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, JPEGLSLossless, RLELossless

from slide2iiif.errors import SourceError
from slide2iiif.sources import open_source

Change = Callable[[pydicom.Dataset], None]
SIZE = (277, 370)
GREY = np.add.outer(np.arange(370), np.arange(277)).astype(np.uint8)


@pytest.fixture
def changed(slides: Path, tmp_path: Path) -> Callable[[Change], Path]:
    """Return a maker of a level of one frame of which something is changed."""

    def make(change: Change) -> Path:
        path = tmp_path / "a.dcm"
        with warnings.catch_warnings():
            # The slide's own numbers are not as they should be.
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(slides / "dicom" / "cmu-1-small-region" / "level-3-frames-0-1.dcm")
            change(dataset)
            dataset.save_as(path)
        return path

    return make


def plain(dataset: pydicom.Dataset, content: bytes) -> None:
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.PixelData = content + bytes(len(content) % 2)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = False


def grey(dataset: pydicom.Dataset, photometric: str, *, is_jpeg: bool = False) -> None:
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, photometric
    del dataset.PlanarConfiguration
    if is_jpeg:
        dataset.PixelData = encapsulate([bytes(simplejpeg.encode_jpeg(GREY[..., None], 90, "GRAY", "Gray"))])
    else:
        plain(dataset, GREY.tobytes())


def deep(dataset: pydicom.Dataset) -> None:
    plain(dataset, np.dstack([GREY.astype("<u2") * 257] * 3).tobytes())
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15


def planar(dataset: pydicom.Dataset) -> None:
    plain(dataset, GREY.tobytes() * 3)
    dataset.PlanarConfiguration = 1


def coded(syntax: pydicom.uid.UID) -> Change:
    def change(dataset: pydicom.Dataset) -> None:
        dataset.file_meta.TransferSyntaxUID = syntax

    return change


def concatenated(dataset: pydicom.Dataset) -> None:
    dataset.ConcatenationUID, dataset.ConcatenationFrameOffsetNumber = "1.2.3", 0
    dataset.InConcatenationNumber, dataset.InConcatenationTotalNumber = 1, 2


CHANGES: dict[str, tuple[Change, str]] = {
    "grey": (lambda dataset: grey(dataset, "MONOCHROME2"), r"no colour picture, .*MONOCHROME2, 8 bits"),
    "grey JPEG": (lambda dataset: grey(dataset, "MONOCHROME2", is_jpeg=True), r"no colour picture, .*MONOCHROME2"),
    "inverted grey": (lambda dataset: grey(dataset, "MONOCHROME1"), r"no colour picture, .*MONOCHROME1"),
    "palette": (lambda dataset: grey(dataset, "PALETTE COLOR"), "indices into a palette"),
    "16 bits": (deep, "holds 16-bit samples"),
    "signed": (lambda dataset: setattr(dataset, "PixelRepresentation", 1), "holds 8-bit signed samples"),
    "planes": (planar, "holds colours apart from each other"),
    "JPEG-LS": (coded(JPEGLSLossless), "is compressed as JPEG-LS Lossless"),
    "RLE": (coded(RLELossless), "is compressed as RLE Lossless"),
    "label": (lambda dataset: setattr(dataset, "ImageType", ["ORIGINAL", "PRIMARY", "LABEL", "NONE"]), "no level of a"),
    "part": (concatenated, "lacks some of the files of its series"),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_dicom_of_a_kind_that_is_not_read_says_what_it_is(changed: Callable[[Change], Path], kind: str) -> None:
    change, words = CHANGES[kind]
    with pytest.raises(SourceError, match=words) as caught, open_source(changed(change)) as source:
        assert source.description.levels
    assert "damaged" not in str(caught.value)
    assert "copy it again" not in str(caught.value)


def test_dicom_that_is_read_has_no_reason_against_it(changed: Callable[[Change], Path]) -> None:
    from slide2iiif.sources.dicom_refusals import reason_of

    path = changed(lambda _: None)
    assert reason_of(path) is None
    with open_source(path) as source:
        assert source.description.size == SIZE
