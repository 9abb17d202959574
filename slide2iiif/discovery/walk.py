"""Source root -> slides: which files are slides, and which belong to another one.

One slide is one file, one `.mrxs` with its folder, one `.vms` or `.vmu` with the images it names, or one DICOM
series in a folder. Hidden files are left alone. Links are followed inside the root and nowhere else. Folders are
read one at a time, in the order of their names, so memory does not grow with the tree.
"""

import configparser
import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePath

from slide2iiif.errors import SourceError, UsageError
from slide2iiif.iiif.identifiers import case_collisions, encode_path
from slide2iiif.sources.dicom import DicomHeader, read_header
from slide2iiif.sources.formats import is_slide_name, may_be_dicom, suffix_of
from slide2iiif.sources.unsupported import system_refusal

_MIRAX_INDEX = "Slidedat.ini"
_INDEX_BYTES = 1_000_000
_NAMED_FILE = re.compile(rb"(?m)^[ \t]*(?:FILE_\d+|INDEXFILE|\w*File(?:\([^)\n]*\))?)[ \t]*=([^\n]*)")
"""What the indexes of MIRAX, VMS and VMU say of the files that belong to them."""
_STRAY = "it is left alone; copy there what belongs to the slide, if that is meant"


@dataclass(frozen=True, slots=True)
class Slide:
    """A source image, not opened."""

    identifier: str
    """Path below the source root, made safe for URLs and object keys, or what is published in its place."""
    path: Path
    """The file that a reader opens."""
    members: tuple[Path, ...]
    """All files that make it up, the one that is opened first."""
    source: str = ""
    """Path below the source root, whatever the identifier is made of."""
    allowed: tuple[Path, ...] = ()
    """Real places, below one of which its files must lie; none to ask nothing."""

    def check_inside(self) -> None:
        """Check that the files lie where they may: a folder may have become a link since they were found.

        Raises:
            SourceError: one does not.
        """
        stray = next((path for path in self.members if not _is_inside(path, self.allowed)), None)
        if self.allowed and stray is not None:
            raise SourceError(f"{stray.name} is not in SOURCE any more: {_STRAY}")


@dataclass(frozen=True, slots=True)
class Unusable:
    """Something that should be a slide and cannot be taken for one."""

    path: Path
    """Where it is."""
    reason: str
    """Why, in words for its owner."""
    hides_slides: bool = False
    """Whether slides may be behind it that are not seen, so that nothing must be deleted for being gone."""


@dataclass(slots=True)
class _Folder:
    """The contents of one folder, sorted."""

    path: Path
    below_root: PurePath
    colliding: frozenset[PurePath]
    files: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    problems: list[Unusable] = field(default_factory=list)
    allowed: tuple[Path, ...] = ()
    strays: list[str] = field(default_factory=list)
    """Links that lead out of the root, hidden ones too: readers that look around in a folder would follow them."""

    def slide(self, name: str, members: Iterable[Path] = ()) -> Slide | Unusable:
        path = self.path / name
        identifier = encode_path(self.below_root / name, self.colliding)
        slide = Slide(
            identifier,
            path,
            (path, *(member for member in members if member != path)),
            str(self.below_root / name),
            self.allowed,
        )
        stray = next((member.name for member in slide.members if not _is_inside(member, self.allowed)), None)
        stray = stray or next((each for each in self.strays if each in _beside(name)), None)
        return slide if stray is None else self.refused(name, stray)

    def refused(self, name: str, stray: str) -> Unusable:
        """Refuse a slide whose reader would be led out of the root."""
        return Unusable(self.path / name, f"{stray}, which belongs to it, leads out of SOURCE: {_STRAY}")


def walk(root: Path) -> Iterator[Slide | Unusable]:
    """Find all slides below a folder, or the one slide that a file is.

    Raises:
        UsageError: the root does not exist or cannot be read.
    """
    check_root(root)
    if not root.is_dir():
        # Asked for by name, a link may lead anywhere.
        yield from _find(_Lookup(root.parent, root.resolve()), [root])
        return
    yield from _walk_folder(root, PurePath(), frozenset(), (root.resolve(),))


def _find(lookup: "_Lookup", paths: Iterable[Path]) -> Iterator[Slide | Unusable]:
    seen: set[str] = set()
    for path in paths:
        found = lookup.find(path)
        if isinstance(found, Slide):
            if found.identifier in seen:
                continue
            seen.add(found.identifier)
        yield found


def find_listed(root: Path, listed: Iterable[str]) -> Iterator[Slide | Unusable]:
    """Find the slides that listed files belong to: what `walk` gives, cut down to those, folder by folder.

    Args:
        root: the source root, which identifiers are relative to.
        listed: paths, absolute or relative to the root.
    """
    # Each once, and folder by folder: then a folder is read once, however many files of it are listed in what order.
    entries = sorted(set(listed), key=os.path.split)
    yield from _find(_Lookup(root), (root / entry for entry in entries))


