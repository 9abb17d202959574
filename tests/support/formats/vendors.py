"""Small slides in the TIFF formats of scanners, made from the formats' published descriptions.

Source: https://openslide.org/formats/ and what OpenSlide demands of each.
"""

import base64
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from formats.pictures import JPEG, Coding, Pixels, per_centimetre, picture, reduced, stripped, tiled, without
from formats.tiff_files import Directory, write_tiff

_SUBFILE, _DESCRIPTION, _SOFTWARE, _XMP = 254, 270, 305, 700
_LEICA = "http://www.leica-microsystems.com/scn/2010/10/01"


def write_philips(path: Path, *, missing: frozenset[int] = frozenset()) -> Path:
    """Philips TIFF: levels filled up to whole tiles, and a description in XML."""
    full = without(picture(1536, 1024), (512, 512), missing)
    xml = _philips_xml(0.25, [1, 2, 4])
    directories = [
        tiled(
            _filled_up(reduced(full, scale), 512),
            (512, 512),
            Coding(shared_tables=True),
            missing=missing if scale == 1 else frozenset(),
            tags={_SUBFILE: int(scale > 1), _DESCRIPTION: xml if scale == 1 else "level", _SOFTWARE: "Philips DP v1.0"},
        )
        for scale in (1, 2, 4)
    ]
    return write_tiff(path, directories, big=True)


def _philips_xml(mpp: float, scales: list[int]) -> str:
    def attribute(name: str, value: str) -> str:
        return f'<Attribute Name="{name}" Group="0x301D" Element="0x1000" PMSVR="IString">{value}</Attribute>'

    def array(name: str, kind: str, objects: list[str]) -> str:
        items = "".join(f'<DataObject ObjectType="{kind}">{each}</DataObject>' for each in objects)
        return attribute(name, f"<Array>{items}</Array>")

    def spacing(scale: int) -> str:
        millimetres = f"&quot;{mpp * scale / 1000}&quot;"
        return attribute("DICOM_PIXEL_SPACING", f"{millimetres} {millimetres}")

    slide = (
        attribute("PIM_DP_IMAGE_TYPE", "WSI")
        + spacing(1)
        + attribute("DICOM_DERIVATION_DESCRIPTION", "tiff-useBigTIFF=1-useRgb=0-levels=40,10002")
        + array("PIIM_PIXEL_DATA_REPRESENTATION_SEQUENCE", "PixelDataRepresentation", [spacing(s) for s in scales])
    )
    label = attribute("PIM_DP_IMAGE_TYPE", "LABELIMAGE") + attribute(
        "PIM_DP_IMAGE_DATA", base64.b64encode(JPEG.encode(picture(64, 48))).decode()
    )
    images = array("PIM_DP_SCANNED_IMAGES", "DPScannedImage", [slide, label])
    return f'<?xml version="1.0" encoding="UTF-8" ?><DataObject ObjectType="DPUfsImport">{images}</DataObject>'


def _filled_up(pixels: Pixels, tile: int) -> Pixels:
    height, width, _ = pixels.shape
    lacking = ((0, -height % tile), (0, -width % tile), (0, 0))
    return np.pad(pixels, lacking, constant_values=255)


_LEICA_VIEW = 100_000
"""Nanometres from the corner of the slide to the scanned area."""


