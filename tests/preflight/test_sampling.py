"""How many bytes a slide will take, before it is exported."""

from pathlib import Path

import numpy as np
import pytest
from made_slides import write_image, write_synthetic
from PIL import Image

from slide2iiif.discovery.walk import walk
from slide2iiif.engines.serial import SerialEngine
from slide2iiif.options import Options
from slide2iiif.progress import Silent
from slide2iiif.publish.run import Export
from slide2iiif.publish.summary import Summary
from slide2iiif.publish.tree import Tree
from slide2iiif.records.receipts import Receipts
from slide2iiif.stores.folder.store import FolderStore


def planned_and_written(folder: Path, options: Options) -> tuple[Summary, Summary]:
    with FolderStore(folder / "tree") as store, SerialEngine() as engine:
        flow = Export(Tree(store, Receipts(store.private), options, "https://h", "https://o"), engine, Silent())
        return flow.plans(walk(folder / "slides")), flow.slides(walk(folder / "slides"))


def write_noise(path: Path, width: int, height: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(7).integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.mark.parametrize(
    "options", [Options(), Options(quality=40, tile_size=128), Options(quality=95, tile_size=1024)]
)
@pytest.mark.parametrize("kind", ["smooth", "noise", "blank", "synthetic", "tiny"])
def test_the_estimate_is_within_15_percent(tmp_path: Path, kind: str, options: Options) -> None:
    if kind == "smooth":
        write_image(tmp_path / "slides" / "a.png", 1900, 1300)
    elif kind == "noise":
        write_noise(tmp_path / "slides" / "a.png", 900, 700)
    elif kind == "blank":
        (tmp_path / "slides").mkdir()
        Image.new("RGB", (3000, 2000), "white").save(tmp_path / "slides" / "a.png")
    elif kind == "synthetic":
        write_synthetic(tmp_path / "slides" / "a.synthetic", 5000, 4000)
    else:
        write_image(tmp_path / "slides" / "a.png", 20, 30)
    planned, written = planned_and_written(tmp_path, options)
    assert planned.total("stored_bytes") == pytest.approx(written.total("stored_bytes"), rel=0.15)
