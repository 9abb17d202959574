"""Folders that are not entered, and folders that are deep."""

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from slide2iiif.discovery.walk import PassedOver, Slide, Unusable, find_listed, walk
from slide2iiif.errors import UsageError

DOCUMENT = '{"@context": "http://iiif.io/api/image/2/context.json"}'


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def told(root: Path, *closed: Path) -> dict[str, str]:
    found = walk(root, None, None, closed)
    return {each.path.relative_to(root).as_posix(): each.reason for each in found if isinstance(each, PassedOver)}


def test_a_published_tree_in_the_source_is_named_and_not_entered(tmp_path: Path) -> None:
    touch(tmp_path, "old/a.svs/full/max/0/default.jpg", "old/.slide2iiif/lock", "b.svs")
    found = list(walk(tmp_path))
    assert [each.source for each in found if isinstance(each, Slide)] == ["b.svs"]
    assert "old" in told(tmp_path)
    assert "holds .slide2iiif" in told(tmp_path)["old"]


@pytest.mark.parametrize(
    "document",
    [
        DOCUMENT,
        DOCUMENT.replace("/", "\\/"),
        DOCUMENT[:-1],
        '{"@context": ["x", "http://iiif.io/api/image/3/context.json"]}',
    ],
)
def test_a_published_slide_in_the_source_is_named_and_not_entered(tmp_path: Path, document: str) -> None:
    touch(tmp_path, "a.svs/full/max/0/default.jpg", "b.svs/full/max/0/default.jpg")
    (tmp_path / "a.svs" / "info.json").write_text(document)
    (tmp_path / "b.svs" / "info.json").write_text('{"title": "of something else"}')
    assert [each.source for each in walk(tmp_path) if isinstance(each, Slide)] == ["b.svs/full/max/0/default.jpg"]
    assert "holds info.json" in told(tmp_path)["a.svs"]


def test_a_source_that_is_a_published_tree_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "a.svs/full/max/0/default.jpg", ".slide2iiif/lock")
    for walked in (walk(tmp_path), find_listed(tmp_path, ["a.svs/full/max/0/default.jpg"])):
        with pytest.raises(UsageError, match=r"holds \.slide2iiif: it is a tree that was published"):
            list(walked)


def test_the_target_is_not_entered_under_whatever_name_and_whenever_it_comes_into_being(tmp_path: Path) -> None:
    """A mount shows the same device and inode as a link does here."""
    source, dest = tmp_path / "slides", tmp_path / "slides" / "z" / "public"
    touch(source, "a.svs", "z/b.svs")
    (source / "mounted").symlink_to("z")
    walked = walk(source, None, None, [dest])
    assert isinstance(next(walked), Slide)
    touch(dest, "a.svs/full/max/0/default.jpg")
    found = list(walked)
    assert sorted(each.source for each in found if isinstance(each, Slide)) == ["mounted/b.svs", "z/b.svs"]
    assert [each.path for each in found if isinstance(each, PassedOver)] == [source / "mounted" / "public", dest]
    assert "is DEST itself" in told(source, dest)["z/public"]


def test_a_listed_file_of_a_tree_in_the_source_is_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "old/a.svs/full/max/0/default.jpg", "old/.slide2iiif/lock", "b.svs")
    [found] = find_listed(tmp_path, ["old/a.svs/full/max/0/default.jpg"])
    assert isinstance(found, PassedOver)


def make_deep(root: Path, depth: int, *, everywhere: bool = False) -> None:
    """Make folders by their descriptors: the path may be longer than a call takes."""
    root.mkdir()
    place = os.open(root, os.O_RDONLY)
    for level in range(depth + 1):
        if everywhere or level == depth:
            os.close(os.open("a.svs", os.O_WRONLY | os.O_CREAT, dir_fd=place))
        os.mkdir("d", dir_fd=place)
        inner = os.open("d", os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = inner
    os.close(place)


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Path]:
    """A folder for deep ones, which most programs cannot delete."""
    yield tmp_path
    subprocess.run(["rm", "-rf", tmp_path], check=True)


@pytest.mark.parametrize("depth", [1200, 1700])
def test_folders_of_any_depth_are_walked(deep: Path, depth: int) -> None:
    make_deep(deep / "slides", depth)
    [slide] = walk(deep / "slides")
    assert isinstance(slide, Slide)
    assert slide.source == "d/" * depth + "a.svs"
    assert list(find_listed(deep / "slides", [slide.source])) == [slide]


def test_a_slide_in_each_of_many_folders_is_found_with_one_look_at_each(deep: Path) -> None:
    make_deep(deep / "slides", 500, everywhere=True)
    found = [each for each in walk(deep / "slides") if isinstance(each, Slide)]
    assert len(found) == 501
    reads: list[str] = []
    from slide2iiif.discovery import folder

    read = folder.Folder.read

    def count(self: folder.Folder) -> None:
        reads.append(self.below)
        read(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folder.Folder, "read", count)
        assert list(find_listed(deep / "slides", [each.source for each in found])) == found
    assert len(reads) <= 502


def test_folders_deeper_than_a_path_can_be_are_told_and_hide_slides(deep: Path) -> None:
    make_deep(deep / "slides", 2500)
    [problem] = walk(deep / "slides")
    assert isinstance(problem, Unusable)
    assert (problem.hides_slides, "too long" in problem.reason) == (True, True)


def test_a_mirax_slide_with_deep_folders_is_found(deep: Path) -> None:
    make_deep(deep / "a", 1200)
    touch(deep, "a.mrxs", "a/Slidedat.ini")
    [slide] = walk(deep)
    assert isinstance(slide, Slide)
    assert len(slide.members) == 3


def test_a_folder_that_does_not_answer_hides_slides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mount whose server is gone."""
    touch(tmp_path, "a.svs", "vol2/b.svs")

    class Dead:
        name, path = "vol2", str(tmp_path / "vol2")

        def is_symlink(self) -> bool:
            return False

        def stat(self) -> os.stat_result:
            raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")

    scandir = os.scandir

    class Listing:
        def __init__(self, path: str) -> None:
            self._entries = [Dead() if entry.name == "vol2" else entry for entry in scandir(path)]

        def __enter__(self) -> list[object]:
            return list(self._entries)

        def __exit__(self, *raised: object) -> None:
            pass

    monkeypatch.setattr(os, "scandir", Listing)
    problem, slide = walk_folder(tmp_path)
    assert isinstance(problem, Unusable)
    assert (problem.path, problem.hides_slides) == (tmp_path / "vol2", True)
    assert isinstance(slide, Slide)


def walk_folder(root: Path) -> list[Slide | Unusable]:
    from slide2iiif.discovery.choice import Choice
    from slide2iiif.discovery.source_tree import SourceTree

    tree = SourceTree(root, Choice())
    folder, identity = tree.root()
    return list(tree.contents(folder, {identity}).found())
