"""Which size in pixels a request path promises. Nothing of the package is used."""

import math
import re
from pathlib import Path


def promised_sizes(path: str, width: int, height: int, side: int) -> set[tuple[int, int]]:
    """Give the sizes that answer a path truly; more than one where a narrow image gives them the same path."""
    match = re.fullmatch(r"(full|(\d+),(\d+),(\d+),(\d+))/(full|max|(\d+),(\d*))/0/default\.jpg", path)
    assert match is not None, path
    w, h = (width, height) if match[1] == "full" else (int(match[4]), int(match[5]))
    scales = [2**n for n in range(40)]
    # Where the image is one pixel wide, every level is as wide as the image: `full` and `max` mean the width alone.
    as_wide = {(w, math.ceil(h / scale)) for scale in scales if math.ceil(w / scale) == w}
    if match[6] == "full":
        return as_wide
    if match[6] == "max":
        return as_wide if match[1] != "full" or w == 1 else {whole_image_size(width, height, side)}
    asked = int(match[7])
    if match[8]:
        return {(asked, int(match[8]))}
    if path.startswith(("full/90,", "full/400,")):
        longest = whole_image_size(width, height, side)
        # Level 0 does not enlarge: a picture narrower than the thumbnail answers with what there is.
        return {longest} if longest[0] < asked else {(asked, each) for each in rounded(asked * height / width)}
    return {(asked, math.ceil(h / scale)) for scale in scales if math.ceil(w / scale) == asked}


def whole_image_size(width: int, height: int, side: int) -> tuple[int, int]:
    """Size of `full/max`: the largest level within 2,048 pixels, or a finer one where a tile would not fit."""
    scale = 1
    while math.ceil(max(width, height) / scale) > max(2048, side):
        scale *= 2
    if scale > 1 and math.ceil(max(width, height) / scale) < side:
        scale //= 2
    return math.ceil(width / scale), math.ceil(height / scale)


def rounded(length: float) -> set[int]:
    """Give both neighbours of a length, at least 1."""
    return {max(1, math.floor(length)), max(1, math.ceil(length))}


def check_pictures(folder: Path, width: int, height: int, side: int) -> int:
    """Decode every JPEG of a slide, compare its size with what its path promises, and count them."""
    from simplejpeg import decode_jpeg

    count = 0
    decoded: dict[int, tuple[int, int]] = {}
    for file in folder.rglob("*.jpg"):
        number = file.stat().st_ino
        if number not in decoded:
            rows, columns, bands = decode_jpeg(file.read_bytes()).shape
            assert bands == 3
            decoded[number] = (columns, rows)
        path = file.relative_to(folder).as_posix()
        assert decoded[number] in promised_sizes(path, width, height, side), (path, decoded[number])
        count += 1
    return count
