"""Request path -> answer, for a tree under one origin. Without sockets.

Source: Image API 2.1 and 3.0, sections 2 and 5 (requests and documents) and 7 (link headers, media types).
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import islice
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

from slide2iiif.errors import TargetError
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.info import CONTEXT, DOCUMENT_NAME, other_document_name
from slide2iiif.iiif.manifest import PAGE_NAME
from slide2iiif.server.listing import PAGE_POLICY, write_page
from slide2iiif.stores.base import Objects

VERSION_3_PREFIX = "!3"
"""Prefix of the paths under which the tree is served as version 3.0."""

LISTED_SLIDES = 1000
"""Largest number of slides in the list at `/`."""

_NAME = re.compile(r"[A-Za-z0-9_!,-][A-Za-z0-9._!,-]*", re.ASCII)
"""Allowed names in a tree: without a leading dot, so nothing hidden and no `..`, and without unusual bytes."""
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
    """Answer to a request."""

    status: HTTPStatus = HTTPStatus.OK
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    """Headers beyond those of every answer."""


class Tree:
    """Files that may be served. No link is followed."""

    def __init__(self, public: Objects) -> None:
        self._public = public

    def has_file(self, names: list[str]) -> bool:
        """Return True if a file that may be served is at a path."""
        return self.read_file(names) is not None

    def read_file(self, names: list[str]) -> bytes | None:
        """Read the file at a path; None if there is none that may be served."""
        if not all(_NAME.fullmatch(name) for name in names):
            return None
        if not self._public.is_folder("/".join(names[:-1])):
            # A folder on the way may be a link.
            return None
        return self._public.read("/".join(names))

    def slides(self) -> Iterator[str]:
        """List identifiers, folder by folder, as they are found."""
        waiting: list[list[str]] = [[]]
        while waiting:
            names = waiting.pop()
            if names and self.has_file([*names, DOCUMENT_NAME]):
                # What lies below are tiles, and there are very many of them.
                yield "/".join(names)
                continue
            with suppress(TargetError):
                folders = [entry.name for entry in self._public.list("/".join(names)) if entry.is_folder]
                waiting += ([*names, name] for name in sorted(folders, reverse=True) if _NAME.fullmatch(name))


class Site:
    """Tree under one origin: request path -> answer."""

    def __init__(self, tree: Tree, origin: str) -> None:
        self._tree = tree
        self._origin = origin

    def answer(self, raw: str, accepted: str) -> Answer | None:
        """Answer a request.

        Args:
            raw: path of the request, still percent-encoded, with a leading slash.
            accepted: value of the `Accept` header.

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
        content = self._tree.read_file(names)
        if content is None and wanted:
            content = self._tree.read_file(_without_height(names))
        if content is None:
            return self._folder(names, raw)
        suffix = PurePosixPath(names[-1]).suffix
        if suffix == ".json":
            return self._presentation(names, content)
        return Answer(body=content, content_type=_TYPES.get(suffix, "application/octet-stream"))

    def _folder(self, names: list[str], raw: str) -> Answer | None:
        """Answer a request for a folder: its page, or a redirect to the page or to the document of a slide."""
        is_folder = names[-1:] == [""]
        folder = names[:-1] if is_folder else names
        page = self._tree.read_file([*folder, PAGE_NAME])
        if page is not None and is_folder:
            return Answer(body=page, content_type=_TYPES[".html"])
        # From the undecoded path, so that %2F survives, and absolute, so that no path can lead elsewhere.
        here = f"{self._origin}{raw.removesuffix('/')}"
        if folder and self._tree.has_file([*folder, DOCUMENT_NAME]):
            return Answer(HTTPStatus.SEE_OTHER, headers={"Location": f"{here}/{DOCUMENT_NAME}"})
        return Answer(HTTPStatus.MOVED_PERMANENTLY, headers={"Location": f"{here}/"}) if page is not None else None

    def _presentation(self, names: list[str], content: bytes) -> Answer:
        """Answer with a manifest or a collection, with all its URLs moved to this origin."""
        document = _parse_document(content)
        own = None if document is None else document.get("id")
        below = "/".join(names)
        if not isinstance(own, str) or not own.endswith(f"/{below}"):
            return Answer(body=content, content_type=_TYPES[".json"])
        base = own.removesuffix(below)
        try:
            moved = _moved(document, base, f"{self._origin}/")
        except RecursionError:
            return Answer(body=content, content_type=_TYPES[".json"])
        return Answer(
            body=json.dumps(moved, ensure_ascii=False, indent=1).encode() + b"\n", content_type=_TYPES[".json"]
        )

    def _document(self, names: list[str], wanted: Api | None, accepted: str) -> Answer | None:
        """Answer with a document of a slide, with its id at this origin.

        Args:
            names: path of the document, without the prefix of a version.
            wanted: version of the prefix; None for the stored one.
            accepted: value of the `Accept` header.
        """
        folder, name = names[:-1], names[-1]
        if wanted is not None and name == DOCUMENT_NAME:
            content = self._tree.read_file([*folder, other_document_name(wanted.other)])
            content = content or self._tree.read_file(names)
        else:
            content = self._tree.read_file(names)
        document = None if content is None else _parse_document(content)
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
        own = self._tree.read_file([PAGE_NAME])
        if own is not None:
            return Answer(body=own, content_type=_TYPES[".html"])
        slides = list(islice(self._tree.slides(), LISTED_SLIDES + 1))
        page = write_page(slides[:LISTED_SLIDES], version_3_prefix=VERSION_3_PREFIX, is_cut=len(slides) > LISTED_SLIDES)
        return Answer(
            body=page.encode(),
            content_type=_TYPES[".html"],
            headers={"Content-Security-Policy": PAGE_POLICY},
        )


def _without_height(names: list[str]) -> list[str]:
    """Write the size of a tile as version 2.1 does: `w,h` becomes `w,`."""
    before, size_to_end = names[:-3], names[-3:]
    match = _SIZE.fullmatch(size_to_end[0]) if size_to_end else None
    return [*before, match[1], *size_to_end[1:]] if match else names


def _parse_document(content: bytes) -> dict[str, Any] | None:
    """Parse a document; None if it is no JSON object."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _moved(value: Any, base: str, new: str) -> Any:
    """Return a JSON value with every URL below a base moved to another base."""
    if isinstance(value, dict):
        return {key: _moved(each, base, new) for key, each in value.items()}
    if isinstance(value, list):
        return [_moved(each, base, new) for each in value]
    return new + value.removeprefix(base) if isinstance(value, str) and value.startswith(base) else value


def _document_type(api: Api, accepted: str) -> str:
    if api is Api.V3:
        return f'application/ld+json;profile="{CONTEXT[Api.V3]}"'
    return "application/ld+json" if "application/ld+json" in accepted.lower() else "application/json"
