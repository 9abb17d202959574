"""Published files that are right already stay as they are, with their times, inodes and ETags."""

from dataclasses import replace
from pathlib import Path

import pytest
from commands import Facts, run_command, snapshot
from formats.exports import write_pyramid
from made_slides import write_image, write_synthetic
from published_trees import BASE_URL, SMALL_TILES, PublishedTree

from slide2iiif.options import Blank, Check, Damaged, Icc, Options
from slide2iiif.publish.summary import Status

COPIED, ENCODED, PLAIN = "copied.tiff", "encoded.synthetic", "plain.png"


@pytest.fixture
def tree(tmp_path: Path) -> PublishedTree:
    """A tree of a slide whose tiles are copied, and two whose tiles are encoded; none has a profile."""
    source = tmp_path / "slides"
    source.mkdir()
    write_pyramid(source / COPIED)
    write_synthetic(source / ENCODED, 300, 200)
    write_image(source / PLAIN, 150, 90)
    made = PublishedTree(tmp_path / "public", source)
    made.export(Options())
    return made


def touch(tree: PublishedTree, name: str) -> None:
    """Change a slide, and nothing of its picture: a byte behind its end."""
    with (tree.source / name).open("ab") as file:
        file.write(b" ")


def documents_only(before: dict[str, Facts], after: dict[str, Facts]) -> bool:
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    return bool(changed) and all(name.endswith((".json", ".html")) for name in changed)


@pytest.mark.parametrize("name", [COPIED, ENCODED, PLAIN])
def test_a_slide_that_gives_the_same_bytes_again_is_not_swapped(tree: PublishedTree, name: str) -> None:
    before = snapshot(tree.root)
    touch(tree, name)
    summary = tree.export(Options())
    assert summary.counts == {Status.EXPORTED: 1, Status.UNCHANGED: 2}
    assert [outcome.is_same for outcome in summary.outcomes] == [True]
    assert snapshot(tree.root) == before
    assert tree.findings() == []
    assert tree.export(Options()).counts == {Status.UNCHANGED: 3}
    assert list((tree.root / ".slide2iiif/staging").iterdir()) == []


def test_a_change_of_the_picture_is_published(tree: PublishedTree) -> None:
    before = snapshot(tree.root)
    write_image(tree.source / PLAIN, 151, 90)
    summary = tree.export(Options())
    assert [outcome.is_same for outcome in summary.outcomes] == [False]
    assert snapshot(tree.root) != before
    assert tree.findings() == []


@pytest.mark.parametrize("harm", ["missing", "changed", "stranger", "deep stranger"])
def test_a_published_slide_that_is_not_what_it_was_is_replaced(tree: PublishedTree, harm: str) -> None:
    tile = next((tree.root / COPIED).glob("*,*,*,*/*/0/default.jpg"))
    if harm == "missing":
        tile.unlink()
    elif harm == "changed":
        content = tile.read_bytes()
        tile.unlink()
        tile.write_bytes(content[:-1] + b"x")
    elif harm == "stranger":
        (tree.root / COPIED / "planted.html").write_text("<script>")
    else:
        tile.with_name("gray.jpg").write_bytes(b"planted")
    touch(tree, COPIED)
    summary = tree.export(Options())
    assert [outcome.is_same for outcome in summary.outcomes] == [False]
    assert tree.findings() == []


def test_overwriting_with_the_same_bytes_leaves_the_files_and_makes_the_slide_anew(tmp_path: Path) -> None:
    (tmp_path / "slides").mkdir()
    source = write_pyramid(tmp_path / "slides" / COPIED).parent
    words = ("export", source, tmp_path / "public", "--base-url", BASE_URL)
    assert run_command(*words).returncode == 0
    before = snapshot(tmp_path / "public")
    done = run_command(*words, "--overwrite")
    assert "1 of them with the files that are published, which stay" in done.stdout
    assert snapshot(tmp_path / "public") == before


