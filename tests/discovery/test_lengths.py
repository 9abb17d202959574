"""Paths that no file system can take."""

from pathlib import Path

import pytest

from slide2iiif.discovery.lengths import MAX_FOLDERS, fitting
from slide2iiif.discovery.walk import Slide, Unusable


def only(identifier: str, dest: Path, private: Path) -> Slide | Unusable:
    [found] = fitting([Slide(identifier, Path("x.svs"), (Path("x.svs"),))], dest, private)
    return found


def identifier(length: int) -> str:
    return "/".join(["a" * 200] * (length // 201) + ["b" * (length % 201 or 1)])


def test_a_slide_that_fits_is_passed_on(tmp_path: Path) -> None:
    assert isinstance(only(identifier(3000), tmp_path / "public", tmp_path / "private"), Slide)


def test_a_path_too_long_for_the_tree_or_the_private_folder_fails_the_slide_with_the_numbers(tmp_path: Path) -> None:
    for dest, private, name in (("d" * 200, "p", "DEST"), ("d", "p" * 200, "the private folder")):
        room = 4095 - 128 - 1 - len(str(tmp_path)) - 201 - (len("/receipts") if name != "DEST" else 0)
        found = only(identifier(room), tmp_path / dest, tmp_path / private)
        assert isinstance(found, Slide)
        found = only(identifier(room + 1), tmp_path / dest, tmp_path / private)
        assert isinstance(found, Unusable)
        assert f"would need paths of 4,096 bytes in {name}" in found.reason
        assert "--identifier hash" in found.reason


def test_names_too_long_for_the_file_system_fail_the_slide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Encrypting file systems take 143 bytes."""
    monkeypatch.setattr("os.pathconf", lambda _, what: 4096 if what == "PC_PATH_MAX" else 143)
    assert isinstance(only("a/" + "b" * 143, tmp_path, tmp_path), Slide)
    found = only("a/" + "b" * 144, tmp_path, tmp_path)
    assert isinstance(found, Unusable)
    assert "a name of 144 bytes" in found.reason


def test_a_slide_in_too_many_folders_fails(tmp_path: Path) -> None:
    assert isinstance(only("d/" * MAX_FOLDERS + "a", tmp_path, tmp_path), Slide)
    found = only("d/" * (MAX_FOLDERS + 1) + "a", tmp_path, tmp_path)
    assert isinstance(found, Unusable)
    assert "in 257 folders, one in the other, and 256 are possible" in found.reason
