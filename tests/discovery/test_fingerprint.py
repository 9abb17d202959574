"""Whether the files of a slide are still what they were."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from slide2iiif.discovery.fingerprint import check_unchanged, take_fingerprint
from slide2iiif.errors import SourceError


@pytest.fixture
def members(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "a.mrxs", tmp_path / "data.dat"]
    for path in paths:
        path.write_bytes(b"content")
    return paths


def edit_in_place(path: Path) -> None:
    before = path.stat()
    path.write_bytes(b"another")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace_with_a_copy(path: Path) -> None:
    before = path.stat()
    fresh = path.with_name("fresh")
    fresh.write_bytes(path.read_bytes())
    os.utime(fresh, ns=(before.st_atime_ns, before.st_mtime_ns))
    fresh.replace(path)


CHANGES: dict[str, Callable[[Path], object]] = {
    "grown": lambda path: path.write_bytes(b"content and more"),
    "edited in place, time put back": edit_in_place,
    "replaced by an equal copy of the same time": replace_with_a_copy,
    "made older": lambda path: os.utime(path, ns=(1, 1)),
    "of other permissions": lambda path: path.chmod(0o600),
}


def test_an_untouched_slide_keeps_its_fingerprint(members: list[Path]) -> None:
    fingerprint = take_fingerprint(members)
    assert take_fingerprint(members) == fingerprint
    check_unchanged(members, fingerprint)
    assert set(fingerprint) <= set("0123456789abcdef")
    assert len(fingerprint) == 64


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("member", [0, 1])
def test_every_change_of_any_member_shows(members: list[Path], change: str, member: int) -> None:
    fingerprint = take_fingerprint(members)
    CHANGES[change](members[member])
    assert take_fingerprint(members) != fingerprint
    with pytest.raises(SourceError, match="has changed while it was read"):
        check_unchanged(members, fingerprint)


def test_a_member_more_or_less_shows(members: list[Path]) -> None:
    assert take_fingerprint(members) != take_fingerprint(members[:1])


def test_reading_a_slide_does_not_change_its_fingerprint(members: list[Path]) -> None:
    fingerprint = take_fingerprint(members)
    os.utime(members[0], ns=(1, members[0].stat().st_mtime_ns))
    before = take_fingerprint(members)
    members[0].read_bytes()
    assert take_fingerprint(members) == before
    assert before != fingerprint


def test_a_member_that_is_gone_is_named(members: list[Path]) -> None:
    members[1].unlink()
    with pytest.raises(SourceError, match=r"^data\.dat: no such file"):
        take_fingerprint(members)


def test_a_name_that_is_no_text_has_a_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff.svs")
    path.touch()
    assert take_fingerprint([path]) == take_fingerprint([path])
