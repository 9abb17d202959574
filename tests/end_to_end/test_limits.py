"""Slides that no disk holds: planned at once, rendered in little memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from commands import COMMAND, run_command
from made_slides import write_synthetic
from patience import PATIENCE

BASE_URL = "https://host.example/iiif"

CORNER = """
import itertools, sys
from pathlib import Path
from slide2iiif.engines.serial import SerialEngine
from slide2iiif.errors import SourceError
from slide2iiif.publish.run import Export
from slide2iiif.publish.tree import Tree
from slide2iiif.options import Options
from slide2iiif.progress import Silent
from slide2iiif.records.receipts import Receipts
from slide2iiif.tiles.render import render
from slide2iiif.stores.folder.store import FolderStore
from slide2iiif.discovery.walk import walk

class Corner(SerialEngine):
    def run(self, function, tasks, within=None):
        yield from super().run(function, itertools.islice(tasks, 6) if function is render else tasks, within)
        if function is render:
            raise SourceError("that is enough")

class Counting(Silent):
    tiles = 0
    def stored(self, identifier, tiles):
        self.tiles += tiles

root, counting = Path(sys.argv[1]), Counting()
with FolderStore(root / "tree") as store, Corner() as engine:
    tree = Tree(store, Receipts(store.private), Options(), "https://h", "https://o")
    flow = Export(tree, engine, counting)
    [outcome] = flow.slides(walk(root / "slides")).outcomes
# Not getrusage: that of a fresh process begins with what its parent had.
[peak] = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:")]
print(counting.tiles, peak, outcome.reason)
"""


@pytest.fixture
def huge(tmp_path: Path) -> Path:
    return write_synthetic(tmp_path / "slides" / "huge.synthetic", 200_000, 200_000).parent


def test_a_dry_run_of_a_huge_slide_plans_all_of_it(huge: Path, dest: Path) -> None:
    done = run_command("export", huge, dest, "--base-url", BASE_URL, "--dry-run", "--json", "-")
    [slide] = json.loads(done.stdout)["slides"]
    assert (slide["width"], slide["height"], slide["status"]) == (200_000, 200_000, "planned")
    # 391 × 391 tiles of 512 pixels, then 196², 98², 49², 25², 13², 7², 4², 2², 1.
    assert slide["tiles"] == sum(n * n for n in (391, 196, 98, 49, 25, 13, 7, 4, 2, 1))
    assert not dest.exists()


def test_a_corner_of_a_huge_slide_is_rendered_in_less_than_500_megabytes(huge: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CORNER, huge.parent], capture_output=True, text=True, check=True, timeout=PATIENCE
    )
    tiles, peak_kilobytes, reason = done.stdout.split(maxsplit=2)
    assert reason == "that is enough\n"
    assert int(tiles) >= 6 * 64
    assert int(peak_kilobytes) < 500_000


LARGEST_CHILD = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def test_every_process_of_an_export_stays_below_500_megabytes(tmp_path: Path, dest: Path) -> None:
    write_synthetic(tmp_path / "slides" / "large.synthetic", 12_000, 9_000)
    command: list[str | Path] = [COMMAND, "export", tmp_path / "slides", dest, "--base-url", BASE_URL, "-q"]
    done = subprocess.run([sys.executable, "-c", LARGEST_CHILD, *command], capture_output=True, text=True, check=True)
    assert 20_000 < int(done.stdout) < 500_000
