"""Measure what a published tree costs that has not changed: to be passed over by an export, and to be verified.

    python tests/benchmarks/trees.py                     10,000 slides, and one of 400 Mpx
    python tests/benchmarks/trees.py --slides 1000 --pixels 4000

Everything is warm, as it has just been written. Seconds of the processor are those of all processes of a command.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

_BASE_URL = "https://host.example/iiif"
_PER_FOLDER = 500


def main() -> int:
    """Measure both, and print a line for each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--slides", type=int, default=10_000, metavar="N", help="tiny slides (default: %(default)s)")
    parser.add_argument(
        "--pixels", type=int, default=20_000, metavar="N", help="side of the large slide (default: %(default)s)"
    )
    parser.add_argument("--where", type=Path, help="folder to work in (default: the temporary one)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.where) as name:
        many, large = Path(name) / "many", Path(name) / "large"
        for number in range(args.slides):
            _write_slide(many / "slides" / str(number // _PER_FOLDER) / f"{number}.synthetic", 64)
        _write_slide(large / "slides" / "a.synthetic", args.pixels)
        for folder in (many, large):
            _export(folder)
        wall, processor, _ = _export(many)
        _tell("unchanged", wall, processor, args.slides, "slides")
        tiny = Path(name) / "tiny"
        _write_slide(tiny / "slides" / "a.synthetic", 64)
        _export(tiny)
        # What a start costs is not what a tile costs.
        (least, start, _), (wall, processor, told) = (
            _run("verify", folder / "public", "--jobs", "1", "--json", "-") for folder in (tiny, large)
        )
        _tell("verified", wall - least, processor - start, json.loads(told)["files"], "files")
    return 0


def _export(folder: Path) -> tuple[float, float, str]:
    return _run("export", folder / "slides", folder / "public", "--base-url", _BASE_URL, "--tile-size", "256", "-q")


def _write_slide(path: Path, side: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"width": side, "height": side}), encoding="ascii")


def _run(*arguments: str | Path) -> tuple[float, float, str]:
    """Run a command; give its seconds on the clock and of the processor, and what it printed."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-P", "-m", "slide2iiif", *map(str, arguments)], check=True, stdout=subprocess.PIPE, text=True
    )
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def _tell(what: str, wall: float, processor: float, count: int, unit: str) -> None:
    each = f"{1e6 * processor / count:.0f} µs each, {count / processor:,.0f} a second and core"
    print(f"{what}: {count:,} {unit} in {wall:.1f} s, {processor:.1f} s of the processor: {each}")


if __name__ == "__main__":
    sys.exit(main())
