"""Pictures as cameras store them, turned and mirrored (TIFF 6.0, Orientation; EXIF the same)."""

from typing import Any

from numpy.typing import NDArray

ORIENTATIONS = range(1, 9)


def turned(upright: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return what is stored of an upright picture, shape (height, width, bands)."""
    transposed = upright.transpose(1, 0, 2)
    return {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: transposed,
        6: transposed[::-1],
        7: transposed[::-1, ::-1],
        8: transposed[:, ::-1],
    }[orientation]
