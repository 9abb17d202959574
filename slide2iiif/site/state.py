"""State of the pages of a tree: the options that they were written with, and totals of each folder.

Small files in the private folder. Without them every page would have to be read to find out that none changes.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from slide2iiif.errors import UsageError
from slide2iiif.options import SiteOptions
from slide2iiif.records.receipts import Receipts
from slide2iiif.records.strict_json import DamagedRecordError, read_record
from slide2iiif.site.cards import Picture

_SITE = "site.json"
_FOLDERS = "site"
_NAME = "!folder.json"
"""Name of the state file of a folder; no identifier has such a name."""


@dataclass(frozen=True, slots=True)
class SiteState:
    """Options and design that the pages of a tree were written with."""

    options: SiteOptions
    """Options of the pages."""
    base_url: str
    """Base URL of all ids."""
    design: str
    """Digest of templates, style and scripts."""
    is_whole: bool
    """True if all pages are written; False while a run changes slides."""


@dataclass(frozen=True, slots=True)
class FolderState:
    """Totals of a folder, for the page of the folder above."""

    slides: int
    """Number of slides in it, those of its folders included."""
    covers: list[Picture] = field(default_factory=list)
    """A few cover pictures, with paths below the folder."""


class States:
    """States of a tree and its folders."""

    def __init__(self, receipts: Receipts) -> None:
        """Open the states of a tree, which lie beside its receipts; nothing is touched before it is needed."""
        self._private = receipts.private

    def read_site(self) -> SiteState | None:
        """Read the state of the tree; None where it has no pages, or a state of another format."""
        try:
            return read_record(SiteState, self._private.read(_SITE) or b"{}")
        except (DamagedRecordError, UsageError):
            return None

    def has_site(self) -> bool:
        """Return True if the tree has pages, with a state of any format."""
        return self._private.head(_SITE) is not None

    def write_site(self, state: SiteState) -> None:
        """Write the state of the tree."""
        self._write(_SITE, asdict(state))

    def remove_site(self) -> None:
        """Remove the state of a tree that has no pages any more."""
        self._private.delete(_SITE)

    def read_folder(self, folder: str) -> FolderState | None:
        """Read the state of a folder; None where it has no page."""
        try:
            return read_record(FolderState, self._private.read(_name_of(folder)) or b"{}")
        except DamagedRecordError:
            return None

    def write_folder(self, folder: str, state: FolderState) -> None:
        """Write the state of a folder, if it has changed."""
        if self.read_folder(folder) != state:
            self._write(_name_of(folder), asdict(state))

    def remove_folder(self, folder: str) -> None:
        """Remove the state of a folder."""
        self._private.delete(_name_of(folder))

    def _write(self, name: str, fields: dict[str, Any]) -> None:
        self._private.write(name, json.dumps(fields, indent=1).encode() + b"\n")


def _name_of(folder: str) -> str:
    return f"{_FOLDERS}/{folder}/{_NAME}" if folder else f"{_FOLDERS}/{_NAME}"
