"""Every URL that a tree must hold, generated naively, for tests that compare it with what the package gives.

It follows the tables of what level 0 demands and of what viewers were seen to ask for, word by word, and shares
nothing with the package but the notion of an image in tiles.

One difference is meant: a 2.1 tree always has `full/max`. Section 4.2 of 2.1 lets it mean `full` where no
limit is declared, and a host that serves 3.0 by rewriting needs the file.
"""

import math
from collections.abc import Iterable, Iterator


def top_exponent(width: int, height: int, side: int) -> int:
    """Find the n of the table: the smallest for which the whole image fits in one tile."""
    n = 0
    while math.ceil(width / 2**n) > side or math.ceil(height / 2**n) > side:
        n += 1
    return n


def column_starts(length: int, side: int, scale: int) -> range:
    """Where the columns of a width, or the rows of a height, begin."""
    return range(0, length, side * scale)


def spell(width: int, height: int, version: str) -> str:
    return f"{width}," if version == "2" else f"{width},{height}"


def naive_tile(width: int, height: int, side: int, scale: int, x: int, y: int, version: str) -> Iterator[str]:
    """One tile, with the rows of the table that hold for any tile."""
    w, h = min(side * scale, width - x), min(side * scale, height - y)
    ws, hs = math.ceil(w / scale), math.ceil(h / scale)
    one_tile = (w, h) == (width, height)
    for region in [f"{x},{y},{w},{h}", "full"][: 2 if one_tile else 1]:
        yield f"{region}/{spell(ws, hs, version)}"
        if version == "2" and ws == width:
            yield f"{region}/full"
            yield f"{region}/max"
    if version == "3" and one_tile and scale == 1:
        yield "full/max"


def naive_whole_levels(width: int, height: int, side: int) -> list[tuple[int, int]]:
    """Sizes at which the whole image is offered: the smallest levels up to 2,048 pixels or a larger tile."""
    longer = max(width, height)
    offered: list[tuple[int, int]] = []
    for n in range(top_exponent(width, height, side), -1, -1):
        within = math.ceil(longer / 2**n) <= max(2048, side)
        # A declared limit must hold a tile, so one level more may be needed.
        too_small = bool(offered) and max(offered[-1]) < side
        if within or too_small:
            offered.append((math.ceil(width / 2**n), math.ceil(height / 2**n)))
    return offered


def naive_whole(width: int, height: int, side: int, version: str) -> Iterator[str]:
    """Give the rows of the table that speak of the whole image."""
    offered = naive_whole_levels(width, height, side)
    limited = (width, height) not in offered
    if version == "2" and not limited:
        yield "full/full"
    if version == "3" or limited:
        yield "full/max"
    for w, h in offered:
        yield f"full/{w},"
        yield f"full/{w},{h}"
    yield "full/90,"
    yield "full/400,"
    if side >= 512:
        n = top_exponent(width, height, side)
        for k in (1, 2, 3, 4, 5):
            w, h = math.ceil(width / 2 ** (n + k)), math.ceil(height / 2 ** (n + k))
            yield f"0,0,{width},{height}/{spell(w, h, version)}"


def naive_top(width: int, height: int, side: int, version: str) -> set[str]:
    """Everything that is asked of the whole image, tiles included."""
    scale = 2 ** top_exponent(width, height, side)
    tile = naive_tile(width, height, side, scale, 0, 0, version)
    return completed([*tile, *naive_whole(width, height, side, version)], version)


def completed(paths: Iterable[str], version: str) -> set[str]:
    """Add the one difference that is meant, and what every URL ends in."""
    return {f"{path}/0/default.jpg" for path in (*paths, *(["full/max"] if version == "2" else []))}


def naive_all(width: int, height: int, side: int, version: str) -> set[str]:
    """Every URL of a tree."""
    asked = naive_top(width, height, side, version)
    for n in range(top_exponent(width, height, side)):
        for y in column_starts(height, side, 2**n):
            for x in column_starts(width, side, 2**n):
                asked.update(completed(naive_tile(width, height, side, 2**n, x, y, version), "3"))
    return asked
