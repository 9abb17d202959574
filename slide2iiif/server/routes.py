"""Request path -> answer, for a tree under one origin. Knows no sockets.

Source: Image API 2.1 and 3.0, sections 2 and 5 (requests and documents) and 7 (link headers, media types).
"""

import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from slide2iiif.iiif.api import Api
from slide2iiif.iiif.info import CONTEXT, DOCUMENT_NAME, other_document_name
from slide2iiif.iiif.manifest import PAGE_NAME
from slide2iiif.server.listing import PAGE_POLICY, write_page

VERSION_3_PREFIX = "!3"
"""First name of the paths below which the tree is served as version 3.0."""

LISTED_SLIDES = 1000
"""Most slides that the list at `/` shows."""

_NAME = re.compile(r"[A-Za-z0-9_!,-][A-Za-z0-9._!,-]*", re.ASCII)
"""What a name in a tree looks like: no leading dot, so nothing hidden and no way upwards, and no odd byte."""
_SIZE = re.compile(r"(\d+,)\d+", re.ASCII)
_DOCUMENTS = {DOCUMENT_NAME, *(other_document_name(api) for api in Api)}
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}
_PROFILES = {
    Api.V2: "http://iiif.io/api/image/2/level0.json",
    Api.V3: "http://iiif.io/api/image/3/level0.json",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request gets."""

    status: HTTPStatus = HTTPStatus.OK
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    """Beyond those that every answer has."""


class Tree:
    """The files that may be seen."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def find_file(self, names: list[str]) -> Path | None:
        """Give the regular file at a path; None if there is none, or none that may be seen."""
        if not all(_NAME.fullmatch(name) for name in names):
            return None
        try:
            # Links are how a tree spells aliases, so they are followed, but only to what is itself in sight.
            path = self._root.joinpath(*names).resolve(strict=True)
        except (OSError, RuntimeError):  # a loop of links is a RuntimeError before Python 3.13
            return None
        if not path.is_relative_to(self._root) or not path.is_file():
            return None
        hidden = any(part.startswith(".") for part in path.relative_to(self._root).parts)
        return None if hidden else path

    def slides(self) -> Iterator[str]:
        """List identifiers, folder by folder, as they are found."""
        waiting: list[list[str]] = [[]]
        while waiting:
            names = waiting.pop()
            if names and self.find_file([*names, DOCUMENT_NAME]):
                # What lies below are tiles, and there are very many of them.
                yield "/".join(names)
                continue
            with suppress(OSError), os.scandir(self._root.joinpath(*names)) as entries:
                folders = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
                waiting += ([*names, name] for name in sorted(folders, reverse=True) if _NAME.fullmatch(name))


class Site:
    """The tree under one origin: request path -> answer."""

    def __init__(self, tree: Tree, origin: str) -> None:
        self._tree = tree
        self._origin = origin

    def answer(self, raw: str, accepted: str) -> Answer | None:
        """Answer a request.

        Args:
            raw: its path as it was sent, with a leading slash.
            accepted: the media types that the client asks for.

        Returns:
            The answer; None if there is nothing at the path.
        """
        names = unquote(raw, encoding="latin-1").removeprefix("/").split("/")
        if names == [""]:
            return self._home()
        wanted = None
        if names[0] == VERSION_3_PREFIX:
            wanted, names = Api.V3, names[1:]
        if names and names[-1] in _DOCUMENTS:
            return self._document(names, wanted, accepted)
        path = self._tree.find_file(names) or (wanted and self._tree.find_file(_without_height(names)))
        if path and path.suffix == ".json":
            return self._presentation(names, path)
        if path:
            return Answer(body=path.read_bytes(), content_type=_TYPES.get(path.suffix, "application/octet-stream"))
        return self._folder(names, raw)

    def _folder(self, names: list[str], raw: str) -> Answer | None:
        """Answer a request for a folder: its page, or the way to a slide's document or to the page."""
        is_folder = names[-1:] == [""]
        folder = names[:-1] if is_folder else names
        page = self._tree.find_file([*folder, PAGE_NAME])
        if page and is_folder:
            return Answer(body=page.read_bytes(), content_type=_TYPES[".html"])
        # From the undecoded path, so that %2F survives, and absolute, so that no path can lead elsewhere.
        here = f"{self._origin}{raw.removesuffix('/')}"
        if folder and self._tree.find_file([*folder, DOCUMENT_NAME]):
            return Answer(HTTPStatus.SEE_OTHER, headers={"Location": f"{here}/{DOCUMENT_NAME}"})
        return Answer(HTTPStatus.MOVED_PERMANENTLY, headers={"Location": f"{here}/"}) if page else None

    def _presentation(self, names: list[str], path: Path) -> Answer:
        """Give a manifest or a collection with the addresses that it and all that it names have here."""
        document = _read_document(path)
        own = None if document is None else document.get("id")
        below = "/".join(names)
        if not isinstance(own, str) or not own.endswith(f"/{below}"):
            return Answer(body=path.read_bytes(), content_type=_TYPES[".json"])
        base = own.removesuffix(below)
        try:
            moved = _moved(document, base, f"{self._origin}/")
        except RecursionError:
            return Answer(body=path.read_bytes(), content_type=_TYPES[".json"])
        return Answer(
            body=json.dumps(moved, ensure_ascii=False, indent=1).encode() + b"\n", content_type=_TYPES[".json"]
        )

    def _document(self, names: list[str], wanted: Api | None, accepted: str) -> Answer | None:
        """Give a document of a slide with the address that it has here.

        Args:
            names: its path, without the prefix of a version.
            wanted: the version that the prefix stands for; None for the stored one.
            accepted: the media types that the client asks for.
        """
        folder, name = names[:-1], names[-1]
        if wanted is not None and name == DOCUMENT_NAME:
            path = self._tree.find_file([*folder, other_document_name(wanted.other)])
            path = path or self._tree.find_file(names)
        else:
            path = self._tree.find_file(names)
        document = None if path is None else _read_document(path)
        if document is None or not folder:
            return None
        api = Api.V3 if "id" in document else Api.V2
        if wanted not in {None, api}:
            return None
        prefix = [VERSION_3_PREFIX] if wanted or name == other_document_name(Api.V2) else []
        document["id" if api is Api.V3 else "@id"] = "/".join([self._origin, *prefix, *folder])
        return Answer(
            body=json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n",
            content_type=_document_type(api, accepted),
            headers={"Vary": "Accept", "Link": f'<{_PROFILES[api]}>;rel="profile"'},
        )

    def _home(self) -> Answer:
        own = self._tree.find_file([PAGE_NAME])
        if own:
            return Answer(body=own.read_bytes(), content_type=_TYPES[".html"])
        slides = list(islice(self._tree.slides(), LISTED_SLIDES + 1))
        page = write_page(slides[:LISTED_SLIDES], version_3_prefix=VERSION_3_PREFIX, is_cut=len(slides) > LISTED_SLIDES)
        return Answer(
            body=page.encode(),
            content_type=_TYPES[".html"],
            headers={"Content-Security-Policy": PAGE_POLICY},
        )


def _without_height(names: list[str]) -> list[str]:
    """Spell the size of a tile as version 2.1 does: `w,h` becomes `w,`."""
    before, size_to_end = names[:-3], names[-3:]
    match = _SIZE.fullmatch(size_to_end[0]) if size_to_end else None
    return [*before, match[1], *size_to_end[1:]] if match else names


def _read_document(path: Path) -> dict[str, Any] | None:
    """Read a document; None if it is none."""
    try:
        document = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _moved(value: Any, base: str, new: str) -> Any:
    """Give a document with every address below a base moved to another one."""
    if isinstance(value, dict):
        return {key: _moved(each, base, new) for key, each in value.items()}
    if isinstance(value, list):
        return [_moved(each, base, new) for each in value]
    return new + value.removeprefix(base) if isinstance(value, str) and value.startswith(base) else value


def _document_type(api: Api, accepted: str) -> str:
    if api is Api.V3:
        return f'application/ld+json;profile="{CONTEXT[Api.V3]}"'
    return "application/ld+json" if "application/ld+json" in accepted.lower() else "application/json"
