"""Style, scripts and icon of the pages, published once for a tree in a folder named by their digest."""

import hashlib
from functools import cache
from pathlib import Path

from slide2iiif.site import openseadragon

_FILES = Path(__file__).with_name("files")
TEMPLATES = _FILES.with_name("templates")
"""Folder of the page templates."""
_NAMES = ("icon.svg", "site.css", "site.js", "viewer.js")


@cache
def read_assets() -> dict[str, bytes]:
    """Return the contents of the asset files, by name."""
    return {name: (_FILES / name).read_bytes() for name in _NAMES}


@cache
def design() -> str:
    """Return the digest of the design: templates, assets and viewer; 12 hexadecimal digits."""
    digest = hashlib.sha256(openseadragon.DIGEST.encode())
    for content in (*read_assets().values(), *(file.read_bytes() for file in sorted(TEMPLATES.glob("*.html")))):
        digest.update(content)
    return digest.hexdigest()[:12]


def asset_folder() -> str:
    """Return the name of the asset folder at the root of a tree. No identifier begins with `!s`."""
    return f"!site-{design()}"
