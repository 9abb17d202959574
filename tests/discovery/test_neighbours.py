"""Identifiers stay: what is published keeps its own, whatever arrives beside it."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from slide2iiif.discovery.walk import Slide, find_listed, walk
from slide2iiif.iiif.identifiers import Spelling, decode_identifier, encode_name


class Published:
    """Identifiers as the receipts list them, folder by folder."""

    def __init__(self, identifiers: Iterable[str] = ()) -> None:
        self.identifiers = set(identifiers)
        self.listed: list[str] = []

    def children(self, folder: str) -> tuple[list[str], list[str]]:
        self.listed.append(folder)
        start = f"{folder}/" if folder else ""
        rests = {each[len(start) :].replace("!/", "!\0") for each in self.identifiers if each.startswith(start)}
        slides = [start + rest.replace("\0", "/") for rest in rests if "/" not in rest]
        return slides, [start + rest.partition("/")[0].replace("\0", "/") for rest in rests if "/" in rest]


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def by_source(root: Path, published: Published | None = None) -> dict[str, str]:
    found = {each.source: each.identifier for each in walk(root, None, published) if isinstance(each, Slide)}
    listed = find_listed(root, found, None, published)
    assert {each.source: each.identifier for each in listed if isinstance(each, Slide)} == found
    return found


@pytest.mark.parametrize("newcomer", ["case1.svs", "CASE1.svs", "case1.svs/x.svs", "case1.svs/t.txt"])
def test_a_newcomer_that_differs_by_case_moves_nothing_and_is_kept_apart(tmp_path: Path, newcomer: str) -> None:
    touch(tmp_path, "Case1.svs")
    before = by_source(tmp_path)
    assert before == {"Case1.svs": "Case1.svs"}
    touch(tmp_path, newcomer)
    after = by_source(tmp_path, Published(before.values()))
    assert after["Case1.svs"] == "Case1.svs"
    firsts = {each.partition("/")[0].lower() for each in after.values()}
    assert len(firsts) == len(after)
    assert all(str(decode_identifier(each)) == source for source, each in after.items())


def test_three_that_differ_by_case_arrive_one_after_the_other_and_none_moves(tmp_path: Path) -> None:
    published = Published()
    kept: dict[str, str] = {}
    for name in ("Con.svs", "CON.svs", "con.svs", "cON.svs"):
        touch(tmp_path, name)
        found = by_source(tmp_path, published)
        assert {source: found[source] for source in kept} == kept
        kept = found
        published = Published(found.values())
    assert len({each.lower() for each in kept.values()}) == 4


@pytest.mark.parametrize("neighbour", ["dir/", "dir/notes.txt", "dir/sub/", "dir", "dir/.hidden.svs"])
def test_a_neighbour_without_slides_does_not_count(tmp_path: Path, neighbour: str) -> None:
    touch(tmp_path, "Dir/x.svs")
    if neighbour.endswith("/"):
        (tmp_path / neighbour).mkdir(parents=True)
    else:
        touch(tmp_path, neighbour)
    assert by_source(tmp_path) == {"Dir/x.svs": "Dir/x.svs"}


def test_a_newcomer_folder_is_kept_apart_with_all_that_is_in_it(tmp_path: Path) -> None:
    touch(tmp_path, "Dir/x.svs", "dir/deep/X.svs", "dir/deep/y.svs")
    found = by_source(tmp_path, Published(["Dir/x.svs"]))
    assert found == {
        "Dir/x.svs": "Dir/x.svs",
        "dir/deep/X.svs": "!64ir/deep/X.svs",
        "dir/deep/y.svs": "!64ir/deep/y.svs",
    }


def test_what_was_escaped_for_a_neighbour_keeps_that_when_the_neighbour_is_gone(tmp_path: Path) -> None:
    touch(tmp_path, "Dir/x.svs", "Dir/new.svs", "A.svs")
    found = by_source(tmp_path, Published(["!44ir/x.svs", "!41.svs"]))
    assert found == {"Dir/x.svs": "!44ir/x.svs", "Dir/new.svs": "!44ir/new.svs", "A.svs": "!41.svs"}


def test_a_folder_that_is_published_under_two_names_keeps_each_slide_where_it_is(tmp_path: Path) -> None:
    touch(tmp_path, "Dir/x.svs", "Dir/y.svs", "Dir/new.svs")
    found = by_source(tmp_path, Published(["Dir/x.svs", "!44ir/y.svs"]))
    assert found == {"Dir/x.svs": "Dir/x.svs", "Dir/y.svs": "!44ir/y.svs", "Dir/new.svs": "Dir/new.svs"}


def test_a_long_name_that_is_folded_keeps_its_identifier(tmp_path: Path) -> None:
    names = ["ü" * 100 + "A.svs", "ü" * 100 + "a.svs"]
    touch(tmp_path, names[0])
    before = by_source(tmp_path)
    touch(tmp_path, names[1])
    after = by_source(tmp_path, Published(before.values()))
    assert after[names[0]] == before[names[0]]
    assert after[names[1]].lower() != after[names[0]].lower()


def test_newcomers_that_differ_by_case_are_all_escaped(tmp_path: Path) -> None:
    touch(tmp_path, "A.svs", "a.svs", "Dir/x.svs", "dir/y.svs")
    assert set(by_source(tmp_path).values()) == {"!41.svs", "a.svs", "!44ir/x.svs", "dir/y.svs"}


def test_receipts_are_listed_only_where_something_is_published(tmp_path: Path) -> None:
    touch(tmp_path, "old/x.svs", "new/deep/y.svs")
    published = Published(["old/x.svs"])
    assert len(list(walk(tmp_path, None, published))) == 2
    assert published.listed == ["", "old"]


def test_nested_folders_that_differ_by_case_at_every_level_take_linear_time(tmp_path: Path) -> None:
    place = tmp_path
    for _ in range(150):
        (place / "a").mkdir()
        place /= "A"
        place.mkdir()
    touch(place, "x.svs")
    reads: list[str] = []
    from slide2iiif.discovery import folder

    read = folder.Folder.read

    def count(self: folder.Folder) -> None:
        reads.append(self.below)
        read(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folder.Folder, "read", count)
        [slide] = walk(tmp_path)
    assert isinstance(slide, Slide)
    assert slide.identifier == "A/" * 150 + "x.svs"
    assert len(reads) < 5 * 301


@pytest.mark.parametrize(
    "name", ["a.svs", "A.svs", "con", "CON.x", "index.html", "Index.HTML", ".x", "x.", "ü.svs", "123", "a" * 300]
)
def test_every_spelling_of_a_name_can_be_read_back(name: str) -> None:
    for spelling in Spelling:
        assert str(decode_identifier(encode_name(name, spelling))) == name
