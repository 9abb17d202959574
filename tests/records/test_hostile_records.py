"""Whatever is written into the private folder: a record is whole or damaged, and no command ends with a traceback."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import pytest
from commands import run_command

from slide2iiif.records.strict_json import DamagedRecordError, build, read_json, read_record

BASE_URL = "https://host.example/iiif"


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Inner:
    colour: Colour


@dataclass(frozen=True, slots=True)
class Record:
    name: str
    count: int
    inner: Inner
    size: float | None = None
    lists: list[list[int]] = field(default_factory=list)
    words: dict[str, str] = field(default_factory=dict)
    is_so: bool = False
    path: str = field(default="", metadata={"any_bytes": True})


GOOD = {"name": "a", "count": 1, "inner": {"colour": "red"}}


def test_a_record_of_the_declared_form_is_read() -> None:
    fields = GOOD | {"size": 2, "lists": [[1, 2]], "words": {"a": "ä"}, "is_so": True, "path": "\udcff"}
    assert build(Record, fields) == Record("a", 1, Inner(Colour.RED), 2, [[1, 2]], {"a": "ä"}, True, "\udcff")
    assert read_record(Record, json.dumps(GOOD).encode()) == Record("a", 1, Inner(Colour.RED))


@pytest.mark.parametrize(
    "change",
    [
        {"name": 1}, {"name": None}, {"name": ["a"]}, {"name": "\ud800"}, {"count": True}, {"count": 1.0},
        {"count": "1"}, {"count": None}, {"inner": None}, {"inner": []}, {"inner": {"colour": "blue"}},
        {"inner": {"colour": 1}}, {"inner": {}}, {"size": "2"}, {"size": True}, {"lists": {}}, {"lists": [1]},
        {"lists": [["1"]]}, {"words": []}, {"words": {"a": 1}}, {"words": {"\ud800": "a"}}, {"is_so": 1},
        {"path": "\ud800"}, {"path": "a\0b"}, {"path": 1}, {"unknown": 1},
    ],
    ids=ascii,
)  # fmt: skip
def test_a_field_of_another_type_is_damage(change: dict[str, object]) -> None:
    with pytest.raises(DamagedRecordError):
        build(Record, GOOD | change)


@pytest.mark.parametrize("name", GOOD)
def test_a_field_that_is_missing_is_damage(name: str) -> None:
    with pytest.raises(DamagedRecordError):
        build(Record, {key: value for key, value in GOOD.items() if key != name})


DEEP = 200_000
HOSTILE: dict[str, bytes] = {
    "empty": b"",
    "cut": b"{",
    "deep lists": b"[" * DEEP,
    "deep lists that end": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP,
    "fairly deep": b"[" * 900 + b"]" * 900,
    "null": b"null",
    "list": b"[]",
    "list of lists": b"[[]]",
    "number": b"5",
    "text": b'"text"',
    "NaN": b'{"a": NaN}',
    "infinite": b'{"a": 1e999}',
    "huge number": b'{"a": 1' + b"0" * 20 + b"}",
    "number of many digits": b'{"a": ' + b"1" * 10_000 + b"}",
    "a name twice": b'{"a": 1, "a": 2}',
    "no UTF-8": b'{"a": "\xff"}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "zero bytes": bytes(4096),
}


GOOD_JSON = {"null", "list", "list of lists", "number", "text", "fairly deep"}
WITH_COMMANDS = ["deep lists", "fairly deep", "list of lists", "number of many digits", "UTF-16"]
"""Those that whole commands are tried with."""


@pytest.mark.parametrize("name", sorted(HOSTILE.keys() - GOOD_JSON))
def test_what_is_no_strict_json_is_damage(name: str) -> None:
    with pytest.raises(DamagedRecordError):
        read_json(HOSTILE[name])


def whole(content: bytes, change: Callable[[dict[str, object]], object]) -> bytes:
    """Change fields of a record that is whole."""
    fields = json.loads(content)
    change(fields)
    return json.dumps(fields).encode()


CHANGES: dict[str, dict[str, object]] = {
    "a huge width": {"width": 2**53 - 1},
    "a negative width": {"width": -5},
    "no tile size": {"tile_size": 0},
    "many tiles": {"tiles": 2**53 - 1},
    "no tiles": {"tiles": -1},
    "damaged tiles of one number": {"damaged": [[1]]},
    "damaged tiles of text": {"damaged": "text"},
    "levels of text": {"levels": "text"},
    "levels of levels": {"levels": [[]]},
    "an odd profile": {"profile": "%%%"},
    "an odd service": {"associated": {"../up": [1, 2]}},
    "text that is none": {"format": "\ud800"},
    "a source with a zero byte": {"source": "a\0b"},
    "a source above": {"source": "../../etc/passwd"},
    "a fingerprint that is a list": {"fingerprint": []},
    "other options": {"settings": {"api": "9"}},
    "options of text": {"settings": "text"},
}


def commands(tree: Path, source: Path) -> list[list[object]]:
    return [
        ["verify", tree, "--source", source, "-q"],
        ["repair", tree, "--source", source, "-q"],
        ["rebase", tree, "--base-url", BASE_URL, "-q"],
        ["export", source, tree, "--base-url", BASE_URL, "-q"],
    ]


def check(published: Path, source: Path, record: Path, content: bytes) -> None:
    """Write a record before each command; none shows a traceback, which `run_command` asserts, and an export heals."""
    for arguments in commands(published, source):
        record.write_bytes(content)
        assert run_command(*arguments).returncode in {0, 1, 3}
    assert run_command("verify", published, "--source", source).returncode == 0


@pytest.mark.parametrize("name", WITH_COMMANDS)
def test_a_hostile_receipt_is_damaged_and_an_export_heals_it(published: Path, source: Path, name: str) -> None:
    record = published / ".slide2iiif" / "receipts" / "one.synthetic" / "receipt.json"
    record.write_bytes(HOSTILE[name])
    done = run_command("verify", published)
    assert done.returncode == 1
    assert "receipt" in done.stdout
    check(published, source, record, HOSTILE[name])


@pytest.mark.parametrize("name", CHANGES)
def test_a_receipt_with_hostile_fields_ends_nothing(published: Path, source: Path, name: str) -> None:
    record = published / ".slide2iiif" / "receipts" / "one.synthetic" / "receipt.json"
    content = whole(record.read_bytes(), lambda fields: fields.update(CHANGES[name]))
    for arguments in commands(published, source)[1:]:
        record.write_bytes(content)
        assert run_command(*arguments).returncode in {0, 1, 3}


@pytest.mark.parametrize("file", ["site.json", "site/!folder.json", "site/ward/!folder.json"])
@pytest.mark.parametrize("name", WITH_COMMANDS)
def test_a_hostile_state_of_the_pages_is_written_anew(published: Path, source: Path, file: str, name: str) -> None:
    record = published / ".slide2iiif" / file
    before = record.read_bytes()
    record.write_bytes(HOSTILE[name])
    run_command("export", source, published, "--base-url", BASE_URL, "-q").check_returncode()
    if file == "site.json":
        assert record.read_bytes() == before
    record.write_bytes(HOSTILE[name])
    assert run_command("verify", published).returncode in {0, 1}


@pytest.mark.parametrize("name", ["deep lists", "number of many digits", "no UTF-8", "cut"])
def test_a_hostile_note_of_the_names_is_refused_in_words(published: Path, source: Path, name: str) -> None:
    (published / ".slide2iiif" / "identifiers.json").write_bytes(HOSTILE[name])
    done = run_command("export", source, published, "--base-url", BASE_URL, "-q")
    assert done.returncode == 3
    assert "identifiers.json in the private folder: cannot be read: " in done.stderr
