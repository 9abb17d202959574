"""Folders of a source, opened one at a time: which are entered, what is found in each, and under which identifiers."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from slide2iiif.discovery.accompanying import accompanying_word, shares_stem
from slide2iiif.discovery.choice import Choice
from slide2iiif.discovery.folder import Folder, Identity
from slide2iiif.discovery.found import PassedOver, Slide, Unusable
from slide2iiif.discovery.members import MIRAX_INDEX, Candidate, find_candidates, mirax_folder
from slide2iiif.discovery.neighbours import Neighbours, Published
from slide2iiif.errors import UsageError
from slide2iiif.iiif.identifiers import crowded_names
from slide2iiif.sources.formats import is_image_name, is_plain_tiff_name, is_slide_name, suffix_of
from slide2iiif.system_errors import PRIVATE

_RECORDS = ("receipts", "lock", "staging")
"""Contents of a private folder of ours, one of which at least is there."""

_REMEMBERED = 100_000
"""Folders of which it is remembered whether they hold slides."""
_NOT_ENTERED = "its tiles would be taken for slides; it is not entered"


@dataclass
class Contents:
    """Contents of one folder, without those of the folders in it."""

    folder: Folder
    """The folder, read."""
    candidates: list[Candidate]
    """Files that would be opened as slides, by name."""
    passed_over: dict[str, str]
    """Names of those of them that are left out, with the reason."""
    neighbours: Neighbours
    """Names that are published in the folder's places."""
    crowded: frozenset[str] = frozenset()
    """Newcomers that differ from another one by case alone."""

    @cached_property
    def has_slides(self) -> bool:
        """True if a slide, rather than an ordinary image, lies here."""
        dicom = (each.name for each in self.candidates if not is_slide_name(each.name))
        names = (name for name in (*self.folder.files, *self.folder.strays) if is_slide_name(name))
        return any(_is_slide(name) for name in names) or next(dicom, None) is not None

    @property
    def published(self) -> Iterator[Candidate]:
        """The candidates that are to be published."""
        return (each for each in self.candidates if each.name not in self.passed_over and not each.refusal)

    @cached_property
    def inner(self) -> dict[str, None]:
        """Names of the folders in it that do not belong to a slide, in order."""
        folder = self.folder
        owned = {mirax_folder(name) for name in folder.files if suffix_of(name) == ".mrxs"} & folder.folders.keys()
        owned = {name for name in owned if Path(folder.at(name), MIRAX_INDEX).is_file()}
        return dict.fromkeys(name for name in folder.folders if name not in owned)

    def forget(self) -> None:
        """Let go of the slides, once they are told: what is left is enough to enter the folders in it."""
        _ = self.has_slides, self.inner
        self.candidates, self.passed_over = [], {}
        self.folder.files, self.folder.problems = [], []

    def identifier(self, name: str) -> str:
        """Return the identifier of a slide in it."""
        return next(iter(self.neighbours.published(name)), "") or self.neighbours.newcomer(name, self.crowded)

    def slide(self, candidate: Candidate) -> Slide:
        """Return the slide that a candidate is."""
        source = self.folder.below_root(candidate.name)
        path = candidate.members[0]
        return Slide(self.identifier(candidate.name), path, candidate.members, source, self.folder.allowed)

    def found(self) -> Iterator[Slide | Unusable]:
        """Yield all that is found, problems first, then by name."""
        yield from self.folder.problems
        for each in self.candidates:
            reason = self.passed_over.get(each.name, "")
            if reason:
                if self.neighbours.published(each.name):
                    reason += "; it is published: --delete removes it"
                yield PassedOver(each.members[0], reason, slide=self.slide(each))
            elif each.refusal:
                yield Unusable(each.members[0], each.refusal)
            else:
                yield self.slide(each)


