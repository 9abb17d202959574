"""Imports of a worker before its first task, so that the task does not wait for them. Nothing is opened."""

import os

from slide2iiif.engines.base import Preload


def load_readers() -> None:
    """Import what opens slides of most formats."""
    import openslide
    import tifffile

    from slide2iiif.sources import crosscheck, tiff
    from slide2iiif.sources import openslide as openslide_source

    del openslide, tifffile, crosscheck, openslide_source, tiff


def load_renderer() -> None:
    """Import what makes tiles of stored JPEG.

    Nothing here multiplies matrices: numpy's library for that must not start a thread for each core, which spin.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import PIL.ImageFile
    import simplejpeg
    import turbojpeg

    from slide2iiif.stores.folder import staging
    from slide2iiif.tiles import render

    del PIL, simplejpeg, turbojpeg, staging, render


PRELOAD = Preload(load_renderer, load_readers)
"""Renderer before the fork; readers after it, as an inherited handle of a slide gives wrong bytes."""
