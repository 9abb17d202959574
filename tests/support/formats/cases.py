"""Every format and variant that is tried: made slides, real ones, and what is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from formats.exports import (
    DEFLATE,
    write_histech,
    write_imagej,
    write_ome,
    write_pages,
    write_pyramid,
    write_qptiff,
    write_strips,
)
from formats.folders import Block, czi_blocks, write_czi, write_mirax, write_vms, write_vmu
from formats.pictures import Coding, picture
from formats.vendors import write_leica, write_philips, write_trestle, write_ventana


class Case(NamedTuple):
    """A slide to try."""

    format: str
    """What its owner calls the format."""
    variant: str
    """What is special about it."""
    name: str
    """Name of the file."""
    write: Callable[[Path], Path]
    """Makes it."""


def _gray(path: Path) -> Path:
    return write_pyramid(path, picture(1111, 777)[..., 1], scales=(1,))


def _czi_levels(path: Path) -> Path:
    return write_czi(path, list(czi_blocks(picture(1000, 700))), (1000, 700))


_SOME = frozenset({0, 7, 8})
"""Tiles that are missing."""


def _ome_sparse(path: Path) -> Path:
    return write_ome(path, coding=DEFLATE, missing=_SOME)


def _channels(path: Path) -> Path:
    return write_ome(path, channels=3, is_rgb=False, coding=DEFLATE)


def _scenes(path: Path) -> Path:
    full = picture(500, 400)
    return write_czi(path, [Block(full, 0, 0), Block(full, 900, 200, scene=1)], (1400, 600), scenes=2)


MADE = (
    Case("Philips TIFF", "levels filled up to whole tiles", "philips.tiff", write_philips),
    Case("Philips TIFF", "sparse", "sparse.tiff", lambda path: write_philips(path, missing=frozenset({1, 2}))),
    Case("Leica SCN", "one area away from the corner", "area.scn", write_leica),
    Case("Leica SCN", "two areas", "areas.scn", lambda path: write_leica(path, areas=2)),
    Case("Leica SCN", "three focal planes: the first is shown", "planes.scn", lambda path: write_leica(path, planes=3)),
    Case("Ventana BIF", "tiles beside each other", "plain.bif", write_ventana),
    Case("Ventana BIF", "tiles overlap", "overlap.bif", lambda path: write_ventana(path, overlap=8)),
    Case("Trestle", "tiles beside each other", "trestle.tif", write_trestle),
    Case("Trestle", "tiles overlap", "overlap.tif", lambda path: write_trestle(path, overlap=16)),
    Case("MIRAX", "whole", "whole.mrxs", write_mirax),
    Case("MIRAX", "images missing", "missing.mrxs", lambda path: write_mirax(path, missing=[(2, 1), (3, 1), (2, 2)])),
    Case("MIRAX", "images overlap", "overlap.mrxs", lambda path: write_mirax(path, overlap=16)),
    Case("Hamamatsu VMS", "two images", "two.vms", write_vms),
    Case("Hamamatsu VMU", "12 bits, not compressed", "one.vmu", write_vmu),
    Case("Zeiss CZI", "not compressed", "plain.czi", _czi_levels),
    Case("Zeiss CZI", "two scenes on one canvas", "scenes.czi", _scenes),
    Case("OME-TIFF", "RGB, levels as SubIFDs", "rgb.ome.tiff", write_ome),
    Case("OME-TIFF", "RGB, with a label", "label.ome.tiff", lambda path: write_ome(path, with_label=True)),
    Case("OME-TIFF", "RGB, Deflate", "deflate.ome.tiff", lambda path: write_ome(path, coding=DEFLATE)),
    Case("OME-TIFF", "RGB, tiles missing", "sparse.ome.tiff", lambda path: write_ome(path, missing=_SOME)),
    Case("OME-TIFF", "RGB, Deflate, tiles missing", "sparse-deflate.ome.tiff", _ome_sparse),
    Case("OME-TIFF", "grey", "grey.ome.tiff", lambda path: write_ome(path, is_rgb=False)),
    Case("QPTIFF", "brightfield", "brightfield.qptiff", write_qptiff),
    Case("3DHistech TIFF", "exported", "histech.tif", write_histech),
    Case("Tiled TIFF", "JPEG 4:2:0", "420.tif", write_pyramid),
    Case("Tiled TIFF", "JPEG 4:2:2", "422.tif", lambda path: write_pyramid(path, coding=Coding(sampling="422"))),
    Case("Tiled TIFF", "JPEG 4:4:4", "444.tif", lambda path: write_pyramid(path, coding=Coding(sampling="444"))),
    Case("Tiled TIFF", "JPEG of RGB samples", "rgb.tif", lambda path: write_pyramid(path, coding=Coding(is_rgb=True))),
    Case("Tiled TIFF", "JPEG, grey, one level", "grey.tif", _gray),
    Case("Tiled TIFF", "tiles of 240 pixels", "240.tif", lambda path: write_pyramid(path, tile=(240, 240))),
    Case("Tiled TIFF", "tiles of 512 × 256 pixels", "oblong.tif", lambda path: write_pyramid(path, tile=(512, 256))),
    Case("Tiled TIFF", "tiles missing", "missing.tif", lambda path: write_pyramid(path, missing=frozenset({0, 7}))),
    Case("Tiled TIFF", "one level", "single.tif", lambda path: write_pyramid(path, scales=(1,))),
    Case("Tiled TIFF", "levels a pixel short", "short.tif", lambda path: write_pyramid(path, up=False)),
    Case("Tiled TIFF", "BigTIFF, big-endian", "big.tif", lambda path: write_pyramid(path, big=True, order=">")),
    Case("Tiled TIFF", "big-endian", "endian.tif", lambda path: write_pyramid(path, order=">")),
    Case("Tiled TIFF", "Deflate", "deflate.tif", lambda path: write_pyramid(path, coding=DEFLATE)),
    Case("TIFF in strips", "JPEG", "strips.tif", write_strips),
    Case("TIFF in strips", "not compressed", "raw.tif", lambda path: write_strips(path, coding=Coding(compression=1))),
)  # fmt: skip
"""Made slides that are published."""


def _czi(*blocks: Block, gray: bool = False) -> Callable[[Path], Path]:
    return lambda path: write_czi(path, blocks, (300, 200), gray=gray)


_SMALL = picture(300, 200)

REFUSED = (
    Case("OME-TIFF", "three channels", "a.ome.tiff", _channels),
    Case("OME-TIFF", "three focal planes", "a.ome.tiff", lambda path: write_ome(path, planes=3)),
    Case("OME-TIFF", "two time points", "a.ome.tiff", lambda path: write_ome(path, times=2)),
    Case("OME-TIFF", "two scenes", "a.ome.tiff", lambda path: write_ome(path, scenes=2)),
    Case("OME-TIFF", "16 bits", "a.ome.tiff", lambda path: write_ome(path, bits=16, is_rgb=False, coding=DEFLATE)),
    Case("QPTIFF", "three channels", "a.qptiff", lambda path: write_qptiff(path, channels=3)),
    Case("ImageJ TIFF", "three slices", "a.tif", write_imagej),
    Case("Tiled TIFF", "three pictures of one size", "a.tif", lambda path: write_pages(path, 3)),
    Case("Leica SCN", "fluorescence", "a.scn", lambda path: write_leica(path, source="fluorescence")),
    Case("Zeiss CZI", "two channels", "a.czi", _czi(Block(_SMALL, 0, 0), Block(_SMALL, 0, 0, channel=1))),
    Case("Zeiss CZI", "two focal planes", "a.czi", _czi(Block(_SMALL, 0, 0, plane=0), Block(_SMALL, 0, 0, plane=1))),
    Case("Zeiss CZI", "grey", "a.czi", _czi(Block(_SMALL, 0, 0), gray=True)),
)  # fmt: skip
"""Made slides that are not published."""

REAL = {
    "aperio/CMU-1-Small-Region.svs": ("Aperio SVS", "JPEG of RGB samples, tiles of 240 pixels"),
    "aperio/P37-CRC01-he.svs": ("Aperio SVS", "JPEG 4:2:0, levels 1, 4, 16"),
    "aperio/tcga-cr-7395-01a-01-ts1.svs": ("Aperio SVS", "JPEG 2000"),
    "hamamatsu/test3-DAPI-2-387.ndpi": ("Hamamatsu NDPI", "strips with restart markers"),
    "dicom/cmu-1-small-region/level-0-frames-0-30.dcm": ("DICOM", "JPEG, a series of 12 files"),
    "tiff/gray-lzw.tif": ("Tiled TIFF", "grey, LZW"),
    "tiff/boxes.tiff": ("Tiled TIFF", "Deflate, with a profile"),
    "images/6976x5074.jpg": ("JPEG", "photograph"),
    "images/starfish-progressive.jpg": ("JPEG", "progressive"),
    "images/world.jp2": ("JPEG 2000", "photograph"),
}
"""Real slides that are published: format and variant of each."""
