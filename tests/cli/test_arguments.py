"""Every argument of every command, found by walking the parser: empty ones, and ones that are no text."""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from commands import run_command

from slide2iiif.cli import command_line, main
from slide2iiif.cli.arguments import given_path, given_place, path_or_word

MAY_BE_EMPTY = {"--title", "--rights", "--attribution", "--associated", "--properties", "--mirador"}
"""Options whose empty value means something: no such text, no such picture, no such link."""

NO_PATHS = MAY_BE_EMPTY | {
    "--base-url", "--other-base-url", "--host", "--port", "--tile-size", "--quality", "--mpp", "--max-tiles",
    "--max-pixels", "--open-timeout", "--block-timeout", "--worker-memory", "--jobs", "--max-delete",
    "--connections",
}  # fmt: skip
"""Options that take a value which is no path. Whoever adds an option says here, or by its type, which it is."""

NO_TEXT = os.fsdecode(b"a\xffb")
"""Bytes as the command line brings them that are no UTF-8."""


class Argument(NamedTuple):
    """An argument that takes a value."""

    command: str
    name: str
    """The option, or the word that stands for a positional argument."""
    action: argparse.Action


def arguments() -> Iterator[Argument]:
    """Find every argument of every command that takes a value and leaves the choice of it to the user."""
    [commands] = [each for each in command_line()._actions if isinstance(each, argparse._SubParsersAction)]
    for command, parser in commands.choices.items():
        for action in parser._actions:
            if action.nargs != 0 and action.choices is None:
                yield Argument(command, (action.option_strings or [str(action.metavar)])[-1], action)


ALL = list(arguments())
PATHS = [each for each in ALL if each.name not in NO_PATHS]
NEVER_EMPTY = [each for each in ALL if each.name not in MAY_BE_EMPTY]
TEXTS = [each for each in ALL if each.name in NO_PATHS]


def spelled(argument: Argument) -> str:
    return f"{argument.command} {argument.name}"


def line(argument: Argument, value: str) -> list[str]:
    """Spell a command line that is right in all but the value of one argument."""
    words = [argument.command]
    options = {"--base-url": "https://host/iiif", "--source": "slides"}
    for each in ALL:
        if each.command != argument.command:
            continue
        if each.name == argument.name:
            words.append(f"{each.name}={value}" if each.action.option_strings else value)
        elif each.action.required:
            good = options.get(each.name, each.name.lower())
            words.append(f"{each.name}={good}" if each.action.option_strings else good)
    return words


def refusal(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command line in this process that must be refused, and give the line that says why."""
    try:
        code = main(words)
    except SystemExit as ended:
        code = int(str(ended.code))
    out, err = capsys.readouterr()
    assert (code, out) == (2, ""), err
    return err.splitlines()[-1]


def test_the_walk_finds_the_arguments() -> None:
    found = {spelled(each) for each in ALL}
    assert {"export SOURCE", "export --private-dir", "inspect SLIDE", "demo DIR", "serve --host"} <= found
    assert len(ALL) > 50


def test_the_lists_of_this_test_name_no_option_that_is_gone() -> None:
    assert {each.name for each in ALL} >= NO_PATHS


@pytest.mark.parametrize("argument", PATHS, ids=spelled)
def test_whatever_is_not_known_to_be_no_path_has_the_type_of_paths(argument: Argument) -> None:
    assert argument.action.type in {given_path, given_place, path_or_word}


@pytest.mark.parametrize("value", ["", "  ", "\t\n"], ids=["empty", "blanks", "tab"])
@pytest.mark.parametrize("argument", NEVER_EMPTY, ids=spelled)
def test_an_empty_argument_is_refused_and_nothing_is_done(
    argument: Argument,
    value: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    own_signals: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    del own_signals
    (tmp_path / "slides").mkdir()
    (tmp_path / "source").mkdir()
    monkeypatch.chdir(tmp_path)
    message = refusal(line(argument, value), capsys)
    assert argument.name in message
    assert sorted(path.name for path in tmp_path.iterdir()) == ["slides", "source"]


@pytest.mark.parametrize("argument", TEXTS, ids=spelled)
def test_text_that_is_none_is_refused_by_name(
    argument: Argument,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    own_signals: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    del own_signals
    (tmp_path / "source").mkdir()
    monkeypatch.chdir(tmp_path)
    message = refusal(line(argument, NO_TEXT), capsys)
    assert argument.name in message
    assert message.isprintable()
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


@pytest.mark.parametrize("argument", PATHS, ids=spelled)
def test_a_path_of_any_bytes_is_carried_or_refused_in_words(argument: Argument, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "slides").mkdir()
    words = line(argument, NO_TEXT)
    if argument.command == "demo":
        words.append("--no-serve")
    done = run_command(*words, cwd=tmp_path)
    assert done.returncode in {0, 1, 2, 3}
    assert done.returncode == 0 or done.stderr


def test_a_forgotten_variable_removes_nothing(published: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "logo.synthetic").write_bytes((tmp_path / "slides" / "one.synthetic").read_bytes())
    options = ["--base-url", "https://host.example/iiif", "--delete"]
    done = run_command("export", "", published, *options, cwd=tmp_path / "elsewhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert "is a variable not set?" in done.stderr
    assert (published / "one.synthetic" / "info.json").is_file()
