"""What a published tree holds, judged without the program: from its documents, the specification, and the files."""

import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from naive_urls import naive_all
from PIL import Image

PRIVATE = ".slide2iiif"


def contents(tree: Path) -> dict[str, str]:
    """Give a digest of every published file, and an empty one of every folder, by path."""
    found: dict[str, str] = {}
    for path in sorted(tree.rglob("*")):
        name = path.relative_to(tree).as_posix()
        if name.split("/")[0] != PRIVATE:
            found[name] = "" if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def slide_of(tree: Path, identifier: str) -> dict[str, str]:
    """Give the contents of one slide; empty where it is not published."""
    return contents(tree / identifier) if (tree / identifier).is_dir() else {}


def documents(tree: Path) -> Iterator[Path]:
    """Give every info.json of a tree."""
    for path in tree.rglob("info.json"):
        if path.relative_to(tree).parts[0] != PRIVATE:
            yield path


def announced(document: dict[str, Any]) -> set[str]:
    """Give the path below the slide of everything that a document lets a viewer ask for."""
    [tiles] = document["tiles"]
    version = "2" if "/2/" in document["@context"] else "3"
    return naive_all(document["width"], document["height"], tiles["width"], version)


def faults(tree: Path) -> list[str]:
    """Say what is wrong with a tree: whatever is announced and missing or torn."""
    found = []
    for path in documents(tree):
        document = json.loads(path.read_bytes())
        for url in sorted(announced(document)):
            fault = _fault(path.parent / url)
            if fault:
                found.append(f"{path.parent.relative_to(tree)}/{url}: {fault}")
    return found


def _fault(file: Path) -> str:
    try:
        content = file.read_bytes()
    except OSError as error:
        return str(error.strerror)
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
    except (OSError, SyntaxError) as error:
        return f"no whole picture: {error}"
    return ""
