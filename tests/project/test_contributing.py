"""The commands that CONTRIBUTING.md names are there, and do what it says."""

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from patience import PATIENCE

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
TABLE = dict(re.findall(r"^\| [^|]+ \| `(just[^`]*)` \| ([^|]*)\|$", TEXT, re.MULTILINE))
"""Commands of the table, and what each is said to run."""


def justfile() -> str:
    return (ROOT / "justfile").read_text(encoding="utf-8")


def public_recipes() -> dict[str, str]:
    """Return the recipes of the justfile, each with its lines."""
    found = re.findall(r"^([a-z][a-z-]*)[^:=\n]*:\n((?:    .+\n)+)", justfile(), re.MULTILINE)
    return {name: lines for name, lines in found if name != "default"}


def dependency_groups() -> dict[str, Any]:
    groups: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    return groups


def our_just(*arguments: str) -> str:
    program = shutil.which("just")
    if program is None:
        pytest.skip("just is not installed")
    result = subprocess.run(
        [program, *arguments], check=True, capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE
    )
    return result.stdout + result.stderr


def test_the_table_has_every_command_of_the_justfile_and_no_other() -> None:
    named = {command.split()[1] for command in TABLE if command != "just"}
    assert named == set(public_recipes())
    assert "just" in TABLE


def test_just_reads_the_same_commands() -> None:
    recipes = json.loads(our_just("--dump", "--dump-format", "json"))["recipes"]
    assert {name for name, recipe in recipes.items() if not recipe["private"]} == set(public_recipes())
    assert all(recipe["doc"] for recipe in recipes.values())


@pytest.mark.parametrize("command", sorted(TABLE))
def test_just_understands_the_command(command: str) -> None:
    told = our_just("--dry-run", *shlex.split(command)[1:])
    for part in re.findall(r"`([^`]+?)(?: …)?`", TABLE[command]):
        if not part.startswith(("pip ", "pytest ", "http")):
            # Options may stand between the words that are told.
            assert re.search(r"\b.*".join(re.escape(word) for word in part.split()), told), (part, told)


@pytest.mark.parametrize("recipe", sorted(public_recipes()))
def test_a_command_runs_programs_of_the_system_or_of_the_environment(recipe: str) -> None:
    programs = {shlex.split(line)[0] for line in public_recipes()[recipe].splitlines()}
    assert programs <= {"[", "bash", "mkdocs", "mypy", "python", "rm", "ruff", "twine"}


def test_the_quick_set_leaves_out_folders_that_are_there() -> None:
    [thorough] = re.findall(r'^thorough := "(.+)"$', justfile(), re.MULTILINE)
    assert [name for name in thorough.split() if not (ROOT / "tests" / name).is_dir()] == []


def test_files_that_the_text_names_are_there() -> None:
    named = re.findall(r"`((?:tests|docs|\.github|\.ci)/[\w./-]+)`", TEXT)
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_commands_for_single_tests_name_tests_that_are_there() -> None:
    paths = re.findall(r"`just test (\S+) ", TEXT)
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_tools_of_developers_are_no_dependency_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.split(r"[<>=\[]", requirement)[0] for requirement in project["dependencies"]}
    assert not names & {"rust-just", "nox", "pre-commit", "mkdocs", "mkdocs-material", "build", "twine"}
    extras = {re.split(r"[<>=\[]", each)[0] for extra in project["optional-dependencies"].values() for each in extra}
    assert not extras & {"rust-just", "nox", "pre-commit", "mkdocs", "mkdocs-material", "build", "twine", "pytest"}


def test_one_group_brings_all_that_a_change_needs() -> None:
    def included(group: str) -> set[str]:
        groups = [each["include-group"] for each in dependency_groups()[group] if isinstance(each, dict)]
        return {group}.union(*(included(name) for name in groups))

    assert included("dev") == set(dependency_groups())
    assert "--group dev" in (ROOT / "tests" / "run").read_text(encoding="utf-8")


def test_the_gate_builds_the_docs_strictly_and_needs_no_just() -> None:
    gate = (ROOT / "tests" / "run").read_text(encoding="utf-8")
    assert "\nmkdocs build --quiet --strict\n" in gate
    assert "just" not in re.findall(r"^\w+", gate, re.MULTILINE)
