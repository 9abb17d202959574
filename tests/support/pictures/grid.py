"""All cells, and what a run of the installed command makes of them."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from commands import run_command
from pictures.cells import Cell
from pictures.judging import Verdict, judge
from pictures.lossy_cells import jpeg_2000_cells, jpeg_cells, webp_cells
from pictures.plain_cells import bmp_cells, gif_cells, netpbm_cells
from pictures.png_cells import png_cells
from pictures.tiff_cells import layout_cells, profile_cells, sample_cells
from pictures.tiff_directory_cells import tiff_directory_cells

GRIDS: dict[str, Callable[[], Iterator[Cell]]] = {
    "tiff-samples": sample_cells,
    "tiff-profiles": profile_cells,
    "tiff-layouts": layout_cells,
    "tiff-directories": tiff_directory_cells,
    "png": png_cells,
    "netpbm": netpbm_cells,
    "gif": gif_cells,
    "bmp": bmp_cells,
    "jpeg": jpeg_cells,
    "webp": webp_cells,
    "jpeg-2000": jpeg_2000_cells,
}
"""Cells by container."""

_OPTIONS = ("--base-url", "https://host.example/iiif", "--no-site", "--tile-size", 64, "--quality", 95)
_SECONDS = 280


def cells_by_kind() -> dict[str, list[Cell]]:
    """Return the whole grid."""
    kinds: dict[str, list[Cell]] = {}
    names = set[str]()
    for grid in GRIDS.values():
        for cell in grid():
            assert cell.name not in names, f"two cells {cell.name}"
            names.add(cell.name)
            kinds.setdefault(cell.kind, []).append(cell)
    return kinds


def judged(container: str, folder: Path) -> dict[str, Verdict]:
    """Write the cells of a container, export them in one run, and return what became of each by its name."""
    cells = {cell.name: cell for cell in GRIDS[container]()}
    source, tree = folder / "source", folder / "tree"
    (source / container).mkdir(parents=True)
    for name, cell in cells.items():
        cell.write(source / name)
    done = run_command("export", source, tree, *_OPTIONS, "--json", "-", "-q", timeout=_SECONDS)
    records = {record["source"]: record for record in json.loads(done.stdout)["slides"]}
    missing = {"status": "passed over", "reason": "passed over silently"}
    return {name: judge(cell, records.get(name, missing), tree) for name, cell in cells.items()}
