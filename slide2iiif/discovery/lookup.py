"""Listed files -> the slides that they belong to, as the walk would find them."""

import os
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path, PurePath

from slide2iiif.discovery.choice import Choice
from slide2iiif.discovery.folder import Folder, Identity
from slide2iiif.discovery.found import PassedOver, Slide, Unusable, is_inside
from slide2iiif.discovery.neighbours import Published
from slide2iiif.discovery.source_tree import Contents, SourceTree
from slide2iiif.sources.unsupported import system_refusal

_REMEMBERED = 64
"""Folders that are remembered, besides those on the way to the last one."""


def find_listed(
    root: Path,
    listed: Iterable[str],
    choice: Choice | None = None,
    published: Published | None = None,
    closed: Iterable[Path] = (),
) -> Iterator[Slide | Unusable]:
    """Find the slides that listed files belong to: what `walk` finds, cut down to those.

    Args:
        root: the source root, which identifiers are relative to.
        listed: paths, absolute or relative to the root.
        choice: which slides are meant; None is the default one.
        published: the identifiers that are published, which slides keep; None where they do not come from paths.
        closed: folders that are not entered, by whatever name.

    Raises:
        UsageError: the root is a published tree.
    """
    return find_files(SourceTree(root, choice or Choice(), published, closed), (root / entry for entry in listed))


def find_files(tree: SourceTree, paths: Iterable[Path]) -> Iterator[Slide | Unusable]:
    """Find the slides that files belong to, each once, folder by folder in the order of the first file of each.

    Raises:
        UsageError: the root is a published tree.
    """
    lookup = Lookup(tree)
    seen: set[str] = set()
    by_folder: dict[Path, dict[Path, None]] = {}
    for path in paths:
        by_folder.setdefault(path.parent, {})[path] = None
    for group in by_folder.values():
        for path in group:
            found = lookup.find(path)
            if isinstance(found, Slide):
                if found.source in seen:
                    continue
                seen.add(found.source)
            yield found


class _Place:
    """A folder on the way to a file: its contents, and which slide each file in it belongs to."""

    def __init__(self, contents: Contents, identity: Identity, outer: "_Place | None") -> None:
        self.contents = contents
        self.identity = identity
        self.outer = outer
        self.by_path: dict[str, Slide | Unusable] = {}
        for found in contents.found():
            slide = found if isinstance(found, Slide) else found.slide if isinstance(found, PassedOver) else None
            for path in (found.path,) if slide is None else slide.members:
                self.by_path.setdefault(str(path), found)

    def way(self) -> set[Identity]:
        """Return the folder and all above it."""
        found: set[Identity] = set()
        place: _Place | None = self
        while place is not None:
            found.add(place.identity)
            place = place.outer
        return found


class Lookup:
    """The slides of the folders that listed files lie in; the last few folders are remembered."""

    def __init__(self, tree: SourceTree) -> None:
        """Take the folders of the source; nothing is read before the first file is looked for."""
        self._tree = tree
        self._way: list[tuple[str, _Place | PassedOver | None]] = []
        self._inner = lru_cache(maxsize=_REMEMBERED)(self._enter)

    def find(self, path: Path) -> Slide | Unusable:
        """Return the slide that a file belongs to, or why there is none."""
        root = self._tree.path
        if "\0" in str(path):
            return Unusable(path, "is no path: it holds a zero byte; lists with zero bytes between paths need --null")
        below = PurePath(os.path.relpath(path, root))
        if not below.parts or below.parts[0] == os.pardir:
            return Unusable(path, self._stranger)
        parts = PurePath(os.path.normpath(below)).parts
        place = str(root.joinpath(*parts))
        # From the top: what lies in the folder of a MIRAX slide is that slide, whatever its name.
        for each in self._places(parts[:-1]):
            if isinstance(each, PassedOver):
                return each
            if place in each.by_path:
                return each.by_path[place]
        return Unusable(path, self._refusal(path, below))

    @property
    def _stranger(self) -> str:
        return f"is not below the source root {self._tree.path}"

    def _refusal(self, path: Path, below: PurePath) -> str:
        """Return why nothing was found for a path."""
        if not is_inside(path, self._tree.allowed):
            return self._stranger
        try:
            path.stat()
        except OSError as error:
            if isinstance(error, FileNotFoundError) and path.name.endswith('"'):
                return f"{system_refusal(error)}; git quotes names so: list them with git … -z, and --null"
            return system_refusal(error)
        if any(part.startswith(".") for part in below.parts):
            return "is hidden, or in a hidden folder; it is left alone"
        return "is not a slide or an image by its name"

    def _places(self, parts: tuple[str, ...]) -> Iterator[_Place | PassedOver]:
        """Yield the folders on a way, from the root on; the last is one that is not entered, if there is one."""
        names = ("", *parts)
        for depth, name in enumerate(names):
            if depth >= len(self._way) or self._way[depth][0] != name:
                del self._way[depth:]
                outer = self._way[-1][1] if self._way else None
                self._way.append((name, self._inner(outer, name)))
            place = self._way[depth][1]
            if place is None:
                return
            yield place
            if isinstance(place, PassedOver):
                return

    def _enter(self, outer: _Place | PassedOver | None, name: str) -> _Place | PassedOver | None:
        """Read a folder; None where the walk would not go."""
        if isinstance(outer, PassedOver):
            return None
        if outer is None:
            folder, identity = self._tree.root()
            return _Place(self._tree.contents(folder, {identity}), identity, None)
        if name not in outer.contents.inner:
            return None
        way = outer.way()
        inner = self._tree.enter(outer.contents, name, way)
        if not isinstance(inner, Folder):
            return inner
        identity = outer.contents.folder.folders[name]
        return _Place(self._tree.contents(inner, {*way, identity}), identity, outer)
