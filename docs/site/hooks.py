"""Pages of the site that lie elsewhere in the repository, and links that lead to their place in either.

Documents link to each other by their places in the repository, so that they can be read there. On the site, documents
outside of `docs/` are pages beside the others, and files that they speak of are pages that show them.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]

DOCUMENTS = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "architecture.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "nginx/README.md": "serving.md",
    "examples/README.md": "examples.md",
}
"""Documents of the repository that are pages, by the page that each becomes."""

SHOWN = (
    "CITATION.cff",
    "Containerfile",
    "LICENSE",
    "compose.yaml",
    "container/constraints.txt",
    "examples/fetch_slides.py",
    "examples/github-actions.yml",
    "examples/gitlab-ci.yml",
    "examples/notebook.py",
    "examples/publish.py",
    "examples/s3_event.py",
    "examples/slides.path",
    "examples/slides.service",
    "hosting/cloudfront.js",
    "nginx/s3-cors.json",
    "nginx/slide2iiif.conf",
)
"""Files that documents link to; each is shown on a page of its own."""

_LANGUAGES = {
    ".cff": "yaml",
    ".conf": "nginx",
    ".js": "js",
    ".json": "json",
    ".path": "ini",
    ".py": "python",
    ".service": "ini",
    ".yaml": "yaml",
    ".yml": "yaml",
}
_LINK = re.compile(r"(\]\()([^)\s#]*)(#[^)\s]*)?(\))")
_FOLDER_DOCUMENT = "README.md"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that do not lie in the folder of documents."""
    for name, page in DOCUMENTS.items():
        files.append(File.generated(config, page, content=(ROOT / name).read_text(encoding="utf-8")))
    for name in SHOWN:
        files.append(File.generated(config, _page_of_shown(name), content=_show(name)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - mkdocs's own
    """Return the text of a page with links to the pages of the site."""
    here = page.file.src_uri
    if here in {_page_of_shown(name) for name in SHOWN}:
        return markdown
    places = {page: name for name, page in DOCUMENTS.items()}
    return plain_pipes(site_links(markdown, places.get(here, f"docs/{here}"), here))


def plain_pipes(markdown: str) -> str:
    r"""Return a text with `\|` in code turned into a pipe.

    Tables elsewhere need the stroke, and those of the site show it.
    """
    return re.sub(r"`[^`\n]*`", lambda match: match[0].replace(r"\|", "|"), markdown)


def site_links(markdown: str, place: str, page: str) -> str:
    """Return a text with its links between places of the repository turned into links between pages."""

    def turn(match: re.Match[str]) -> str:
        target = match[2]
        if not target or re.match(r"[a-z]+:", target):
            return match[0]
        name = posixpath.normpath(posixpath.join(posixpath.dirname(place), target))
        return f"{match[1]}{_way(_page_of(name), page)}{match[3] or ''}{match[4]}"

    return _LINK.sub(turn, markdown)


def _page_of(name: str) -> str:
    """Return the page of a file of the repository; of a folder, that of its own document."""
    if f"{name}/{_FOLDER_DOCUMENT}" in DOCUMENTS:
        name = f"{name}/{_FOLDER_DOCUMENT}"
    if name in SHOWN:
        return _page_of_shown(name)
    return DOCUMENTS.get(name, name.removeprefix("docs/"))


def _page_of_shown(name: str) -> str:
    return f"files/{Path(name).name}.md"


def _way(target: str, page: str) -> str:
    return posixpath.relpath(target, posixpath.dirname(page) or ".")


def _show(name: str) -> str:
    path = ROOT / name
    language = _LANGUAGES.get(path.suffix, "text")
    return f"# {path.name}\n\n`{name}`\n\n````{language}\n{path.read_text(encoding='utf-8')}````\n"
