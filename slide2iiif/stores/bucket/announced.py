"""Names that the documents of a slide announce, to tell them from those of an older version. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from slide2iiif.iiif.api import Api
from slide2iiif.iiif.info import DOCUMENT_NAME, read_info
from slide2iiif.iiif.paths import pictures, tile_of_path, tile_paths
from slide2iiif.iiif.pyramid import Pyramid, Tile

_ALIAS = re.compile(r"0,(\d{1,9}),\d{1,9},\d{1,9}/(?:full|max)/0/default\.jpg", re.ASCII)


@dataclass(frozen=True, slots=True)
class AnnouncedNames:
    """Names below a slide that its documents announce, and the documents themselves."""

    documents: frozenset[str]
    """Names of the documents and pages."""
    services: tuple[tuple[str, Pyramid, Api], ...]
    """Place of each service below the slide, with a slash at its end or empty; its levels; the version of its paths."""
    whole: frozenset[str]
    """Names of the pictures of whole images."""

    def has(self, name: str) -> bool:
        """Return True if a name below the slide is announced."""
        if name in self.documents or name in self.whole:
            return True
        return any(
            name.startswith(place) and _is_tile(pyramid, name.removeprefix(place), api)
            for place, pyramid, api in self.services
        )


def announced_names(documents: Iterable[tuple[str, bytes]]) -> AnnouncedNames:
    """Return the names that documents announce, given by their names below the slide and contents."""
    names, services, whole = set(), [], set()
    for name, content in documents:
        names.add(name)
        folder, slash, last = name.rpartition("/")
        service = read_info(content) if last == DOCUMENT_NAME else None
        if service is not None:
            place = folder + slash
            services.append((place, *service))
            whole |= {place + path for picture in pictures(*service) for path in picture.paths}
    return AnnouncedNames(frozenset(names), tuple(services), frozenset(whole))


def _is_tile(pyramid: Pyramid, path: str, api: Api) -> bool:
    if tile_of_path(pyramid, path, api) is not None:
        return True
    alias = _ALIAS.fullmatch(path)
    if alias is None:
        return False
    y = int(alias[1])
    for level in pyramid.levels[:-1]:
        row, rest = divmod(y, pyramid.tile_size * level.scale)
        is_tile = level.columns == 1 and not rest and row < level.rows
        if is_tile and path in tile_paths(pyramid, Tile(level.index, 0, row), api):
            return True
    return False
