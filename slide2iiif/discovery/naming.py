"""Path of a slide -> its public identifier: the path itself, a keyed hash of it, or what a table says.

File names carry names of people, numbers and dates. A hash is an HMAC-SHA256 (RFC 2104) of the path below the source
root: the same for the same path and key, and without the key nobody can try out whose name it was. A table is a CSV
file of two columns, path and identifier.
"""

import base64
import csv
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Protocol

from slide2iiif.discovery.walk import Slide, Unusable
from slide2iiif.errors import SourceError, TargetError, UsageError
from slide2iiif.iiif.identifiers import is_plain_identifier
from slide2iiif.options import HASHED_IDENTIFIERS as HASH
from slide2iiif.options import PATH_IDENTIFIERS as PATH
from slide2iiif.records.receipts import Receipts
from slide2iiif.records.strict_json import read_json
from slide2iiif.system_errors import refusal

KEY_NAME = "identifier.key"
"""The key in the private folder."""

_KEY_BYTES = 32
_SHORTEST_KEY = 16
_HASH_BYTES = 20
"""Bytes of the digest that are published, as 32 letters and digits: two of 10^9 slides meet once in 10^30 trees."""
_HEADS = ("path", "identifier")


class Naming(Protocol):
    """How slides are named."""

    @property
    def scheme(self) -> str:
        """What tells one way of naming from another: slides that were named otherwise have other identifiers."""
        ...

    def name(self, source: str) -> str:
        """Give the public identifier of a slide by its path below the source root.

        Raises:
            SourceError: it has none.
        """
        ...


@dataclass(frozen=True, slots=True)
class HashNaming:
    """Identifiers that say nothing."""

    key: bytes
    """The secret."""
    is_new: bool = False
    """Whether it was made just now, and is to be kept when it is used."""

    @property
    def scheme(self) -> str:
        """Tells the key, and nothing of it."""
        return f"{HASH} {self.name('')}"

    def name(self, source: str) -> str:
        """See `Naming.name`."""
        digest = hmac.digest(self.key, os.fsencode(source), hashlib.sha256)
        return base64.b32encode(digest[:_HASH_BYTES]).decode("ascii").lower()


@dataclass(frozen=True, slots=True)
class TableNaming:
    """Identifiers that somebody has chosen."""

    file: Path
    """Where the table is."""
    identifiers: Mapping[str, str]
    """Path below the source root -> identifier."""

    scheme = "table"

    def name(self, source: str) -> str:
        """See `Naming.name`."""
        try:
            return self.identifiers[source]
        except KeyError:
            raise SourceError(f"has no identifier: {self.file} has no line for it") from None


def open_naming(choice: str, private: Path, key_file: Path | None) -> Naming | None:
    """Give the naming that is asked for; None where identifiers are the paths.

    Args:
        choice: `path`, `hash`, or the name of a table.
        private: folder of the tree that is not published, which has the key where no other is named.
        key_file: the key for `hash`.

    Raises:
        UsageError: key or table cannot be read, or are not what they must be.
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
    """Give slides their public identifiers; what has none cannot be published."""
    for each in found:
        if isinstance(each, Unusable):
            yield each
            continue
        try:
            yield replace(each, identifier=naming.name(each.source))
        except SourceError as error:
            yield Unusable(each.path, str(error))


def read_table(file: Path) -> dict[str, str]:
    """Read a table: path below the source root -> public identifier. A first line `path,identifier` is its head.

    Raises:
        UsageError: it cannot be read, a line is not one of two columns, a path or an identifier comes twice, or an
            identifier is not safe in a URL, or would lie within another one.
    """
    try:
        with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as lines:
            rows = list(csv.reader(lines))
    except (OSError, csv.Error) as error:
        raise UsageError(f"--identifier {file}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
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


def _check_nested(file: Path, taken: Mapping[str, int]) -> None:
    """Refuse slides within slides: files of the one could be those of the other."""
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
    """By which schemes the slides of a tree may have been named: a small file in the private folder.

    Without it, slides that are published under one name would stay for ever when they are published under another.
    """

    def __init__(self, receipts: Receipts) -> None:
        """Take the receipts of the tree; nothing is touched before it is needed."""
        self._private = receipts.private
        self._file = receipts.schemes

    def others(self, naming: Naming | None) -> list[str]:
        """Give the schemes that were used besides one.

        Raises:
            TargetError: the file cannot be read.
        """
        return [scheme for scheme in self._read() if scheme != _scheme(naming)]

    def use(self, naming: Naming | None) -> None:
        """Note that a scheme is used, before the first slide is published by it; its key is kept.

        Raises:
            TargetError: the note cannot be written.
        """
        scheme, known = _scheme(naming), self._read()
        if isinstance(naming, HashNaming):
            self._keep_key(naming)
        if scheme not in known:
            self._write([*known, scheme])

    def settle(self, naming: Naming | None) -> None:
        """Note that nothing is left of other schemes.

        Raises:
            TargetError: the note cannot be written.
        """
        if self.others(naming):
            self._write([_scheme(naming)])

    def _read(self) -> list[str]:
        try:
            found = read_json(self._file.read_bytes())
        except FileNotFoundError:
            # As long as paths are identifiers, there is no need for it.
            return [PATH] if (self._private / "receipts").is_dir() else []
        except OSError as error:
            raise refusal(error, self._file) from None
        except ValueError as error:
            raise TargetError(f"{self._file}: cannot be read: {error}") from None
        return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []

    def _write(self, schemes: list[str]) -> None:
        if schemes == [PATH] and not self._file.exists():
            return
        _write_private(self._file, json.dumps(schemes).encode())

    def _keep_key(self, naming: HashNaming) -> None:
        if naming.is_new:
            _write_private(self._private / KEY_NAME, naming.key + b"\n")


def _scheme(naming: Naming | None) -> str:
    return PATH if naming is None else naming.scheme


def _own_naming(private: Path) -> HashNaming:
    """Name by the key of a tree, or by a new one where it has none."""
    file = private / KEY_NAME
    if file.exists():
        return HashNaming(_read_key(file))
    return HashNaming(secrets.token_hex(_KEY_BYTES).encode("ascii"), is_new=True)


def _read_key(file: Path) -> bytes:
    try:
        key = file.read_bytes().strip()
    except OSError as error:
        raise UsageError(f"--identifier-key {file}: {error.strerror}") from None
    if len(key) < _SHORTEST_KEY:
        raise UsageError(
            f"--identifier-key {file}: {len(key)} bytes are no secret; make one of {_SHORTEST_KEY} or more, "
            f"as by: openssl rand -hex {_KEY_BYTES} > {file}"
        )
    return key


def _write_private(file: Path, content: bytes) -> None:
    """Write a small file that only its owner may read, in one step."""
    fresh = file.with_name(f"{file.name}.new")
    try:
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        fresh.replace(file)
    except OSError as error:
        raise refusal(error, file) from None
