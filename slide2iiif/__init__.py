"""Publish whole-slide images as static IIIF Image API trees."""

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from slide2iiif.api import Verified, export, inspect, rebase, repair, verify

__all__ = ["Verified", "__version__", "export", "inspect", "rebase", "repair", "verify"]


def __getattr__(name: str) -> object:
    """Return a public function; loaded when it is asked for, so that the package itself costs nothing."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from slide2iiif import api

    return getattr(api, name)


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
