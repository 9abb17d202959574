"""The record of what was published."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from stagings import objects_in

from slide2iiif.errors import TargetError
from slide2iiif.iiif.api import Api
from slide2iiif.options import Options
from slide2iiif.records.receipt import Receipt, Settings
from slide2iiif.records.receipts import Receipts


@pytest.fixture
def receipts(tmp_path: Path) -> Receipts:
    (tmp_path / "private" / "staging").mkdir(parents=True)
    return Receipts(objects_in(tmp_path / "private"))


def receipt_for(identifier: str) -> Receipt:
    return Receipt(
        identifier=identifier,
        fingerprint="00ff",
        settings=Settings.of(Options()),
        base_url="https://host",
        other_base_url="https://host/iiif-v3",
        width=700,
        height=500,
        tile_size=512,
        microns_per_pixel=0.25,
        tiles=3,
        files=40,
        stored_bytes=12345,
        levels=[{"scale": 1, "encoded": 2}, {"scale": 2, "derived": 1}],
        damaged=[],
    )


@pytest.mark.parametrize("identifier", ["a.svs", "dir/a.svs", "x!/y.svs", "receipts/receipt.svs"])
def test_what_is_written_is_read_back(receipts: Receipts, identifier: str) -> None:
    receipt = receipt_for(identifier)
    receipts.write(receipt)
    assert receipts.read(identifier) == receipt


def test_there_is_none_before_it_is_written(receipts: Receipts) -> None:
    assert receipts.read("a.svs") is None
    receipts.write(receipt_for("a.svs"))
    assert receipts.read("a.svs/below") is None
    assert receipts.read("a.svs/receipt.json") is None


def test_all_receipts_are_listed_in_order(receipts: Receipts) -> None:
    names = ["a.svs", "b/c.svs", "b/d.svs", "b/e/f.svs"]
    for name in reversed(names):
        receipts.write(receipt_for(name))
    assert sorted(receipts.identifiers()) == names
    assert list(receipts.identifiers()) == list(receipts.identifiers())


def test_no_receipts_are_no_error(tmp_path: Path) -> None:
    assert list(Receipts(objects_in(tmp_path / "nowhere")).identifiers()) == []
    assert Receipts(objects_in(tmp_path / "nowhere")).read("a.svs") is None


def test_a_removed_receipt_takes_its_empty_folders_along(receipts: Receipts, tmp_path: Path) -> None:
    receipts.write(receipt_for("b/c.svs"))
    receipts.write(receipt_for("b/e/f.svs"))
    receipts.remove("b/e/f.svs")
    assert list(receipts.identifiers()) == ["b/c.svs"]
    receipts.remove("b/c.svs")
    assert not (tmp_path / "private" / "receipts").exists()


def test_removing_what_is_not_there_is_no_error(receipts: Receipts) -> None:
    receipts.remove("nothing.svs")
    assert list(receipts.identifiers()) == []


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b"5", b"\xff", b'{"settings": {}}', b'{"settings": 1}'])
def test_a_damaged_receipt_is_none(receipts: Receipts, tmp_path: Path, text: bytes) -> None:
    receipts.write(receipt_for("a.svs"))
    (tmp_path / "private" / "receipts" / "a.svs" / "receipt.json").write_bytes(text)
    assert receipts.read("a.svs") is None


@pytest.mark.parametrize(
    "change", [{"unknown": 1}, {"width": 0}, {"width": "700"}, {"tile_size": None}, {"identifier": "../b"}]
)
def test_a_receipt_that_cannot_be_true_is_none(receipts: Receipts, tmp_path: Path, change: dict[str, object]) -> None:
    receipts.write(receipt_for("a.svs"))
    file = tmp_path / "private" / "receipts" / "a.svs" / "receipt.json"
    assert receipts.read("a.svs") is not None
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    assert receipts.read("a.svs") is None


def test_a_receipt_that_cannot_be_written_is_an_error_of_the_target(receipts: Receipts, tmp_path: Path) -> None:
    (tmp_path / "private" / "receipts").touch()
    with pytest.raises(TargetError, match="it is no folder; move it away"):
        receipts.write(receipt_for("a.svs"))


@pytest.mark.parametrize(
    "options",
    [Options(quality=84), Options(tile_size=512), Options(api=Api.V3), Options(subsampling="444")],
)
def test_every_option_that_decides_the_files_shows_in_the_settings(options: Options) -> None:
    assert Settings.of(options) != Settings.of(Options())
    assert Settings.of(Options()) == Settings.of(Options())


def test_a_rise_of_the_format_version_shows_in_the_settings() -> None:
    settings = Settings.of(Options())
    assert replace(settings, format_version=settings.format_version + 1) != settings


def test_the_documents_can_be_told_from_a_receipt_alone() -> None:
    receipt = receipt_for("dir/a.svs")
    assert receipt.service(Api.V2).uri == "https://host/dir/a.svs"
    assert receipt.service(Api.V3).uri == "https://host/iiif-v3/dir/a.svs"
    moved = receipt.moved("https://new", None)
    assert moved.service(Api.V2).uri == "https://new/dir/a.svs"
    assert replace(moved, base_url=receipt.base_url, other_base_url=receipt.other_base_url) == receipt
