"""Pages of a tree in a real browser through the shipped nginx configuration: safe, accessible, and right to the pixel.

The drivers report every request and every complaint of the browser, a breach of the page's own policy included.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from commands import run_command
from patience import PATIENCE
from PIL import Image
from serving import free_port, program, running_nginx

from slide2iiif.geometry import Region, Size
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.paths import tile_of_path
from slide2iiif.iiif.pyramid import plan_pyramid
from slide2iiif.samples.tissue import tissue

HERE = Path(__file__).parent
SECTION = Size(3001, 2203)
TILE = 256
PLAIN = "section.png"
BY_INFO = ("openseadragon", "openseadragon4", "openlayers", "leaflet")
BY_MANIFEST = ("mirador", "mirador3", "universalviewer", "clover", "tify")
OWN_COMPLAINTS = {
    "mirador": ("Accessing element.ref was removed in React 19",),
    "universalviewer": ("Failed to load resource: the server responded with a status of 404",),
}
"""What viewers complain of by themselves: a notice of a library, a picture of its own that is missing."""

PAYLOADS = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg onload=alert(1)>", "<b>bold</b>",
    '"><script>alert(1)</script>', "'><script>alert(1)</script>", '" onmouseover="alert(1)', "' onfocus='alert(1)' x='",
    '" autofocus onfocus=alert(1) x="', "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)",
    "data:text,<script>alert(1)<", "vbscript:msgbox(1)", "&lt;script&gt;alert(1)&lt;", "&#60;script&#62;alert(1)",
    "&quot;onload=alert(1)", "%3Cscript%3Ealert(1)%3C", "%22%3E%3Cimg src=x onerror=alert(1)%3E", "a\u202egpj.exe",
    "a\u2066b\u2069c", "a\u200fb", "a\u2028b", "a\u2029b", "a\x01b", "a\nb", "a\rb", "a\tb",
    "{{ 7*7 }}", "{% raw %}", "{{ self }}", "${alert(1)}", "`alert(1)`", "</title><script>alert(1)<",
    "<!-- comment", "--><script>alert(1)<", "]]><script>alert(1)<", "\ufeffbom", "<iframe srcdoc=x>", "<base href=x>",
    "<meta http-equiv=refresh content=0>", "\\u003cscript\\u003e",
)  # fmt: skip


def drive(
    driver: str, node: str, jobs: list[dict[str, Any]], screenshots: Path, *options: str
) -> dict[str, dict[str, Any]]:
    """Run a driver over its jobs and give its reports by name."""
    screenshots.mkdir(parents=True, exist_ok=True)
    chromium = program("chromium", "chromium-browser", "google-chrome")
    command = [node, str(HERE / driver), "--chromium", chromium, "--screenshots", str(screenshots), *options]
    done = subprocess.run(
        command, input=json.dumps(jobs), capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
    reports = json.loads(done.stdout)
    assert isinstance(reports, dict)
    assert set(reports) == {job["name"] for job in jobs}
    return reports


def write_slide(file: Path, size: Size) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(tissue(Region(0, 0, *size), size)).save(file, compress_level=1)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("slides")
    write_slide(folder / PLAIN, SECTION)
    write_slide(folder / "ward 7" / "small.png", Size(300, 200))
    for number, payload in enumerate(PAYLOADS):
        name = payload.replace("/", "\u2215")
        (folder / "hostile" / f"{name}.synthetic").parent.mkdir(exist_ok=True)
        size = json.dumps({"width": 200 + number, "height": 150})
        (folder / "hostile" / f"{name}.synthetic").write_text(size, encoding="ascii")
    return folder


@pytest.fixture(scope="module")
def bases(source: Path, node: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Base URLs of the same slides: stored as 2.1 and as 3.0."""
    assert node
    folder = tmp_path_factory.mktemp("published")
    ports = {"2.1": free_port(), "3.0": free_port()}
    bases = {version: f"http://127.0.0.1:{port}/iiif" for version, port in ports.items()}
    for version, base in bases.items():
        options = [
            "--tile-size",
            TILE,
            "--quality",
            95,
            "--subsampling",
            444,
            "--viewer-files",
            HERE,
            "--mpp",
            0.5,
            "-q",
        ]
        tree = folder / version
        run_command("export", source, tree, "--base-url", base, "--api", version[0], *options, "-q").check_returncode()
    with (
        running_nginx(folder / "2.1", folder / "run2", ports["2.1"]),
        running_nginx(folder / "3.0", folder / "run3", ports["3.0"], "--api-3"),
    ):
        yield bases


