"""The record of what was published for each slide: from what, with what options.

One small JSON file a slide, `receipts/<identifier>/receipt.json` in the private folder, written after the slide is
published, and beside it the ledger: length and digest of every file. The receipt is read to skip what is unchanged and
to write new documents without the source, the ledger to check the files. They never leave the private folder.
"""

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from slide2iiif.iiif.identifiers import is_folded
from slide2iiif.options import Options
from slide2iiif.records.digests import LedgerFile, ledger_bytes, whole_ledger
from slide2iiif.records.receipt import Receipt, Settings, _parse
from slide2iiif.stores.base import Store
from slide2iiif.stores.folder.atomic import write_atomically, write_pieces_atomically
from slide2iiif.stores.folder.links import check_no_link
from slide2iiif.system_errors import as_target_errors, target_error

_NAME = "receipt.json"
_LEDGER = "ledger"
_UNKNOWN = ""
"""Fingerprint that no slide has."""


class Receipts:
    """The receipts of a tree."""

    def __init__(self, private: Path) -> None:
        """Name the private folder of the tree; nothing is touched before it is needed."""
        self.private = private
        self.schemes = private / "identifiers.json"
        self._folder = private / "receipts"
        self._staging = private / "staging"

    def read(self, identifier: str) -> Receipt | None:
        """Give a slide's receipt; None where there is none or it is not of this version's form."""
        try:
            text = (self._folder / identifier / _NAME).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise target_error(error, self.path(identifier)) from None
        receipt = _parse(text)
        # One that speaks of another slide would have that one's files changed.
        return receipt if receipt is not None and receipt.identifier == identifier else None

    def path(self, identifier: str) -> Path:
        """Name the file of a slide's receipt."""
        return self._folder / identifier / _NAME

    def is_above(self, path: str) -> bool:
        """Tell whether slides were published below a folder of the tree."""
        return (self._folder / path).is_dir()

    def ledger_path(self, identifier: str) -> Path:
        """Name the file that has the length and digest of every file of a slide."""
        return self._folder / identifier / _LEDGER

    def has_ledger(self, receipt: Receipt) -> bool:
        """Tell whether a slide's ledger is there, and about of the size that its receipt means; `verify` reads it."""
        try:
            return self.ledger_path(receipt.identifier).stat().st_size >= ledger_bytes(receipt.tiles)
        except OSError:
            return False

    def announce(self, receipt: Receipt) -> None:
        """Record that a slide is about to be published.

        From now until `write`, whatever is found under its name counts as changed: a run that ends in between may
        have published it or not, and an older receipt would speak for files that are no more.

        Raises:
            TargetError: it cannot be written.
        """
        self.write(replace(receipt, fingerprint=_UNKNOWN))

    def write(self, receipt: Receipt, ledger: Sequence[LedgerFile] = ()) -> None:
        """Record that a slide is published.

        Args:
            receipt: the record.
            ledger: the records of the files of its services in order; none to leave the ledger as it is.

        Raises:
            TargetError: it cannot be written.
        """
        check_no_link(self.private, self._folder / receipt.identifier)
        if ledger:
            write_pieces_atomically(self.ledger_path(receipt.identifier), whole_ledger(ledger), self._staging)
        content = json.dumps(asdict(receipt), indent=1).encode() + b"\n"
        write_atomically(self._folder / receipt.identifier / _NAME, content, self._staging)

    def remove(self, identifier: str) -> None:
        """Forget a slide, and folders that it leaves empty."""
        path = self._folder / identifier / _NAME
        check_no_link(self.private, path.parent)
        with as_target_errors(path):
            path.unlink(missing_ok=True)
            self.ledger_path(identifier).unlink(missing_ok=True)
        for folder in path.parents:
            if folder == self._folder:
                break
            try:
                folder.rmdir()
            except OSError:
                break  # Not empty: other slides are published below it.

    def children(self, folder: str) -> tuple[list[str], list[str]]:
        """Give the slides and the folders that lie in a folder, in no order; every folder holds a slide somewhere.

        Args:
            folder: path in the tree; empty for the root. What lies below a folded name lies in the folder itself.
        """
        slides: list[str] = []
        folders: list[str] = []
        waiting = [folder]
        while waiting:
            place = waiting.pop()
            with (
                as_target_errors(self._folder),
                contextlib.suppress(FileNotFoundError, NotADirectoryError),
                os.scandir(self._folder / place) as found,
            ):
                for entry in found:
                    path = f"{place}/{entry.name}" if place else entry.name
                    if is_folded(path):
                        waiting.append(path)
                    elif Path(entry.path, _NAME).is_file():
                        slides.append(path)
                    elif entry.is_dir():
                        folders.append(path)
        return slides, folders

    def identifiers(self) -> Iterator[str]:
        """Identifiers of all published slides, folder by folder.

        Raises:
            TargetError: a folder cannot be listed: slides of it would pass for slides that are not there.
        """
        for folder, subfolders, names in os.walk(self._folder, onerror=self._tell_unless_gone):
            subfolders.sort()
            if _NAME in names:
                yield Path(folder).relative_to(self._folder).as_posix()

    def _tell_unless_gone(self, error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise target_error(error, self._folder) from None


def current_receipt(
    store: Store, receipts: Receipts, options: Options, identifier: str, fingerprint: str
) -> Receipt | None:
    """Give the receipt of a slide if exactly this is published already, by looking at a few small files."""
    receipt = receipts.read(identifier)
    is_current = (
        receipt is not None
        and receipt.fingerprint == fingerprint
        and receipt.settings == Settings.of(options)
        and (receipt.is_lossless or not options.require_lossless)
        and receipts.has_ledger(receipt)
        and store.holds(identifier)
    )
    return receipt if is_current else None
