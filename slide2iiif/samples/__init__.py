"""Synthetic slides: painted stained tissue, in the formats of real slides.

For `slide2iiif demo`, tests and benchmarks: no patient, no download, any size, and known pixels. `tissue` paints a
region; the `write_…` functions stream a whole slide to a file through it.
"""

from slide2iiif.samples.aperio import Associated, write_aperio
from slide2iiif.samples.coding import Subsampling
from slide2iiif.samples.generic import Codec, write_generic_tiff
from slide2iiif.samples.images import write_image
from slide2iiif.samples.tissue import Pixels, tissue

__all__ = [
    "Associated",
    "Codec",
    "Pixels",
    "Subsampling",
    "tissue",
    "write_aperio",
    "write_generic_tiff",
    "write_image",
]