def write_leica(path: Path, *, source: str = "brightfield", away: bool = True, planes: int = 1, areas: int = 1) -> Path:
    """Leica SCN: one or more areas of a slide, whose size is that of the glass.

    Args:
        path: the file.
        source: illumination.
        away: whether the area begins away from the corner of the glass.
        planes: focal planes.
        areas: how many areas lie side by side.
    """
    full, mpp = picture(1280, 1024), 0.5
    start = _LEICA_VIEW if away else 0
    width, height = (round(side * mpp * 1000) for side in (1280, 1024))
    directories, images = [tiled(picture(200, 100), (256, 256))], []
    for area in range(areas):
        dimensions = ""
        for plane in range(planes):
            for index, scale in enumerate((1, 4)):
                pixels = reduced(full, scale)
                dimensions += (
                    f'<dimension sizeX="{pixels.shape[1]}" sizeY="{pixels.shape[0]}" r="{index}" z="{plane}" '
                    f'ifd="{len(directories)}"/>'
                )
                directories.append(tiled(pixels, (256, 256), tags={_SUBFILE: 0, **per_centimetre(mpp * scale)}))
        images.append(_leica_image(source, (start + area * 2 * width, start, width, height), dimensions, planes))
    collection = (start + (2 * areas - 1) * width + start // 2, start + height + start // 2)
    overview = _leica_image("brightfield", (0, 0, *collection), '<dimension sizeX="200" sizeY="100" r="0" ifd="0"/>', 1)
    xml = (
        f'<?xml version="1.0"?><scn xmlns="{_LEICA}"><collection name="c" sizeX="{collection[0]}" '
        f'sizeY="{collection[1]}"><barcode>QUJD</barcode>{overview if away else ""}{"".join(images)}</collection></scn>'
    )
    directories[0] = Directory({**directories[0].tags, 270: xml}, directories[0].segments)
    return write_tiff(path, directories, big=True)


def _leica_image(source: str, view: tuple[int, int, int, int], dimensions: str, planes: int) -> str:
    x, y, width, height = view
    return (
        '<image name="image"><creationDate>2024-01-01T00:00:00.000Z</creationDate>'
        '<device model="Leica SCN400" version="1"/>'
        f'<pixels sizeX="1" sizeY="1">{dimensions}</pixels>'
        f'<view sizeX="{width}" sizeY="{height}" offsetX="{x}" offsetY="{y}" spacingZ="{planes}"/>'
        "<scanSettings><objectiveSettings><objective>20</objective></objectiveSettings><illuminationSettings>"
        f"<numericalAperture>0.4</numericalAperture><illuminationSource>{source}</illuminationSource>"
        "</illuminationSettings></scanSettings></image>"
    )


_VENTANA_TILE, _VENTANA_ROWS = 256, 3


def write_ventana(
    path: Path, *, overlap: int = 0, planes: int = 1, columns: int = 4, areas: Sequence[tuple[int, int]] = ()
) -> Path:
    """Ventana BIF: tiles that overlap by some pixels, and descriptions in XML.

    Args:
        path: the file.
        overlap: of tiles, in pixels.
        planes: focal planes.
        columns: tiles side by side.
        areas: first column of tiles and number of columns of each scanned area; tiles beside them are stored too.
    """
    full = picture(columns * _VENTANA_TILE, _VENTANA_ROWS * _VENTANA_TILE)
    iscan = f'<iScan Magnification="20" ScanRes="0.465000" Z-layers="{planes}" UnitNumber="2000515"/>'
    images, origins = "", ""
    for number, (first, across) in enumerate(areas or [(0, columns)]):
        x = first * _VENTANA_TILE
        images += (
            f'<ImageInfo AOIScanned="1" AOIIndex="{number}" Width="{_VENTANA_TILE}" Height="{_VENTANA_TILE}" '
            f'NumRows="{_VENTANA_ROWS}" NumCols="{across}" Pos-X="{x}" Pos-Y="0">{_joints(across, overlap)}</ImageInfo>'
        )
        origins += f'<AOI{number} OriginX="{x}" OriginY="0"/>'
    encoding = (
        f'<EncodeInfo Ver="2"><SlideStitchInfo>{images}</SlideStitchInfo><AoiOrigin>{origins}</AoiOrigin></EncodeInfo>'
    )
    levels = [
        tiled(
            reduced(full, scale),
            (256, 256),
            tags={_DESCRIPTION: f"level={index} mag={20 / scale:g} quality=90", _XMP: encoding.encode()},
        )
        for index, scale in enumerate((1, 2, 4))
    ]
    slide = f'<?xml version="1.0"?>{iscan}'.encode()
    label = stripped(picture(200, 300), 300, tags={_DESCRIPTION: "Label Image", _XMP: slide})
    return write_tiff(path, [label, *levels], big=True)


def _joints(across: int, overlap: int) -> str:
    """Return how the tiles of an area lie beside each other."""
    joints = ""
    for row in range(_VENTANA_ROWS):
        for column in range(across):
            here, right, above = (
                _serpentine(across, _VENTANA_ROWS, *place)
                for place in ((column, row), (column + 1, row), (column, row - 1))
            )
            tail = f'Confidence="100" OverlapX="{overlap}" OverlapY="{overlap}"'
            if column < across - 1:
                joints += f'<TileJointInfo Tile1="{here}" Tile2="{right}" Direction="RIGHT" {tail}/>'
            if row:
                joints += f'<TileJointInfo Tile1="{here}" Tile2="{above}" Direction="UP" {tail}/>'
    return joints


def _serpentine(across: int, down: int, column: int, row: int) -> int:
    """Number a tile as the scanner went: from the bottom row up, every second row from right to left."""
    from_below = down - 1 - row
    return from_below * across + (across - 1 - column if from_below % 2 else column) + 1


def write_trestle(path: Path, *, overlap: int = 0) -> Path:
    """Trestle: settings in the description, and microns per pixel where TIFF has pixels per inch."""
    full = picture(1024, 768)
    description = (
        "Background Color=E6E6E6;White Balance=F0F0F0;Objective Power=20;JPEG Quality=75;"
        f"OverlapsXY= {overlap} {overlap} {overlap // 2} {overlap // 2}"
    )
    levels = [
        tiled(
            reduced(full, scale),
            (256, 256),
            tags={
                _SUBFILE: int(scale > 1),
                _DESCRIPTION: description,
                282: 0.473 * scale,
                283: 0.473 * scale,
                _SOFTWARE: "MedScan 1.2",
            },
        )
        for scale in (1, 2)
    ]
    return write_tiff(path, levels)
