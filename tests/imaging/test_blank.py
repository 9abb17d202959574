"""Tiles of one colour: told from others, made once, stored once."""

import errno
import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from commands import run_command, snapshot
from numpy.typing import NDArray
from PIL import Image
from stagings import put, put_shared

from slide2iiif.geometry import Size
from slide2iiif.imaging.blank import blank_colour, encode_blank, is_blank
from slide2iiif.imaging.jpeg import Encoding, encode
from slide2iiif.samples.coding import JpegCoding
from slide2iiif.samples.pages import level_page, put_strip
from slide2iiif.samples.tiff import Tag, TiffFile
from slide2iiif.stores.folder.staging import FolderStaging
from slide2iiif.stores.folder.store import FolderStore

BASE_URL = "https://host.example/iiif"
SUBSAMPLINGS = ("420", "422", "444")
TILE = Size(256, 256)


def flat(colour: tuple[int, int, int], size: Size = TILE) -> NDArray[np.uint8]:
    return np.full((size.height, size.width, 3), colour, np.uint8)


def spotted(place: tuple[int, int]) -> NDArray[np.uint8]:
    pixels = flat((240, 240, 240))
    pixels[place] = (239, 240, 240)
    return pixels


@pytest.mark.parametrize("place", [(0, 0), (0, 255), (255, 0), (255, 255), (128, 128), (100, 7)])
def test_one_pixel_of_another_colour_is_seen(place: tuple[int, int]) -> None:
    assert blank_colour(spotted(place)) is None


@pytest.mark.parametrize("size", [TILE, Size(1, 1), Size(3, 200), Size(200, 1)])
def test_the_colour_of_a_blank_part_is_told(size: Size) -> None:
    whole = np.zeros((300, 300, 3), np.uint8)
    whole[20 : 20 + size.height, 30 : 30 + size.width] = (1, 2, 3)
    assert blank_colour(whole[20 : 20 + size.height, 30 : 30 + size.width]) == (1, 2, 3)


@pytest.mark.parametrize("subsampling", SUBSAMPLINGS)
@pytest.mark.parametrize("quality", [10, 75, 95, 100])
def test_a_blank_stream_is_known_whatever_its_coding(subsampling: str, quality: int) -> None:
    encoding = Encoding(quality, subsampling)
    for colour in ((255, 255, 255), (0, 0, 0), (243, 240, 245), (200, 30, 90)):
        for size in (TILE, Size(512, 512), Size(240, 240), Size(90, 256)):
            stream = encode(flat(colour, size), encoding)
            assert stream == encode_blank(colour, size, encoding)
            assert is_blank(stream, size), (colour, size)


@pytest.mark.parametrize("subsampling", SUBSAMPLINGS)
@pytest.mark.parametrize("quality", [10, 75, 95])
def test_a_stream_with_anything_on_it_is_not_blank(subsampling: str, quality: int) -> None:
    encoding = Encoding(quality, subsampling)
    for y, x in ((0, 0), (120, 120), (240, 240)):
        pixels = flat((240, 240, 240))
        pixels[y : y + 16, x : x + 16] = (180, 120, 160)
        assert not is_blank(encode(pixels, encoding), TILE)
    stripes = flat((240, 240, 240))
    stripes[:, ::2] = (0, 0, 0)
    assert not is_blank(encode(stripes, encoding), TILE)


def half_empty(path: Path) -> None:
    """Write a slide whose right half is of one colour, as scanners fill up what they have not scanned."""
    size, coding = Size(2048, 1024), JpegCoding()
    pixels = flat((240, 238, 241), size)
    pixels[:, :1024] = np.random.default_rng(0).integers(0, 255, (1024, 1024, 3))
    text = "Aperio Image Library v11.2.1 \r\n2048x1024 [0,0 2048x1024] (256x256) JPEG/YCC Q=80|AppMag = 20|MPP = 0.5"
    page = level_page(size, 256, coding, {Tag.IMAGE_DESCRIPTION: text.encode()})
    path.parent.mkdir(exist_ok=True)
    with TiffFile(path) as file:
        for y in range(0, size.height, 256):
            put_strip(file, page, pixels[y : y + 256], coding, 256)
        file.finish([page])


