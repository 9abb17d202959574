"""The pinned viewer."""

import io
import tarfile
from pathlib import Path

import pytest

from slide2iiif.errors import UsageError
from slide2iiif.site import openseadragon
from slide2iiif.site.openseadragon import fetch_viewer, is_viewer, read_viewer

SCRIPT = b"viewer"


@pytest.fixture(autouse=True)
def pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openseadragon, "DIGEST", openseadragon._digest(SCRIPT))


def put_package(folder: Path, script: bytes = SCRIPT) -> Path:
    (folder / openseadragon.FILE).parent.mkdir(parents=True)
    (folder / openseadragon.FILE).write_bytes(script)
    return folder


def put_tarball(file: Path, name: str = f"package/{openseadragon.FILE}") -> Path:
    with tarfile.open(file, "w:gz") as package:
        member = tarfile.TarInfo(name)
        member.size = len(SCRIPT)
        package.addfile(member, io.BytesIO(SCRIPT))
    return file


@pytest.mark.parametrize("place", ["openseadragon", "node_modules/openseadragon"])
def test_the_viewer_is_found_in_a_folder_of_packages(tmp_path: Path, place: str) -> None:
    put_package(tmp_path / place)
    assert read_viewer(tmp_path) == SCRIPT


def test_the_viewer_is_found_in_its_own_folder_and_in_its_tarball(tmp_path: Path) -> None:
    assert read_viewer(put_package(tmp_path / "package")) == SCRIPT
    assert read_viewer(put_tarball(tmp_path / "openseadragon.tgz")) == SCRIPT


def test_another_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is not openseadragon@6\.1\.1 as it was published"):
        read_viewer(put_package(tmp_path / "package", b"another"))


def test_what_holds_no_viewer_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.tgz").write_text("no tarball")
    for place in (tmp_path, tmp_path / "missing", tmp_path / "text.tgz", put_tarball(tmp_path / "other.tgz", "x")):
        with pytest.raises(UsageError, match=str(place)):
            read_viewer(place)


def test_a_script_is_the_viewer_by_its_digest_alone() -> None:
    assert is_viewer(SCRIPT)
    assert not is_viewer(SCRIPT + b" ")
    assert not is_viewer(None)


def test_without_npm_the_user_is_told_the_other_ways(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="npm is not installed; give the package by --viewer-files"):
        fetch_viewer()


def test_what_npm_says_is_passed_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "npm").write_text("#!/bin/sh\necho no network >&2\nexit 1\n")
    (tmp_path / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(UsageError, match="npm failed: no network"):
        fetch_viewer()
