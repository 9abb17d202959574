"""What a slide takes of a file system, told before it is made, against what it took."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_slides import smooth_pixels, write_synthetic
from PIL import Image

from slide2iiif.discovery.walk import Slide, walk
from slide2iiif.engines.serial import SerialEngine
from slide2iiif.iiif.api import Api
from slide2iiif.options import Blank, Options
from slide2iiif.plan.service import ServicePlan
from slide2iiif.plan.slide import SlidePlan, plan_slide
from slide2iiif.preflight.footprint import (
    Step,
    expected_footprint,
    least_footprint,
    most_footprint,
    peak_footprint,
    published_footprint,
    slide_footprint,
)
from slide2iiif.preflight.quick import QuickCheck
from slide2iiif.preflight.sampling import sample, sample_task
from slide2iiif.preflight.space import Footprint, Verdict, shortage
from slide2iiif.preflight.thorough import describe_if_readable
from slide2iiif.progress import Silent
from slide2iiif.publish.run import Export
from slide2iiif.publish.tree import Tree
from slide2iiif.records.receipts import Receipts
from slide2iiif.sources.describe import DescribeTask
from slide2iiif.stores.base import Capacity
from slide2iiif.stores.folder.capacity import capacity_of
from slide2iiif.stores.folder.store import FolderStore


def taken(folder: Path) -> Footprint:
    """What a folder takes, as the file system counts."""
    seen = {path.lstat().st_ino: path.lstat() for path in [folder, *folder.rglob("*")]}
    return Footprint(len(seen), sum(status.st_blocks * 512 for status in seen.values()))


def planned(slide: Path, options: Options) -> SlidePlan:
    described = describe_if_readable(DescribeTask(slide, options.crop_to_bounds, options.associated))
    assert described is not None
    return plan_slide(slide.name, described, options)


def footprint_of(plan: SlidePlan, of_service: Callable[[ServicePlan], Footprint], capacity: Capacity) -> Footprint:
    return slide_footprint(of_service(plan.levels), [of_service(each) for each in plan.pictures], capacity)


def test_pictures_beside_the_levels_are_counted(slides: Path, tmp_path: Path) -> None:
    slide = slides / "aperio/CMU-1-Small-Region.svs"
    options = Options(blank=Blank.COPY, associated=("thumbnail", "label", "macro"))
    capacity = capacity_of(tmp_path / "public")
    plan = planned(slide, options)
    assert {each.picture for each in plan.pictures} == {"thumbnail", "label", "macro"}
    about = footprint_of(
        plan,
        lambda each: expected_footprint(each, sample(sample_task(slide, each, options)), capacity, links_blank=False),
        capacity,
    )
    receipts = export(slide, tmp_path / "public", options)
    [identifier] = receipts.identifiers()
    truth = taken(tmp_path / "public" / identifier)
    assert about.inodes == truth.inodes
    assert about.size == pytest.approx(truth.size, rel=0.15)
    alone = footprint_of(plan, lambda each: least_footprint(each, capacity, links_blank=False), capacity)
    assert alone.inodes == truth.inodes
    receipt = receipts.read(identifier)
    assert receipt is not None
    assert published_footprint(receipt, 0, capacity).inodes == truth.inodes


class NarrowStore(FolderStore):
    """A folder that says that it has so many inodes left, and counts those of links once."""

    inodes = 0

    def capacity(self) -> Capacity:
        return Capacity(self.root, self.inodes, 50_000_000)


def verdict_of(source: Path, root: Path, inodes: int) -> Verdict:
    store = NarrowStore(root)
    store.inodes = inodes
    with SerialEngine() as engine:
        check = QuickCheck(store, Receipts(store.private), engine, Options(tile_size=128))
        return check.judge([each for each in walk(source) if isinstance(each, Slide)])


def test_where_tiles_share_files_only_what_cannot_fit_is_refused(tmp_path: Path) -> None:
    """Between what is sure to be taken and what may be, the run begins with a warning."""
    pixels = np.full((900, 1200, 3), 255, np.uint8)
    pixels[:300, :400] = smooth_pixels(400, 300)
    (tmp_path / "slides").mkdir()
    Image.fromarray(pixels).save(tmp_path / "slides" / "a.png")
    export(tmp_path / "slides", tmp_path / "public", Options(tile_size=128))
    truth = taken(tmp_path / "public").inodes
    verdicts = {inodes: verdict_of(tmp_path / "slides", tmp_path / "none", inodes) for inodes in range(1, 2 * truth, 5)}
    refused = [inodes for inodes, verdict in verdicts.items() if verdict.refusal]
    doubted = [inodes for inodes, verdict in verdicts.items() if verdict.doubt]
    fitting = [inodes for inodes, verdict in verdicts.items() if not verdict.refusal and not verdict.doubt]
    assert 0.7 * truth < max(refused) < truth < min(fitting)
    assert refused == [each for each in verdicts if each <= max(refused)]
    assert min(doubted) < truth < max(doubted)
    assert "takes at least " in verdicts[refused[-1]].refusal
    assert "takes up to " in verdicts[doubted[0]].doubt
    assert not (tmp_path / "none").exists()


def test_a_run_with_plenty_of_room_does_not_load_what_looks_closer(tmp_path: Path) -> None:
    write_synthetic(tmp_path / "slides" / "a.synthetic", 100, 100)
    command = ["export", str(tmp_path / "slides"), str(tmp_path / "public"), "--base-url", "https://h", "-q"]
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "slide2iiif", *command], capture_output=True, check=True, text=True
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "slide2iiif.preflight.quick" in loaded
    assert loaded.isdisjoint(f"slide2iiif.preflight.{name}" for name in ("thorough", "footprint", "sampling"))


def told(plan: ServicePlan, slide: Path, options: Options, capacity: Capacity) -> Footprint:
    samples = sample(sample_task(slide, plan, options))
    return expected_footprint(plan, samples, capacity, links_blank=options.blank is Blank.LINK)


def export(source: Path, root: Path, options: Options) -> Receipts:
    with FolderStore(root) as store, SerialEngine() as engine:
        receipts = Receipts(store.private)
        summary = Export(Tree(store, receipts, options, "https://h", "https://o"), engine, Silent()).slides(
            walk(source)
        )
    assert summary.exit_code == 0
    return receipts


REAL: list[tuple[str, dict[str, Any]]] = [
    ("aperio/CMU-1-Small-Region.svs", {}),
    ("aperio/CMU-1-Small-Region.svs", {"tile_size": 128, "api": Api.V3}),
    ("aperio/CMU-1-Small-Region.svs", {"tile_size": 512, "quality": 95}),
    ("aperio/tcga-cr-7395-01a-01-ts1.svs", {}),
    ("aperio/tcga-cr-7395-01a-01-ts1.svs", {"tile_size": 1024, "quality": 50}),
    ("aperio/P37-CRC01-he.svs", {}),
    ("aperio/P37-CRC01-he.svs", {"recompress": True, "tile_size": 512}),
    ("hamamatsu/test3-DAPI-2-387.ndpi", {}),
    ("dicom/cmu-1-small-region/level-0-frames-0-30.dcm", {}),
    ("images/6976x5074.jpg", {}),
    ("images/6976x5074.jpg", {"tile_size": 256, "api": Api.V3}),
    ("images/starfish-progressive.jpg", {"tile_size": 64}),
    ("images/world.jp2", {}),
]


LINKED: list[tuple[str, dict[str, Any]]] = [
    ("aperio/tcga-cr-7395-01a-01-ts1.svs", {"blank": Blank.LINK}),
    ("aperio/tcga-cr-7395-01a-01-ts1.svs", {"blank": Blank.LINK, "tile_size": 128, "recompress": True}),
    ("aperio/CMU-1-Small-Region.svs", {"blank": Blank.LINK}),
]


@pytest.mark.parametrize(("name", "asked"), [*REAL, *LINKED])
def test_room_of_real_slides_is_told_before(slides: Path, tmp_path: Path, name: str, asked: dict[str, Any]) -> None:
    """Bytes as they are given out within 15 %; inodes exactly, but about where tiles of one colour share files."""
    slide = slides / name
    options = Options(**{"blank": Blank.COPY, **asked})
    capacity = capacity_of(tmp_path / "public")
    plan = planned(slide, options).levels
    about = told(plan, slide, options, capacity)
    receipts = export(slide, tmp_path / "public", options)
    [identifier] = receipts.identifiers()
    truth = taken(tmp_path / "public" / identifier)
    sys.stdout.write(f"{name} {asked}: {about} for {truth}, {about.size / truth.size - 1:+.1%}\n")
    assert about.size == pytest.approx(truth.size, rel=0.15)
    is_linked = options.blank is Blank.LINK
    least, most = least_footprint(plan, capacity, links_blank=is_linked), most_footprint(plan, capacity)
    assert least.size <= truth.size <= most.size
    if is_linked:
        assert about.inodes == pytest.approx(truth.inodes, rel=0.02)
        assert least.inodes <= truth.inodes <= most.inodes
    else:
        assert about.inodes == least.inodes == most.inodes == truth.inodes
    receipt = receipts.read(identifier)
    assert receipt is not None
    given_back = published_footprint(receipt, 0, capacity)
    assert given_back.inodes == pytest.approx(truth.inodes, rel=0.02)
    assert given_back.size == pytest.approx(truth.size, rel=0.15)


def test_a_file_system_that_counts_names_counts_links_too(tmp_path: Path) -> None:
    write_synthetic(tmp_path / "a.synthetic", 700, 500)
    options = Options(tile_size=256, blank=Blank.COPY)
    plan = planned(tmp_path / "a.synthetic", options).levels
    plain, names = (
        told(plan, tmp_path / "a.synthetic", options, Capacity(tmp_path, 0, 0, counts_names=counts))
        for counts in (False, True)
    )
    assert plain.inodes == plan.inode_count
    assert names.inodes == plan.inode_count + plan.counts.names - plan.counts.files
    assert names.inodes > plain.inodes


def test_what_is_given_back_on_the_way_is_not_counted_twice() -> None:
    new, scratch = Footprint(10, 100), Footprint(1, 5)
    first = [Step(new, scratch, Footprint(0, 0))] * 3
    again = [Step(new, scratch, new)] * 3
    grown = [Step(new, scratch, Footprint(4, 60))] * 3
    assert peak_footprint(first, 1) == Footprint(31, 305)
    assert peak_footprint(first, 9) == Footprint(33, 315)
    assert peak_footprint(again, 1) == Footprint(11, 105)
    assert peak_footprint(again, 2) == Footprint(22, 210)
    assert peak_footprint(grown, 1) == Footprint(23, 185)
    assert peak_footprint([], 1) == Footprint(0, 0)


def test_a_shortage_says_what_is_needed_what_is_there_and_what_to_do() -> None:
    capacity = Capacity(Path("public"), 100, 2_000_000)
    assert shortage(Footprint(100, 2_000_000), capacity) == ""
    assert shortage(Footprint(1_234, 0), capacity) == (
        "1,234 inodes (files and folders), and 100 are left: free some, choose larger tiles (--tile-size), "
        "or use a file system made with more"
    )
    assert shortage(Footprint(0, 3_400_000_000), capacity) == (
        "about 3.40 GB, and 2.0 MB are left: free some, or choose another DEST"
    )
    assert "; and about" in shortage(Footprint(101, 2_000_001), capacity)
    assert shortage(Footprint(10**9, 0), Capacity(Path("public"), None, 1)) == ""
