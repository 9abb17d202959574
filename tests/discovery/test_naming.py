"""Public identifiers: hashes that say nothing, tables that are checked."""

import hashlib
import hmac
from base64 import b32encode
from pathlib import Path

import pytest
from stagings import objects_in

from slide2iiif.discovery.naming import HashNaming, TableNaming, open_naming, read_table, rename
from slide2iiif.discovery.walk import Slide, Unusable
from slide2iiif.errors import SourceError, UsageError
from slide2iiif.iiif.identifiers import is_plain_identifier

KEY = b"0123456789abcdef"


def slide(source: str) -> Slide:
    return Slide(source, Path("/slides") / source, (Path("/slides") / source,), source)


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    return path


def test_a_hash_is_the_keyed_digest_of_the_path() -> None:
    digest = hmac.new(KEY, "ward/Jürgen.svs".encode(), hashlib.sha256).digest()
    assert HashNaming(KEY).name("ward/Jürgen.svs") == b32encode(digest[:20]).decode().lower()


def test_hashes_differ_by_path_and_by_key_and_are_plain_identifiers() -> None:
    names = [HashNaming(key).name(path) for key in (KEY, KEY[::-1]) for path in ("a.svs", "b.svs", "a\udcff.svs", "")]
    assert len(set(names)) == len(names)
    assert all(is_plain_identifier(name) and len(name) == 32 for name in names)


def test_the_scheme_tells_keys_apart_and_is_no_name_of_a_slide() -> None:
    assert HashNaming(KEY).scheme != HashNaming(KEY[::-1]).scheme
    assert KEY.decode() not in HashNaming(KEY).scheme


def test_a_table_gives_identifiers_by_path_with_or_without_a_head(tmp_path: Path) -> None:
    rows = '"dir, 2/a.svs",one\r\n./b.svs,two/three\r\n\r\n'
    expected = {"dir, 2/a.svs": "one", "b.svs": "two/three"}
    assert read_table(table(tmp_path, rows)) == expected
    assert read_table(table(tmp_path, f"\ufeffPath, Identifier\n{rows}")) == expected


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a.svs,one\nb.svs,one", r"line 2: the identifier one is that of line 1"),
        ("a.svs,one\nb.svs,ONE", r"line 2: the identifier ONE is that of line 1, or differs only by case"),
        ("a.svs,one\na.svs,two", r"line 2: 'a.svs' has an identifier already"),
        ("a.svs,one\n./a.svs,two", r"line 2: './a.svs' has an identifier already"),
        ("a.svs,one/two\nb.svs,ONE", r"line 1: one/two lies within the slide of line 2"),
        ("a.svs", r"line 1: has 1 columns"),
        ("a.svs,b,c", r"line 1: has 3 columns"),
        *((f"a.svs,{bad}", r"line 1: .* is no identifier") for bad in ("", "a b", "../x", ".x", "x.", "/x", "x//y")),
        *((f"a.svs,{bad}", r"line 1: .* is no identifier") for bad in ("x/", "é", "a%20b", "a!20b", "nul", "x" * 300)),
    ],
)
def test_a_table_that_would_mix_slides_up_or_is_not_safe_is_refused(tmp_path: Path, rows: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_table(table(tmp_path, rows))


def test_a_table_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"No such file"):
        read_table(tmp_path / "missing.csv")


def test_a_slide_that_the_table_lacks_is_not_published(tmp_path: Path) -> None:
    naming = TableNaming(tmp_path / "table.csv", {"a.svs": "one"})
    found = list(rename([slide("a.svs"), slide("b.svs"), Unusable(Path("c"), "bad")], naming))
    assert [each.identifier if isinstance(each, Slide) else each.reason for each in found] == [
        "one",
        f"has no identifier: {tmp_path / 'table.csv'} has no line for it",
        "bad",
    ]
    with pytest.raises(SourceError):
        naming.name("b.svs")


@pytest.mark.parametrize("key", [b"", b"short", b" " * 20])
def test_a_key_that_can_be_guessed_is_refused(tmp_path: Path, key: bytes) -> None:
    (tmp_path / "key").write_bytes(key)
    with pytest.raises(UsageError, match=r"no secret; make one .* openssl rand"):
        open_naming("hash", objects_in(tmp_path), tmp_path / "key")


def test_a_naming_that_is_not_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"must be path, hash or the name of a .csv file"):
        open_naming("uuid", objects_in(tmp_path), None)
    with pytest.raises(UsageError, match=r"goes with --identifier hash only"):
        open_naming("path", objects_in(tmp_path), tmp_path / "key")
