"""Pointers of Git LFS: they stand for the file that they name, and for nothing else."""

from pathlib import Path

import pytest
from pointers import write_pointer

from slide2iiif.discovery.fingerprint import ContentTask, digest_content, size_of
from slide2iiif.discovery.pointer import Pointer, read_pointer
from slide2iiif.discovery.walk import walk

DIGEST = "ab" * 32
TEXT = f"version https://git-lfs.github.com/spec/v1\noid sha256:{DIGEST}\nsize 12345\n"


def pointer_in(path: Path, text: str) -> Pointer | None:
    path.write_bytes(text.encode())
    return read_pointer(path, path.stat().st_size)


def test_a_pointer_names_the_content_of_a_file(tmp_path: Path) -> None:
    assert pointer_in(tmp_path / "a.svs", TEXT) == Pointer(DIGEST, 12345)


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT[:-1],
        TEXT + "\n",
        TEXT + " " * 1000,
        TEXT.replace(DIGEST, DIGEST[:-1]),
        TEXT.replace(DIGEST, DIGEST.upper()),
        TEXT.replace("sha256", "md5"),
        TEXT.replace("12345", "-1"),
        TEXT.replace("12345", "0123"),
        TEXT.replace("12345", "1" * 400),
        TEXT.replace("12345", "\u0661\u0662"),
        TEXT.replace("spec/v1", "spec/v2"),
        TEXT.replace("oid", f"ext-0-smaller sha256:{DIGEST}\noid"),
        TEXT.replace("\n", "\r\n"),
    ],
)
def test_whatever_is_not_of_the_form_is_a_file_itself(tmp_path: Path, text: str) -> None:
    assert pointer_in(tmp_path / "a.svs", text) is None


def test_a_slide_has_size_and_content_of_the_files_that_its_pointers_stand_for(tmp_path: Path) -> None:
    members = [tmp_path / "a.mrxs", tmp_path / "data.dat"]
    for number, path in enumerate(members):
        path.write_bytes(bytes([number]) * 5000)
    size, content = size_of(members), digest_content(ContentTask(tuple(members)))
    for path in members:
        write_pointer(path)
    assert (size_of(members), digest_content(ContentTask(tuple(members)))) == (size, content)
    members[1].write_bytes(b"another")
    assert digest_content(ContentTask(tuple(members))) != content


def test_a_pointer_without_a_suffix_may_be_dicom_and_is_not_passed_over(tmp_path: Path) -> None:
    for name in ("IM0001", "1.2.840.10008", "series.dcm", "notes.txt"):
        (tmp_path / name).write_text(TEXT)
    (tmp_path / "README").write_text("no pointer")
    found = {each.path.name for each in walk(tmp_path) if not getattr(each, "reason", "")}
    assert found == {"IM0001", "1.2.840.10008", "series.dcm"}
