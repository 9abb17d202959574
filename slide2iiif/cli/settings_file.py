"""The configuration file of a source, `slide2iiif.toml`: options of all slides, and of those that a pattern matches."""

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from slide2iiif.errors import UsageError
from slide2iiif.options import (
    BLOCK_TIMEOUT,
    HASHED_IDENTIFIERS,
    JOBS,
    OPEN_TIMEOUT,
    PATH_IDENTIFIERS,
    WORKER_MEMORY,
    parse_max_delete,
)
from slide2iiif.records.option_values import Flag, Kind, Text, Value, Whole
from slide2iiif.records.settings import OF_SLIDES, SETTINGS, Named, Rule

FILE = "slide2iiif.toml"
"""Name of the file in SOURCE."""

_TABLE = "slides"
_MATCH = "match"


def _max_delete(option: str, text: str) -> str:
    del option
    parse_max_delete(text)
    return text


def _path(option: str, text: str) -> str:
    if not text.strip():
        raise UsageError(f"{option}: is empty, and must be a path")
    return text


RUN_OPTIONS: Mapping[str, Kind] = {
    "private-dir": Text(_path),
    "viewer-files": Text(_path),
    "delete": Flag(),
    "max-delete": Text(_max_delete),
    "jobs": Whole(JOBS),
    "open-timeout": Whole(OPEN_TIMEOUT),
    "block-timeout": Whole(BLOCK_TIMEOUT),
    "worker-memory": Whole(WORKER_MEMORY),
}
"""Options of a run that a file may name, too; they are not remembered."""

_PATHS = ("private-dir", "viewer-files", "identifier", "identifier-key")
"""Options whose relative paths begin at the folder of the file."""


class SettingsFile(NamedTuple):
    """A configuration file, read and checked."""

    file: Path
    named: Named
    """Settings of the tree, and rules for slides."""
    run: Mapping[str, Value]
    """Options of the run."""


def find_file(source: Path, given: Path | None) -> Path | None:
    """Return the configuration file of a run: the given one, or that in SOURCE if there is one."""
    if given is not None:
        return given
    try:
        file = (source.parent if source.is_file() else source) / FILE
        return file if file.is_file() else None
    except OSError:
        # SOURCE itself cannot be entered, and is refused later.
        return None


def read_file(file: Path) -> SettingsFile:
    """Read a configuration file.

    Raises:
        UsageError: it cannot be read, or holds what is no option or no value of one: file, line and the reason.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{file}: is not written in UTF-8") from None
    lines, again = _key_lines(text)
    try:
        found = tomllib.loads(text)
    except RecursionError:
        raise UsageError(f"{file}: is no TOML: nested too deep") from None
    except ValueError as error:
        told = re.fullmatch(r"(.+) \(at line (\d+), column \d+\)", str(error))
        reason, line = told.groups() if told else (str(error), "")
        if again is not None and not told:
            reason, line = "a name stands twice", str(again)
        raise UsageError(f"{file}{f', line {line}' if line else ''}: is no TOML: {reason}") from None
    return _Reading(file, lines).read(found)


class _Reading:
    """Reading of one file, with the lines of its keys."""

    def __init__(self, file: Path, lines: Mapping[tuple[int | None, str], int]) -> None:
        self._file = file
        self._lines = lines

    def read(self, found: dict[str, Any]) -> SettingsFile:
        rules = found.pop(_TABLE, [])
        if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
            raise self._refusal(None, _TABLE, f"must be a list of tables, [[{_TABLE}]]")
        kinds = {**{name: setting.kind for name, setting in SETTINGS.items()}, **RUN_OPTIONS}
        values = dict(self._values(None, found, kinds))
        named = {name: value for name, value in values.items() if name in SETTINGS}
        run = {name: value for name, value in values.items() if name in RUN_OPTIONS}
        where = {name: self._where(None, name) for name in named}
        return SettingsFile(self._file, Named(named, tuple(self._rules(rules)), where), run)

    def _rules(self, rules: list[dict[str, Any]]) -> Iterator[Rule]:
        kinds = {name: SETTINGS[name].kind for name in OF_SLIDES}
        for number, rule in enumerate(rules):
            match = rule.pop(_MATCH, None)
            if not isinstance(match, str):
                raise self._refusal(number, _MATCH, f'each [[{_TABLE}]] needs a pattern of paths, {_MATCH} = "*.svs"')
            self._check_glob(number, _MATCH, match)
            yield Rule(match, dict(self._values(number, rule, kinds)), self._where(number, _MATCH))

    def _values(
        self, table: int | None, found: dict[str, Any], kinds: Mapping[str, Kind]
    ) -> Iterator[tuple[str, Value]]:
        for name, given in found.items():
            if name not in kinds:
                raise self._refusal(table, name, _unknown(name, kinds, is_rule=table is not None))
            try:
                value = kinds[name].of_value(name, given)
            except UsageError as error:
                raise self._refusal(table, name, str(error)) from None
            if name in {"exclude", "include"} and isinstance(value, tuple):
                for glob in value:
                    self._check_glob(table, name, glob)
            yield name, self._resolved(name, value)

    def _resolved(self, name: str, value: Value) -> Value:
        if name not in _PATHS or value in {PATH_IDENTIFIERS, HASHED_IDENTIFIERS}:
            return value
        return str((self._file.parent / str(value)).absolute())

    def _check_glob(self, table: int | None, name: str, text: str) -> None:
        from slide2iiif.discovery.choice import Glob

        try:
            Glob(text)
        except UsageError as error:
            raise self._refusal(table, name, str(error)) from None

    def _refusal(self, table: int | None, name: str, reason: str) -> UsageError:
        return UsageError(f"{self._where(table, name)}: {reason}")

    def _where(self, table: int | None, name: str) -> str:
        lines = self._lines
        line = lines.get((table, name)) or lines.get((table, "")) or lines.get((None, _TABLE), 1)
        return f"{self._file}, line {line}"


def _unknown(name: str, kinds: Mapping[str, Kind], *, is_rule: bool) -> str:
    near = difflib.get_close_matches(name.replace("_", "-"), [*kinds, *([_MATCH] if is_rule else [])], 1)
    hint = f"; is {near[0]} meant?" if near else ""
    if is_rule and name in SETTINGS:
        return f"{name} is an option of the whole tree: it must stand before the first [[{_TABLE}]]"
    return f"{name} is no option{' of slides' if is_rule else ' that can stand here'}{hint}"


_KEY = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*[=.]""")
_RULE_HEAD = re.compile(rf"\s*\[\[\s*[\"']?{_TABLE}[\"']?\s*\]\]")
_HEAD = re.compile(r"""\s*\[\[?\s*["']?([A-Za-z0-9_-]+)""")


def _key_lines(text: str) -> tuple[dict[tuple[int | None, str], int], int | None]:
    """Return the line of each key, by the number of its rule, and the first line with a key that was there before.

    Under an empty key stands the line of the rule itself.

    The parser of the standard library does not tell lines of keys. A line within a text of several lines may look like
    a key; the first line of a key counts.
    """
    lines: dict[tuple[int | None, str], int] = {}
    table: int | None = None
    rules, again = 0, None
    for number, line in enumerate(text.splitlines(), start=1):
        if _RULE_HEAD.match(line):
            table, rules = rules, rules + 1
            lines[table, ""] = number
        elif (head := _HEAD.match(line)) and "=" not in line:
            lines.setdefault((None, head[1]), number)
        elif key := _KEY.match(line):
            place = table, next(each for each in key.groups() if each is not None)
            again = again or (number if place in lines else None)
            lines.setdefault(place, number)
    return lines, again
