"""The site of the documents is built strictly, has every document, and loads nothing from another host."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from patience import PATIENCE

import slide2iiif

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "mkdocs.yml"
LOADS = {"link": "href", "script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "use": "href"}
"""Elements that have a browser fetch something, and the attribute that says what; links for reading are others."""


class Fetched(HTMLParser):
    """Addresses that a page fetches by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an element fetches."""
        values = dict(attrs)
        if (
            tag in LOADS
            and (address := values.get(LOADS[tag]))
            and values.get("rel") not in {"canonical", "next", "prev"}
        ):
            self.found.append(address)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Site as the gate builds it."""
    pytest.importorskip("mkdocs")
    folder = tmp_path_factory.mktemp("docs") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(folder)]
    result = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE)
    assert result.returncode == 0, result.stderr
    return folder


def pages(site: Path) -> list[Path]:
    return sorted(site.rglob("*.html"))


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_every_document_is_a_page(site: Path) -> None:
    for path in (ROOT / "docs").glob("*.md"):
        assert (site / f"{path.stem}.html").is_file()
    others = {"index", "architecture", "changelog", "contributing", "security", "serving", "examples"}
    assert {f"{name}.html" for name in others} <= {path.name for path in pages(site)}


def test_links_between_pages_lead_to_pages(site: Path) -> None:
    for page in pages(site):
        if page.name == "404.html":  # is shown at any address, so its links begin at the root of the host
            continue
        for target in re.findall(r'<a [^>]*href="([^"]+)"', text_of(page)):
            if not re.match(r"[a-z]+:", target):
                name = target.partition("#")[0]
                assert (page.parent / name).exists(), (page.name, target)


def test_files_that_documents_speak_of_are_shown(site: Path) -> None:
    for name in ("github-actions.yml", "gitlab-ci.yml", "publish.py"):
        assert f'href="files/{name}.html"' in text_of(site / "ci.html")
        shown = re.sub(r"<[^>]+>", "", text_of(site / "files" / f"{name}.html"))
        [line, *_] = (ROOT / "examples" / name).read_text(encoding="utf-8").splitlines()
        assert line.strip('"# .') in shown


def test_nothing_is_fetched_from_another_host(site: Path) -> None:
    for page in pages(site):
        fetched = Fetched()
        fetched.feed(text_of(page))
        assert fetched.found
        assert [address for address in fetched.found if re.match(r"([a-z]+:)?//", address)] == []


def test_no_style_sheet_fetches_from_another_host(site: Path) -> None:
    sheets = list(site.rglob("*.css"))
    assert sheets
    for sheet in sheets:
        named = re.findall(r"url\(['\"]?([^)'\"]+)|@import\s+['\"]([^'\"]+)", text_of(sheet))
        assert [each for pair in named for each in pair if re.match(r"([a-z]+:)?//", each)] == []


def test_nothing_of_the_theme_that_asks_another_host_is_switched_on(site: Path) -> None:
    config = yaml.safe_load(text_of(CONFIG))
    # With an address of the repository, the theme asks its host for stars and releases; diagrams come from a CDN.
    assert "repo_url" not in config
    assert config["theme"]["font"] is False
    assert "analytics" not in config["extra"]
    assert not any('class="mermaid"' in text_of(page) for page in pages(site))


def test_the_page_of_the_api_is_made_from_the_package(site: Path) -> None:
    assert "Public functions for notebooks and pipelines" in text_of(site / "api.html")


def test_the_page_of_the_api_has_every_name_that_the_package_offers(site: Path) -> None:
    headings = re.findall(r'id="slide2iiif\.(?:api\.)?(\w+)"', text_of(site / "api.html"))
    # A function hides behind a folder of its name: `::: slide2iiif.api` in docs/api.md shows it all the same.
    assert set(slide2iiif.__all__) - {"__version__"} <= set(headings)


def test_the_titles_of_the_navigation_are_plain_english() -> None:
    nav = yaml.safe_load(text_of(CONFIG))["nav"]
    titles = [title for entry in nav for title in entry]
    titles += [
        title
        for entry in nav
        for pages in entry.values()
        if isinstance(pages, list)
        for page in pages
        for title in page
    ]
    assert all(re.fullmatch(r"[A-Z][A-Za-z ]+", title) for title in titles)
    assert len(titles) == len(set(titles))
