"""What the repository says of itself: citation, forms for issues, security, hooks, addresses."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from patience import PATIENCE

from slide2iiif import __version__

ROOT = Path(__file__).parents[2]
FORMS = ROOT / ".github" / "ISSUE_TEMPLATE"
CITATION_KEYS = {
    "abstract",
    "authors",
    "cff-version",
    "date-released",
    "doi",
    "keywords",
    "license",
    "message",
    "repository-code",
    "title",
    "type",
    "version",
}
"""Keys of the Citation File Format 1.2.0 that are used here or may be at a release."""


def load(path: Path) -> dict[str, Any]:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def project() -> dict[str, Any]:
    document: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return document


def form(name: str) -> dict[str, dict[str, Any]]:
    return {field["id"]: field for field in load(FORMS / name)["body"] if "id" in field}


def is_required(field: dict[str, Any]) -> bool:
    return bool(field.get("validations", {}).get("required"))


def test_the_citation_has_what_its_format_asks_for() -> None:
    citation = load(ROOT / "CITATION.cff")
    assert {"authors", "cff-version", "message", "title"} <= set(citation) <= CITATION_KEYS
    assert (citation["cff-version"], citation["type"]) == ("1.2.0", "software")
    assert all(set(author) == {"name"} for author in citation["authors"])


def test_the_citation_is_of_this_package() -> None:
    citation, package = load(ROOT / "CITATION.cff"), project()
    assert citation["version"] == __version__
    assert (citation["title"], citation["license"]) == (package["name"], package["license"])
    assert citation["abstract"] == f"{package['description']}."
    assert citation["authors"] == package["authors"] == package["maintainers"]


def test_every_address_of_the_repository_is_the_same() -> None:
    urls = project()["urls"]
    repository = urls["Repository"]
    assert all(url.startswith(repository) for url in urls.values())
    assert load(ROOT / "CITATION.cff")["repository-code"] == repository
    [contact] = load(FORMS / "config.yml")["contact_links"]
    assert contact["url"] == urls["Security"]


@pytest.mark.parametrize("name", ["bug.yml", "slide.yml", "feature.yml"])
def test_a_form_has_a_name_fields_and_unique_ids(name: str) -> None:
    document = load(FORMS / name)
    assert document["name"]
    assert document["description"]
    ids = [field["id"] for field in document["body"] if field["type"] != "markdown"]
    assert ids == list(dict.fromkeys(ids))
    kinds = {"markdown", "input", "textarea", "dropdown"}
    assert all(field["type"] in kinds and field["attributes"] for field in document["body"])


def test_every_form_is_looked_at() -> None:
    assert sorted(path.name for path in FORMS.iterdir()) == ["bug.yml", "config.yml", "feature.yml", "slide.yml"]
    assert load(FORMS / "config.yml")["blank_issues_enabled"] is False


@pytest.mark.parametrize("name", ["bug.yml", "slide.yml"])
def test_a_form_for_a_fault_asks_for_version_format_and_inspect_without_names(name: str) -> None:
    fields = form(name)
    assert is_required(fields["version"])
    assert "slide2iiif --version" in fields["version"]["attributes"]["description"]
    assert "format" in fields
    assert fields["inspect"]["attributes"]["label"] == "Output of inspect, without names"
    assert "without `--phi`" in fields["inspect"]["attributes"]["description"]
    assert "No patient's data" in (FORMS / name).read_text(encoding="utf-8")


def test_security_says_what_is_in_scope_and_which_versions_get_fixes() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert {"## Report a weakness", "## In scope", "## What holds", "## Supported versions"} <= set(text.splitlines())
    assert re.findall(r"^\| ([\d.]+) \| yes \|$", text, re.MULTILINE) == [__version__.rpartition(".")[0]]


def test_the_hooks_before_a_commit_are_tools_of_the_environment() -> None:
    [repository] = load(ROOT / ".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    assert all(hook["language"] == "system" for hook in repository["hooks"])
    programs = [hook["entry"].split()[:2] for hook in repository["hooks"]]
    assert programs == [["ruff", "check"], ["ruff", "format"], ["mypy"]]


def test_the_hooks_before_a_commit_are_understood() -> None:
    pytest.importorskip("pre_commit")
    command = [sys.executable, "-m", "pre_commit", "validate-config", str(ROOT / ".pre-commit-config.yaml")]
    assert subprocess.run(command, check=False, timeout=PATIENCE).returncode == 0
