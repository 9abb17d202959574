"""Receipts of a tree: for each slide the source and options that it was published from.

One small JSON file a slide, `receipts/<identifier>/receipt.json` in the private folder, written after the slide is
published, and beside it the digests: length and digest of every file. The receipt serves to skip unchanged slides and
to write new documents without the source, the digests to check the files. Neither leaves the private folder.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace

from slide2iiif import __version__
from slide2iiif.iiif.identifiers import is_folded
from slide2iiif.options import Options
from slide2iiif.records.digests import DigestFile, Digests, digest_stream, digests_size
from slide2iiif.records.receipt import Receipt, Settings, _parse
from slide2iiif.stores.base import Head, Objects

_FOLDER = "receipts"
_NAME = "receipt.json"
_DIGESTS = "ledger"
_PREVIOUS, _COMING_DIGESTS = "previous.json", "ledger.next"
"""Receipt of the version that is there, and digests of the one to come, while the receipt is an announcement."""
_UNKNOWN = ""
"""Fingerprint that no slide has."""


class Receipts:
    """Receipts of a tree."""

    def __init__(self, private: Objects) -> None:
        """Open the private objects of a tree; nothing is touched before it is needed."""
        self.private = private

    def read(self, identifier: str) -> Receipt | None:
        """Read the receipt of a slide; None where there is none, or only one of another format.

        Raises:
            TargetError: it cannot be read.
        """
        return self._read(_name_of(identifier), identifier)

    def _read(self, name: str, identifier: str) -> Receipt | None:
        text = self.private.read(name)
        receipt = None if text is None else _parse(text)
        # One that speaks of another slide would have that one's files changed.
        return receipt if receipt is not None and receipt.identifier == identifier else None

    def known(self) -> Iterator[Receipt]:
        """Yield the receipts that can be read, folder by folder."""
        receipts = (self.read(identifier) for identifier in self.identifiers())
        return (receipt for receipt in receipts if receipt is not None)

    def head(self, identifier: str) -> Head | None:
        """Return size and version of the receipt of a slide, of any format; None where there is none."""
        return self.private.head(_name_of(identifier))

    def is_above(self, path: str) -> bool:
        """Return True if slides were published below a folder of the tree."""
        return self.private.is_folder(f"{_FOLDER}/{path}" if path else _FOLDER)

    def digests(self, identifier: str) -> Digests:
        """Return the digests of a slide, not read yet."""
        return Digests(self.private, _digests_of(identifier))

    def has_digests(self, receipt: Receipt) -> bool:
        """Return True if the digests of a slide exist and are not too few for its receipt. Only `verify` reads them."""
        head = self.private.head(_digests_of(receipt.identifier))
        return head is not None and head.size >= digests_size(receipt.tiles)

    def previous(self, identifier: str) -> Receipt | None:
        """Read the receipt of the version that an announced one is to replace; None where there is none.

        Raises:
            TargetError: it cannot be read.
        """
        return self._read(_previous_of(identifier), identifier)

    def coming_digests(self, identifier: str) -> Digests:
        """Return the digests of an announced version, not read yet."""
        return Digests(self.private, _coming_digests_of(identifier))

    def announce(self, receipt: Receipt, digests: Sequence[DigestFile]) -> None:
        """Record that a slide is about to be published, and keep the record of the version that is there.

        Until `write`, the slide counts as changed: a run that ends in between may have published it or not. Which of
        both is published `version` finds out.

        Raises:
            TargetError: it cannot be written.
        """
        identifier = receipt.identifier
        previous = self.read(identifier)
        has_previous = previous is not None and previous.fingerprint != _UNKNOWN
        name = _coming_digests_of(identifier) if has_previous else _digests_of(identifier)
        self.private.write(name, digest_stream(digests), secret=True)
        if has_previous and previous is not None:
            self.private.write(_previous_of(identifier), _content_of(previous), secret=True)
        self.write(replace(receipt, fingerprint=_UNKNOWN))

    def settle(self, receipt: Receipt, digests: Digests) -> None:
        """Record a version whose files are those of some digests, after a run that ended between two versions.

        Raises:
            TargetError: it cannot be written.
        """
        identifier = receipt.identifier
        if digests.name != _digests_of(identifier):
            self.private.write(_digests_of(identifier), digests.content(), secret=True)
        self.write(receipt)
        self._forget_announced(identifier)

    def write(self, receipt: Receipt, digests: Sequence[DigestFile] = ()) -> None:
        """Record that a slide is published.

        Args:
            receipt: the record.
            digests: digests of its services in order; none to leave the stored ones as they are.

        Raises:
            TargetError: it cannot be written.
        """
        if digests:
            self.private.write(_digests_of(receipt.identifier), digest_stream(digests), secret=True)
        self.private.write(_name_of(receipt.identifier), _content_of(receipt), secret=True)
        if digests:
            self._forget_announced(receipt.identifier)

    def remove(self, identifier: str) -> None:
        """Remove receipt and digests of a slide, and folders that they leave empty."""
        self._forget_announced(identifier)
        self.private.delete(_name_of(identifier))
        self.private.delete(_digests_of(identifier))

    def _forget_announced(self, identifier: str) -> None:
        for name in (_previous_of(identifier), _coming_digests_of(identifier)):
            if self.private.head(name) is not None:
                self.private.delete(name)

    def children(self, folder: str) -> tuple[list[str], list[str]]:
        """Return slides and folders directly in a folder, in no order; only folders with a slide somewhere below.

        Args:
            folder: path in the tree; empty for the root. Entries below a folded name count as its own.

        Raises:
            TargetError: a folder cannot be listed.
        """
        slides: list[str] = []
        folders: list[str] = []
        waiting = [folder]
        while waiting:
            place = waiting.pop()
            for entry in self.private.list(f"{_FOLDER}/{place}" if place else _FOLDER):
                path = f"{place}/{entry.name}" if place else entry.name
                if is_folded(path):
                    waiting.append(path)
                elif self.head(path) is not None:
                    slides.append(path)
                elif entry.is_folder:
                    folders.append(path)
        return slides, folders

    def identifiers(self) -> Iterator[str]:
        """Yield identifiers of all published slides, folder by folder.

        Raises:
            TargetError: a folder cannot be listed; without it, its slides would count as removed.
        """
        waiting = [""]
        while waiting:
            below = waiting.pop()
            entries = list(self.private.list(f"{_FOLDER}/{below}" if below else _FOLDER))
            if below and any(entry.name == _NAME for entry in entries):
                yield below
            folders = sorted((entry.name for entry in entries if entry.is_folder), reverse=True)
            waiting += (f"{below}/{name}" if below else name for name in folders)


def _name_of(identifier: str) -> str:
    return f"{_FOLDER}/{identifier}/{_NAME}"


def _previous_of(identifier: str) -> str:
    return f"{_FOLDER}/{identifier}/{_PREVIOUS}"


def _coming_digests_of(identifier: str) -> str:
    return f"{_FOLDER}/{identifier}/{_COMING_DIGESTS}"


def _content_of(receipt: Receipt) -> bytes:
    return json.dumps(asdict(receipt), indent=1).encode() + b"\n"


def _digests_of(identifier: str) -> str:
    return f"{_FOLDER}/{identifier}/{_DIGESTS}"


def staging_state(fingerprint: str, options: Options, plan: object) -> str:
    """Return the key of everything that affects the files of a slide and the steps to them: equal keys, equal files."""
    return repr((__version__, fingerprint, Settings.of(options), plan))
