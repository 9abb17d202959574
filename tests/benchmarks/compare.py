"""Export slides with this tool and with its peers, in alternation, and print what each of them costs.

    python tests/benchmarks/compare.py                    all cases, five runs each, on tmpfs and on disk
    python tests/benchmarks/compare.py p37 --runs 3       one case
    python tests/benchmarks/compare.py --list             which cases there are

Contestants take turns (A B C A B C …), so that a machine that slows down slows all of them; medians are shown.
Outputs are put away between runs and what is unwritten is flushed, both outside of the timing (`outputs.py`).
Every contestant encodes with the same JPEG quality and gets the same number of processes or threads.
"""

import argparse
import datetime as dt
import importlib.metadata
import json
import math
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
from cases import CASES, DISK, PLACES, TMPFS, Case
from contestants import CORES, PROGRAM, Contestant, Work
from measuring import CommandFailedError, Cost, measure
from outputs import Outputs
from slides import REPOSITORY, Material, MissingSlideError, Shelf
from table import Row, Table, as_json, markdown

_FIRST_COPIES = 4
_SPARE = 1.15
"""By how much the number of copies is chosen larger than the last run asks for."""


def main() -> int:
    """Run the chosen cases."""
    args = _parser().parse_args()
    if args.list:
        print("\n".join(CASES))
        return 0
    unknown = [name for name in args.cases if name not in CASES]
    if unknown:
        print(f"no such case: {', '.join(unknown)}; there are {', '.join(CASES)}", file=sys.stderr)
        return 2
    machine = _machine()
    shelf = Shelf(args.cache, PROGRAM)
    tables: list[Table] = []
    if args.json != "-":
        print(*(f"- {name}: {value}" for name, value in machine.items()), sep="\n", end="\n\n", flush=True)
    with Outputs({TMPFS: args.tmpfs, DISK: args.disk}) as outputs:
        for name in args.cases or [name for name in CASES if name != "smoke"]:
            for table in _run_case(CASES[name], shelf, outputs, args):
                tables.append(table)
                if args.json != "-":
                    print(markdown(table), flush=True)
    if args.json:
        text = json.dumps(as_json(tables, machine), indent=1, ensure_ascii=False) + "\n"
        if args.json == "-":
            print(text, end="")
        else:
            Path(args.json).write_text(text, encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    work = REPOSITORY / "build" / "benchmarks"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help="which; all if none is named")
    parser.add_argument("--list", action="store_true", help="name the cases and end")
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="runs of each contestant (default: 5)")
    parser.add_argument("--where", nargs="+", choices=PLACES, default=list(PLACES), help="default: both")
    parser.add_argument("--tmpfs", type=Path, default=Path("/dev/shm"), help="the memory (default: %(default)s)")  # noqa: S108
    parser.add_argument("--disk", type=Path, default=work / "out", help="the disk (default: build/benchmarks/out)")
    parser.add_argument("--cache", type=Path, default=work, help="generated slides (default: build/benchmarks)")
    parser.add_argument("--jobs", type=int, default=CORES, metavar="N", help="processes (default: all cores)")
    parser.add_argument("--quality", type=int, default=75, metavar="N", help="JPEG quality (default: 75, libvips' own)")
    parser.add_argument("--seconds", type=float, default=5.0, help="shortest run on copies of a slide (default: 5)")
    parser.add_argument("--json", metavar="FILE", help="write all figures; - writes them alone to standard output")
    return parser


def _run_case(case: Case, shelf: Shelf, outputs: Outputs, args: argparse.Namespace) -> Iterator[Table]:
    try:
        slides = case.slides(shelf)
    except MissingSlideError as error:
        _say(f"{case.name}: skipped: {error}")
        return
    first = case.contestants[0].missing()
    if first is not None:
        _say(f"{case.name}: skipped: {first}")
        return
    if case.repeated:
        try:
            materials = [_repeated(case, slides[0], shelf, outputs, args)]
        except CommandFailedError as error:
            _say(f"{case.name}: skipped: the first contestant failed: {error}")
            return
    else:
        materials = [shelf.single(slide, case.tile_size) for slide in slides]
    for place in args.where:
        yield _run_in_place(case, place, materials, outputs, args)


