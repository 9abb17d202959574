"""Files of a folder -> candidates for slides, each with all files that belong to it.

A candidate is one file, one `.mrxs` with its folder, one `.vms` or `.vmu` with the images that it names, or one DICOM
series.
"""

import configparser
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from slide2iiif.discovery.folder import Folder
from slide2iiif.discovery.found import STRAY, is_inside
from slide2iiif.discovery.pointer import read_pointer
from slide2iiif.sources.dicom import DicomHeader, read_header
from slide2iiif.sources.formats import DICOM_SUFFIXES, is_slide_name, may_be_dicom, suffix_of

MIRAX_INDEX = "Slidedat.ini"
"""File in the folder of a MIRAX slide that says what the others are."""

_INDEX_BYTES = 1_000_000
_NAMED_FILE = re.compile(rb"(?m)^[ \t]*(?:FILE_\d+|INDEXFILE|\w*File(?:\([^)\n]*\))?)[ \t]*=([^\n]*)")
"""Lines of the indexes of MIRAX, VMS and VMU that name a file which belongs to the slide."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that would be opened as a slide."""

    name: str
    """Name in its folder."""
    members: tuple[Path, ...]
    """All files that make the slide up, the one that is opened first."""
    stray: str = ""
    """Name of a file that its reader would open outside of the root; empty where there is none."""

    @property
    def refusal(self) -> str:
        """The reason for which it must not be opened; empty where there is none."""
        return f"{self.stray}, which belongs to it, leads out of SOURCE: {STRAY}" if self.stray else ""


def find_candidates(folder: Folder, is_published: Callable[[str], bool]) -> Iterator[Candidate]:
    """Find all slides of a folder, in the order of their names.

    Args:
        folder: the folder, read.
        is_published: says of a name whether a slide of that name is published already.
    """
    dicom = _dicom_series(folder, is_published)
    of_dicom = {name for names in dicom.values() for name in names}
    companions = _vms_companions(folder)
    for name in folder.files:
        if name in dicom:
            # Its reader opens every file of the folder.
            stray = next(iter(folder.strays), "")
            yield _candidate(folder, name, [Path(folder.at(each)) for each in dicom[name]], stray)
        elif is_slide_name(name) and name not in companions:
            yield _candidate(folder, name, _members(folder, name), _named_elsewhere(folder, name))
        elif name not in of_dicom and (suffix_of(name) in DICOM_SUFFIXES or _is_dicom_to_fetch(folder, name)):
            yield _candidate(folder, name, [], "")


def _candidate(folder: Folder, name: str, members: list[Path], stray: str) -> Candidate:
    path = Path(folder.at(name))
    if not stray and folder.links:
        # What is no link lies in this folder, or in one in it, which is inside.
        own = (member for member in members if member.is_symlink() and not is_inside(member, folder.allowed))
        stray = next((member.name for member in own), "") or ("" if folder.is_inside(name) else name)
    if not stray and folder.strays:
        beside = _beside(name)
        stray = next((each for each in folder.strays if each in beside), "")
    return Candidate(name, (path, *(member for member in members if member != path)), stray)


def _members(folder: Folder, name: str) -> list[Path]:
    suffix = suffix_of(name)
    if suffix == ".mrxs":
        companion = mirax_folder(name)
        return _files_below(folder.at(companion)) if companion in folder.folders else []
    if suffix in {".vms", ".vmu"}:
        images = _vms_images(folder.at(name))
        return [Path(folder.at(each)) for each in images if each in folder.files or each in folder.strays]
    return []


def _files_below(path: str) -> list[Path]:
    """List the files in a folder and in the folders in it, links to folders not followed."""
    files: list[Path] = []
    waiting = [path]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    elif entry.is_file():
                        files.append(Path(entry.path))
        except OSError:
            # The reader will say what is missing.
            continue
    return sorted(files)


def _named_elsewhere(folder: Folder, name: str) -> str:
    """Return a file in another folder that the index of a slide names, which its reader would open."""
    suffix = suffix_of(name)
    if suffix == ".mrxs":
        index = Path(folder.at(mirax_folder(name)), MIRAX_INDEX)
        if not is_inside(index, folder.allowed):
            return MIRAX_INDEX
        linked = (path for path in _members(folder, name) if path.is_symlink() and not is_inside(path, folder.allowed))
        stray = next((path.name for path in linked), "")
        if stray:
            return stray
    elif suffix in {".vms", ".vmu"}:
        index = Path(folder.at(name))
    else:
        return ""
    try:
        with index.open("rb") as file:
            named = _NAMED_FILE.findall(file.read(_INDEX_BYTES))
    except OSError:
        return ""
    return next((os.fsdecode(value.strip()) for value in named if b"/" in value), "")


def _beside(name: str) -> set[str]:
    """Return the files that readers look for beside a slide: Trestle's macro, the journals of a database (Sakura)."""
    return {f"{name.rpartition('.')[0]}.Full", f"{name}-journal", f"{name}-wal", f"{name}-shm"}


def _is_dicom_to_fetch(folder: Folder, name: str) -> bool:
    """Return True for a pointer of Git LFS that may stand for DICOM: only its content would tell."""
    path = Path(folder.at(name))
    try:
        return may_be_dicom(name) and read_pointer(path, path.stat().st_size) is not None
    except OSError:
        return False


def mirax_folder(name: str) -> str:
    """Return the name of the folder that belongs to a MIRAX slide."""
    return name[: -len(".mrxs")]


def _vms_companions(folder: Folder) -> frozenset[str]:
    indexes = [name for name in folder.files if suffix_of(name) in {".vms", ".vmu"}]
    return frozenset(image for name in indexes for image in _vms_images(folder.at(name)) if image not in indexes)


def _vms_images(index: str) -> Iterator[str]:
    """Yield the names of the files that a Hamamatsu VMS or VMU index lists; nothing where it cannot be read."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        with Path(index).open("rb") as file:
            parser.read_string(file.read(_INDEX_BYTES).decode("latin-1"))
    except (OSError, configparser.Error):
        return
    for section in parser.sections():
        for value in parser[section].values():
            # Only plain names: an index must not reach into other folders.
            if value and "/" not in value and "\\" not in value:
                yield value


def _dicom_series(folder: Folder, is_published: Callable[[str], bool]) -> dict[str, list[str]]:
    """Group the whole-slide DICOM files of a folder: name of the file that stands for a series -> all its files.

    The file of the largest level stands for the series: it stays the same when a label or a thumbnail joins. One that
    is published already goes on to stand for it, whatever joins.
    """
    series: dict[str, list[tuple[str, DicomHeader]]] = {}
    for name in folder.files:
        if may_be_dicom(name) and (header := read_header(Path(folder.at(name)))) and header.is_whole_slide:
            series.setdefault(header.series, []).append((name, header))
    groups: dict[str, list[str]] = {}
    for files in series.values():
        first, _ = min(
            files, key=lambda file: (not file[1].is_volume, not is_published(file[0]), -file[1].size.pixels, file[0])
        )
        groups[first] = [name for name, _ in files]
    return groups
