"""Real viewers in a real browser look at exported slides through the shipped nginx configuration.

A viewer is a page in `pages/` that says how to open and move it; `drive.mjs` does the rest and reports.
Every picture that a viewer asks for must be there, in every level, for both versions of the Image API.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote
from urllib.request import urlopen

import pytest
from patience import PATIENCE
from PIL import Image
from serving import free_port, program, running_nginx

from slide2iiif.geometry import Region, Size
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.paths import pictures, tile_of_path
from slide2iiif.iiif.pyramid import Pyramid, plan_pyramid
from slide2iiif.samples.tissue import tissue

HERE = Path(__file__).parent
MAIN = "import sys; from slide2iiif.cli import main; sys.exit(main())"

VIEWERS = ["openseadragon"]
SLIDES = {
    "dir2/section 3.png": Size(3001, 2203),
    "narrow.png": Size(150, 1300),  # a tile as wide as the image has names of its own
    "one tile.png": Size(200, 120),
}
IDENTIFIERS = {name: name.replace(" ", "!20") for name in SLIDES}


class Service(NamedTuple):
    base_url: str
    api: Api


def export_tree(source: Path, dest: Path, base_url: str, api: Api) -> None:
    """Publish slides as a user does."""
    command = [sys.executable, "-c", MAIN, "export", str(source), str(dest)]
    options = ["--base-url", base_url, "--api", str(api), "--tile-size", "256", "--quiet"]
    subprocess.run([*command, *options], check=True, timeout=PATIENCE)


@pytest.fixture(scope="module")
def slides(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("slides")
    for name, size in SLIDES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        Image.fromarray(tissue(Region(0, 0, *size), size)).save(folder / name, compress_level=1)
    return folder


@pytest.fixture(scope="module")
def services(slides: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Service]]:
    folder = tmp_path_factory.mktemp("published")
    port_2, port_3 = free_port(), free_port()
    base_2, base_3 = f"http://127.0.0.1:{port_2}/iiif", f"http://127.0.0.1:{port_3}/iiif"
    export_tree(slides, folder / "tree2", base_2, Api.V2)
    export_tree(slides, folder / "tree3", base_3, Api.V3)
    with (
        running_nginx(folder / "tree2", folder / "run2", port_2),
        running_nginx(folder / "tree3", folder / "run3", port_3, "--api-3"),
    ):
        yield {
            "2.1": Service(base_2, Api.V2),
            "3.0 rewritten": Service(f"{base_2}-v3", Api.V3),
            "3.0 stored": Service(base_3, Api.V3),
        }


def look(node: str, viewer: str, info: str, screenshots: Path) -> dict[str, Any]:
    """Let the driver look at a slide and give its report."""
    screenshots.mkdir(parents=True, exist_ok=True)
    chromium = program("chromium", "chromium-browser", "google-chrome")
    command = [node, str(HERE / "drive.mjs"), "--page", viewer, "--info", info, "--chromium", chromium]
    result = subprocess.run(
        [*command, "--screenshots", str(screenshots)], check=False, capture_output=True, text=True, timeout=PATIENCE
    )
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert isinstance(report, dict)
    return report


def published(info: str) -> Pyramid:
    with urlopen(info, timeout=PATIENCE) as response:  # noqa: S310 - the address of our own server
        document = json.load(response)
    return plan_pyramid(Size(document["width"], document["height"]), document["tiles"][0]["width"])


def levels_asked_for(pyramid: Pyramid, paths: set[str], api: Api) -> set[int]:
    """Tell the levels that the requests belong to; the aliases of narrow images count for the finest one."""
    levels = {tile.level for tile in (tile_of_path(pyramid, path, api) for path in paths) if tile is not None}
    for picture in pictures(pyramid, api):
        if paths.intersection(picture.paths):
            levels |= {level.index for level in pyramid.levels if level.size == picture.size}
    if any(path.split("/")[1] in {"full", "max"} for path in paths):
        levels.add(0)
    return levels


@pytest.mark.parametrize("name", SLIDES)
@pytest.mark.parametrize("served", ["2.1", "3.0 rewritten", "3.0 stored"])
@pytest.mark.parametrize("viewer", VIEWERS)
def test_a_viewer_finds_every_picture_that_it_asks_for(
    viewer: str, served: str, name: str, services: dict[str, Service], node: str, artefacts: Path
) -> None:
    service = services[served]
    uri = f"{service.base_url}/{IDENTIFIERS[name]}"
    folder = artefacts / f"{viewer} {served} {name}".replace("/", "-").replace(" ", "_")
    report = look(node, viewer, f"{uri}/info.json", folder)

    assert report["failures"] == []
    assert report["complaints"] == []
    assert report["size"] == {"width": SLIDES[name].width, "height": SLIDES[name].height}

    asked = {unquote(request["url"]) for request in report["requests"]}
    paths = {url.removeprefix(f"{uri}/") for url in asked if url.startswith(f"{uri}/")}
    assert "info.json" in paths
    pyramid = published(f"{uri}/info.json")
    tiles = paths - {"info.json"}
    assert levels_asked_for(pyramid, tiles, service.api) == {level.index for level in pyramid.levels}
    finest = {tile for tile in (tile_of_path(pyramid, path, service.api) for path in tiles) if tile and not tile.level}
    last = (pyramid.levels[0].columns - 1, pyramid.levels[0].rows - 1)
    if min(last):
        assert {(0, 0), (last[0], 0), (0, last[1]), last} <= {(tile.column, tile.row) for tile in finest}


def test_the_lock_file_names_no_registry() -> None:
    lock = json.loads((HERE / "package-lock.json").read_text(encoding="utf-8"))
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
