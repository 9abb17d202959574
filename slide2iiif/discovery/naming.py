"""Path of a slide -> its public identifier: the path itself, a keyed hash of it, or an entry of a table.

File names contain names of people, numbers and dates. A hash is an HMAC-SHA256 (RFC 2104) of the path below the source
root: equal for equal path and key, and without the key nobody can test a guessed name. A table is a CSV file of two
columns, path and identifier.
"""

import base64
import csv
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Protocol

from slide2iiif.discovery.walk import Slide, Unusable
from slide2iiif.errors import SourceError, TargetError, UsageError
from slide2iiif.iiif.identifiers import decode_identifier, is_plain_identifier
from slide2iiif.options import HASHED_IDENTIFIERS as HASH
from slide2iiif.options import PATH_IDENTIFIERS as PATH
from slide2iiif.records.receipt import Receipt
from slide2iiif.records.receipts import Receipts
from slide2iiif.records.strict_json import read_json
from slide2iiif.stores.base import Objects

KEY_NAME = "identifier.key"
"""File of the key, among the private objects of the tree."""
SCHEMES_NAME = "identifiers.json"
"""File of the naming schemes of the tree, beside the key."""

LOST = "names that are no paths"
"""Scheme of a tree whose file of schemes is gone."""

_ASKED = 8
"""Receipts that are asked how slides are named, where no file tells: one of them may be damaged."""

_KEY_BYTES = 32
_SHORTEST_KEY = 16
_HASH_BYTES = 20
"""Published bytes of the digest, 32 letters and digits: two of 10^9 slides collide in one of 10^30 trees."""
_HEADS = ("path", "identifier")


class Naming(Protocol):
    """Naming of slides: path below the source root -> public identifier."""

    @property
    def scheme(self) -> str:
        """Identifier of the naming scheme and its key; other schemes yield other identifiers."""
        ...

    def name(self, source: str) -> str:
        """Return the public identifier of a slide, from its path below the source root.

        Raises:
            SourceError: it has none.
        """
        ...


@dataclass(frozen=True, slots=True)
class HashNaming:
    """Keyed hashes as identifiers, which disclose nothing."""

    key: bytes
    """Secret key of the hash."""
    is_new: bool = False
    """True for a new key, which is stored when it is first used."""

    @property
    def scheme(self) -> str:
        """Hash of the empty path: identifies the key without disclosing it."""
        return f"{HASH} {self.name('')}"

    def name(self, source: str) -> str:
        """See `Naming.name`."""
        digest = hmac.digest(self.key, os.fsencode(source), hashlib.sha256)
        return base64.b32encode(digest[:_HASH_BYTES]).decode("ascii").lower()


@dataclass(frozen=True, slots=True)
class TableNaming:
    """Identifiers from a table."""

    file: Path
    """Path of the table."""
    identifiers: Mapping[str, str]
    """Path below the source root -> identifier."""

    used: set[str] = field(default_factory=set, compare=False)
    """Paths that were asked for."""

    scheme = "table"

    def name(self, source: str) -> str:
        """See `Naming.name`."""
        try:
            identifier = self.identifiers[source]
        except KeyError:
            raise SourceError(f"has no identifier: {self.file} has no line for it") from None
        self.used.add(source)
        return identifier

    def unused(self) -> Iterator[tuple[int, str]]:
        """Yield line and path of each slide that nobody has asked for.

        Raises:
            UsageError: the table cannot be read any more.
        """
        for number, row in enumerate(_rows(self.file), start=1):
            path = str(PurePosixPath(row[0])) if row else ""
            if path in self.identifiers and path not in self.used:
                yield number, path


def open_naming(choice: str, private: Objects, key_file: Path | None) -> Naming | None:
    """Open the requested naming; None where paths are the identifiers.

    Args:
        choice: `path`, `hash`, or the name of a table.
        private: private objects of the tree, which have the key if no file is named.
        key_file: file of the key for `hash`.

    Raises:
        UsageError: key or table cannot be read, or are invalid.
    """
    if key_file is not None and choice != HASH:
        raise UsageError(f"--identifier-key {key_file}: goes with --identifier {HASH} only")
    if choice == PATH:
        return None
    if choice == HASH:
        return HashNaming(_read_key(key_file)) if key_file else _own_naming(private)
    if not choice.lower().endswith(".csv"):
        raise UsageError(f"--identifier {choice}: must be {PATH}, {HASH} or the name of a .csv file")
    return TableNaming(Path(choice), read_table(Path(choice)))


def rename(found: Iterable[Slide | Unusable], naming: Naming) -> Iterator[Slide | Unusable]:
    """Replace the identifiers of slides by their public ones; a slide without one is unusable."""
    for each in found:
        if isinstance(each, Unusable):
            yield each
            continue
        try:
            yield replace(each, identifier=naming.name(each.source))
        except SourceError as error:
            yield Unusable(each.path, str(error))


def read_table(file: Path) -> dict[str, str]:
    """Read a table: path below the source root -> public identifier. A first line `path,identifier` is a header.

    Raises:
        UsageError: it cannot be read, a line is not one of two columns, a path or an identifier comes twice, or an
            identifier is not safe in a URL, or would lie within another one.
    """
    rows = _rows(file)
    if rows and tuple(cell.strip().lower() for cell in rows[0]) == _HEADS:
        rows[0] = []
    table: dict[str, str] = {}
    taken: dict[str, int] = {}
    for number, row in enumerate(rows, start=1):
        if not row:
            continue
        where = f"--identifier {file}, line {number}"
        if len(row) != len(_HEADS):
            raise UsageError(f"{where}: has {len(row)} columns; path and identifier are needed")
        path, identifier = str(PurePosixPath(row[0])), row[1]
        if not is_plain_identifier(identifier):
            raise UsageError(
                f"{where}: {identifier!r} is no identifier: letters, digits, '.', '_' and '-' only, "
                "in names that neither begin nor end with a dot and are none of a tree's own such as index.html"
            )
        if path in table:
            raise UsageError(f"{where}: {row[0]!r} has an identifier already")
        # Some hosts ignore case.
        first = taken.setdefault(identifier.lower(), number)
        if first != number:
            raise UsageError(f"{where}: the identifier {identifier} is that of line {first}, or differs only by case")
        table[path] = identifier
    _check_nested(file, taken)
    return table


