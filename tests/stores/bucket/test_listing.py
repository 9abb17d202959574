"""A listing in a file."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from slide2iiif.stores.base import Entry, Head
from slide2iiif.stores.bucket.listing import Known, md5_of, write_listing

MD5 = "5d41402abc4b2a76b9719d911017c592"


def test_an_object_is_found_by_its_name_with_size_and_md5(tmp_path: Path) -> None:
    found = [("a/info.json", Head(5, MD5)), ("a/big", Head(9, f"{MD5}-2"))]
    with write_listing(tmp_path / "a?b#c%d", found).opened() as listing:
        assert listing.known("a/info.json") == Known(5, bytes.fromhex(MD5))
        assert listing.known("a/big") == Known(9, b"")
        assert listing.known("a/other") is None
        assert listing.head("a/big") == Head(9, f"{MD5}-2")


parts = st.text("ab!0/ ü,.", min_size=1, max_size=8).filter(lambda text: not text.startswith("/"))


@given(st.sets(parts.map(lambda text: "/".join(part for part in text.split("/") if part)).filter(bool)))
def test_entries_of_a_folder_are_those_that_its_names_tell(tmp_path_factory: object, names: set[str]) -> None:
    folder = tmp_path_factory.mktemp("listing")  # type: ignore[attr-defined]
    with write_listing(folder / "file", [(name, Head(0, "")) for name in names]).opened() as listing:
        assert set(listing.names()) == names
        for above in {"", *(name.rpartition("/")[0] for name in names)}:
            prefix = f"{above}/" if above else ""
            below = {name.removeprefix(prefix) for name in names if name.startswith(prefix)}
            files = {Entry(name, is_folder=False) for name in below if "/" not in name}
            folders = {Entry(name.partition("/")[0], is_folder=True) for name in below if "/" in name}
            assert sorted(listing.entries(above)) == sorted(files | folders)


def test_a_tag_of_another_kind_is_no_md5() -> None:
    assert md5_of(MD5) == bytes.fromhex(MD5)
    assert md5_of(f"{MD5}-17") == b""
    assert md5_of("0x8DC5E9A3") == b""
    assert md5_of("") == b""