def check_root(root: Path) -> None:
    """Check that the source can be read at all.

    Raises:
        UsageError: it does not exist or cannot be read.
    """
    try:
        if root.is_dir():
            with os.scandir(root) as entries:
                next(entries, None)
        else:
            root.stat()
    except OSError as error:
        raise UsageError(f"SOURCE {root}: {error.strerror}") from None


def _walk_folder(
    path: Path, below_root: PurePath, colliding: frozenset[PurePath], above: tuple[Path, ...]
) -> Iterator[Slide | Unusable]:
    folder = _read_folder(path, below_root, colliding, above[:1])
    yield from folder.problems
    yield from _slides_of(folder)
    companions = {_mirax_folder(name) for name in folder.files if suffix_of(name) == ".mrxs"}
    for name in folder.folders:
        inner = path / name
        real = _real(inner)
        if (name in companions and (inner / _MIRAX_INDEX).is_file()) or real in above:
            continue
        yield from _walk_folder(inner, below_root / name, folder.colliding, (*above, real))


def _read_folder(
    path: Path, below_root: PurePath, colliding: frozenset[PurePath], allowed: tuple[Path, ...]
) -> _Folder:
    folder = _Folder(path, below_root, colliding, allowed=allowed)
    try:
        with os.scandir(path) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        folder.problems.append(Unusable(path, f"cannot be listed: {error.strerror}", hides_slides=True))
        return folder
    folder.strays = [entry.name for entry in entries if entry.is_symlink() and not _is_inside(entry.path, allowed)]
    visible = [entry for entry in entries if not entry.name.startswith(".")]
    close = case_collisions(entry.name for entry in visible)
    folder.colliding = colliding | {below_root / name for name in close}
    for entry in visible:
        _sort_entry(entry, folder)
    return folder


def _sort_entry(entry: os.DirEntry[str], folder: _Folder) -> None:
    path = folder.path / entry.name
    if entry.name in folder.strays:
        if is_slide_name(entry.name):
            folder.problems.append(Unusable(path, "is a link that leads out of SOURCE; it is left alone"))
        return
    try:
        mode = entry.stat().st_mode
    except OSError as error:
        if is_slide_name(entry.name):
            folder.problems.append(Unusable(path, system_refusal(error), hides_slides=True))
        return
    if stat.S_ISDIR(mode):
        folder.folders.append(entry.name)
    elif stat.S_ISREG(mode):
        folder.files.append(entry.name)
    elif is_slide_name(entry.name):
        folder.problems.append(Unusable(path, "is not a file"))


def _slides_of(folder: _Folder) -> Iterator[Slide | Unusable]:
    dicom = _dicom_series(folder)
    companions = _vms_companions(folder)
    for name in folder.files:
        if name in dicom:
            # Its reader opens every file of the folder.
            stray = next(iter(folder.strays), None)
            yield folder.slide(name, dicom[name]) if stray is None else folder.refused(name, stray)
        elif is_slide_name(name) and name not in companions:
            stray = _named_elsewhere(folder, name)
            yield folder.slide(name, _members(folder, name)) if stray is None else folder.refused(name, stray)
        elif suffix_of(name) in {".dcm", ".dicom"} and not any(folder.path / name in each for each in dicom.values()):
            yield folder.slide(name)


def _members(folder: _Folder, name: str) -> tuple[Path, ...]:
    suffix = suffix_of(name)
    if suffix == ".mrxs":
        companion = folder.path / _mirax_folder(name)
        return tuple(sorted(path for path in companion.rglob("*") if path.is_file())) if companion.is_dir() else ()
    if suffix in {".vms", ".vmu"}:
        images = _vms_images(folder.path / name)
        return tuple(folder.path / each for each in images if each in folder.files or each in folder.strays)
    return ()


def _named_elsewhere(folder: _Folder, name: str) -> str | None:
    """Give a file in another folder that the index of a slide names, which its reader would open."""
    suffix = suffix_of(name)
    if suffix == ".mrxs":
        index = folder.path / _mirax_folder(name) / _MIRAX_INDEX
        if not _is_inside(index, folder.allowed):
            return _MIRAX_INDEX
    elif suffix in {".vms", ".vmu"}:
        index = folder.path / name
    else:
        return None
    try:
        with index.open("rb") as file:
            named = _NAMED_FILE.findall(file.read(_INDEX_BYTES))
    except OSError:
        return None
    return next((os.fsdecode(value.strip()) for value in named if b"/" in value), None)


