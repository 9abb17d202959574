"""Headers of published objects by the kind of their file: type, and how long a copy may be kept.

The same as in the configuration of nginx: tiles for an hour, documents and pages asked for anew each time, assets with
a digest in their name for ever.
"""

from slide2iiif.iiif.info import PROFILE_NAME

_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "icc": "application/vnd.iccprofile",
    "jpg": "image/jpeg",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}
_HOUR = "public, max-age=3600"
_ANEW = "no-cache"
_FOR_EVER = "public, max-age=31536000, immutable"


def headers_of(name: str) -> dict[str, str]:
    """Return the headers that an object is stored with."""
    ending = name.rpartition(".")[2]
    kind = _TYPES["icc"] if name.rpartition("/")[2] == PROFILE_NAME else _TYPES.get(ending, "application/octet-stream")
    if ending == "jpg":
        kept = _HOUR
    elif name.startswith("!site-"):
        kept = _FOR_EVER
    else:
        kept = _ANEW
    return {"Content-Type": kind, "Cache-Control": kept}
