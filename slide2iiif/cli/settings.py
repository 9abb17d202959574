"""Settings of the tree that a run works on: who names which, what is remembered, and what a run must not change."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from slide2iiif.cli.arguments import Unnamed, given_path
from slide2iiif.cli.settings_file import SettingsFile, find_file, read_file
from slide2iiif.errors import UsageError
from slide2iiif.options import HASHED_IDENTIFIERS, PATH_IDENTIFIERS, Viewer
from slide2iiif.progress import printable
from slide2iiif.records.option_values import Value, text_of
from slide2iiif.records.settings import (
    ALL,
    CHOICE,
    SETTINGS,
    WORDS,
    Change,
    Named,
    Rule,
    TreeSettings,
    names_of,
    read_settings,
    settle,
)

if TYPE_CHECKING:
    from slide2iiif.records.receipts import Receipts

_FIRST_TIME = (
    "--base-url is needed the first time: the URL under which DEST will be served, such as https://host/iiif; later "
    "runs know it, and slide2iiif rebase changes it"
)
_OF_ALL = frozenset(name for name, setting in SETTINGS.items() if setting.shapes == CHOICE) | {"api", "blank"}
"""Settings of which a change touches slides that a run over some of them does not see."""


@dataclass(frozen=True, slots=True)
class RunSettings:
    """Settings of a run."""

    tree: TreeSettings
    """Settings of the tree."""
    changes: list[Change]
    """Settings that are not what they were."""
    named: Mapping[str, Value]
    """Values that the run names for its slides alone."""
    for_all: frozenset[str]
    """Settings of slides that the run names for all of them."""


def add_config_option(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Declare the configuration file."""
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=given_path,
        help="file of options (default: slide2iiif.toml in SOURCE, if it is there)",
    )


def read_config(args: argparse.Namespace) -> SettingsFile | None:
    """Read the configuration file of a run, and take over what it says of the run itself.

    Raises:
        UsageError: it makes no sense: file, line and the reason.
    """
    path = find_file(args.source, args.config)
    if path is None:
        return None
    file = read_file(path)
    deletes = getattr(args, "delete", False) or (file.run.get("delete") is True and not is_partial(args))
    for name, value in file.run.items():
        if name in {"delete", "max-delete"} and not deletes:
            # It goes with all of SOURCE only.
            continue
        attribute = name.replace("-", "_")
        if hasattr(args, attribute) and _is_unnamed(getattr(args, attribute) or None):
            is_path = name in {"private-dir", "viewer-files"}
            setattr(args, attribute, value if isinstance(value, bool) else Path(str(value)) if is_path else str(value))
    return file


def named_settings(args: argparse.Namespace) -> Named:
    """Read the settings that the command line names.

    Raises:
        UsageError: a value makes no sense.
    """
    return Named(dict(_named(args)))


def _named(args: argparse.Namespace) -> Iterator[tuple[str, Value]]:
    for name, setting in SETTINGS.items():
        given = getattr(args, name.replace("-", "_"))
        if _is_unnamed(given):
            continue
        if isinstance(given, bool | list):
            yield name, setting.kind.of_value(f"--{name}", given)
        elif name == "identifier-key" or (name == "identifier" and given not in {PATH_IDENTIFIERS, HASHED_IDENTIFIERS}):
            yield name, str(Path(given).absolute())
        else:
            yield name, setting.kind.of_text(f"--{name}", str(given))
    if args.viewer_files is not None and _is_unnamed(args.viewer):
        yield "viewer", Viewer.LOCAL.value


def _is_unnamed(given: object) -> bool:
    return given is None or isinstance(given, Unnamed)


def settle_settings(
    args: argparse.Namespace, command: Named, file: SettingsFile | None, receipts: "Receipts"
) -> RunSettings:
    """Return the settings that hold for a run.

    Raises:
        TargetError: the remembered settings cannot be read.
        UsageError: the base URL is missing, or another one; or a run over some slides would change all.
    """
    before = read_settings(receipts.private)
    of_slides: dict[str, Value] = {}
    of_tree = dict(command.values)
    if is_partial(args):
        of_slides = {name: of_tree.pop(name) for name in command.values if SETTINGS[name].of_slide}
    tree = settle(Named(of_tree), file.named if file is not None else None, before)
    changes = [] if before is None else tree.changes(before)
    _check_base_url(args, tree, before, receipts)
    if is_partial(args):
        _check_partial(changes)
    if of_slides and not tree.has_corrections:
        tree = replace(tree, has_corrections=True)
    for_all = frozenset(of_tree) - frozenset(WORDS)
    return RunSettings(tree, changes, of_slides, for_all)


def is_partial(args: argparse.Namespace) -> bool:
    """Return True if a run is over some slides of SOURCE only."""
    return bool(getattr(args, "files_from", None)) or args.source.is_file()


def _check_base_url(
    args: argparse.Namespace, tree: TreeSettings, before: TreeSettings | None, receipts: "Receipts"
) -> None:
    base_url = tree.values["base-url"]
    if not base_url:
        raise UsageError(_FIRST_TIME)
    if args.rebase:
        return
    known = before.values["base-url"] if before is not None else None
    if known is None and (first := next(receipts.known(), None)) is not None:
        known = first.base_url
    if known is not None and known != base_url:
        origin = tree.origins["base-url"]
        raise UsageError(
            f"--base-url {base_url} ({origin}): DEST is published under {known}; to give it the new one, add --rebase, "
            "or run slide2iiif rebase"
        )


def _check_partial(changes: list[Change]) -> None:
    """Refuse to change for some slides what all slides share.

    Raises:
        UsageError: the settings.
    """
    shared = [change for change in changes if change.name in _OF_ALL or (change.shapes == "slides")]
    shared += [change for change in changes if change.name in {"base-url", "other-base-url"}]
    if shared:
        told = "; ".join(change_text(change) for change in shared)
        raise UsageError(f"{told}: touches slides that this run does not see; run once over all of SOURCE")


def change_text(change: Change) -> str:
    """Return a change in words."""
    return f"{change.name}: {_shown(change.before)} -> {_shown(change.after)}"


def _shown(value: Value) -> str:
    return printable(text_of(value)) or "(none)"


def use_settings(args: argparse.Namespace, tree: TreeSettings) -> None:
    """Put the settings that hold in the place of the arguments that name slides and choose them."""
    values = tree.values
    args.identifier = str(values["identifier"])
    args.identifier_key = Path(str(values["identifier-key"])) if values["identifier-key"] else None
    args.exclude, args.include = list(names_of(values["exclude"])), list(names_of(values["include"]))
    args.only = None if values["only"] == ALL else str(values["only"])
    args.site = bool(values["site"])


def warn_of_unused_rules(rules: list[Rule]) -> None:
    """Warn of rules of the configuration file that no slide has matched."""
    for rule in rules:
        if rule.where:
            told = printable(f"{rule.where}: {rule.match}")
            print(f"slide2iiif: warning: {told} matches no slide; is it misspelt?", file=sys.stderr)