def _run_in_place(
    case: Case, place: str, materials: list[Material], outputs: Outputs, args: argparse.Namespace
) -> Table:
    contestants = (*case.contestants, *(case.on_disk if place == DISK else ()))
    rows = [
        Row(each.name, materials[each.slide].megapixels, case.goals.get(each.name, {}).get(place), each.missing() or "")
        for each in contestants
    ]
    folder = outputs.folder(place)
    works = [_work(case, materials[each.slide], folder, args) for each in contestants]
    entries = list(zip(contestants, works, rows, strict=True))
    for entry in entries:
        _prepare(*entry, outputs)
    for run in range(args.runs):
        for contestant, work, row in entries:
            if not row.problem:
                _run(contestant, work, row, outputs)
                _say(f"{case.name}, {place}, run {run + 1}: {row.name}: {_told(row)}")
    text = "; ".join(dict.fromkeys(material.text for material in materials))
    return Table(case.name, place, f"{text}; tiles of {case.tile_size}, quality {args.quality}.", tuple(rows))


def _prepare(contestant: Contestant, work: Work, row: Row, outputs: Outputs) -> None:
    if contestant.prepare and not row.problem:
        _say(f"{contestant.name} is being prepared")
        try:
            contestant.prepare(work)
        except CommandFailedError as error:
            row.problem = f"cannot be prepared: {error}"
        finally:
            outputs.clear(work.out)


def _run(contestant: Contestant, work: Work, row: Row, outputs: Outputs) -> None:
    try:
        cost, row.files = _cost(contestant, work, outputs)
    except CommandFailedError as error:
        row.problem = str(error)
        row.runs.clear()
    else:
        row.runs.append(cost)


def _cost(contestant: Contestant, work: Work, outputs: Outputs) -> tuple[Cost, int]:
    """Run a contestant once, clean up behind it, and give what it cost and how many files it wrote."""
    commands = contestant.commands(work)
    os.sync()
    try:
        cost = measure(commands)
        files = sum(len(names) for _, _, names in os.walk(work.out))
    finally:
        outputs.clear(work.out)
    if files < work.material.finest_tiles:
        tiles = work.material.finest_tiles
        raise CommandFailedError(f"wrote {files:,} files where the finest level alone has {tiles:,} tiles")
    return cost, files


def _repeated(case: Case, slide: Path, shelf: Shelf, outputs: Outputs, args: argparse.Namespace) -> Material:
    """Copy a slide until our run takes long enough."""
    copies = _FIRST_COPIES
    folder = outputs.folder(args.where[0])
    while True:
        material = shelf.repeated(slide, case.tile_size, copies, with_folder=case.with_folder)
        cost, _ = _cost(case.contestants[0], _work(case, material, folder, args), outputs)
        _say(f"{case.name}: {copies} copies take {cost.wall:.1f} s")
        if cost.wall >= args.seconds:
            return material
        copies = math.ceil(copies * max(1.5, _SPARE * args.seconds / cost.wall))


def _work(case: Case, material: Material, folder: Path, args: argparse.Namespace) -> Work:
    return Work(material, folder / "out", case.tile_size, args.quality, args.jobs)


def _told(row: Row) -> str:
    return row.problem or f"{row.runs[-1].wall:.2f} s, {row.runs[-1].cpu:.2f} s of processor time"


def _machine() -> dict[str, str]:
    """Tell what the figures depend on."""
    names = ("slide2iiif", "pyvips", "pyvips-binary", "openslide-bin", "simplejpeg")
    model = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "")
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "processor": f"{model.partition(':')[2].strip() or platform.machine()}, {CORES} cores",
        "memory": f"{psutil.virtual_memory().total / 1e9:.0f} GB",
        "system": f"{platform.freedesktop_os_release().get('PRETTY_NAME', '')}, Linux {platform.release()}",
        "Python": platform.python_version(),
        "vips": _vips_version(),
        **{name: _version(name) for name in names},
    }


def _vips_version() -> str:
    if not shutil.which("vips"):
        return "not installed"
    return subprocess.run(["vips", "--version"], check=True, capture_output=True, text=True).stdout.strip()


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