@pytest.fixture(scope="module")
def shots(artefacts: Path) -> Path:
    return artefacts / "site"


@pytest.fixture(scope="module")
def tours(bases: dict[str, str], node: str, shots: Path) -> dict[str, dict[str, Any]]:
    """Reports of all viewers on both versions."""
    opened = dict.fromkeys(BY_INFO, "info.json") | dict.fromkeys(BY_MANIFEST, "manifest.json")
    jobs = [
        {"name": f"{viewer} {version}", "viewer": viewer, "open": f"{base}/{PLAIN}/{document}"}
        for version, base in bases.items()
        for viewer, document in opened.items()
    ]
    return drive("tour.mjs", node, jobs, shots)


@pytest.mark.parametrize("version", ["2.1", "3.0"])
@pytest.mark.parametrize("viewer", [*BY_INFO, *BY_MANIFEST])
def test_a_viewer_goes_to_full_resolution_and_back_without_a_failed_request(
    viewer: str, version: str, tours: dict[str, dict[str, Any]], bases: dict[str, str]
) -> None:
    report = tours[f"{viewer} {version}"]
    ours = [failure for failure in report["failures"] if bases[version] in failure]
    assert ours == []
    known = OWN_COMPLAINTS.get(viewer, ())
    assert [each for each in report["complaints"] if not each.startswith(known or ("\0",))] == []
    uri = f"{bases[version]}/{PLAIN}/"
    paths = [unquote(url).removeprefix(uri) for url in report["requests"] if url.startswith(uri)]
    tiles = [tile_of_path(plan_pyramid(SECTION, TILE), path, Api(version[0])) for path in paths]
    assert 0 in {tile.level for tile in tiles if tile is not None}


def view(base: str, name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "url": f"{base}/{PLAIN}/", "viewer": True, **more}


@pytest.mark.parametrize("version", ["2.1", "3.0"])
def test_the_pixels_on_the_screen_at_full_resolution_are_those_of_the_source(
    version: str, bases: dict[str, str], node: str, shots: Path, source: Path
) -> None:
    base = bases[version]
    job = view(base, f"pixels {version}") | {"url": f"{base}/{PLAIN}/#x=1500&y=1100&scale=1"}
    [report] = drive("pages.mjs", node, [job], shots, "--webgl").values()
    assert report["complaints"] == report["failures"] == []
    shown = np.asarray(Image.open(shots / f"pixels {version}.png").convert("RGB")).astype(float)
    height, width, _ = shown.shape
    # The slide fills what lies below the bar, and its middle is at the place that the fragment names.
    middle_x, middle_y = width // 2, (height + 54) // 2
    true = np.asarray(Image.open(source / PLAIN).convert("RGB")).astype(float)
    best = 0.0
    for shift_y in (-1, 0, 1):
        for shift_x in (-1, 0, 1):
            wanted = true[1100 + shift_y - 150 : 1100 + shift_y + 150, 1500 + shift_x - 200 : 1500 + shift_x + 200]
            seen = shown[middle_y - 150 : middle_y + 150, middle_x - 200 : middle_x + 200]
            best = max(best, 10 * np.log10(255**2 / max(np.mean((wanted - seen) ** 2), 1e-9)))
    assert best > 33


def test_pages_are_accessible_and_complain_of_nothing_on_phones_and_desks_by_day_and_night(
    bases: dict[str, str], node: str, shots: Path
) -> None:
    base = bases["2.1"]
    jobs = []
    for width, height in ((1280, 800), (390, 800)):
        for dark in (False, True):
            look = {"width": width, "height": height, "dark": dark, "axe": True}
            kind = f"{width} {'dark' if dark else 'light'}"
            jobs.append({"name": f"gallery {kind}", "url": f"{base}/", **look})
            jobs.append(view(base, f"viewer {kind}", clicks=["#about-button"], **look))
    for name, report in drive("pages.mjs", node, jobs, shots).items():
        assert report["failures"] == [], name
        assert report["complaints"] == [], name
        assert [found for found in report["axe"] if found["impact"] in {"serious", "critical"}] == [], name


