"""Settings of a tree: the options that shaped it, which later runs keep. Their merge is pure.

`settings.json` on the private side of the tree holds the settings that the last run left. A later run takes each from
the command line, else from the configuration file, else from there, else the default. What a file has said holds on
without the file; while there is one, what it does not say any more is the default again.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from slide2iiif.errors import TargetError, UsageError
from slide2iiif.iiif.api import Api
from slide2iiif.options import (
    ASSOCIATED,
    HASHED_IDENTIFIERS,
    MAX_PIXELS,
    MAX_TILES,
    PATH_IDENTIFIERS,
    QUALITY,
    SUBSAMPLINGS,
    TILE_SIZE,
    Blank,
    Check,
    Damaged,
    Icc,
    Only,
    Options,
    SiteOptions,
    Viewer,
    parse_base_url,
)
from slide2iiif.records.option_values import (
    AUTO,
    Flag,
    Kind,
    Microns,
    Names,
    Several,
    Text,
    Value,
    Whole,
    Word,
    text_of,
)
from slide2iiif.records.strict_json import DamagedRecordError, read_json
from slide2iiif.stores.base import Objects

VERSION = 1
"""Version of the record; raised when an older program could misread it."""

NAME = "settings.json"
"""Record of the settings among the private objects of a tree."""

NO_MIRADOR = "none"
"""Value of `mirador` for pages without a link to it."""

ALL = "all"
"""Value of `only` for slides and ordinary images."""

COMMAND_LINE, REMEMBERED, DEFAULT = "command line", "remembered", "default"
"""Origins of a setting, besides a line of the configuration file."""

SLIDES, DOCUMENTS, PAGES, CHOICE, LIMITS = "slides", "documents", "pages", "choice", "limits"
"""Things that a setting shapes: tiles of slides, their documents, pages and manifests, the choice of slides and their
names, and the limits beyond which slides are refused."""


class Setting(NamedTuple):
    """An option that belongs to the tree."""

    kind: Kind
    default: Value
    shapes: str
    """Things that become different when it changes."""
    of_slide: bool = False
    """True if single slides may have a value of their own."""


def _base_url(option: str, text: str) -> str:
    return parse_base_url(text, option)


def _other_base_url(option: str, text: str) -> str:
    return AUTO if text == AUTO else parse_base_url(text, option)


def _rights(option: str, text: str) -> str:
    del option
    return SiteOptions(rights=text).rights


def _mirador(option: str, text: str) -> str:
    del option
    return text if text == NO_MIRADOR else SiteOptions(mirador=text).mirador or NO_MIRADOR


_PLAIN, _PAGES = Options(), SiteOptions()

SETTINGS: Mapping[str, Setting] = {
    "base-url": Setting(Text(_base_url), "", DOCUMENTS),
    "other-base-url": Setting(Text(_other_base_url), AUTO, DOCUMENTS),
    "api": Setting(Word(tuple(str(api) for api in Api)), str(_PLAIN.api), SLIDES),
    "tile-size": Setting(Whole(TILE_SIZE, has_auto=True), AUTO, SLIDES, of_slide=True),
    "quality": Setting(Whole(QUALITY), _PLAIN.quality, SLIDES, of_slide=True),
    "subsampling": Setting(Word(SUBSAMPLINGS), _PLAIN.subsampling, SLIDES, of_slide=True),
    "icc": Setting(Word(tuple(Icc)), _PLAIN.icc.value, SLIDES, of_slide=True),
    "blank": Setting(Word(tuple(Blank)), _PLAIN.blank.value, SLIDES),
    "recompress": Setting(Flag(), _PLAIN.recompress, SLIDES, of_slide=True),
    "require-lossless": Setting(Flag(), _PLAIN.require_lossless, SLIDES, of_slide=True),
    "check": Setting(Word(tuple(Check)), _PLAIN.check.value, SLIDES, of_slide=True),
    "damaged": Setting(Word(tuple(Damaged)), _PLAIN.damaged.value, SLIDES, of_slide=True),
    "crop-to-bounds": Setting(Flag(), _PLAIN.crop_to_bounds, SLIDES, of_slide=True),
    "mpp": Setting(Microns(), AUTO, SLIDES, of_slide=True),
    "max-tiles": Setting(Whole(MAX_TILES), _PLAIN.max_tiles, LIMITS),
    "max-pixels": Setting(Whole(MAX_PIXELS), _PLAIN.max_pixels, LIMITS),
    "associated": Setting(Names(ASSOCIATED), _PLAIN.associated, SLIDES, of_slide=True),
    "properties": Setting(Names(), _PLAIN.properties, SLIDES, of_slide=True),
    "identifier": Setting(Text(), PATH_IDENTIFIERS, CHOICE),
    "identifier-key": Setting(Text(), "", CHOICE),
    "site": Setting(Flag(), True, PAGES),
    "title": Setting(Text(lambda _, text: text.strip() or _PAGES.title), _PAGES.title, PAGES),
    "rights": Setting(Text(_rights), _PAGES.rights, PAGES),
    "attribution": Setting(Text(lambda _, text: text.strip()), _PAGES.attribution, PAGES),
    "viewer": Setting(Word(tuple(Viewer)), _PAGES.viewer.value, PAGES),
    "mirador": Setting(Text(_mirador), _PAGES.mirador, PAGES),
    "exclude": Setting(Several(), (), CHOICE),
    "include": Setting(Several(), (), CHOICE),
    "only": Setting(Word((*Only, ALL)), ALL, CHOICE),
}
"""Options that belong to the tree, in the order of the documents."""

WORDS = ("title", "rights", "attribution")
"""Settings that pages and manifest of a single slide may have a value of their own of."""

OF_SLIDES = (*(name for name, setting in SETTINGS.items() if setting.of_slide), *WORDS)
"""Settings that a rule for some slides may have."""


class Rule(NamedTuple):
    """Values for the slides that a pattern matches."""

    match: str
    """Pattern of paths below SOURCE."""
    values: Mapping[str, Value]
    where: str = ""
    """File and line; empty for a remembered rule."""

    @property
    def content(self) -> tuple[str, Mapping[str, Value]]:
        """Pattern and values, wherever they stand."""
        return self.match, self.values


@dataclass(frozen=True, slots=True)
class Named:
    """Settings that a command line or a configuration file names."""

    values: Mapping[str, Value] = field(default_factory=dict)
    """Values by the name of the setting."""
    rules: tuple[Rule, ...] = ()
    """Rules for single slides."""
    where: Mapping[str, str] = field(default_factory=dict)
    """File and line of each value."""


class Change(NamedTuple):
    """A setting that is not what it was."""

    name: str
    before: Value
    after: Value
    shapes: str
    """Things that become different."""


@dataclass(frozen=True, slots=True)
class TreeSettings:
    """Settings that hold for a tree."""

    values: Mapping[str, Value]
    """Value of every setting."""
    rules: tuple[Rule, ...] = ()
    """Rules for single slides."""
    origins: Mapping[str, str] = field(default_factory=dict)
    """Origin of every value."""
    of_file: frozenset[str] = frozenset()
    """Settings that a configuration file has named."""
    has_corrections: bool = False
    """True if a slide has, or ever had, values of its own: its receipt has them then."""

    def changes(self, before: "TreeSettings") -> list[Change]:
        """List what is not as it was."""
        found = [
            Change(name, before.values[name], self.values[name], setting.shapes)
            for name, setting in SETTINGS.items()
            if before.values[name] != self.values[name]
        ]
        if [rule.content for rule in before.rules] != [rule.content for rule in self.rules]:
            found.append(Change("slides", _rules_text(before.rules), _rules_text(self.rules), SLIDES))
        return found


def _rules_text(rules: tuple[Rule, ...]) -> tuple[str, ...]:
    return tuple(
        f"{rule.match} ({', '.join(f'{name} {text_of(value)}' for name, value in rule.values.items())})"
        for rule in rules
    )


def settle(command: Named, file: Named | None, before: TreeSettings | None) -> TreeSettings:
    """Return the settings that hold: of the command line, else of the file, else those before, else the defaults."""
    values: dict[str, Value] = {}
    origins: dict[str, str] = {}
    for name, setting in SETTINGS.items():
        if name in command.values:
            values[name], origins[name] = command.values[name], COMMAND_LINE
        elif file is not None and name in file.values:
            values[name], origins[name] = file.values[name], file.where.get(name, "")
        elif before is not None and not (file is not None and name in before.of_file):
            value = before.values[name]
            values[name], origins[name] = value, DEFAULT if value == setting.default else REMEMBERED
        else:
            values[name], origins[name] = setting.default, DEFAULT
    if values["identifier"] != HASHED_IDENTIFIERS and "identifier-key" not in command.values:
        # The key of another naming.
        values["identifier-key"], origins["identifier-key"] = "", DEFAULT
    kept = before.of_file - command.values.keys() if before is not None and file is None else frozenset()
    rules = file.rules if file is not None else _without(before.rules if before else (), command)
    return TreeSettings(
        values,
        rules,
        origins,
        frozenset(file.values.keys() - command.values.keys()) if file is not None else frozenset(kept),
        bool(rules) or (before is not None and before.has_corrections),
    )


def _without(rules: tuple[Rule, ...], command: Named) -> tuple[Rule, ...]:
    """Leave out of remembered rules what the command line names for all slides."""
    named = command.values.keys() - set(WORDS)
    rest = (Rule(rule.match, {name: rule.values[name] for name in rule.values if name not in named}) for rule in rules)
    return tuple(rule for rule in rest if rule.values)


def read_settings(private: Objects) -> TreeSettings | None:
    """Read the settings of a tree; None where it has none.

    Raises:
        TargetError: they are of a newer version, or cannot be read.
    """
    content = private.read(NAME)
    if content is None:
        return None
    where = f"{NAME} in the private folder"
    try:
        found = read_json(content)
        if _version(found) > VERSION:
            raise TargetError(
                f"{where}: is of version {found['version']}, and this program knows {VERSION}: use a newer one"
            )
        return _parse(found)
    except (DamagedRecordError, UsageError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise TargetError(
            f"{where}: is damaged ({error}); put it back, or delete it and name all settings anew"
        ) from None


def _version(found: dict[str, Any]) -> int:
    version = found["version"]
    if type(version) is not int:
        raise DamagedRecordError("its version is no number")
    return version


def _parse(found: dict[str, Any]) -> TreeSettings:
    unknown = found.keys() - {"version", "values", "of_file", "rules", "has_corrections"}
    if unknown or type(found["has_corrections"]) is not bool or not isinstance(found["rules"], list):
        raise DamagedRecordError("no settings of this version")
    given = _values(found["values"], tuple(SETTINGS))
    rules = tuple(Rule(str(each["match"]), _values(each["values"], OF_SLIDES)) for each in found["rules"])
    values = {name: given.get(name, setting.default) for name, setting in SETTINGS.items()}
    of_file = frozenset(str(name) for name in found["of_file"])
    return TreeSettings(values, rules, {}, of_file, found["has_corrections"])


def _values(found: dict[str, object], known: tuple[str, ...]) -> dict[str, Value]:
    unknown = next((name for name in found if name not in known), None)
    if unknown is not None:
        raise DamagedRecordError(f"{unknown} is no setting of this version")
    # A base URL that is not known yet is empty.
    return {name: SETTINGS[name].kind.of_value(f"--{name}", value) for name, value in found.items() if value != ""} | {
        name: "" for name, value in found.items() if value == ""
    }


def write_settings(private: Objects, settings: TreeSettings) -> None:
    """Write the settings of a tree, if they have changed; its owner only can read them, as they name files.

    Raises:
        TargetError: they cannot be written.
    """
    record = {
        "version": VERSION,
        "values": dict(settings.values),
        "of_file": sorted(settings.of_file),
        "rules": [{"match": rule.match, "values": dict(rule.values)} for rule in settings.rules],
        "has_corrections": settings.has_corrections,
    }
    content = json.dumps(record, indent=1).encode() + b"\n"
    if private.read(NAME) != content:
        private.write(NAME, content, durable=True, secret=True)


def options_of(values: Mapping[str, Value]) -> Options:
    """Return the options that affect published bytes; limits of time and memory are those of the run."""
    size, mpp = values["tile-size"], values["mpp"]
    return Options(
        api=Api(str(values["api"])),
        tile_size=None if size == AUTO else int(str(size)),
        quality=int(str(values["quality"])),
        subsampling=str(values["subsampling"]),
        recompress=bool(values["recompress"]),
        check=Check(str(values["check"])),
        damaged=Damaged(str(values["damaged"])),
        max_tiles=int(str(values["max-tiles"])),
        max_pixels=int(str(values["max-pixels"])),
        require_lossless=bool(values["require-lossless"]),
        blank=Blank(str(values["blank"])),
        crop_to_bounds=bool(values["crop-to-bounds"]),
        icc=Icc(str(values["icc"])),
        mpp=None if mpp == AUTO else float(str(mpp)),
        associated=names_of(values["associated"]),
        properties=names_of(values["properties"]),
    )


def site_of(values: Mapping[str, Value]) -> SiteOptions:
    """Return the options of the pages."""
    mirador = str(values["mirador"])
    return SiteOptions(
        title=str(values["title"]),
        rights=str(values["rights"]),
        attribution=str(values["attribution"]),
        viewer=Viewer(str(values["viewer"])),
        mirador="" if mirador == NO_MIRADOR else mirador,
    )


def names_of(value: Value) -> tuple[str, ...]:
    """Return the names of a setting that has several."""
    return value if isinstance(value, tuple) else ()


def own_values(own: Mapping[str, str]) -> dict[str, Value]:
    """Return the corrections of a slide from their text.

    Raises:
        KeyError: a name is that of no setting.
        UsageError: a value makes no sense.
    """
    return {name: SETTINGS[name].kind.of_text(f"--{name}", text) for name, text in own.items()}
