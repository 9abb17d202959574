"""The container is what its page says, as far as its files tell: they are read, not built."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml

from slide2iiif import cli

ROOT = Path(__file__).parents[2]


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the Containerfile, with their text on one line."""
    text = (ROOT / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def last_stage() -> list[tuple[str, str]]:
    found = instructions()
    return found[max(number for number, (word, _) in enumerate(found) if word == "FROM") :]


def test_the_program_runs_as_a_user_without_privileges() -> None:
    words = [word for word, _ in last_stage()]
    assert dict(last_stage())["USER"] == "10001:10001"
    assert not {"RUN", "COPY", "ADD"} & set(words[words.index("USER") :])


def test_nothing_is_installed_that_was_not_asked_for_and_no_list_is_left() -> None:
    installs = [text for word, text in instructions() if word == "RUN" and "apt-get install" in text]
    assert all("--no-install-recommends" in text for text in installs)
    [last] = [text for word, text in last_stage() if word == "RUN" and "apt-get install" in text]
    assert last.endswith("rm -rf /var/lib/apt/lists/*")
    assert "--constraint" in next(text for _, text in instructions() if "pip install" in text)


def test_every_package_has_one_version_which_the_project_allows() -> None:
    lines = (ROOT / "container" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert all(re.fullmatch(r"[0-9][\w.]*", version) for version in pinned.values())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["s3"]]
    names = {re.split(r"[<>=\[]", each)[0].lower().replace("_", "-") for each in wanted}
    assert names <= {name.lower().replace("_", "-") for name in pinned}


def test_all_that_is_copied_is_there_and_let_through() -> None:
    through = {
        line[1:] for line in (ROOT / ".containerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"
    }
    copied = {
        source
        for word, text in instructions()
        if word == "COPY" and "--from" not in text
        for source in shlex.split(text)[:-1]
    }
    assert copied == through
    assert all((ROOT / name).exists() for name in copied)
    assert (ROOT / "Containerfile.dockerignore").read_bytes() == (ROOT / ".containerignore").read_bytes()


def test_the_services_are_those_of_this_repository() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    export, web = services["export"], services["web"]
    words = [re.sub(r"\$\{\w+:-(.+?)\}", r"\1", word) for word in export["command"]]
    parsed = cli.command_line().parse_args(words)
    assert (parsed.base_url, parsed.dest) == ("http://localhost:8080/iiif", Path("/srv/iiif"))
    assert web["ports"] == ["127.0.0.1:8080:80"]
    assert (export["read_only"], export["cap_drop"]) == (True, ["ALL"])
    assert "tree:/srv/iiif:ro" in web["volumes"]
    assert "set $iiif_tree /srv/iiif;" in (ROOT / "nginx" / "slide2iiif.conf").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["web"])
def test_images_of_others_have_a_version(name: str) -> None:
    service = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"][name]
    assert re.search(r":\d+\.\d+", service["image"])
