"""Style, scripts and icon of the pages: published once for a tree, under a name that is made of their contents."""

import hashlib
from functools import cache
from pathlib import Path

from slide2iiif.site import openseadragon

_FILES = Path(__file__).with_name("files")
TEMPLATES = _FILES.with_name("templates")
"""Of the pages."""
_NAMES = ("icon.svg", "site.css", "site.js", "viewer.js")


@cache
def read_assets() -> dict[str, bytes]:
    """Give the files that come with the program, by name."""
    return {name: (_FILES / name).read_bytes() for name in _NAMES}


@cache
def design() -> str:
    """Give what tells one design of the pages from another: a digest of all that they are made with."""
    digest = hashlib.sha256(openseadragon.DIGEST.encode())
    for content in (*read_assets().values(), *(file.read_bytes() for file in sorted(TEMPLATES.glob("*.html")))):
        digest.update(content)
    return digest.hexdigest()[:12]


def asset_folder() -> str:
    """Give the folder of the assets at the root of a tree. `!s` begins no identifier."""
    return f"!site-{design()}"
