"""Slides that a command line publishes, passes over and removes."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from commands import run_command, snapshot
from made_slides import write_image, write_synthetic

BASE_URL = "https://host.example/iiif"


def export(source: Path, dest: Path, *more: object) -> subprocess.CompletedProcess[str]:
    return run_command("export", source, dest, "--base-url", BASE_URL, "--jobs", 1, "--no-site", *more)


def counts(done: subprocess.CompletedProcess[str]) -> dict[str, int]:
    return {status: count for status, count in json.loads(done.stdout)["counts"].items() if count}


def slides_in(dest: Path) -> list[str]:
    return sorted(path.parent.relative_to(dest).as_posix() for path in dest.rglob("info.json"))


# What accompanies a slide


def test_accompanying_pictures_are_passed_over_counted_and_told(source: Path, dest: Path) -> None:
    write_image(source / "one_label.jpg")
    write_image(source / "one_macro.png")
    done = export(source, dest)
    assert (done.returncode, slides_in(dest)) == (0, ["one.synthetic", "ward/two.synthetic"])
    assert "passed over       2" in done.stdout
    assert "one_label.jpg: its name says 'label'" in done.stdout
    told = export(source, dest, "--json", "-")
    assert counts(told) == {"unchanged": 2, "passed_over": 2}
    summary = json.loads(told.stdout)
    assert sum(summary["passed_over"].values()) == 2
    reasons = {Path(slide["identifier"]).name: slide["reason"] for slide in summary["slides"]}
    assert "--include publishes it" in reasons["one_macro.png"]


def test_pictures_that_are_asked_for_go_out_and_verify_and_repair_know_them(source: Path, dest: Path) -> None:
    write_image(source / "one_label.jpg")
    assert (
        "one_label.jpg" in slides_in(dest) if export(source, dest, "--include", "*_label.*").returncode == 0 else False
    )
    assert run_command("verify", dest, "--source", source).returncode == 0
    (dest / "one_label.jpg" / "full" / "max" / "0" / "default.jpg").unlink()
    assert run_command("repair", dest, "--source", source).returncode == 0
    assert run_command("verify", dest).returncode == 0


def test_a_picture_that_is_published_already_is_told_and_removed_with_delete(source: Path, dest: Path) -> None:
    write_image(source / "one_label.jpg")
    export(source, dest, "-q", "--include", "*")
    told = export(source, dest, "--no-include")
    assert "it is published: --delete removes it" in told.stdout
    assert counts(export(source, dest, "--delete", "--json", "-")) == {"unchanged": 2, "passed_over": 1, "removed": 1}
    assert slides_in(dest) == ["one.synthetic", "ward/two.synthetic"]


def test_patterns_and_kinds_leave_out_what_they_say_and_one_that_matches_nothing_is_told(
    source: Path, dest: Path
) -> None:
    write_image(source / "photo.jpg")
    done = export(source, dest, "--exclude", "ward", "--exclude", "wrad", "--only", "slides")
    assert slides_in(dest) == ["one.synthetic"]
    assert "warning: --exclude wrad matches nothing in SOURCE; is it misspelt?" in done.stderr
    assert "warning: --exclude ward" not in done.stderr


@pytest.mark.parametrize(
    "options",
    [("--exclude", ""), ("--include", ""), ("--only", ""), ("--max-delete", "5"), ("--delete", "--max-delete", "")],
)
def test_a_choice_that_makes_no_sense_is_refused_before_anything_is_written(
    source: Path, dest: Path, options: tuple[str, ...]
) -> None:
    assert (export(source, dest, *options).returncode, dest.exists()) == (2, False)


# Identifiers


def test_urls_stay_whatever_arrives_and_only_the_newcomer_is_escaped(tmp_path: Path, dest: Path) -> None:
    source = tmp_path / "slides"
    write_synthetic(source / "Case1.synthetic", 70, 50)
    write_synthetic(source / "Dir" / "x.synthetic", 70, 50)
    export(source, dest, "-q")
    before = snapshot(dest)
    write_synthetic(source / "case1.synthetic", 70, 50)
    (source / "dir").mkdir()
    (source / "DIR").write_text("a file")
    done = export(source, dest, "--delete", "--json", "-")
    assert counts(done) == {"unchanged": 2, "exported": 1}
    assert slides_in(dest) == ["!63ase1.synthetic", "Case1.synthetic", "Dir/x.synthetic"]
    assert {name: seen for name, seen in snapshot(dest).items() if name in before} == before
    assert counts(export(source, dest, "--delete", "--json", "-")) == {"unchanged": 3}
    (source / "Case1.synthetic").unlink()
    export(source, dest, "--delete", "-q")
    assert slides_in(dest) == ["!63ase1.synthetic", "Dir/x.synthetic"]


# A path that cannot be


@pytest.mark.parametrize("with_table", [False, True])
def test_a_slide_whose_path_cannot_be_fails_by_name_and_the_others_are_published(
    tmp_path: Path,
    dest: Path,
    with_table: bool,  # noqa: FBT001
) -> None:
    source = tmp_path / "slides"
    names = ["aaa.synthetic", "zzz.synthetic", "/".join(["deep" if with_table else "é" * 100] * 7) + "/mmm.synthetic"]
    for name in names:
        write_synthetic(source / name, 70, 50)
    more: list[object] = []
    if with_table:
        identifiers = ["aaa", "zzz", "/".join(["x" * 200] * 20)]
        (tmp_path / "table.csv").write_text(
            "".join(f"{name},{each}\n" for name, each in zip(names, identifiers, strict=True))
        )
        more = ["--identifier", tmp_path / "table.csv"]
    planned = export(source, dest, "-n", "--json", "-", *more)
    assert (planned.returncode, counts(planned)) == (1, {"planned": 2, "failed": 1})
    done = export(source, dest, "--json", "-", *more)
    assert (done.returncode, counts(done)) == (1, {"exported": 2, "failed": 1})
    [failed] = [each for each in json.loads(done.stdout)["slides"] if each["status"] == "failed"]
    assert failed["identifier"].endswith("mmm.synthetic")
    assert "would need paths of " in failed["reason"]
    hashed = export(source, tmp_path / "hashed", "--identifier", "hash", "--json", "-")
    assert counts(hashed) == {"exported": 3}


def test_a_slide_in_too_many_folders_fails_alone(tmp_path: Path, dest: Path) -> None:
    source = tmp_path / "slides"
    write_synthetic(source / "a.synthetic", 70, 50)
    write_synthetic(source.joinpath(*["d"] * 300) / "b.synthetic", 70, 50)
    done = export(source, dest, "--json", "-")
    assert (done.returncode, counts(done)) == (1, {"exported": 1, "failed": 1})
    assert "300 folders" in done.stdout


# Trees in SOURCE


def test_a_tree_in_the_source_adds_no_slide_however_often_it_is_run(source: Path, dest: Path) -> None:
    export(source, dest, "-q")
    shutil.copytree(dest, source / "copy")
    for _ in range(2):
        assert counts(export(source, dest, "--json", "-")) == {"unchanged": 2, "passed_over": 1}


# Removals


@pytest.fixture
def tree(tmp_path: Path, dest: Path) -> Path:
    source = tmp_path / "slides"
    for name in ("vol1/a", "vol1/b", "vol2/a", "vol2/b", "c", "d"):
        write_synthetic(source / f"{name}.synthetic", 70, 50)
    export(source, dest, "-q").check_returncode()
    return source


@pytest.mark.parametrize("dry", [(), ("-n",)])
def test_an_unmounted_folder_and_a_source_too_deep_remove_nothing(tree: Path, dest: Path, dry: tuple[str, ...]) -> None:
    before = slides_in(dest)
    refused = export(tree / "vol1", dest, "--delete", *dry)
    assert refused.returncode == 2
    assert "6 of 6 published slides would be removed" in refused.stderr
    assert "--max-delete 6" in refused.stderr
    assert set(before) <= set(slides_in(dest))
    shutil.rmtree(tree / "vol2")
    (tree / "vol2").mkdir()
    refused = export(tree, dest, "--delete", "-q", *dry)
    assert refused.returncode == 2
    assert "all 2 of the folder vol2" in refused.stderr
    assert set(before) <= set(slides_in(dest))


def test_a_larger_removal_goes_through_with_a_limit_that_allows_it(tree: Path, dest: Path) -> None:
    shutil.rmtree(tree / "vol2")
    assert export(tree, dest, "--delete", "--max-delete", "1").returncode == 2
    assert counts(export(tree, dest, "--delete", "--max-delete", "34%", "--json", "-")) == {
        "unchanged": 4,
        "removed": 2,
    }
    assert slides_in(dest) == ["c.synthetic", "d.synthetic", "vol1/a.synthetic", "vol1/b.synthetic"]


def test_a_table_from_which_the_last_line_is_withdrawn_is_enforced(source: Path, dest: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("one.synthetic,case-1\n")
    export(source, dest, "--identifier", table, "-q")
    assert slides_in(dest) == ["case-1"]
    table.write_text("path,identifier\n")
    done = export(source, dest, "--identifier", table, "--delete", "--json", "-")
    assert counts(done) == {"failed": 2, "removed": 1}
    assert slides_in(dest) == []


def test_a_slide_that_becomes_a_folder_and_one_again_takes_one_run_each(source: Path, dest: Path) -> None:
    export(source, dest, "-q")
    (source / "one.synthetic").unlink()
    write_synthetic(source / "one.synthetic" / "x.synthetic", 70, 50)
    assert counts(export(source, dest, "--delete", "-n", "--json", "-")) == {
        "planned": 1,
        "unchanged": 1,
        "removable": 1,
    }
    done = export(source, dest, "--delete", "--json", "-")
    assert (done.returncode, counts(done)) == (0, {"exported": 1, "unchanged": 1, "removed": 1})
    assert slides_in(dest) == ["one.synthetic/x.synthetic", "ward/two.synthetic"]
    shutil.rmtree(source / "one.synthetic")
    write_synthetic(source / "one.synthetic", 70, 50)
    done = export(source, dest, "--delete", "--json", "-")
    assert (done.returncode, counts(done)) == (0, {"exported": 1, "unchanged": 1, "removed": 1})
    assert slides_in(dest) == ["one.synthetic", "ward/two.synthetic"]
    assert run_command("verify", dest).returncode == 0


def test_a_slide_that_is_in_the_way_of_others_stays_where_removals_are_refused(tree: Path, dest: Path) -> None:
    (tree / "c.synthetic").unlink()
    write_synthetic(tree / "c.synthetic" / "x.synthetic", 70, 50)
    done = export(tree, dest, "--delete", "--max-delete", "0", "-q")
    assert done.returncode == 2
    assert "is a published slide itself" in done.stderr
    assert "c.synthetic" in slides_in(dest)


def test_a_bind_mount_of_the_target_below_the_source_is_not_entered(source: Path, dest: Path) -> None:
    """A mount shows device and inode of what is mounted; where none can be made, a link stands for it."""
    export(source, dest, "-q", "--private-dir", dest.parent / "private")
    (source / "bm").mkdir()
    mounted = subprocess.run(["mount", "--bind", dest, source / "bm"], capture_output=True, check=False).returncode == 0
    if not mounted:
        (source / "bm").rmdir()
        (source / "bm").symlink_to(dest)
    try:
        done = export(source, dest, "--json", "-", "--private-dir", dest.parent / "private")
    finally:
        if mounted:
            subprocess.run(["umount", source / "bm"], check=True)
    assert counts(done) == {"unchanged": 2, **({"passed_over": 1} if mounted else {})}