def _rows(file: Path) -> list[list[str]]:
    try:
        with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as lines:
            return list(csv.reader(lines))
    except (OSError, csv.Error) as error:
        raise UsageError(f"--identifier {file}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _check_nested(file: Path, taken: Mapping[str, int]) -> None:
    """Refuse an identifier below another one: files of the two slides could collide."""
    for identifier, number in taken.items():
        place = identifier.find("/")
        while place > 0:
            if identifier[:place] in taken:
                raise UsageError(
                    f"--identifier {file}, line {number}: {identifier} lies within the slide of line "
                    f"{taken[identifier[:place]]}"
                )
            place = identifier.find("/", place + 1)


class Schemes:
    """Naming schemes that the slides of a tree may have: a small file in the private folder.

    Without it, slides would stay published for ever under their old names when the scheme changes.
    """

    def __init__(self, receipts: Receipts) -> None:
        """Open the schemes of a tree, which lie beside its receipts; nothing is touched before it is needed."""
        self._receipts = receipts
        self._private = receipts.private

    def are_noted(self) -> bool:
        """Return True if the tree has the file; it needs none as long as paths are the identifiers."""
        return self._private.head(SCHEMES_NAME) is not None

    def others(self, naming: Naming | None) -> list[str]:
        """Return the schemes that were used besides one.

        Raises:
            TargetError: the file cannot be read.
        """
        return [scheme for scheme in self._read(naming) if scheme != _scheme(naming)]

    def use(self, naming: Naming | None) -> None:
        """Record a scheme and store its key, before the first slide is published by it.

        Raises:
            TargetError: the file cannot be written.
        """
        scheme, known = _scheme(naming), self._read(naming)
        if isinstance(naming, HashNaming):
            self._keep_key(naming)
        if scheme not in known:
            self._write([*known, scheme])

    def settle(self, naming: Naming | None) -> None:
        """Record that no slide of another scheme is left.

        Raises:
            TargetError: the file cannot be written.
        """
        if self.others(naming):
            self._write([_scheme(naming)])

    def _read(self, naming: Naming | None) -> list[str]:
        content = self._private.read(SCHEMES_NAME)
        if content is None:
            return self._guess(naming)
        try:
            found = read_json(content)
        except ValueError as error:
            raise TargetError(f"{SCHEMES_NAME} in the private folder: cannot be read: {error}") from None
        return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []

    def _guess(self, naming: Naming | None) -> list[str]:
        """Return the scheme of a tree without the file, by a receipt: paths, unless the file has been lost."""
        if not self._receipts.is_above(""):
            return []
        if naming is not None and any(_is_named_by(each, naming) for each in islice(self._receipts.known(), _ASKED)):
            return [naming.scheme]
        return [PATH if are_paths(self._receipts) else LOST]

    def _write(self, schemes: list[str]) -> None:
        if schemes == [PATH] and not self.are_noted():
            return
        self._private.write(SCHEMES_NAME, json.dumps(schemes).encode(), durable=True, secret=True)

    def _keep_key(self, naming: HashNaming) -> None:
        if naming.is_new:
            self._private.write(KEY_NAME, naming.key + b"\n", durable=True, secret=True)


def are_paths(receipts: Receipts) -> bool:
    """Return True if slides were published under their paths, by the first receipts; True where there is none."""
    first = list(islice(receipts.known(), _ASKED))
    return not first or any(_is_named_by_path(receipt) for receipt in first)


def _is_named_by_path(receipt: Receipt) -> bool:
    try:
        return str(decode_identifier(receipt.identifier)) == receipt.source or not receipt.source
    except ValueError:
        return False


def _is_named_by(receipt: Receipt, naming: Naming) -> bool:
    try:
        return naming.name(receipt.source) == receipt.identifier
    except SourceError:
        return False


def _scheme(naming: Naming | None) -> str:
    return PATH if naming is None else naming.scheme


def _own_naming(private: Objects) -> HashNaming:
    """Open the naming by the key of a tree; make a new key where it has none."""
    key = private.read(KEY_NAME)
    if key is not None:
        return HashNaming(_checked_key(key, KEY_NAME))
    if private.is_folder(KEY_NAME):
        raise TargetError(f"{KEY_NAME} in the private folder is no file: put the key back, or move it away")
    return HashNaming(secrets.token_hex(_KEY_BYTES).encode("ascii"), is_new=True)


def _read_key(file: Path) -> bytes:
    try:
        return _checked_key(file.read_bytes(), str(file))
    except OSError as error:
        raise UsageError(f"--identifier-key {file}: {error.strerror}") from None


def _checked_key(content: bytes, name: str) -> bytes:
    key = content.strip()
    if len(key) < _SHORTEST_KEY:
        raise UsageError(
            f"--identifier-key {name}: {len(key)} bytes are no secret; make one of {_SHORTEST_KEY} or more, "
            f"as by: openssl rand -hex {_KEY_BYTES} > {name}"
        )
    return key
