"""What it takes to verify a slide of ten million tiles: no more memory than one of a hundred thousand."""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from commands import COMMAND
from made_slides import write_synthetic
from published_trees import PublishedTree

from slide2iiif.engines.base import Deadline, Result, Task
from slide2iiif.engines.serial import SerialEngine
from slide2iiif.geometry import Size
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.file_order import order_files
from slide2iiif.iiif.pyramid import plan_pyramid
from slide2iiif.options import Options
from slide2iiif.records.digests import DigestFile, digest_of, digest_stream, record_of
from slide2iiif.records.documents import documents
from slide2iiif.records.file_check import Checked, CheckTask

SIDE = 256
"""Of a tile."""
NAME = "a.synthetic"
LINKS = 60_000
"""Names that a file may have on every file system."""
MEMORY = Path("/dev/shm")  # noqa: S108 - the folder of it is made by tempfile


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[PublishedTree]:
    """A tree of one small slide, in memory where the system has it."""
    write_synthetic(tmp_path / "slides" / NAME, SIDE, SIDE)
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None, prefix="slide2iiif-") as folder:
        made = PublishedTree(Path(folder) / "public", tmp_path / "slides")
        assert made.export(Options(tile_size=SIDE)).exit_code == 0
        yield made


def enlarge(tree: PublishedTree, tiles: int, folder: Path) -> int:
    """Let receipt and documents speak of a slide of so many tiles, each with one content; give the number of files."""
    receipt = tree.receipts.read(NAME)
    assert receipt is not None
    side = int((tiles * 3 / 4) ** 0.5) * SIDE
    order = order_files(plan_pyramid(Size(side, side), SIDE), Api.V2)
    content = (tree.root / NAME / "full/max/0/default.jpg").read_bytes()
    with DigestFile(folder / "records", order.count) as digests:
        with (folder / "records").open("r+b") as file:
            file.write(record_of(content) * order.count)
        receipt = replace(
            receipt, width=side, height=side, tiles=order.count, ledger=digest_of(digest_stream([digests]))
        )
        tree.receipts.write(receipt, [digests])
    for name, text in documents(receipt, Api.V2):
        (tree.root / NAME / name).write_bytes(text)
    return order.count


def lay_tiles(tree: PublishedTree, count: int) -> None:
    """Make all files of the slide, as links to one."""
    receipt = tree.receipts.read(NAME)
    assert receipt is not None
    folder = str(tree.root / NAME)
    original = tree.root / "original"
    shutil.copy(tree.root / NAME / "full/max/0/default.jpg", original)
    for old in (tree.root / NAME).iterdir():
        if old.is_dir():
            shutil.rmtree(old)
    order = order_files(receipt.service(Api.V2).pyramid, Api.V2)
    links = 0
    for ordinal in range(count):
        for path in order.paths_at(ordinal):
            os.makedirs(f"{folder}/{path}".rpartition("/")[0], exist_ok=True)  # noqa: PTH103 - a million of them
            if links % LINKS == 0:
                fresh = original.with_name(f"original-{links}")
                shutil.copy(original, fresh)
                original.unlink()
                original = fresh
            links += 1
            os.link(original, f"{folder}/{path}")
    original.unlink()


class Idle(SerialEngine):
    """Takes tasks and does nothing for them; notes how many there were."""

    def __init__(self) -> None:
        self.files = 0

    def run(
        self, function: Callable[[Task], Result], tasks: Iterable[Task], within: Deadline | None = None
    ) -> Iterator[tuple[Task, Result]]:
        del function, within
        for task in tasks:
            assert isinstance(task, CheckTask)
            self.files += len(task.ordinals)
            yield task, Checked(files=len(task.ordinals))  # type: ignore[misc]


def test_the_memory_of_who_hands_out_the_work_does_not_grow_with_a_slide(tree: PublishedTree, tmp_path: Path) -> None:
    peaks = []
    for tiles in (100_000, 10_000_000):
        count = enlarge(tree, tiles, tmp_path)
        assert 0.9 * tiles < count < 1.1 * tiles
        engine = Idle()
        tracemalloc.start()
        assert list(tree.verification(engine).tree()) == []
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert engine.files == count
    assert peaks[1] < peaks[0] + (1 << 20), peaks


MEASURED = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def peak_of(tree: PublishedTree) -> tuple[int, float, float]:
    """Verify a tree; give the most memory of its processes in KB, and seconds of the processor and on the clock."""
    found = tree.root.parent / "found"
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, COMMAND, "verify", tree.root, "--jobs", "1", "--json", found],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert json.loads(found.read_text())["counts"] == {}
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return int(done.stdout.splitlines()[-1]), processor, time.monotonic() - begun


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_memory_of_verify_does_not_grow_with_the_tiles_that_are_there(tree: PublishedTree, tmp_path: Path) -> None:
    peaks = []
    for tiles in (100_000, 500_000):
        count = enlarge(tree, tiles, tmp_path)
        lay_tiles(tree, count)
        peak, processor, wall = peak_of(tree)
        peaks.append(peak)
        sys.stdout.write(
            f"{count:,} tiles: {peak / 1024:.0f} MB, {count / processor:,.0f} a second and core, {wall:.0f} s\n"
        )
    assert peaks[1] < peaks[0] + 20 * 1024