class SourceTree:
    """The folders below a source root."""

    def __init__(
        self,
        root: Path,
        choice: Choice,
        published: Published | None = None,
        closed: Iterable[Path] = (),
        also: Iterable[Path] = (),
    ) -> None:
        """Name the root; nothing is read yet.

        Args:
            root: the source root, a folder.
            choice: which slides are meant.
            published: the identifiers that are published; None where they do not come from paths.
            closed: folders that are not entered, by whatever name, such as the one that is published into.
            also: real paths outside of the root that may be read.
        """
        self.path = root
        self._choice = choice
        self._published = published
        self._closed: dict[Path, Identity | None] = dict.fromkeys(closed)
        self._allowed = (root.resolve(), *also)
        self._holding: dict[Identity, bool] = {}

    @property
    def allowed(self) -> tuple[Path, ...]:
        """Real places, below one of which all that is read must lie."""
        return self._allowed

    def root(self) -> tuple[Folder, Identity]:
        """Read the root; return it with its identity.

        Raises:
            UsageError: it is a published tree.
        """
        folder = Folder(str(self.path), "", str(self._allowed[0]), self._allowed, is_published=True)
        folder.read()
        identity = _identity(self.path) or (0, 0)
        if folder.tree_sign == PRIVATE and not any((self.path / PRIVATE / each).exists() for each in _RECORDS):
            # Named by its owner, it takes more than a hidden folder of that name.
            folder.tree_sign = ""
        if folder.tree_sign or self._is_closed(identity):
            sign = f"holds {folder.tree_sign}" if folder.tree_sign else "is DEST"
            raise UsageError(f"SOURCE {self.path}: {sign}: it is a tree that was published; name the folder of slides")
        return folder, identity

    def contents(self, folder: Folder, above: set[Identity]) -> Contents:
        """Find out what a folder holds, and under which identifiers.

        Args:
            folder: the folder, read.
            above: it and all folders above it.

        Raises:
            TargetError: what is published cannot be listed.
        """
        neighbours = Neighbours.read(folder.places, self._published if folder.is_published else None)
        contents = self._choose(folder, neighbours)
        newcomers = {each.name for each in contents.published if not neighbours.published(each.name)}
        folders = {name for name in folder.folders if not neighbours.published(name)}
        # Only those among them that hold slides count, and these are looked for only where it matters.
        close = crowded_names([*newcomers, *folders])
        for name in sorted((close & folders) - newcomers):
            if not self._holds_slides(contents, name, set(above)):
                folders.discard(name)
        contents.crowded = crowded_names([*newcomers, *folders]) if close else close
        return contents

    def enter(self, contents: Contents, name: str, above: set[Identity]) -> Folder | PassedOver | None:
        """Open a folder in another one.

        Args:
            contents: of the folder that it is in.
            name: its name there.
            above: that folder and all above it.

        Returns:
            The folder, read; why it is left out; None where it is one of those above it, by a link.
        """
        outer = contents.folder
        known = contents.neighbours.published(name)
        places = known or [contents.neighbours.newcomer(name, contents.crowded)]
        inner = self._enter(contents, name, above)
        if isinstance(inner, Folder):
            inner.places = tuple(f"{place}/" for place in places)
            inner.is_published = outer.is_published and bool(known)
        return inner

    def _enter(self, contents: Contents, name: str, above: set[Identity]) -> Folder | PassedOver | None:
        outer = contents.folder
        path, below, identity = outer.at(name), outer.below_root(name), outer.folders[name]
        reason = self._choice.excludes(below)
        if reason:
            return PassedOver(Path(path), reason)
        if self._is_closed(identity):
            return PassedOver(Path(path), f"is DEST itself, mounted or linked there: {_NOT_ENTERED}")
        if identity in above:
            return None
        inner = Folder(path, below, outer.real_at(name), outer.allowed, is_beside_slides=contents.has_slides)
        inner.read()
        if inner.tree_sign:
            sign = f"is a published tree, as it holds {inner.tree_sign}"
            return PassedOver(Path(path), f"{sign}: {_NOT_ENTERED}")
        return inner

    def _choose(self, folder: Folder, neighbours: Neighbours | None = None) -> Contents:
        """Find the candidates of a folder, and those of them that are left out."""
        names = neighbours or Neighbours.read(("",), None)
        contents = Contents(folder, list(find_candidates(folder, lambda name: bool(names.published(name)))), {}, names)
        folder.problems = [self._judged(folder, each) for each in folder.problems]
        worded: dict[str, str] = {}
        for each in contents.candidates:
            reason = self._choice.passes_over(folder.below_root(each.name))
            if reason:
                contents.passed_over[each.name] = reason
            elif _may_accompany(each.name) and (word := _word_for(folder, each.name)):
                worded[each.name] = word
        if worded:
            self._pass_over_accompanying(contents, worded)
        return contents

    def _pass_over_accompanying(self, contents: Contents, worded: dict[str, str]) -> None:
        folder = contents.folder
        stems = {_stem(name).lower() for name in folder.files if is_slide_name(name) and name not in worded}
        is_near = contents.has_slides or folder.is_beside_slides
        for name, word in worded.items():
            accompanies = is_near or shares_stem(_stem(name).lower(), stems)
            if accompanies and not self._choice.asks_for(folder.below_root(name)):
                contents.passed_over[name] = f"its name says {word!r}, so it may show names; --include publishes it"

    def _judged(self, folder: Folder, problem: Unusable) -> Unusable:
        """Return a problem, or what leaves it out."""
        if str(problem.path) == folder.path:
            return problem
        reason = self._choice.passes_over(folder.below_root(problem.path.name))
        return PassedOver(problem.path, reason) if reason else problem

    def _is_closed(self, identity: Identity) -> bool:
        for place, known in self._closed.items():
            # It may come into being during the walk.
            if known is None:
                self._closed[place] = _identity(place)
        return identity in self._closed.values()

    def _holds_slides(self, contents: Contents, name: str, above: set[Identity]) -> bool:
        """Return whether a slide is somewhere in a folder, or in the folders in it; the first one ends the search."""
        if len(self._holding) > _REMEMBERED:
            self._holding.clear()
        way: list[tuple[Identity, Contents, Iterator[str]]] = []
        waiting: tuple[Contents, str] | None = (contents, name)
        while waiting or way:
            if waiting is None:
                identity, outer, names = way[-1]
                inner_name = next(names, None)
                if inner_name is None:
                    way.pop()
                    above.discard(identity)
                    self._holding.setdefault(identity, False)
                else:
                    waiting = (outer, inner_name)
                continue
            outer, inner_name = waiting
            waiting = None
            identity = outer.folder.folders[inner_name]
            inner = None if self._holding.get(identity) is not None else self._enter(outer, inner_name, above)
            if isinstance(inner, Folder):
                above.add(identity)
                found = self._choose(inner)
                way.append((identity, found, iter(found.inner)))
                self._holding[identity] = next(found.published, None) is not None
            if self._holding.get(identity):
                self._holding.update((each, True) for each, _, _ in way)
                return True
        return False


def _identity(path: Path) -> Identity | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino or hash(os.path.realpath(path))


def _stem(name: str) -> str:
    return name.rpartition(".")[0]


def _may_accompany(name: str) -> bool:
    return is_image_name(name) or is_plain_tiff_name(name)


def _is_slide(name: str) -> bool:
    """Return whether a name is that of a slide: no ordinary image, and no TIFF whose name says that it accompanies."""
    return not is_image_name(name) and not (is_plain_tiff_name(name) and accompanying_word(_stem(name)))


def _word_for(folder: Folder, name: str) -> str:
    """Return the word that says that an image accompanies a slide: in its name, or in that of a folder for such."""
    word = accompanying_word(_stem(name))
    if not word and folder.is_beside_slides:
        return accompanying_word(folder.below.rpartition("/")[2])
    return word
