"""A reader of a tree that polls it while it changes, as a web server would: a process of its own.

It believes every document that it reads: whatever an info.json of either version or a manifest announces has to be
there, as long as the document is, and so have the slides, folders and pictures that a collection or a page names.
What a document announces is worked out without the program.

    python reader.py TREE BASE-URL …

polls until its standard input is closed, and then says in JSON what it has seen.
"""

import json
import os
import re
import select
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

PRIVATE = ".slide2iiif"
_MOST_MISSES = 20
_FILES = frozenset({"Manifest", "Collection", "Image"})
_DOWNWARDS = re.compile(r'(?:href|src)="([^":?#./][^":?#]*)"')
_SOURCES = re.compile(r'srcset="([^"]*)"')
_WITH_HEIGHT = re.compile(r"/(\d+),\d+/0/default\.jpg$")


class Reader:
    """What was seen so far."""

    def __init__(self, root: str, bases: list[str]) -> None:
        self.root = root
        self.bases = bases
        self.looks = 0
        self.documents = 0
        self.pictures = 0
        self.misses: list[str] = []

    def look(self) -> None:
        """Read every document of the tree once, and ask for all that it announces."""
        self.looks += 1
        for path in list(_documents(self.root)):
            self._check(path)

    def _check(self, path: str) -> None:
        try:
            before, content = _identity(path), Path(path).read_bytes()
        except OSError:
            return
        self.documents += 1
        for target in self._announced_by(path, content):
            if not os.path.lexists(target) and _identity(path) == before:
                self.misses.append(f"{path} announces {target}")

    def _announced_by(self, path: str, content: bytes) -> Iterator[str]:
        folder, name = os.path.split(path)
        if name.startswith("info"):
            is_rewritten = name != "info.json" and b"image/3" in content
            yield from (f"{folder}/{url}" for url in image_urls(content, is_rewritten=is_rewritten))
        elif name.endswith(".html"):
            text = content.decode()
            links = [each.split()[0] for found in _SOURCES.findall(text) for each in found.split(",")]
            for link in (*_DOWNWARDS.findall(text), *links):
                self.pictures += link.endswith(".jpg")
                yield f"{folder}/{unquote(link)}"
        else:
            for identity in _ids(json.loads(content)):
                below = next((identity[len(base) :] for base in self.bases if identity.startswith(base)), None)
                if below is not None:
                    self.pictures += below.endswith(".jpg")
                    yield self.root + below


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _documents(root: str) -> Iterator[str]:
    """Documents of a tree; folders of tiles are not entered."""
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            entries = {entry.name: entry.is_dir(follow_symlinks=False) for entry in os.scandir(folder)}
        except OSError:
            continue
        is_slide = "info.json" in entries
        for name, is_folder in entries.items():
            if is_folder and name != PRIVATE and not name.startswith("!site") and (not is_slide or "associ" in name):
                waiting.append(f"{folder}/{name}")
            elif name.endswith((".json", ".html")):
                yield f"{folder}/{name}"


@lru_cache(maxsize=256)
def image_urls(content: bytes, *, is_rewritten: bool) -> tuple[str, ...]:
    """Give what an info.json announces; of 3.0 above a tree of 2.1 as the server rewrites it, without the height."""
    from published import announced

    urls = announced(json.loads(content))
    return tuple(sorted({_WITH_HEIGHT.sub(r"/\1,/0/default.jpg", url) if is_rewritten else url for url in urls}))


def _ids(document: Any) -> Iterator[str]:
    """Files that a document of Presentation 3 names, and the documents of services."""
    if isinstance(document, list):
        for each in document:
            yield from _ids(each)
    elif isinstance(document, dict):
        kind, identity = (str(document.get(name) or document.get(f"@{name}")) for name in ("type", "id"))
        if kind in _FILES:
            yield identity
        elif kind in {"ImageService2", "ImageService3"}:
            yield f"{identity}/info.json"
        for value in document.values():
            yield from _ids(value)


def main(root: str, *bases: str) -> None:
    """Poll until told to stop."""
    reader = Reader(root, list(bases))
    while not select.select([sys.stdin], [], [], 0)[0] and len(reader.misses) < _MOST_MISSES:
        reader.look()
    counts = {"looks": reader.looks, "documents": reader.documents, "pictures": reader.pictures}
    json.dump({**counts, "misses": reader.misses}, sys.stdout)


if __name__ == "__main__":
    for beside in ("support", "spec"):
        sys.path.insert(0, str(Path(__file__).parents[1] / beside))
    main(*sys.argv[1:])
