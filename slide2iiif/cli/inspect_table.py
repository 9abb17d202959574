"""Table of several slides, or of those of a folder: a line each, with size, resolution, format and tiles."""

import argparse
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slide2iiif.cli.workers import worker_engine
from slide2iiif.errors import SourceError
from slide2iiif.options import WORKER_MEMORY
from slide2iiif.progress import printable

if TYPE_CHECKING:
    from slide2iiif.engines.base import Engine

_HEADS = ("width", "height", "µm/pixel", "objective", "tiles", "bit-exact", "format")
_WIDTHS = (9, 9, 9, 10, 10, 10, 0)

Look = Callable[[argparse.Namespace, Path, "Engine"], dict[str, Any]]
"""Function from the command line, a slide and an engine to the facts of the slide."""


def print_table(args: argparse.Namespace, look: Look) -> int:
    """Print a line for each slide, as it is looked into; return the exit code, 1 if one cannot be opened.

    Raises:
        UsageError: a folder cannot be listed.
    """
    failed = 0
    records: list[dict[str, Any]] = []
    if not args.json:
        print(f"{_row(_HEADS)}  slide")
    with worker_engine(1, WORKER_MEMORY.parse(args.worker_memory)) as engine:
        for path, refusal in _found(args.slides):
            record = _record(args, path, refusal, engine, look)
            failed += "error" in record
            if args.json:
                records.append(record)
            else:
                print(_line(record), flush=True)
    if args.json:
        print(json.dumps(records, indent=1))
    return 1 if failed else 0


def _found(places: list[Path]) -> Iterator[tuple[Path, str]]:
    """Yield slides, and the reason of each file that can be none."""
    from slide2iiif.discovery.choice import EVERYTHING
    from slide2iiif.discovery.walk import Unusable, check_root, walk

    for place in places:
        if not place.is_dir():
            yield place, ""
            continue
        check_root(place)
        for found in walk(place, EVERYTHING):
            yield found.path, found.reason if isinstance(found, Unusable) else ""


def _record(args: argparse.Namespace, path: Path, refusal: str, engine: "Engine", look: Look) -> dict[str, Any]:
    name = os.fspath(path)
    if refusal:
        return {"path": name, "error": refusal}
    try:
        return {"path": name, **look(args, path, engine)}
    except SourceError as error:
        return {"path": name, "error": str(error).removeprefix(f"{printable(name)}: ")}


def _line(record: dict[str, Any]) -> str:
    name = printable(record["path"])
    if "error" in record:
        return f"{name}: {printable(record['error'])}"
    mpp, objective = record["microns_per_pixel"], record["objective"]
    exact = record["bit_exact_tiles"] / record["tiles"]
    cells = (
        str(record["width"]),
        str(record["height"]),
        f"{mpp:.4g}" if mpp else "-",
        f"{objective:g}×" if objective else "-",
        f"{record['tiles']:,}",
        f"{exact:.0%}",
        record["format"],
    )
    return f"{_row(cells)}  {name}"


def _row(cells: tuple[str, ...]) -> str:
    return " ".join(f"{cell:>{width}}" for cell, width in zip(cells, _WIDTHS, strict=True))
