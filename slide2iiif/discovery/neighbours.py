"""Identifiers of what lies in one folder: what is published keeps its own, a newcomer is kept apart from the others.

An identifier can be read back, so the names that are published in a folder of the tree say of which file each is. One
listing of the receipts a folder is enough to know them; no receipt is opened.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from slide2iiif.iiif.identifiers import Spelling, encode_name

_PLAIN = (Spelling.PLAIN,)


class Published(Protocol):
    """Identifiers that are published."""

    def children(self, folder: str) -> tuple[list[str], list[str]]:
        """Return the identifiers of the slides and the paths of the folders in a folder of the tree."""
        ...


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The names that are published in the places of one folder."""

    places: tuple[str, ...]
    """Folders of the tree, each with a slash at its end; newcomers go to the first."""
    taken: tuple[frozenset[str], ...]
    """Names that are published, for each of the places."""
    folded: frozenset[str]
    """Names that are published in the first place, in lower case."""
    has_escapes: bool
    """True if any name is spelt with an escape."""

    @classmethod
    def read(cls, places: Sequence[str], published: Published | None) -> "Neighbours":
        """Read the published names of some places; none where nothing is published.

        Raises:
            TargetError: the receipts cannot be listed.
        """
        taken: list[frozenset[str]] = []
        for place in places:
            slides, folders = published.children(place.rstrip("/")) if published is not None else ([], [])
            taken.append(frozenset(each[len(place) :] for each in (*slides, *folders)))
        has_escapes = any("!" in each for names in taken for each in names)
        return cls(tuple(places), tuple(taken), frozenset(each.lower() for each in taken[0]), has_escapes)

    def published(self, name: str) -> list[str]:
        """Return the identifiers under which a slide, or the slides in a folder, are published.

        There are several only where earlier runs have left some behind; the first is the one to keep.
        """
        if not any(self.taken):
            return []
        spellings = dict.fromkeys(encode_name(name, each) for each in (Spelling if self.has_escapes else _PLAIN))
        by_place = list(zip(self.places, self.taken, strict=True))
        return [place + text for text in spellings for place, taken in by_place if text in taken]

    def newcomer(self, name: str, crowded: frozenset[str]) -> str:
        """Return the identifier for what is not published yet.

        Args:
            name: of the file or folder.
            crowded: names of all newcomers of the folder that differ from another one by case alone.
        """
        spellings = (encode_name(name, spelling) for spelling in list(Spelling)[name in crowded :])
        text = next((text for text in spellings if text.lower() not in self.folded), "")
        return self.places[0] + (text or encode_name(name, Spelling.APART))
