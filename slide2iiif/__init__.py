"""Publish whole-slide images as static IIIF Image API trees."""

__version__ = "0.1.0"
