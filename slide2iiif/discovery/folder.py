"""One folder of a source: its files, folders and links, and signs that it is a published tree instead."""

import errno
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from slide2iiif.discovery.found import PassedOver, Unusable, is_inside
from slide2iiif.iiif.info import DOCUMENT_NAME
from slide2iiif.sources.formats import is_slide_name, is_unread_name
from slide2iiif.sources.unsupported import system_refusal
from slide2iiif.system_errors import PRIVATE

Identity = tuple[int, int]
"""Device and inode of a folder: the same for all its names, links and mounts."""

_OUTSIDE = "is a link to a folder outside SOURCE, which is not followed: export that folder by itself, or copy it"
_UNREAD = "is a slide or an image in a format that nothing here reads: convert it to TIFF or DICOM"
_DOCUMENT_BYTES = 1_000_000
_CONTEXT = b"iiif.io/api/"
_NOTHING_THERE = {errno.ENOENT, errno.ELOOP, errno.ENOTDIR}


@dataclass(slots=True)
class Folder:
    """The contents of one folder, sorted by name, hidden ones left out."""

    path: str
    """Path as the source root was named, for opening."""
    below: str
    """Path below the source root; empty for the root."""
    real: str
    """Path without links."""
    allowed: tuple[Path, ...]
    """Real places, below one of which all that is read must lie."""
    places: tuple[str, ...] = ("",)
    """Folders of the published tree that hold, or are to hold, what is in this one; each ends in `/`, apart from the
    root, which is empty. Newcomers go to the first."""
    is_published: bool = False
    """True if something in it may be published already."""
    is_beside_slides: bool = False
    """True if slides lie in the folder above."""
    files: list[str] = field(default_factory=list)
    """Names of files, also through links."""
    folders: dict[str, Identity] = field(default_factory=dict)
    """Names of folders, also through links."""
    links: frozenset[str] = frozenset()
    """Names of symbolic links, hidden ones too."""
    strays: list[str] = field(default_factory=list)
    """Links that lead out of the root, hidden ones too: readers that look around in a folder would follow them."""
    problems: list[Unusable] = field(default_factory=list)
    """Files with the name of a slide that cannot be one."""
    tree_sign: str = ""
    """Name of what shows that the folder is, or lies in, a published tree; empty where there is none."""

    def below_root(self, name: str) -> str:
        """Return the path of something in the folder below the source root."""
        return f"{self.below}/{name}" if self.below else name

    def at(self, name: str) -> str:
        """Return the path of something in the folder, for opening."""
        return f"{self.path.rstrip(os.sep)}{os.sep}{name}"

    def real_at(self, name: str) -> str:
        """Return the path of something in the folder without links."""
        return os.path.realpath(self.at(name)) if name in self.links else f"{self.real.rstrip(os.sep)}{os.sep}{name}"

    def is_inside(self, name: str) -> bool:
        """Return whether something in the folder lies where it may; only a link can lead elsewhere."""
        return name not in self.links or is_inside(self.at(name), self.allowed)

    def read(self) -> None:
        """List the folder; what cannot be listed or taken is among its problems afterwards."""
        try:
            with os.scandir(self.path) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            self.problems.append(Unusable(Path(self.path), f"cannot be listed: {error.strerror}", hides_slides=True))
            return
        self.links = frozenset(entry.name for entry in entries if entry.is_symlink())
        for entry in entries:
            if entry.name == PRIVATE:
                self.tree_sign = PRIVATE
            is_hidden = entry.name.startswith(".")
            if not self.is_inside(entry.name):
                self.strays.append(entry.name)
                if is_slide_name(entry.name) and not is_hidden:
                    reason = "is a link that leads out of SOURCE; it is left alone"
                    self.problems.append(Unusable(Path(entry.path), reason))
                elif not is_hidden and entry.is_dir():
                    self.problems.append(PassedOver(Path(entry.path), _OUTSIDE))
            elif not is_hidden:
                self._sort(entry)
        if DOCUMENT_NAME in self.files and _is_of_iiif(self.at(DOCUMENT_NAME)):
            self.tree_sign = self.tree_sign or DOCUMENT_NAME

    def _sort(self, entry: os.DirEntry[str]) -> None:
        try:
            status = entry.stat()
        except OSError as error:
            # A link that leads nowhere is no folder, but what does not answer may be one.
            if is_slide_name(entry.name) or error.errno not in _NOTHING_THERE:
                self.problems.append(Unusable(Path(entry.path), system_refusal(error), hides_slides=True))
            return
        if stat.S_ISDIR(status.st_mode):
            # Some file systems do not number their files.
            self.folders[entry.name] = (status.st_dev, status.st_ino or hash(self.real_at(entry.name)))
        elif stat.S_ISREG(status.st_mode):
            self.files.append(entry.name)
            if is_unread_name(entry.name):
                self.problems.append(PassedOver(Path(entry.path), _UNREAD))
        elif is_slide_name(entry.name):
            self.problems.append(Unusable(Path(entry.path), "is not a file"))


def _is_of_iiif(document: str) -> bool:
    """Return whether a file is a document of IIIF, by its context; half of one is as good a sign."""
    try:
        with Path(document).open("rb") as file:
            text = file.read(_DOCUMENT_BYTES)
    except OSError:
        return False
    # Slashes may be escaped in JSON.
    return b"@context" in text and _CONTEXT in text.replace(b"\\", b"")