NEEDLESS = {
    "a looser check": (Options(check=Check.STRICT), Options()),
    "no placeholders": (Options(damaged=Damaged.PLACEHOLDER), Options()),
    "placeholders after a strict check": (Options(check=Check.STRICT), Options(damaged=Damaged.PLACEHOLDER)),
    "no profile to ignore": (Options(), Options(icc=Icc.IGNORE)),
    "pictures that there are none of": (Options(associated=("label", "macro")), Options(associated=("macro",))),
    "properties that there are none of": (Options(properties=("no.such",)), Options()),
    "the same pixel size in words": (Options(mpp=0.5), Options(mpp=0.50)),
}
"""Options that change no byte of a slide of the tree, as its receipt proves."""


@pytest.mark.parametrize("change", NEEDLESS)
def test_options_that_cannot_matter_make_no_slide_anew(tree: PublishedTree, change: str) -> None:
    old, new = NEEDLESS[change]
    tree.export(old)
    before = snapshot(tree.root)
    assert tree.export(new).counts == {Status.UNCHANGED: 3}
    assert snapshot(tree.root) == before
    assert tree.findings() == []


@pytest.mark.parametrize("options", [Options(check=Check.STRICT), Options(damaged=Damaged.PLACEHOLDER)])
def test_a_stricter_check_opens_slides_with_copied_tiles_only_and_swaps_none(
    tree: PublishedTree, options: Options
) -> None:
    before = snapshot(tree.root)
    summary = tree.export(options)
    assert summary.counts == {Status.EXPORTED: 1, Status.UNCHANGED: 2}
    assert [(outcome.identifier, outcome.is_same) for outcome in summary.outcomes] == [(COPIED, True)]
    assert snapshot(tree.root) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (Options(), Options(icc=Icc.SRGB)),
        (Options(icc=Icc.IGNORE), Options()),
        (Options(mpp=0.5), Options()),
        (Options(), Options(associated=("label",))),
        (Options(), Options(properties=("no.such",))),
        (Options(), Options(blank=Blank.COPY, check=Check.STRICT)),
    ],
)
def test_options_that_only_the_slide_can_judge_swap_nothing_where_they_change_nothing(
    tree: PublishedTree, old: Options, new: Options
) -> None:
    tree.export(old)
    before = snapshot(tree.root)
    tree.export(new)
    after = snapshot(tree.root)
    assert after == before or (old.mpp != new.mpp and documents_only(before, after))
    assert tree.findings() == []


def test_tiles_of_one_colour_become_files_of_their_own_when_asked(tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "slides").mkdir()
    Image.new("RGB", (400, 300), "white").save(tmp_path / "slides" / PLAIN)
    tree = PublishedTree(tmp_path / "public", tmp_path / "slides")
    tree.export(SMALL_TILES)
    assert tree.export(replace(SMALL_TILES, blank=Blank.COPY)).counts == {Status.EXPORTED: 1}
    tiles = sorted((tree.root / PLAIN).glob("*,*,64,64/64,/0/default.jpg"))
    assert len({tile.stat().st_ino for tile in tiles}) == len(tiles) > 1


def test_a_pixel_size_that_is_given_changes_documents_only(tree: PublishedTree) -> None:
    before = snapshot(tree.root)
    assert tree.export(Options(mpp=0.4)).counts == {Status.REBASED: 3}
    assert documents_only(before, snapshot(tree.root))
    assert tree.findings() == []
    assert tree.export(Options(mpp=0.4)).counts == {Status.UNCHANGED: 3}


def test_a_pixel_size_that_is_given_reaches_pages_and_manifests(tmp_path: Path) -> None:
    source = write_image(tmp_path / "slides" / PLAIN, 150, 90).parent
    words = ("export", source, tmp_path / "public", "--base-url", BASE_URL, "-q")
    assert run_command(*words).returncode == 0
    assert run_command(*words, "--mpp", "0.4").returncode == 0
    kept = snapshot(tmp_path / "public")
    assert run_command("verify", tmp_path / "public", "-q").returncode == 0
    fresh = ("export", source, tmp_path / "fresh", "--base-url", BASE_URL, "-q", "--mpp", "0.4")
    assert run_command(*fresh).returncode == 0
    assert {name: facts.digest for name, facts in kept.items()} == {
        name: facts.digest for name, facts in snapshot(tmp_path / "fresh").items()
    }
