"""What is written for an image of any shape: exactly the URLs of the tables, each picture of the size it promises."""

import json
from pathlib import Path

import pytest
from made_slides import write_synthetic
from naive_urls import naive_all
from picture_sizes import check_pictures

from slide2iiif.discovery.walk import walk
from slide2iiif.engines.serial import SerialEngine
from slide2iiif.iiif.api import Api
from slide2iiif.options import Options
from slide2iiif.progress import Silent
from slide2iiif.publish.run import Export
from slide2iiif.publish.summary import Status
from slide2iiif.publish.tree import Tree
from slide2iiif.records.receipts import Receipts
from slide2iiif.stores.folder.store import FolderStore

SIZES = [(1, 1), (1, 1000), (1000, 1), (255, 257), (256, 256), (257, 511), (200, 5000), (5000, 200), (513, 512)]
LARGE = [(2220, 2967), (4097, 2049)]
GRID = [
    *((*size, side) for size in SIZES for side in (64, 256, 512, 1000)),
    *((*size, side) for size in LARGE for side in (240, 512, 4096)),
]


@pytest.mark.parametrize("api", Api)
@pytest.mark.parametrize(("width", "height", "side"), GRID)
def test_a_tree_holds_exactly_the_urls_of_the_tables(
    tmp_path: Path, width: int, height: int, side: int, api: Api
) -> None:
    write_synthetic(tmp_path / "slides" / "a.synthetic", width, height)
    with FolderStore(tmp_path / "tree") as store, SerialEngine() as engine:
        flow = Export(
            Tree(
                store, Receipts(store.private), Options(api=api, tile_size=side), "https://host", "https://host/other"
            ),
            engine,
            Silent(),
        )
        [outcome] = flow.slides(walk(tmp_path / "slides")).outcomes
    assert (outcome.status, outcome.reason) == (Status.EXPORTED, "")

    folder = tmp_path / "tree" / "a.synthetic"
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    documents = {"info.json", "info-v3.json"} if api is Api.V2 else {"info.json"}
    assert files == naive_all(width, height, side, api.value) | documents
    assert check_pictures(folder, width, height, side) == outcome.files - len(documents)
    document = json.loads((folder / "info.json").read_bytes())
    assert (document["width"], document["height"]) == (width, height)
