"""Request paths of tiles and whole-image pictures: every URL that a viewer requests, canonical and alias. Pure.

A request path is `{region}/{size}/0/default.jpg`, relative to the service (Image API 2.1 section 2.1, 3.0
section 2.1). A static host computes nothing, so each request of a viewer has to be a file. The paths come from
three sources: the canonical form (2.1 section 4.7, 3.0 section 4.8), the demands of compliance level 0, and the
requests that viewers were observed to make.

| request | 2.1 | 3.0 | source |
|---|---|---|---|
| a tile | `x,y,w,h/ws,` | `x,y,w,h/ws,hs` | canonical |
| the one-tile top level | `full/ws,` and `0,0,W,H/ws,` | `full/ws,hs` and `0,0,W,H/ws,hs` | canonical; Leaflet |
| a tile as wide as the image | also `…/full` and `…/max` | - | OpenSeadragon 3, 2.4 |
| the whole image | `full/full` unless limited; `full/max` | `full/max` | level 0 |
| an entry of `sizes` | `full/w,` and `full/w,h` | `full/w,h` and `full/w,` | level 0; Clover |
| a thumbnail | `full/90,` | `full/90,` | Universal Viewer |
| a small picture | `full/400,` | `full/400,` | our own pages, manifests and collections |
| the whole image below one tile, T ≥ 512 | `0,0,W,H/w',` | `0,0,W,H/w',h'` | Leaflet in a small map |

`full/max` is written in 2.1 also where no limit is declared: 2.1 section 4.2 lets it mean `full` there, and a
host that serves 3.0 from the same files needs it.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from slide2iiif.geometry import Region, Size, ceil_div
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.pyramid import Level, Pyramid, Tile

SUFFIX = "/0/default.jpg"
"""Rotation, quality and format: the only ones at compliance level 0."""

THUMBNAIL_WIDTH = 90
"""Width in pixels of the thumbnails that Universal Viewer requests."""

COVER_WIDTH = 400
"""Width in pixels of the cover: the small picture in documents and pages.

Its path depends neither on the size of the slide nor on the options, since it is not a level of the pyramid. So the
page of a folder, which is written after its slides, links to a cover before and after a slide is published again.
"""

COVER_PATH = f"full/{COVER_WIDTH},{SUFFIX}"
"""Request path of the cover."""

LEAFLET_TILE_SIZE = 512
"""Smallest tile size in pixels at which a Leaflet map may be smaller than a tile and request it reduced."""

LEAFLET_STEPS = 5
"""Maximum number of halvings below the top level that Leaflet requests."""

_TILE_REQUEST = re.compile(r"(\d{1,9}),(\d{1,9}),(\d{1,9}),(\d{1,9})/(\d{1,9}),(\d{0,9})/0/default\.jpg", re.ASCII)

_REGION = re.compile(r"(\d{1,9}),(\d{1,9}),(\d{1,9}),(\d{1,9})", re.ASCII)


class Picture(NamedTuple):
    """The whole image at one size, with its request paths."""

    size: Size
    """Pixels of the picture."""
    paths: tuple[str, ...]
    """Request paths, the canonical one first."""


def tile_paths(pyramid: Pyramid, tile: Tile, api: Api) -> tuple[str, ...]:
    """Return the request paths of a tile below the top level, canonical first.

    Empty where the tile of a finer level has the same path. The top level is a picture of the whole image: see
    `pictures`.
    """
    level, side = pyramid.levels[tile.level], pyramid.tile_size
    if level.is_inside(tile) and side > 1:
        # Nearly all tiles: whole squares, which no rule below concerns.
        covered = side * level.scale
        x, y = tile.column * covered, tile.row * covered
        size_request = f"{side}," if api is Api.V2 else f"{side},{side}"
        return (f"{x},{y},{covered},{covered}/{size_request}{SUFFIX}",)
    region = pyramid.region(tile)
    size = region.size.reduced(level.scale)
    if size.width == 1 and is_answered_by_finer_level(pyramid, tile, api):
        return ()
    sizes = [_size_request(size, api)]
    if api is Api.V2 and size.width == pyramid.size.width:
        sizes += ["full", "max"]
    return tuple(f"{region}/{size}{SUFFIX}" for size in sizes)


def is_answered_by_finer_level(pyramid: Pyramid, tile: Tile, api: Api) -> bool:
    """Return True if the next finer level has a tile of the same path: a sliver one pixel wide at both levels.

    `w,` keeps the aspect ratio of the region (2.1 section 4.2), so the finer tile is the right answer.
    """
    if pyramid.tile_pixels(tile).width > 1 or not has_region_of_finer_level(pyramid, tile):
        return False
    finer = Tile(tile.level - 1, 2 * tile.column, 2 * tile.row)
    size, finer_size = pyramid.tile_pixels(tile), pyramid.tile_pixels(finer)
    return _size_request(finer_size, api) == _size_request(size, api)


def has_region_of_finer_level(pyramid: Pyramid, tile: Tile) -> bool:
    """Return True if the next finer level has a tile of the same region: the image ends within both."""
    if tile.level == 0:
        return False
    return pyramid.region(Tile(tile.level - 1, 2 * tile.column, 2 * tile.row)) == pyramid.region(tile)


def is_tile_region(pyramid: Pyramid, text: str) -> bool:
    """Return True if a text is the region of a tile below the top level, as spelt in its paths."""
    match = _REGION.fullmatch(text)
    if match is None:
        return False
    x, y, width, height = map(int, match.groups())
    for level in pyramid.levels[:-1]:
        side = pyramid.tile_size * level.scale
        if (
            x % side == y % side == 0
            and x < pyramid.size.width
            and y < pyramid.size.height
            and (width, height) == (min(side, pyramid.size.width - x), min(side, pyramid.size.height - y))
        ):
            return text == f"{x},{y},{width},{height}"
    return False


def shared_region_count(pyramid: Pyramid, api: Api) -> int:
    """Count the tiles below the top level whose region folder is also that of a tile of the next finer level."""
    corners = (Tile(level.index, level.columns - 1, level.rows - 1) for level in pyramid.levels[:-1])
    return sum(
        has_region_of_finer_level(pyramid, corner) and not is_answered_by_finer_level(pyramid, corner, api)
        for corner in corners
    )


def named_tile_count(pyramid: Pyramid, level: Level, api: Api) -> int:
    """Count the tiles of a level that have paths of their own, without listing them."""
    # Only a tile that is cut at both edges can have the region of a finer one.
    corner = Tile(level.index, level.columns - 1, level.rows - 1)
    return level.tile_count - is_answered_by_finer_level(pyramid, corner, api)


def alias_count(pyramid: Pyramid, level: Level, api: Api) -> int:
    """Count the aliases of a level's tiles, that is the paths beyond the canonical one, without listing them."""
    is_as_wide_as_image = level.columns == 1 and level.size.width == pyramid.size.width
    if api is Api.V3 or level is pyramid.top or not is_as_wide_as_image:
        return 0
    return 2 * named_tile_count(pyramid, level, api)


