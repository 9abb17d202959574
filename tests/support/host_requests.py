"""A tree as a server has it, and requests that every way of serving one answers alike."""

from functools import cache
from pathlib import Path, PurePath

import numpy as np
import simplejpeg

from slide2iiif.geometry import Size
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.identifiers import encode_path
from slide2iiif.iiif.info import ImageService, other_document_name, write_info
from slide2iiif.iiif.paths import pictures, tile_paths
from slide2iiif.iiif.pyramid import Pyramid, plan_pyramid

HOST = "https://iiif.example.org"
PRIVATE = "nobody may read this"

SLIDES = {
    encode_path(PurePath(path)): plan_pyramid(size, tile_size)
    for path, size, tile_size in [
        ("simple.svs", Size(700, 500), 256),
        ("dir2/image3.svs", Size(3001, 2203), 512),  # larger than the picture of the whole image may be
        ("Fälle/100% b c+d.ndpi", Size(513, 1025), 256),
        ("narrow.png", Size(100, 600), 256),  # OpenSeadragon asks for full and max
        ("dir2/photo.jpg", Size(300, 200), 512),  # one tile
        ("dir2/full/max/0/default.jpg", Size(257, 1), 256),  # somebody's tree among the slides
        ("dot.png", Size(1, 1), 256),
    ]
}
SLIDE = "dir2/image3.svs"
TILE = {Api.V2: "0,0,512,512/512,/0/default.jpg", Api.V3: "0,0,512,512/512,512/0/default.jpg"}


REDIRECTS = {
    "/simple.svs": "/simple.svs/info.json",
    "/dir2/image3.svs": "/dir2/image3.svs/info.json",
    "/dir2%2Fimage3.svs": "/dir2%2Fimage3.svs/info.json",
    "/dir2%2fimage3.svs": "/dir2%2fimage3.svs/info.json",
    "/dir2/image3.svs/": "/dir2/image3.svs/info.json",
    "/dir2/image3.svs?x=/y": "/dir2/image3.svs/info.json",
    "/dir2/photo.jpg": "/dir2/photo.jpg/info.json",
    "/dir2/full/max/0/default.jpg": "/dir2/full/max/0/default.jpg/info.json",
    "/F!C3!A4lle/100!25!20b!20c!2Bd.ndpi": "/F!C3!A4lle/100!25!20b!20c!2Bd.ndpi/info.json",
    "/F%21C3%21A4lle%2F100!25!20b!20c!2Bd.ndpi": "/F%21C3%21A4lle%2F100!25!20b!20c!2Bd.ndpi/info.json",
}
"""Base URIs, and where they lead."""

FOREIGN = [
    "//iiif/simple.svs",
    "//evil.example/../iiif/simple.svs",
    "///evil.example/%2e%2e/iiif/simple.svs",
    "/\\evil.example/../iiif/simple.svs",
    "/iiif//simple.svs",
    "/iiif/simple.svs//",
    "/iiif//dir2",
    "/iiif/simple.svs%0d%0aSet-Cookie:%20x=y",
    "/iiif/simple.svs/%0d%0aSet-Cookie:%20x=y/..",
    '/iiif/"/../simple.svs',
]
"""Paths whose redirect might lead to another host; `iiif` stands for the prefix."""

MISSING = [
    "/nothing",
    "/nothing/info.json",
    "/nothing/full/max/0/default.jpg",
    f"/{SLIDE}/0,0,1,1/1,/0/default.jpg",
    f"/{SLIDE}/0,0,1,1/1,1/0/default.jpg",
    f"/{SLIDE}/full/max/0/default.png",
    f"/{SLIDE}/full/max/90/default.jpg",
    f"/{SLIDE}/info.json/",
    f"/{SLIDE}/info.json/info.json",
    "/info.json",
    f"/{SLIDE}/{'x' * 300}",
]
"""Paths at which nothing is, below the prefix."""

HIDDEN = [
    "/.slide2iiif/receipt.json",
    "/.slide2iiif/nothing",
    "/.slide2iiif/",
    "/.slide2iiif",
    "/%2eslide2iiif/receipt.json",
    "/%2Eslide2iiif%2Freceipt.json",
    "//.slide2iiif/receipt.json",
    "/./.slide2iiif/receipt.json",
    "/dir2/../.slide2iiif/receipt.json",
    "/dir2%2f%2e%2e%2f%2eslide2iiif%2freceipt.json",
    "/dir2/.hidden",
    "/simple.svs/.staging/info.json",
    "/simple.svs/.staging",
]
"""Names that are nobody's business, in many spellings."""


@cache
def jpeg(size: Size) -> bytes:
    picture = np.full((size.height, size.width, 3), 200, np.uint8)
    return bytes(simplejpeg.encode_jpeg(picture, quality=20))


def write_slide(folder: Path, identifier: str, pyramid: Pyramid, api: Api) -> None:
    """Write what the exporter writes for a slide: a file for every URL, and a document for both versions."""
    files = {path: picture.size for picture in pictures(pyramid, api) for path in picture.paths}
    for level in pyramid.levels[:-1]:
        for tile in pyramid.tiles(level):
            files |= dict.fromkeys(tile_paths(pyramid, tile, api), pyramid.tile_pixels(tile))
    for path, size in files.items():
        file = folder / identifier / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(jpeg(size))
    for prefix, version in (("/iiif", api), ("/iiif-v3", api.other)):
        service = ImageService(f"{HOST}{prefix}/{identifier}", pyramid)
        name = "info.json" if version is api else other_document_name(api)
        (folder / identifier / name).write_bytes(write_info(service, version))


def write_tree(folder: Path, api: Api) -> None:
    for identifier, pyramid in SLIDES.items():
        write_slide(folder, identifier, pyramid, api)
    for page in ("index.html", "dir2/index.html", "simple.svs/index.html"):
        (folder / page).write_text(f"<!doctype html><title>{page}</title>", encoding="utf-8")
    (folder / "dir2" / "manifest.json").write_text("{}", encoding="utf-8")
    (folder / "!site-0a1b").mkdir()
    for name in ("site.css", "site.js", "icon.svg"):
        (folder / "!site-0a1b" / name).write_text("/* */", encoding="utf-8")
    for name in (".slide2iiif/receipt.json", "dir2/.hidden", "simple.svs/.staging/info.json"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(PRIVATE, encoding="utf-8")
    outside = folder.with_name(f"{folder.name}-outside")
    outside.mkdir()
    for name in ("secret.txt", "info.json", "index.html"):
        (outside / name).write_text(PRIVATE, encoding="utf-8")
    (folder / "link.txt").symlink_to(outside / "secret.txt")
    (folder / "link").symlink_to(outside)