@pytest.mark.parametrize("more", [(), ("--recompress",)])
def test_blank_tiles_are_stored_once_linked_and_counted(tmp_path: Path, more: tuple[str, ...]) -> None:
    half_empty(tmp_path / "slides" / "a.svs")
    linked, copied = tmp_path / "linked", tmp_path / "copied"
    options = ["--base-url", BASE_URL, "--jobs", 2, "--json", "-", *more]
    told = json.loads(run_command("export", tmp_path / "slides", linked, *options).stdout)
    plain = json.loads(run_command("export", tmp_path / "slides", copied, *options, "--blank", "copy").stdout)
    # 16 of full resolution, 4 at half, 1 at a quarter.
    assert (told["blank_tiles"], plain["blank_tiles"]) == (21, 0)
    [receipt] = [json.loads(path.read_text()) for path in linked.rglob("receipt.json")]
    assert receipt["blank"] == 21
    # Each of two workers may write an original of its own.
    for summary, tree in ((told, linked), (plain, copied)):
        sizes = {path.stat().st_ino: path.stat().st_size for path in (tree / "a.svs").rglob("*.jpg")}
        assert sum(sizes.values()) <= summary["bytes"] <= sum(sizes.values()) + 2 * max(sizes.values())
    assert told["bytes"] < plain["bytes"] - 10 * 1000
    ours, theirs = snapshot(linked), snapshot(copied)
    assert {name: facts.digest for name, facts in ours.items()} == {
        name: facts.digest for name, facts in theirs.items()
    }
    blank = Counter(facts.inode for name, facts in ours.items() if "1024,0,256,256/256," in name or facts.inode)
    assert max(blank.values()) >= 16
    assert len({facts.inode for facts in theirs.values()}) - len(blank) in {19, 20}
    for name in ("1024,0,256,256/256,", "1024,0,512,512/256,", "1024,0,1024,1024/256,"):
        pixels = simplejpeg.decode_jpeg((linked / "a.svs" / name / "0/default.jpg").read_bytes(), "RGB")
        assert np.abs(pixels.astype(int) - (240, 238, 241)).max() <= 1


def test_ordinary_images_have_blank_tiles_too(tmp_path: Path) -> None:
    (tmp_path / "slides").mkdir()
    Image.new("RGB", (2000, 1200), (10, 20, 30)).save(tmp_path / "slides" / "a.png")
    options = ["--base-url", BASE_URL, "--jobs", 1, "--json", "-"]
    told = json.loads(run_command("export", tmp_path / "slides", tmp_path / "public", *options).stdout)
    assert told["blank_tiles"] >= 12


def staging_of(tmp_path: Path) -> FolderStaging:
    staging = FolderStaging(tmp_path / "files", tmp_path / "scratch")
    staging.folder.mkdir()
    staging.scratch.mkdir()
    return staging


def inodes(staging: FolderStaging) -> list[int]:
    return [path.stat().st_ino for path in sorted(staging.folder.rglob("*.jpg"))]


def test_a_file_that_has_all_the_links_it_can_have_is_followed_by_a_fresh_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staging, link = staging_of(tmp_path), os.link

    def limited(existing: str, alias: str, *, dst_dir_fd: int) -> None:
        if Path(existing).exists() and Path(existing).stat().st_nlink > 4:
            raise OSError(errno.EMLINK, os.strerror(errno.EMLINK))
        link(existing, alias, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr(os, "link", limited)
    for number in range(10):
        put_shared(staging, [f"{number}/a.jpg"], b"blank")
    put_shared(staging, ["x/a.jpg"], b"another colour")
    assert sorted(Counter(inodes(staging)).values()) == [1, 2, 4, 4]
    assert {path.read_bytes() for path in staging.folder.glob("[0-9]/a.jpg")} == {b"blank"}


def test_where_there_are_no_links_every_tile_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    staging = staging_of(tmp_path)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    for number in range(3):
        put_shared(staging, [f"{number}/a.jpg", f"{number}/b.jpg"], b"blank")
    assert len(set(inodes(staging))) == 6


def test_a_tile_that_is_put_again_is_linked_again(tmp_path: Path) -> None:
    staging = staging_of(tmp_path)
    put(staging, ["0/a.jpg"], b"half a tile")
    for _ in range(2):
        put_shared(staging, ["0/a.jpg", "1/a.jpg"], b"blank")
    assert len(set(inodes(staging))) == 1
    assert (staging.folder / "0/a.jpg").read_bytes() == b"blank"


def test_originals_are_not_published(tmp_path: Path) -> None:
    with FolderStore(tmp_path / "tree") as store:
        staging = store.stage("a.svs")
        put_shared(staging, ["0/a.jpg", "1/a.jpg"], b"blank")
        put(staging, ["info.json"], b"{}")
        store.publish("a.svs", staging)
        store.drop(staging)
        assert list(staging.scratch.parent.iterdir()) == []
    assert (tmp_path / "tree/a.svs/0/a.jpg").stat().st_nlink == 2
