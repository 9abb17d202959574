"""libvips at its best on TIFF slides and images: its own loaders, each slide read once from top to bottom.

Run as `tiff_dzsave.py TILE_SIZE QUALITY SLIDE OUT [SLIDE OUT …]`; slides are exported in turn, by one process.
"""

import sys

import pyvips


def export(slide: str, out: str, tile_size: int, quality: int) -> None:
    """Export one slide."""
    is_tiff = slide.lower().endswith((".svs", ".tif", ".tiff", ".ndpi"))
    load = pyvips.Image.tiffload if is_tiff else pyvips.Image.new_from_file
    image = load(slide, access="sequential")
    image.dzsave(out, layout="iiif3", tile_size=tile_size, suffix=f".jpg[Q={quality}]")


def main() -> None:
    """Export all slides."""
    tile_size, quality, *pairs = sys.argv[1:]
    for slide, out in zip(pairs[::2], pairs[1::2], strict=True):
        export(slide, out, int(tile_size), int(quality))


if __name__ == "__main__":
    main()
