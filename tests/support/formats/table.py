"""The table of formats in the documents: written from what the program makes of each slide, and held against it.

    python tests/support/formats/table.py

writes it anew.
"""

import functools
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import openslide

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from formats.cases import MADE, REAL, REFUSED, Case
from formats.samples_table import samples_table

from slide2iiif.errors import SourceError
from slide2iiif.options import Options
from slide2iiif.plan.provenance import EXACT
from slide2iiif.plan.service import ServicePlan, plan_service
from slide2iiif.sources.base import StoredLevel
from slide2iiif.sources.describe import DescribeTask, describe

ROOT = Path(__file__).parents[3]
DOCUMENT = ROOT / "docs" / "formats.md"
SLIDES = Path(os.environ.get("SLIDE2IIIF_SLIDES", ROOT.parent / "shared" / "slides"))
_PUBLISHED = "| format | variant | tried with | reader | copied | encoded | colour | µm a pixel | lens | kept back |"
_REFUSED = "| format | variant | what is said |"
_FACTORS: dict[tuple[tuple[int, int], ...], str] = {
    ((2, 2), (1, 1), (1, 1)): "4:2:0",
    ((2, 1), (1, 1), (1, 1)): "4:2:2",
    ((1, 1), (1, 1), (1, 1)): "4:4:4",
}


def made_slide(case: Case, folder: Path) -> Path:
    """Make a slide in a folder of its own."""
    place = folder / f"{case.format} {case.variant}".replace(" ", "-").replace("/", "-")
    place.mkdir(parents=True)
    path = place / case.name
    case.write(path)
    return path


def published_table(make: Callable[[Case], Path], slides: Path) -> list[str]:
    """Give the rows of what is published, made or found among the real slides."""
    real = [_row(format_, variant, "real", slides / name) for name, (format_, variant) in REAL.items()]
    made = [_row(case.format, case.variant, "generated", make(case)) for case in MADE]
    return [_PUBLISHED, _line(_PUBLISHED), *sorted([*real, *made], key=str.lower)]


def refused_table(make: Callable[[Case], Path]) -> list[str]:
    """Give the rows of what is refused."""
    rows = [f"| {case.format} | {case.variant} | {refusal(make(case))} |" for case in REFUSED]
    return [_REFUSED, _line(_REFUSED), *sorted(rows, key=str.lower)]


def refusal(path: Path) -> str:
    """Give what is said of a slide that is refused."""
    try:
        describe(DescribeTask(path))
    except SourceError as error:
        return str(error)
    raise AssertionError(f"{path} is not refused")


def _line(head: str) -> str:
    return "|" + "---|" * (head.count("|") - 1)


def _row(format_: str, variant: str, tried: str, path: Path) -> str:
    description = describe(DescribeTask(path)).description
    plan = plan_service("slide", description, Options())
    mpp = plan.pixel_size.microns_per_pixel
    cells = [
        format_,
        variant,
        tried,
        {"openslide": "OpenSlide", "tiff": "our own", "vips": "libvips", "pillow": "Pillow"}[description.reader],
        _scales(plan, copied=True),
        _scales(plan, copied=False),
        _colour(description.levels[0]),
        f"{mpp:.4g}" if mpp else "–",
        f"{description.objective:g}×" if description.objective else "–",
        ", ".join(_kept_back(path)) or "–",
    ]
    return f"| {' | '.join(cells)} |"


def _scales(plan: ServicePlan, *, copied: bool) -> str:
    scales = [
        str(level.scale) for level in plan.pyramid.levels if bool(plan.origins_of(level.index).keys() & EXACT) == copied
    ]
    return ", ".join(scales) or "–"


def _colour(level: StoredLevel) -> str:
    if level.jpeg is None:
        return "as the reader shows it"
    if len(level.jpeg.sampling) == 1:
        return "grey"
    kind = "RGB" if getattr(level.jpeg, "is_rgb", False) else "YCbCr"
    return f"{kind} {_FACTORS[level.jpeg.sampling]}"


def _kept_back(path: Path) -> Iterator[str]:
    try:
        with openslide.OpenSlide(path) as slide:
            yield from sorted(slide.associated_images)
    except openslide.OpenSlideError:
        return


def told_table(name: str) -> list[str]:
    """Give a table as the document has it."""
    found = re.search(rf"<!-- {name} -->\n(.*?)\n<!-- /{name} -->", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert found, name
    return found[1].splitlines()


def write_tables() -> None:
    """Write the tables into the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        make = functools.partial(made_slide, folder=Path(folder))
        tables = {
            "published": published_table(make, SLIDES),
            "refused": refused_table(make),
            "samples": samples_table(),
        }
        for name, rows in tables.items():
            marks = f"<!-- {name} -->\n", f"\n<!-- /{name} -->"
            start, end = text.index(marks[0]) + len(marks[0]), text.index(marks[1])
            text = text[:start] + "\n".join(rows) + text[end:]
    DOCUMENT.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_tables()
