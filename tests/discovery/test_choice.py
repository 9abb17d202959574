"""Patterns of names, and kinds of images."""

from pathlib import Path

import pytest

from slide2iiif.discovery.choice import Choice, Glob
from slide2iiif.discovery.walk import PassedOver, Slide, Unusable, find_listed, walk
from slide2iiif.errors import UsageError
from slide2iiif.options import Only


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*.jpg", "a.jpg"), ("*.jpg", "dir/sub/A.JPG"), ("sub", "dir/sub/a.svs"), ("sub/", "sub/a.svs"),
        ("dir/*.svs", "dir/a.svs"), ("/a.svs", "a.svs"), ("./dir/a.svs", "dir/a.svs"),
        ("dir/**/a.svs", "dir/x/y/a.svs"),
        ("dir/**/a.svs", "dir/a.svs"), ("**/b/*.svs", "a/b/c.svs"), ("case?.svs", "case7.svs"), ("[ab].svs", "b.svs"),
        ("[!ab].svs", "c.svs"), ("u\u0308.svs", "ü.svs"), ("a[.svs", "a[.svs"), ("line\n.svs", "line\n.svs"),
    ],
)  # fmt: skip
def test_a_pattern_matches_a_path(pattern: str, path: str) -> None:
    assert Glob(pattern).matches(path)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [("*.jpg", "a.jpg.svs"), ("dir/*.svs", "dir/sub/a.svs"), ("/a.svs", "dir/a.svs"), ("dir/*.svs", "x/dir/a.svs"),
     ("[!ab].svs", "a.svs"), ("sub", "subway/a.svs"), ("a.svs", "aXsvs")],
)  # fmt: skip
def test_a_pattern_does_not_match_another_path(pattern: str, path: str) -> None:
    assert not Glob(pattern).matches(path)


@pytest.mark.parametrize("pattern", ["", "/", "./", "[z-a].svs"])
def test_a_pattern_that_can_match_nothing_is_refused(pattern: str) -> None:
    with pytest.raises(UsageError, match="the pattern"):
        Glob(pattern)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("a.svs", "b.jpg", "c.tif", "old/d.svs", "old/deep/e.jpg", "new/f.svs"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def sources(root: Path, choice: Choice) -> list[str]:
    return [each.source for each in walk(root, choice) if isinstance(each, Slide)]


def test_what_is_excluded_is_passed_over_and_a_folder_is_not_entered(root: Path) -> None:
    choice = Choice(exclude=(Glob("old"), Glob("*.jpg")))
    assert sources(root, choice) == ["a.svs", "c.tif", "new/f.svs"]
    told = {
        each.path.relative_to(root).as_posix(): each.reason
        for each in walk(root, choice)
        if isinstance(each, PassedOver)
    }
    assert told == {"b.jpg": "matches --exclude *.jpg", "old": "matches --exclude old"}


def test_what_is_excluded_is_out_whatever_else_is_asked_for(root: Path) -> None:
    assert "b.jpg" not in sources(root, Choice(exclude=(Glob("b*"),), include=(Glob("b*"),), only=Only.IMAGES))


@pytest.mark.parametrize(
    ("only", "expected"),
    [(Only.SLIDES, ["a.svs", "c.tif", "new/f.svs", "old/d.svs"]), (Only.IMAGES, ["b.jpg", "old/deep/e.jpg"])],
)
def test_one_kind_alone_is_found(root: Path, only: Only, expected: list[str]) -> None:
    assert sources(root, Choice(only=only)) == expected


def test_a_listed_file_in_an_excluded_folder_is_passed_over(root: Path) -> None:
    [found] = find_listed(root, ["old/deep/e.jpg"], Choice(exclude=(Glob("old"),)))
    assert (type(found), found.path) == (PassedOver, root / "old") if isinstance(found, Unusable) else False


def test_an_excluded_file_is_no_failure_whatever_it_is(root: Path) -> None:
    (root / "bad.svs").symlink_to("/nowhere.svs")
    kinds = [type(each) for each in walk(root, Choice(exclude=(Glob("bad*"),))) if not isinstance(each, Slide)]
    assert kinds == [PassedOver]