def pictures(pyramid: Pyramid, api: Api) -> tuple[Picture, ...]:
    """List the whole-image pictures with their request paths, largest first.

    Where two pictures of a narrow image have the same path (`full/1,`), the order of the table above decides.
    """
    owners: dict[str, Size] = {}
    for request, size in _whole_requests(pyramid, api):
        owners.setdefault(request + SUFFIX, size)
    paths: dict[Size, list[str]] = {}
    for path, size in owners.items():
        paths.setdefault(size, []).append(path)
    return tuple(Picture(size, tuple(paths[size])) for size in sorted(paths, reverse=True))


def cover_size(pyramid: Pyramid, api: Api) -> Size:
    """Return the size of the picture at `COVER_PATH`, which may be a level of that width."""
    return next(picture.size for picture in pictures(pyramid, api) if COVER_PATH in picture.paths)


def tile_of_path(pyramid: Pyramid, path: str, api: Api) -> Tile | None:
    """Return the tile below the top level of a canonical request path; None for any other path."""
    match = _TILE_REQUEST.fullmatch(path)
    if match is None:
        return None
    x, y, width, _, width_of_tile = (int(group) for group in match.groups()[:5])
    if width_of_tile == 0:
        return None
    scale = ceil_div(width, width_of_tile)
    for level in pyramid.levels[:-1]:
        side = pyramid.tile_size * level.scale
        # The scale of a tile clipped to a few columns is ambiguous, so each level has to recognise its own.
        if level.scale >= scale and x % side == 0 and y % side == 0:
            tile = Tile(level.index, x // side, y // side)
            if tile.column < level.columns and tile.row < level.rows and path in tile_paths(pyramid, tile, api)[:1]:
                return tile
    return None


def _whole_requests(pyramid: Pyramid, api: Api) -> Iterator[tuple[str, Size]]:
    top, overview = pyramid.top.size, pyramid.overview
    whole = Region(0, 0, *pyramid.size)
    for region in ("full", str(whole)):
        yield f"{region}/{_size_request(top, api)}", top
    if api is Api.V2 and not pyramid.is_limited:
        yield "full/full", pyramid.size
    yield "full/max", overview.size
    for level in pyramid.levels[overview.index :]:
        for size in _size_requests(level.size, api):
            yield f"full/{size}", level.size
    if api is Api.V2 and top.width == pyramid.size.width:
        for region in ("full", str(whole)):
            for size in ("full", "max"):
                yield f"{region}/{size}", top
    if pyramid.tile_size >= LEAFLET_TILE_SIZE:
        for step in range(1, LEAFLET_STEPS + 1):
            reduced = pyramid.size.reduced(pyramid.top.scale << step)
            yield f"{whole}/{_size_request(reduced, api)}", reduced
    yield f"full/{THUMBNAIL_WIDTH},", _of_width(pyramid, THUMBNAIL_WIDTH)
    yield f"full/{COVER_WIDTH},", _of_width(pyramid, COVER_WIDTH)


def _of_width(pyramid: Pyramid, width: int) -> Size:
    """Return the size of the answer to `full/w,`: that width, or the largest picture of a narrower image."""
    size = pyramid.overview.size
    if size.width <= width:
        return size
    return Size(width, max(1, round(width * pyramid.size.height / pyramid.size.width)))


def _size_request(size: Size, api: Api) -> str:
    return f"{size.width}," if api is Api.V2 else f"{size.width},{size.height}"


def _size_requests(size: Size, api: Api) -> tuple[str, str]:
    return _size_request(size, api), _size_request(size, api.other)
