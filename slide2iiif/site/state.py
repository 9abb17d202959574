"""What is known of the pages of a tree: with which options they were written, and what each folder comes to.

Small files in the private folder. Without them every page would have to be looked at to find out that none changes.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from slide2iiif.errors import UsageError
from slide2iiif.options import SiteOptions
from slide2iiif.records.receipts import Receipts
from slide2iiif.records.strict_json import DamagedRecordError, read_record
from slide2iiif.site.cards import Picture
from slide2iiif.stores.folder.atomic import write_atomically
from slide2iiif.stores.folder.links import check_no_link
from slide2iiif.system_errors import refusals_of

_NAME = "!folder.json"
"""Of a folder's file; no identifier has such a name."""


@dataclass(frozen=True, slots=True)
class SiteState:
    """With what the pages of a tree were written."""

    options: SiteOptions
    """What was asked for."""
    base_url: str
    """Base of all ids."""
    design: str
    """What templates, style and scripts they have."""
    is_whole: bool
    """Whether all pages are written; False while a run changes slides."""


@dataclass(frozen=True, slots=True)
class FolderState:
    """What the folder above has to know of a folder."""

    slides: int
    """Slides in it, those of its folders included."""
    covers: list[Picture] = field(default_factory=list)
    """A few pictures, with paths below the folder."""


class States:
    """The files of a tree."""

    def __init__(self, receipts: Receipts) -> None:
        """Name the tree by its receipts; nothing is touched before it is needed."""
        self._site = receipts.private / "site.json"
        self._folders = receipts.private / "site"
        self._staging = receipts.private / "staging"
        self._private = receipts.private

    def read_site(self) -> SiteState | None:
        """Give the state of the tree; None where it has no pages, or the state is not of this version's form."""
        try:
            return read_record(SiteState, _read(self._site))
        except (DamagedRecordError, UsageError):
            return None

    def has_site(self) -> bool:
        """Tell whether pages were ever written, be the state of this version's form or not."""
        return self._site.exists()

    def write_site(self, state: SiteState) -> None:
        """Note the state of the tree."""
        self._write(self._site, asdict(state))

    def remove_site(self) -> None:
        """Note that the tree has no pages."""
        with refusals_of(self._site):
            self._site.unlink(missing_ok=True)

    def read_folder(self, folder: str) -> FolderState | None:
        """Give the state of a folder; None where it has no page."""
        try:
            return read_record(FolderState, _read(self._file(folder)))
        except DamagedRecordError:
            return None

    def write_folder(self, folder: str, state: FolderState) -> None:
        """Note the state of a folder."""
        if self.read_folder(folder) != state:
            self._write(self._file(folder), asdict(state))

    def remove_folder(self, folder: str) -> None:
        """Forget a folder."""
        file = self._file(folder)
        check_no_link(self._private, file.parent)
        with refusals_of(file):
            file.unlink(missing_ok=True)
        for place in file.parents:
            try:
                place.rmdir()
            except OSError:
                break  # Not there, or not empty.
            if place == self._folders:
                break

    def _file(self, folder: str) -> Path:
        return self._folders / folder / _NAME

    def _write(self, file: Path, fields: dict[str, Any]) -> None:
        check_no_link(self._private, file.parent)
        write_atomically(file, json.dumps(fields, indent=1).encode() + b"\n", self._staging)


def _read(file: Path) -> bytes:
    with refusals_of(file):
        return file.read_bytes() if file.exists() else b"{}"
