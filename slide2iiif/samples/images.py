"""Ordinary images, as a microscope camera writes them."""

from pathlib import Path

from slide2iiif.geometry import Region, Size
from slide2iiif.samples.tissue import tissue

JPEG_LIMIT = 65_535
"""Maximum side of a JPEG in pixels."""

_FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}


def write_image(path: Path, size: Size, seed: int = 0, *, quality: int = 85) -> None:
    """Write painted tissue as one JPEG or PNG, by the suffix of the name.

    The whole picture is held in memory.

    Args:
        path: the file to make or replace.
        size: pixels of the image.
        seed: seed of the tissue; another seed is another image.
        quality: of a JPEG, 1 to 100.

    Raises:
        OSError: the file cannot be written.
        ValueError: another suffix, or a size that the format does not have.
    """
    from PIL import Image

    form = _FORMATS.get(path.suffix.lower())
    if form is None:
        raise ValueError(f"no image format for {path.name!r}: its suffix must be one of {', '.join(_FORMATS)}")
    if form == "JPEG" and size.longer_side > JPEG_LIMIT:
        raise ValueError(f"no JPEG of {size} pixels: its sides end at {JPEG_LIMIT}")
    picture = Image.fromarray(tissue(Region(0, 0, *size), size, seed))
    picture.save(path, form, **({"quality": quality} if form == "JPEG" else {"compress_level": 1}))
