"""The pages of a tree and when they change."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from stagings import put

from slide2iiif.errors import UsageError
from slide2iiif.iiif.paths import pictures
from slide2iiif.options import Options, SiteOptions, Viewer
from slide2iiif.records.receipt import Receipt, Settings
from slide2iiif.records.receipts import Receipts
from slide2iiif.site import gallery, openseadragon
from slide2iiif.site.assets import asset_folder
from slide2iiif.site.gallery import Gallery, remove_site, reopen_gallery
from slide2iiif.stores.folder.store import FolderStore

BASE_URL = "https://host.example/iiif"
PLAIN = SiteOptions()


class Tree:
    """A tree of slides that have receipts and the files of the gallery, and no tiles."""

    def __init__(self, store: FolderStore) -> None:
        self.store = store
        self.root = store.root
        self.receipts = Receipts(store.private)

    def gallery(self, options: SiteOptions = PLAIN, base_url: str = BASE_URL) -> Gallery:
        return Gallery(self.store, self.receipts, options, base_url)

    def publish(self, pages: Gallery, *identifiers: str, **fields: object) -> None:
        """Publish slides as an export does, all but their tiles."""
        for identifier in identifiers:
            receipt = replace(receipt_of(identifier), **fields)  # type: ignore[arg-type]
            pages.begin()
            staging = self.store.stage(identifier)
            for name, content in [*pages.slide_files(receipt), ("info.json", b"{}")]:
                put(staging, [name], content)
            self.store.publish(identifier, staging)
            self.receipts.write(receipt)
            pages.changed(identifier)

    def export(self, *identifiers: str, options: SiteOptions = PLAIN, **fields: object) -> None:
        pages = self.gallery(options)
        self.publish(pages, *identifiers, **fields)
        pages.update()

    def files(self) -> dict[str, tuple[int, bytes]]:
        """Public files by path: inode and content."""
        found = (path for path in self.root.rglob("*") if path.is_file() and ".slide2iiif" not in path.parts)
        return {path.relative_to(self.root).as_posix(): (path.stat().st_ino, path.read_bytes()) for path in found}

    def links(self, page: str) -> list[str]:
        """Paths in the tree that a page names."""
        links = Links()
        links.feed((self.root / page).read_text(encoding="utf-8"))
        here = (self.root / page).parent
        return [
            (here / unquote(link)).resolve().relative_to(self.root.resolve()).as_posix()
            for link in links.found
            if not re.match("[a-z]+:", link)
        ]

    def json(self, path: str) -> dict[str, object]:
        document = json.loads((self.root / path).read_bytes())
        assert isinstance(document, dict)
        return document


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del tag
        for name, value in attrs:
            if name in {"href", "src"} and value and not value.startswith("#"):
                self.found.append(value)
            if name == "srcset" and value:
                self.found += [each.split()[0] for each in value.split(",")]


def receipt_of(identifier: str) -> Receipt:
    return Receipt(
        identifier=identifier,
        fingerprint="00ff",
        settings=Settings.of(Options()),
        base_url=BASE_URL,
        other_base_url=f"{BASE_URL}-v3",
        width=17408,
        height=14336,
        tile_size=256,
        microns_per_pixel=0.25,
        tiles=1,
        files=1,
        stored_bytes=1,
        levels=[],
        damaged=[],
        objective=40.0,
        format="aperio",
        source=f"SECRET/{identifier}",
    )


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    with FolderStore(tmp_path / "public") as store:
        yield Tree(store)


def test_every_folder_and_every_slide_has_a_page_and_a_document(tree: Tree) -> None:
    tree.export("a.svs", "ward/b.svs", "ward/deep/er/c.svs")
    names = {name for name in tree.files() if not name.startswith("!site-") and not name.endswith("info.json")}
    slides = {"a.svs", "ward/b.svs", "ward/deep/er/c.svs"}
    folders = {"", "ward/", "ward/deep/", "ward/deep/er/"}
    assert names == {
        *(f"{slide}/{name}" for slide in slides for name in ("index.html", "manifest.json")),
        *(f"{folder}{name}" for folder in folders for name in ("index.html", "collection.json")),
    }


def test_every_link_of_every_page_leads_to_a_file_or_to_a_picture_that_is_published(tree: Tree) -> None:
    tree.export("a.svs", "ward/b!20c.svs", "ward/deep/er/c.svs", f"long{'x' * 200}!/y.svs")
    paths = {
        path for each in pictures(receipt_of("x").service(Options().api).pyramid, Options().api) for path in each.paths
    }
    pages = [name for name in tree.files() if name.endswith(".html")]
    assert len(pages) == 8
    for page in pages:
        links = tree.links(page)
        assert links
        for link in links:
            picture = re.search(r"full/[^/]+/0/default\.jpg$", link)
            assert picture[0] in paths if picture else (tree.root / link).is_file(), (page, link)


def test_a_collection_names_the_documents_of_its_folders_and_slides(tree: Tree) -> None:
    tree.export("a.svs", "ward/b.svs")
    items = tree.json("collection.json")["items"]
    assert isinstance(items, list)
    assert [(item["type"], item["id"], item["label"]["none"]) for item in items] == [
        ("Collection", f"{BASE_URL}/ward/collection.json", ["ward"]),
        ("Manifest", f"{BASE_URL}/a.svs/manifest.json", ["a.svs"]),
    ]


def test_nothing_of_the_source_is_in_any_file(tree: Tree) -> None:
    tree.export("a.svs", "ward/b.svs")
    assert not [name for name, (_, content) in tree.files().items() if b"SECRET" in content or b"00ff" in content]


def test_a_run_that_changes_nothing_reads_no_receipt_and_writes_no_file(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree.export("a.svs", "ward/b.svs")
    before = tree.files()
    monkeypatch.setattr(Receipts, "read", lambda *_: pytest.fail("a receipt was read"))
    monkeypatch.setattr(Receipts, "children", lambda *_: pytest.fail("a folder was listed"))
    tree.gallery().update()
    assert tree.files() == before


def test_a_slide_that_is_added_changes_the_pages_above_it_and_no_other(tree: Tree) -> None:
    tree.export("a.svs", "ward/b.svs", "other/c.svs")
    before = tree.files()
    tree.export("ward/new/d.svs")
    after = tree.files()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"index.html", "ward/index.html", "ward/collection.json"}
    assert "ward/new/index.html" in tree.links("ward/index.html")
    assert b"4 slides in all" in after["index.html"][1]


def test_a_slide_is_published_before_any_page_names_it(tree: Tree) -> None:
    tree.export("a.svs")
    pages = tree.gallery()
    tree.publish(pages, "ward/b.svs")
    assert not [link for link in tree.links("index.html") if "ward" in link]
    pages.update()
    assert "ward/index.html" in tree.links("index.html")


def test_a_slide_that_is_to_go_is_named_by_no_page_while_it_is_still_there(tree: Tree) -> None:
    tree.export("a.svs", "ward/b.svs", "ward/c.svs", "gone/d.svs")
    tree.gallery().update(leaving=frozenset({"ward/b.svs", "gone/d.svs"}))
    assert (tree.root / "ward/b.svs/info.json").is_file()
    for name, (_, content) in tree.files().items():
        if name.endswith(("index.html", "collection.json")) and not name.startswith(("ward/b.svs", "gone/d.svs")):
            assert b"b.svs" not in content, name
            assert b"gone" not in content, name
    assert not (tree.root / "gone/index.html").exists()
    assert not (tree.root / "gone/collection.json").exists()
    for each in ("ward/b.svs", "gone/d.svs"):
        tree.store.remove(each)
        tree.receipts.remove(each)
    assert not (tree.root / "gone").exists()
    assert not tree.store.private.is_folder("site/gone")


def test_a_run_that_was_cut_off_is_made_good_by_the_next(tree: Tree) -> None:
    tree.export("a.svs")
    tree.publish(tree.gallery(), "ward/b.svs")
    tree.gallery().update()
    assert "ward/index.html" in tree.links("index.html")


@pytest.mark.parametrize(
    "options",
    [
        SiteOptions(title="Ward 7"),
        SiteOptions(rights="http://creativecommons.org/licenses/by/4.0/"),
        SiteOptions(attribution="Pathology"),
        SiteOptions(mirador="https://mirador.example/"),
    ],
)
def test_a_change_of_an_option_reaches_every_page(tree: Tree, options: SiteOptions) -> None:
    tree.export("a.svs", "ward/b.svs")
    before = tree.files()
    tree.gallery(options).update()
    after = tree.files()
    changed = {name for name in before if before[name] != after[name]}
    assert {"a.svs/index.html", "ward/b.svs/index.html"} <= changed
    assert before.keys() == after.keys()
    tree.gallery().update()
    assert {name: content for name, (_, content) in tree.files().items()} == {
        name: content for name, (_, content) in before.items()
    }


def test_another_base_url_changes_documents_and_no_page(tree: Tree) -> None:
    tree.export("a.svs", "ward/b.svs")
    before = tree.files()
    for identifier in ("a.svs", "ward/b.svs"):
        tree.receipts.write(receipt_of(identifier).moved("https://new.example", None))
    pages = reopen_gallery(tree.store, tree.receipts, "https://new.example")
    assert pages is not None
    pages.update()
    after = tree.files()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"a.svs/manifest.json", "ward/b.svs/manifest.json", "collection.json", "ward/collection.json"}
    assert not [name for name in changed if b"host.example" in after[name][1]]


def test_a_large_folder_has_several_pages_and_a_collection_of_collections(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery, "ENTRIES", 3)
    tree.export(*(f"{number}.svs" for number in range(8)), "ward/a.svs")
    listed = [link for page in ("index.html", "!page2.html", "!page3.html") for link in tree.links(page)]
    shown = [link for link in listed if re.fullmatch(r"(\d|ward)[^/]*/index\.html", link)]
    assert shown == ["ward/index.html", *(f"{number}.svs/index.html" for number in range(8))]
    items = tree.json("collection.json")["items"]
    assert isinstance(items, list)
    assert [item["id"] for item in items] == [f"{BASE_URL}/!page{number}.json" for number in (1, 2, 3)]
    inner = [tree.json(f"!page{number}.json")["items"] for number in (1, 2, 3)]
    assert [len(each) for each in inner if isinstance(each, list)] == [3, 3, 3]


def test_pages_that_are_not_needed_any_more_go(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gallery, "ENTRIES", 2)
    names = [f"{number}.svs" for number in range(5)]
    tree.export(*names)
    assert (tree.root / "!page3.html").is_file()
    tree.gallery().update(leaving=frozenset(names[2:]))
    assert not list(tree.root.glob("!page*"))
    assert len([link for link in tree.links("index.html") if link.endswith(".svs/index.html")]) == 2


def test_an_empty_tree_has_a_page_that_says_so(tree: Tree) -> None:
    tree.gallery().update()
    assert b"0 slides" in (tree.root / "index.html").read_bytes()


def test_somebodys_own_page_is_left_alone(tree: Tree) -> None:
    (tree.root / "index.html").write_text("<title>Ours</title>")
    tree.export("a.svs")
    assert (tree.root / "index.html").read_text() == "<title>Ours</title>"
    remove_site(tree.store, tree.receipts)
    assert (tree.root / "index.html").read_text() == "<title>Ours</title>"


def test_pages_that_were_damaged_are_put_right(tree: Tree) -> None:
    tree.export("a.svs", "ward/b.svs")
    before = tree.files()
    for name in before:
        if not name.endswith("info.json"):
            (tree.root / name).write_bytes(b"")
    (tree.root / "ward/index.html").unlink()
    pages = reopen_gallery(tree.store, tree.receipts)
    assert pages is not None
    pages.rewrite()
    assert {name: content for name, (_, content) in tree.files().items()} == {
        name: content for name, (_, content) in before.items()
    }


def test_a_site_can_be_removed_and_nothing_of_it_stays(tree: Tree) -> None:
    tree.export("a.svs", "ward/deep/b.svs")
    remove_site(tree.store, tree.receipts)
    assert set(tree.files()) == {"a.svs/info.json", "ward/deep/b.svs/info.json"}
    assert reopen_gallery(tree.store, tree.receipts, BASE_URL) is None


def test_files_of_another_design_go_when_all_pages_have_the_new_one(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery, "design", lambda: "0" * 12)
    monkeypatch.setattr(gallery, "asset_folder", lambda: f"!site-{'0' * 12}")
    tree.export("a.svs")
    assert (tree.root / f"!site-{'0' * 12}").is_dir()
    monkeypatch.undo()
    tree.export("b.svs")
    assert [path.name for path in tree.root.glob("!site-*")] == [asset_folder()]
    assert all((tree.root / link).is_file() for link in tree.links("a.svs/index.html") if "!site" in link)


def test_the_viewer_lies_in_the_tree_where_it_is_asked_for(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openseadragon, "DIGEST", openseadragon._digest(b"viewer"))
    options = SiteOptions(viewer=Viewer.LOCAL)
    pages = Gallery(tree.store, tree.receipts, options, BASE_URL, lambda: b"viewer")
    tree.publish(pages, "a.svs")
    pages.update()
    [script] = [link for link in tree.links("a.svs/index.html") if "openseadragon" in link]
    assert (tree.root / script).read_bytes() == b"viewer"
    assert "https:" not in re.sub(r'href="https:[^"]*"', "", (tree.root / "a.svs/index.html").read_text())
    # It is there now, so nobody has to get it again.
    Gallery(tree.store, tree.receipts, options, BASE_URL).update()
    monkeypatch.setattr(gallery, "asset_folder", lambda: "!site-new")
    Gallery(tree.store, tree.receipts, options, BASE_URL)
    (tree.root / script).write_bytes(b"changed")
    with pytest.raises(UsageError, match="export with --viewer local"):
        Gallery(tree.store, tree.receipts, options, BASE_URL)


def test_a_page_names_the_cdn_with_the_digest_and_allows_no_other_script(tree: Tree) -> None:
    tree.export("a.svs")
    text = (tree.root / "a.svs/index.html").read_text()
    assert f'src="{openseadragon.CDN}" integrity="{openseadragon.DIGEST}" crossorigin="anonymous"' in text
    [policy] = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert f"script-src &#39;self&#39; {openseadragon.CDN};" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("objective", "labels"),
    [
        (40.0, ["1×", "5×", "10×", "20×", "40×"]),
        (20.0, ["1×", "5×", "10×", "20×"]),
        (None, ["10%", "25%", "50%", "100%"]),
    ],
)
def test_there_is_a_button_for_every_magnification_up_to_the_objectives(
    tree: Tree, objective: float | None, labels: list[str]
) -> None:
    tree.export("a.svs", objective=objective)
    found = re.findall(r'data-scale="([\d.]+)"[^>]*>([^<]+)<', (tree.root / "a.svs/index.html").read_text())
    assert [label for _, label in found] == labels
    assert float(found[-1][0]) == 1.0


def test_properties_that_were_asked_for_are_shown_escaped(tree: Tree) -> None:
    tree.export("a.svs", published_properties={"aperio.<b>": "</dd><script>alert(1)</script>"})
    text = (tree.root / "a.svs/index.html").read_text()
    assert "&lt;/dd&gt;&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<script>alert" not in text


def test_pictures_that_were_asked_for_are_shown(tree: Tree) -> None:
    tree.export("a.svs", associated={"associated/macro": [1280, 431, 256]})
    assert "a.svs/associated/macro/full/max/0/default.jpg" in tree.links("a.svs/index.html")


@pytest.mark.parametrize("value", ["javascript:alert(1)", "//host", "http://a b", 'http://a"b', "ftp://host/x"])
def test_an_address_that_a_page_links_to_is_a_plain_url(value: str) -> None:
    with pytest.raises(UsageError, match=r"--rights .* must be a URL"):
        SiteOptions(rights=value)
    with pytest.raises(UsageError, match=r"--mirador .* must be a URL"):
        SiteOptions(mirador=value)