def _beside(name: str) -> set[str]:
    """Names of files that readers look for beside a slide: Trestle's macro, the journals of a database (Sakura)."""
    return {f"{name.rpartition('.')[0]}.Full", f"{name}-journal", f"{name}-wal", f"{name}-shm"}


def _mirax_folder(name: str) -> str:
    return name[: -len(".mrxs")]


def _vms_companions(folder: _Folder) -> frozenset[str]:
    indexes = [name for name in folder.files if suffix_of(name) in {".vms", ".vmu"}]
    return frozenset(image for name in indexes for image in _vms_images(folder.path / name) if image not in indexes)


def _vms_images(index: Path) -> Iterator[str]:
    """Names of the files that a Hamamatsu VMS or VMU index lists; nothing where it cannot be read."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        with index.open("rb") as file:
            parser.read_string(file.read(_INDEX_BYTES).decode("latin-1"))
    except (OSError, configparser.Error):
        return
    for section in parser.sections():
        for value in parser[section].values():
            # Only plain names: an index must not reach into other folders.
            if value and "/" not in value and "\\" not in value:
                yield value


def _dicom_series(folder: _Folder) -> dict[str, tuple[Path, ...]]:
    """Group the whole-slide DICOM files of a folder: name of the file that stands for a series -> all its files.

    The file of the largest level stands for the series: it stays the same when a label or a thumbnail joins.
    """
    series: dict[str, list[tuple[str, DicomHeader]]] = {}
    for name in folder.files:
        if may_be_dicom(name) and (header := read_header(folder.path / name)) and header.is_whole_slide:
            series.setdefault(header.series, []).append((name, header))
    groups: dict[str, tuple[Path, ...]] = {}
    for files in series.values():
        first, _ = min(files, key=lambda file: (not file[1].is_volume, -file[1].size.pixels, file[0]))
        groups[first] = tuple(folder.path / name for name, _ in files)
    return groups


class _Lookup:
    """The slides of the folders that listed files lie in, by file; the last few folders are remembered."""

    def __init__(self, root: Path, *also: Path) -> None:
        self._root = root
        self._allowed = (root.resolve(), *also)
        self._folder = lru_cache(maxsize=64)(self._read)

    def find(self, path: Path) -> Slide | Unusable:
        """Give the slide that a file belongs to, or why there is none."""
        if "\0" in str(path):
            return Unusable(path, "is no path: it holds a zero byte; lists with zero bytes between paths need --null")
        if not _is_below(path, self._root) or not _is_inside(path, self._allowed):
            return Unusable(path, f"is not below the source root {self._root}")
        try:
            path.stat()
        except OSError as error:
            return Unusable(path, _unlisted(path, error))
        if any(part.startswith(".") for part in PurePath(os.path.relpath(path, self._root)).parts):
            return Unusable(path, "is hidden, or in a hidden folder; it is left alone")
        below = PurePath(os.path.normpath(os.path.relpath(path, self._root)))
        place = self._root / below
        # From the top: what lies in the folder of a MIRAX slide is that slide, whatever its name.
        for above in reversed(below.parents):
            _, owners = self._folder(above)
            if place in owners:
                return owners[place]
        return Unusable(path, "is not a slide or an image by its name")

    def _read(self, below_root: PurePath) -> "tuple[_Folder, dict[Path, Slide | Unusable]]":
        colliding: frozenset[PurePath] = frozenset()
        if below_root.parts:
            above, _ = self._folder(below_root.parent)
            colliding = above.colliding
        folder = _read_folder(self._root / below_root, below_root, colliding, self._allowed)
        owners: dict[Path, Slide | Unusable] = {}
        for found in (*_slides_of(folder), *folder.problems):
            for file in _files_of(found):
                # Two slides may name the same file: the first is what it belongs to.
                owners.setdefault(file, found)
        return folder, owners


def _unlisted(path: Path, error: OSError) -> str:
    """Say why a listed file cannot be taken; git puts names into quotes that are not ASCII, unless told otherwise."""
    if isinstance(error, FileNotFoundError) and path.name.endswith('"'):
        return f"{system_refusal(error)}; git quotes names so: list them with git … -z, and --null"
    return system_refusal(error)


def _files_of(found: Slide | Unusable) -> tuple[Path, ...]:
    return found.members if isinstance(found, Slide) else (found.path,)


def _is_inside(path: Path | str, allowed: Iterable[Path]) -> bool:
    """Tell whether a path leads to a place below one of some real folders, or to one of them."""
    real = Path(os.path.realpath(path))
    return any(real.is_relative_to(place) for place in allowed)


def _real(path: Path) -> Path:
    # Not Path.resolve(), which raises where a link leads to itself.
    return Path(os.path.realpath(path))


def _is_below(path: Path, root: Path) -> bool:
    parts = PurePath(os.path.relpath(path, root)).parts
    return bool(parts) and parts[0] != os.pardir
