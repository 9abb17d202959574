"""What an export cannot be faster than on this machine: the codec's work, the system's, and the start of Python.

    python tests/benchmarks/floor.py SLIDE [--recompress] [--folder /dev/shm] [--quality 75]

Each cost is measured on tiles of the slide itself, as the least of several rounds in one process, and multiplied by
how often the plan of the slide needs it. How much faster two processes are than one is measured with the same
decoding: two processors of a shared machine are not always twice as fast as one.
"""

import argparse
import hashlib
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from slide2iiif.imaging.jpeg import Encoding, decode, encode
from slide2iiif.imaging.resample import reduce_pixels
from slide2iiif.options import Options
from slide2iiif.plan.provenance import TileOrigin
from slide2iiif.plan.service import SlidePlan, plan_slide
from slide2iiif.sources.describe import describe
from slide2iiif.sources.jpeg_tiles import JpegTiles

MEMORY = Path("/dev/shm")  # noqa: S108 - for files that nobody else reads
START = "import numpy, simplejpeg, tifffile, openslide, PIL.Image"
"""The libraries that every export of an Aperio slide needs."""
ROUNDS = 5
SAMPLE = 200
"""Stored tiles that the codec is measured on."""


@dataclass(frozen=True, slots=True)
class Cost:
    """One kind of work."""

    name: str
    micros: float
    """Microseconds each."""
    times: int
    """How often the export needs it."""

    @property
    def seconds(self) -> float:
        """Of processor time, in all."""
        return self.micros * self.times / 1e6


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("slide", type=Path, metavar="SLIDE", help="a slide that stores JPEG tiles")
    parser.add_argument("--folder", type=Path, default=MEMORY, help="where files are made (default: %(default)s)")
    parser.add_argument("--quality", type=int, default=75, help="of encoded tiles (default: 75)")
    parser.add_argument("--recompress", action="store_true", help="encode all tiles")
    args = parser.parse_args()
    plan = plan_slide("slide", describe(args.slide), Options(quality=args.quality, recompress=args.recompress))
    streams = list(sampled(plan))
    if not streams:
        print(f"{args.slide}: stores no JPEG tiles", file=sys.stderr)
        return 2
    costs = list(measure(plan, streams, args.slide, args.folder))
    start = least(lambda: subprocess.run([sys.executable, "-c", START], check=True))
    speed_up = two_processes(streams)
    print("| work | each µs | times | s |", "|---|--:|--:|--:|", sep="\n")
    for cost in costs:
        print(f"| {cost.name} | {cost.micros:.0f} | {cost.times:,} | {cost.seconds:.2f} |")
    work = sum(cost.seconds for cost in costs)
    print(f"| start of Python and the libraries | {start * 1e6:,.0f} | 1 | {start:.2f} |\n")
    print(f"Two processes do {speed_up:.2f} times the work of one.")
    print(f"No less than {start + work:.2f} s with one process, {start + work / speed_up:.2f} s with two.")
    return 0


def sampled(plan: SlidePlan) -> Iterator[bytes]:
    """Read tiles from the middle of full resolution, where most of the tissue is."""
    tiles = plan.description.levels[0].jpeg
    if not isinstance(tiles, JpegTiles):
        return
    rows, columns = tiles.lengths.shape
    file = os.open(tiles.path, os.O_RDONLY)
    try:
        places = ((column, row) for row in range(rows // 3, rows) for column in range(columns // 4, columns))
        stored = (place for place in places if tiles.is_stored(*place))
        for column, row in itertools.islice(stored, SAMPLE):
            yield tiles.read(file, column, row)
    finally:
        os.close(file)


def measure(plan: SlidePlan, streams: list[bytes], slide: Path, folder: Path) -> Iterator[Cost]:
    """Measure each kind of work and count how often the plan needs it."""
    full = plan.description.levels[0].jpeg
    assert isinstance(full, JpegTiles)
    pixels = decode(streams[0], full.tile)
    padded = decode(streams[0], full.tile, padded=True)
    read, halves, wholes, halved = decoded(plan)
    encoded = sum(
        count for (_, made), count in plan.origins.items() if made in {TileOrigin.ENCODED, TileOrigin.DOWNSAMPLED}
    )
    encoding = Encoding(plan.encoding.quality, plan.encoding.subsampling)
    yield Cost("decode a stored tile at half its size", each(lambda one: decode(one, full.tile, 2), streams), halves)
    yield Cost("decode a stored tile", each(lambda one: decode(one, full.tile), streams), wholes)
    yield Cost("halve the pixels of a tile", each(lambda _: reduce_pixels(padded, 2), streams), halved)
    yield Cost("encode a tile", each(lambda _: encode(pixels, encoding), streams), encoded)
    file = os.open(slide, os.O_RDONLY)
    yield Cost("read a stored tile", each(lambda one: os.pread(file, len(one), 0), streams), read)
    os.close(file)
    yield Cost("take a tile's digest", each(lambda one: hashlib.sha256(one).digest(), streams), plan.tile_count)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        numbers = itertools.count()
        yield Cost(
            "three folders and a file",
            each(lambda one: put(f"{place}/{next(numbers)}", one), streams),
            plan.tile_count,
        )


def decoded(plan: SlidePlan) -> tuple[int, int, int, int]:
    """Count stored tiles: all, those that must be decoded at half their size, in full, and in full and then halved."""
    read = halves = wholes = halved = 0
    for each_pass in plan.passes:
        if each_pass.stored_level is None:
            continue
        tiles = plan.description.levels[each_pass.stored_level].jpeg
        if not isinstance(tiles, JpegTiles):
            continue
        coarser = [level for level in (*each_pass.levels, *each_pass.pictures) if level > each_pass.input_level]
        read += tiles.lengths.size
        halves += tiles.lengths.size * bool(coarser) * each_pass.copies
        wholes += tiles.lengths.size * (not each_pass.copies)
        halved += tiles.lengths.size * bool(coarser) * (not each_pass.copies)
    return read, halves, wholes, halved


def put(folder: str, content: bytes) -> None:
    """Make what a tile takes in the canonical layout."""
    for path in (folder, f"{folder}/a", f"{folder}/a/b"):
        os.mkdir(path)  # noqa: PTH102 - what is measured
    file = os.open(f"{folder}/a/b/c", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    os.write(file, content)
    os.close(file)


def each(work: Callable[[bytes], object], streams: list[bytes]) -> float:
    """Microseconds of processor time that a tile takes, in the quickest round."""
    rounds = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        for stream in streams:
            work(stream)
        rounds.append(time.process_time() - begun)
    return min(rounds) / len(streams) * 1e6


def least(work: Callable[[], object]) -> float:
    """Seconds that the quickest of several rounds takes."""
    rounds = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        work()
        rounds.append(time.perf_counter() - begun)
    return min(rounds)


def two_processes(streams: list[bytes]) -> float:
    """Measure how much more two processes decode in the same time than one."""
    with ProcessPoolExecutor(2, get_context("forkserver")) as pool:
        list(pool.map(decode_all, [streams, streams]))
        alone = least(lambda: list(pool.map(decode_all, [streams])))
        together = least(lambda: list(pool.map(decode_all, [streams, streams])))
    return 2 * alone / together


def decode_all(streams: list[bytes]) -> None:
    """Decode tiles several times, so that sending them does not count."""
    import simplejpeg

    for stream in streams * 4:
        simplejpeg.decode_jpeg(stream)


if __name__ == "__main__":
    sys.exit(main())