def test_hostile_names_do_nothing_and_are_shown_as_they_are(bases: dict[str, str], node: str, shots: Path) -> None:
    script = """({ names: [...document.querySelectorAll('main .name')].map((each) => each.textContent),
        scripts: document.scripts.length, elements: document.querySelectorAll('main img, main svg').length,
        strange: document.querySelectorAll('iframe, base, main b, main script, [onerror], [onload]').length })"""
    job = {"name": "hostile", "url": f"{bases['2.1']}/hostile/", "evaluate": script}
    [report] = drive("pages.mjs", node, [job], shots).values()
    assert report["complaints"] == report["failures"] == []
    value = report["value"]
    assert value["strange"] == 0
    assert value["scripts"] == 1
    assert len(value["names"]) == len(PAYLOADS) == value["elements"]
    shown = set(value["names"])
    assert {"<script>alert(1)<\u2215script>.synthetic", "javascript:alert(1).synthetic", "{{ 7*7 }}.synthetic"} <= shown
    assert {r"a\u202egpj.exe.synthetic", r"a\u2028b.synthetic", r"a\x0ab.synthetic"} <= shown


def test_viewer_pages_of_hostile_names_do_nothing_either(bases: dict[str, str], node: str, shots: Path) -> None:
    links = "[...document.querySelectorAll('main .card')].map((each) => each.href)"
    first = {"name": "links", "url": f"{bases['2.1']}/hostile/", "evaluate": links}
    [report] = drive("pages.mjs", node, [first], shots).values()
    assert len(report["value"]) == len(PAYLOADS)
    jobs = [{"name": f"hostile {number}", "url": url} for number, url in enumerate(report["value"])]
    for job, told in zip(jobs, drive("pages.mjs", node, jobs, shots / "hostile").values(), strict=True):
        assert told["complaints"] == told["failures"] == [], job["url"]


def test_the_policy_of_a_page_stops_a_script_that_slips_through(bases: dict[str, str], node: str, shots: Path) -> None:
    script = """new Promise((resolve) => {
        const slipped = document.createElement('div');
        slipped.innerHTML = '<img src="missing.png" onerror="window.slipped = true">';
        document.body.append(slipped);
        setTimeout(() => resolve(window.slipped === undefined), 500);
    })"""
    job = {"name": "policy", "url": f"{bases['2.1']}/", "evaluate": script}
    [report] = drive("pages.mjs", node, [job], shots).values()
    assert report["value"] is True
    assert any("Content Security Policy" in complaint for complaint in report["complaints"])


def test_a_link_leads_to_the_exact_view_and_the_copied_address_is_a_file(
    bases: dict[str, str], node: str, shots: Path
) -> None:
    script = """new Promise((resolve) => {
        const clipboard = { writeText: async (text) => { window.copied = text; } };
        Object.defineProperty(navigator, 'clipboard', { value: clipboard });
        document.querySelector('[data-do=region]').click();
        setTimeout(async () => resolve({ copied: window.copied, hash: location.hash,
            status: (await fetch(window.copied)).status, bar: document.getElementById('scalebar-label').textContent,
            rotation: window.slideViewer.viewport.getRotation(true) }), 800);
    })"""
    jobs = [
        view(base, f"link {version}", evaluate=script) | {"url": f"{base}/{PLAIN}/#x=900&y=700&scale=0.5&rotation=30"}
        for version, base in bases.items()
    ]
    for name, report in drive("pages.mjs", node, jobs, shots).items():
        value = report["value"]
        assert report["failures"] == [], name
        assert value["status"] == 200
        assert value["rotation"] == pytest.approx(30)
        assert "512,512,512,512/256," in value["copied"]
        assert value["bar"] == "100 µm"


def test_without_scripts_there_is_a_picture(bases: dict[str, str], node: str, shots: Path) -> None:
    job = {"name": "no script", "url": f"{bases['2.1']}/{PLAIN}/", "script_off": True}
    [report] = drive("pages.mjs", node, [job], shots).values()
    assert report["complaints"] == report["failures"] == []
    assert any(url.endswith("full/max/0/default.jpg") for url in report["requests"])
