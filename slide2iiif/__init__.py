"""Publish whole-slide images as static IIIF Image API trees."""

from slide2iiif.api import Verified, export, inspect, rebase, repair, verify

__version__ = "0.1.0"

__all__ = ["Verified", "__version__", "export", "inspect", "rebase", "repair", "verify"]
