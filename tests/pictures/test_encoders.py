"""The files of the grid are what they should be: other readers find in them what was stored."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
import tifffile
from formats.tiff_files import write_tiff
from pictures.cells import Cell
from pictures.colours import EXTRAS, content
from pictures.judging import difference
from pictures.plain_cells import netpbm_cells
from pictures.png_cells import png_cells
from pictures.references import magick_shows
from pictures.samples import SAMPLES, Sample
from pictures.tiff_layout import Layout, lay_out


def by_magick() -> list[Cell]:
    """Return the cells that ImageMagick should show right: without a profile, which it leaves aside."""
    cells = [*png_cells(), *netpbm_cells()]
    return [cell for cell in cells if "profile" not in cell.kind]


@pytest.mark.parametrize("cell", by_magick(), ids=lambda cell: cell.name)
def test_imagemagick_shows_what_was_painted(cell: Cell, tmp_path: Path) -> None:
    path = tmp_path / Path(cell.name).name
    cell.write(path)
    shown = magick_shows(path)
    assert shown is not None
    assert "" in [difference(shown, each) for each in cell.show()]


@pytest.mark.parametrize(
    "sample", [each for each in SAMPLES if each.bits not in {2, 4, 12}], ids=lambda each: each.name
)
def test_tifffile_reads_the_numbers_that_were_stored(sample: Sample, tmp_path: Path) -> None:
    for colour, extra, tiled, apart, order, big in product(
        ("black-is-zero", "rgb"), EXTRAS, (False, True), (False, True), "<>", (False, True)
    ):
        made = content(colour, sample, extra)
        if apart and made.stored.shape[2] == 1:
            continue
        layout = Layout(tiled, apart, order, big)
        path = write_tiff(
            tmp_path / "made.tif", [lay_out(made.stored, sample, layout, made.tags)], big=big, order=order
        )
        with tifffile.TiffFile(path) as file:
            found = file.pages[0].asarray()
        found = np.moveaxis(found, 0, -1) if apart else found
        assert np.array_equal(found.reshape(made.stored.shape), made.stored), (colour, extra.name, layout.name)
