"""Small TIFF files as microscope software exports them: OME-TIFF, QPTIFF, 3DHistech's, ImageJ's, and of no vendor.

Sources: the OME-TIFF specification and its sub-resolution levels; PerkinElmer's description of QPTIFF; what opentile
expects of 3DHistech; ImageJ's hyperstacks.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from formats.pictures import JPEG, Coding, Pixels, per_centimetre, picture, reduced, stripped, tiled, without
from formats.tiff_files import Directory, write_tiff
from numpy.typing import NDArray

_SUBFILE, _DESCRIPTION = 254, 270
DEFLATE = Coding(compression=8)
_OME = "http://www.openmicroscopy.org/Schemas/OME/2016-06"


def write_pyramid(
    path: Path,
    full: NDArray[Any] | None = None,
    *,
    tile: tuple[int, int] = (256, 256),
    coding: Coding = JPEG,
    scales: Sequence[int] = (1, 2, 4),
    missing: frozenset[int] = frozenset(),
    up: bool = True,
    big: bool = False,
    order: str = "<",
    mpp: float | None = 0.5,
    description: str = "",
) -> Path:
    """Tiled TIFF with its levels as directories.

    Args:
        path: the file.
        full: pixels, if not the usual.
        tile: width and height.
        coding: of the tiles.
        scales: of the levels.
        missing: tiles of full resolution that are not stored.
        up: whether the sizes of levels are rounded up.
        big: BigTIFF.
        order: of bytes.
        mpp: µm a pixel.
        description: of the first directory.
    """
    pixels = without(picture(1111, 777) if full is None else full, tile, missing)
    directories = [
        tiled(
            pixels if scale == 1 else reduced(pixels, scale, up=up),
            tile,
            coding,
            missing=missing if scale == 1 else frozenset(),
            tags={
                _SUBFILE: int(scale > 1),
                **(per_centimetre(mpp * scale) if mpp else {}),
                **({_DESCRIPTION: description} if description and scale == 1 else {}),
            },
        )
        for scale in scales
    ]
    return write_tiff(path, directories, big=big, order=order)


def write_strips(path: Path, *, coding: Coding = JPEG, rows: int = 64) -> Path:
    """TIFF in strips: an ordinary image."""
    return write_tiff(path, [stripped(picture(700, 500), rows, coding, per_centimetre(0.5))])


def write_ome(
    path: Path,
    *,
    channels: int = 1,
    planes: int = 1,
    times: int = 1,
    scenes: int = 1,
    is_rgb: bool = True,
    bits: int = 8,
    coding: Coding = JPEG,
    with_label: bool = False,
    missing: frozenset[int] = frozenset(),
) -> Path:
    """OME-TIFF: one directory for each picture of full resolution, its coarser levels below it as SubIFDs."""
    full = without(picture(1400, 1000), (256, 256), missing)
    pictures = channels * planes * times * scenes
    main = [_with_sub_levels(_samples(full, bits, is_rgb=is_rgb), coding, missing) for _ in range(pictures)]
    names = [f"scene {number + 1}" for number in range(scenes)]
    images = [
        _ome_image(number, name, full, channels, planes, times, 3 if is_rgb else 1, bits)
        for number, name in enumerate(names)
    ]
    if with_label:
        main.append(tiled(picture(150, 150), (256, 256), coding))
        images.append(_ome_image(scenes, "label image", picture(150, 150), 1, 1, 1, 3, 8))
    xml = f'<?xml version="1.0" encoding="UTF-8"?><OME xmlns="{_OME}">{"".join(images)}</OME>'
    main[0] = Directory({**main[0].tags, 270: xml}, main[0].segments, main[0].inner)
    return write_tiff(path, main, big=True)


def _with_sub_levels(full: NDArray[Any], coding: Coding, missing: frozenset[int]) -> Directory:
    levels = [full[::scale, ::scale] if full.ndim == 2 else reduced(full, scale, up=True) for scale in (2, 4)]
    inner = [tiled(level, coding=coding, tags={_SUBFILE: 1}) for level in levels]
    return tiled(full, coding=coding, missing=missing, inner=tuple(inner))


def _samples(full: Pixels, bits: int, *, is_rgb: bool) -> NDArray[Any]:
    pixels = full if is_rgb else full[..., 1]
    return pixels if bits == 8 else pixels.astype(np.uint16) << 4


def _ome_image(
    number: int, name: str, full: Pixels, channels: int, planes: int, times: int, samples: int, bits: int
) -> str:
    height, width, _ = full.shape
    each = "".join(f'<Channel ID="Channel:{number}:{c}" SamplesPerPixel="{samples}"/>' for c in range(channels))
    return (
        f'<Image ID="Image:{number}" Name="{name}"><Pixels ID="Pixels:{number}" DimensionOrder="XYCZT" '
        f'Type="uint{bits}" SizeX="{width}" SizeY="{height}" SizeC="{channels * samples}" SizeZ="{planes}" '
        f'SizeT="{times}" PhysicalSizeX="0.25" PhysicalSizeXUnit="µm" PhysicalSizeY="0.25" PhysicalSizeYUnit="µm">'
        f"{each}<TiffData/></Pixels></Image>"
    )


def write_qptiff(path: Path, *, channels: int = 0) -> Path:
    """QPTIFF: brightfield in colour, or as many fluorescence channels as directories of one size."""
    full = picture(1400, 1000)
    coding = DEFLATE if channels else JPEG

    def describe(kind: str) -> str:
        return (
            '<?xml version="1.0" encoding="utf-8"?><PerkinElmer-QPI-ImageDescription><DescriptionVersion>2'
            f"</DescriptionVersion><ImageType>{kind}</ImageType><Objective>20x</Objective>"
            "</PerkinElmer-QPI-ImageDescription>"
        )

    def level(scale: int, kind: str) -> list[Directory]:
        pixels = reduced(full, scale, up=True)
        tags = {_SUBFILE: int(scale > 1), _DESCRIPTION: describe(kind), **per_centimetre(0.5 * scale)}
        shown = [pixels[..., 1]] * channels if channels else [pixels]
        return [tiled(each, (512, 512), coding, tags=tags) for each in shown]

    thumbnail = stripped(picture(140, 100), 100, DEFLATE, {_SUBFILE: 1, _DESCRIPTION: describe("Thumbnail")})
    return write_tiff(path, [*level(1, "FullResolution"), thumbnail, *level(2, "ReducedResolution")])


def write_histech(path: Path) -> Path:
    """3DHistech's export: settings between bars, the size of a pixel in nanometres."""
    description = "3DHISTECH|3dh_PixelSizeX = 243.1|3dh_PixelSizeY = 243.1"
    return write_pyramid(path, coding=Coding(shared_tables=True), mpp=None, description=description)


def write_imagej(path: Path) -> Path:
    """ImageJ's hyperstack: slices one after the other."""
    pages = [stripped(picture(300, 200)[..., band], 200, DEFLATE) for band in range(3)]
    text = "ImageJ=1.53t\nimages=3\nslices=3\nunit=micron\nspacing=1.0\n"
    pages[0] = Directory({**pages[0].tags, 270: text}, pages[0].segments)
    return write_tiff(path, pages)


def write_pages(path: Path, count: int) -> Path:
    """TIFF with pictures of one size that nothing tells apart."""
    return write_tiff(path, [tiled(picture(700, 500), coding=DEFLATE) for _ in range(count)])
