"""What the documents say is held against the program: commands, options, defaults, modules, links."""

import argparse
import re
import shlex
import signal
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from rooms import ROOMS

from slide2iiif import __version__, cli, errors, options
from slide2iiif.iiif.api import Api
from slide2iiif.options import Options, parse_base_url, parse_tile_size

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "slide2iiif"
README = ROOT / "README.md"
OPTIONS = ROOT / "docs" / "options.md"
ARCHITECTURE = ROOT / "ARCHITECTURE.md"
DECISIONS = ROOT / "docs" / "decisions.md"
DOCUMENTS = [README, ARCHITECTURE, *(ROOT / name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"))]
DOCUMENTS += [ROOT / "nginx" / "README.md", ROOT / "examples" / "README.md"]
DOCUMENTS += sorted((ROOT / "docs").glob("*.md"))
JOBS = [ROOT / "examples" / "github-actions.yml", ROOT / "examples" / "gitlab-ci.yml"]


class Command(NamedTuple):
    """A command line of ours as a document has it."""

    document: str
    words: tuple[str, ...]


def shell_blocks(text: str) -> Iterator[str]:
    for match in re.finditer(r"^```(?:sh|console)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield match[1]


def job_scripts(document: Any) -> Iterator[str]:
    """Give the shell scripts of a CI job: GitHub's `run`, GitLab's lists of lines."""
    if isinstance(document, dict):
        for key, value in document.items():
            if key == "run":
                yield value
            elif key in {"script", "before_script"}:
                yield "\n".join(value)
            else:
                yield from job_scripts(value)
    elif isinstance(document, list):
        for value in document:
            yield from job_scripts(value)


def our_commands(script: str) -> Iterator[tuple[str, ...]]:
    """Give the command lines in a script that run our program, without its name."""
    for line in script.replace("\\\n", " ").splitlines():
        words = shlex.shlex(line, posix=True, punctuation_chars=";|&")
        words.whitespace_split = True
        command: list[str] = []
        for word in [*words, ";"]:
            if not set(word) <= set(";|&"):
                command.append(word)
                continue
            if command and command[0].rpartition("/")[2] == "slide2iiif":
                yield tuple(command[1:])
            command = []


def inline_commands(text: str) -> Iterator[tuple[str, ...]]:
    for match in re.finditer(r"`slide2iiif( [^`]+)`", text):
        yield tuple(shlex.split(match[1]))


def all_commands() -> Iterator[Command]:
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for block in shell_blocks(text):
            yield from (Command(document.name, words) for words in our_commands(block))
        for words in inline_commands(text):
            # A command's bare name, as in "`slide2iiif inspect` tells", is no whole command line.
            yield Command(document.name, words if len(words) > 1 else (*words, "--help"))
    for job in JOBS:
        for script in job_scripts(yaml.safe_load(job.read_text(encoding="utf-8"))):
            yield from (Command(job.name, words) for words in our_commands(script))


def parsers() -> dict[str, argparse.ArgumentParser]:
    """Return the parser of each command."""
    [commands] = [each for each in cli.command_line()._actions if isinstance(each, argparse._SubParsersAction)]
    return dict(commands.choices)


def option_actions(command: str) -> list[argparse.Action]:
    return [each for each in parsers()[command]._actions if each.option_strings and each.dest != "help"]


def long_name(action: argparse.Action) -> str:
    """Return the first long name of an option."""
    return next(name for name in action.option_strings if name.startswith("--"))


def options_part(command: str) -> str:
    """Return what the page of options says of a command."""
    text = OPTIONS.read_text(encoding="utf-8")
    [part] = re.findall(rf"^## {command}$\n(.+?)^## ", text, re.MULTILINE | re.DOTALL)
    assert isinstance(part, str)
    return part


def option_table(command: str) -> dict[str, tuple[str, str]]:
    """Return the table of a command's options: the long name of each, its cell, and its default."""
    rows = re.findall(r"^\| (`-.+?) \| .+? \| (.*?) ?\|$", options_part(command), re.MULTILINE)
    return {re.findall(r"--[a-z-]+", cell)[0]: (cell.replace("\\|", "|"), default) for cell, default in rows}


@pytest.mark.parametrize(
    "command", list(all_commands()), ids=lambda command: f"{command.document}: {' '.join(command.words)}"
)
def test_every_command_line_in_the_documents_is_one_of_the_program(command: Command) -> None:
    if "--help" in command.words:
        with pytest.raises(SystemExit, match=r"^0$"):
            cli.command_line().parse_args(command.words)
        return
    parsed = cli.command_line().parse_args(command.words)
    if getattr(parsed, "base_url", None) and not parsed.base_url.startswith("$"):
        assert parse_base_url(parsed.base_url)
    if hasattr(parsed, "quality"):
        options.QUALITY.parse(parsed.quality)
        options.JOBS.parse(parsed.jobs)
        parse_tile_size(parsed.tile_size)


def test_there_are_command_lines_in_every_place_that_should_have_some() -> None:
    assert {command.document for command in all_commands()} >= {"README.md", *(job.name for job in JOBS)}
    words = [command.words[0] for command in all_commands()]
    assert {"export", "inspect", "rebase", "serve", "demo"} <= set(words)


COMMANDS = sorted(parsers())


def test_the_page_of_options_has_every_command() -> None:
    heads = re.findall(r"^## (.+)$", OPTIONS.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(heads) == sorted([*COMMANDS, "Exit codes"])


@pytest.mark.parametrize("command", COMMANDS)
class TestOptions:
    def test_the_table_has_exactly_the_options_of_the_command(self, command: str) -> None:
        assert set(option_table(command)) == {long_name(action) for action in option_actions(command)}

    def test_the_table_spells_every_option_as_the_program_does(self, command: str) -> None:
        for action in option_actions(command):
            cell, _ = option_table(command)[long_name(action)]
            choices = f"{{{','.join(action.choices)}}}" if action.choices else action.metavar or action.dest.upper()
            value = f" {choices}" if action.nargs != 0 else ""
            *short, long = action.option_strings
            assert cell == ", ".join([*(f"`{name}`" for name in short), f"`{long}{value}`"])

    def test_the_line_of_usage_has_all_that_must_be_given(self, command: str) -> None:
        [usage] = re.findall(r"^```text\nslide2iiif (.+)\n```$", options_part(command), re.MULTILINE)
        places = [each for each in parsers()[command]._actions if not each.option_strings]
        words = [command, *(f"[{each.metavar}]" if each.nargs == "?" else str(each.metavar) for each in places)]
        words += [f"{each.option_strings[-1]} {each.metavar}" for each in option_actions(command) if each.required]
        assert usage == " ".join(words)

    def test_the_defaults_are_those_of_the_program(self, command: str) -> None:
        said = {"--jobs": "all cores", "--other-base-url": "base URL with `-v3`", "--mirador": "the public one"}
        said["--viewer"] = options.SiteOptions().viewer  # where it is not given, --viewer-files decides
        for action in option_actions(command):
            long = long_name(action)
            _, told = option_table(command)[long]
            is_flag = action.nargs == 0 or not action.default
            assert told == said.get(long, "" if is_flag else str(action.default))


def test_the_defaults_of_export_are_those_that_the_options_declare() -> None:
    told = {name: default for name, (_, default) in option_table("export").items() if default}
    assert told.pop("--other-base-url") == "base URL with `-v3`"
    assert options.other_base_url("https://host/iiif", Api.V3) == "https://host/iiif-v3"
    assert told.pop("--jobs") == "all cores"
    assert options.JOBS.default == 0
    assert told.pop("--connections") == str(options.CONNECTIONS.default)
    assert told.pop("--identifier") == options.PATH_IDENTIFIERS
    assert told.pop("--only") == "all"
    assert told.pop("--tile-size") == "auto"
    pages = options.SiteOptions()
    assert (told.pop("--title"), told.pop("--viewer")) == (pages.title, pages.viewer)
    assert told.pop("--mirador") == "the public one"
    assert pages.mirador.startswith("https://projectmirador.org/")
    plain = Options()
    assert plain.tile_size is None
    assert told == {
        f"--{name.replace('_', '-')}": str(getattr(plain, name))
        for name in (
            "api",
            "quality",
            "subsampling",
            "check",
            "damaged",
            "max_tiles",
            "max_pixels",
            "open_timeout",
            "block_timeout",
            "worker_memory",
            "blank",
            "icc",
        )
    }


def test_the_limits_in_the_table_are_those_of_the_program() -> None:
    text = options_part("export")
    size, quality = options.TILE_SIZE, options.QUALITY
    assert f"{size.low} to {size.high} pixels; `auto` takes the stored size of JPEG tiles, else {size.default}" in text
    assert f"{quality.low} to {quality.high} | {quality.default} |" in text


def test_the_page_of_options_tells_every_exit_code() -> None:
    codes = re.findall(r"^\| (\d[\d, ]*) \| \w", OPTIONS.read_text(encoding="utf-8"), re.MULTILINE)
    assert codes == ["0", "1", "2", "3", "4", "130, 143"]
    told = {int(code) for cell in codes for code in cell.split(", ")}
    kinds = {each for name in dir(errors) if isinstance(each := getattr(errors, name), type)}
    of_errors = {each.exit_code for each in kinds if issubclass(each, errors.Slide2iiifError)}
    assert told == {0, *of_errors, 128 + signal.SIGINT, 128 + signal.SIGTERM}


def test_the_architecture_has_every_room_from_the_lowest_floor_up() -> None:
    table = ARCHITECTURE.read_text(encoding="utf-8").partition("## The rooms")[2].partition("##")[0]
    told = [re.findall(r"`(\w+)/?`", row) for row in re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE)[1:]]
    floors = {room: floor for floor, rooms in enumerate(ROOMS) for room in rooms}
    assert sorted(room for rooms in told for room in rooms) == sorted(floors)
    heights = [floors[room] for rooms in told for room in rooms]
    assert heights == sorted(heights)


def test_the_decisions_give_a_reason_for_every_dependency() -> None:
    rows = re.findall(r"^\| ([A-Za-z0-9, -]+) \| \w", DECISIONS.read_text(encoding="utf-8"), re.MULTILINE)
    told = {name for row in rows if row != "package" for name in row.split(", ")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert told == {re.split(r"[<>=]", requirement)[0] for requirement in project["dependencies"]}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (document.parent / name).resolve() if name else document
        assert path.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}, target


def test_the_changelog_has_the_version_of_the_program() -> None:
    heads = re.findall(r"^## ([\d.]+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert heads[0] == __version__


def test_the_licence_is_the_one_that_is_declared() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert text.split()[:4] == ["Apache", "License", "Version", "2.0,"]


def test_every_promise_names_a_test_that_is_there() -> None:
    text = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/.]+)` \|$", text, re.MULTILINE)
    assert len(named) == text.count("\n| ") - 1
    assert all((ROOT / name).is_file() for name in named)
