"""What an export does, says and leaves alone, seen from outside."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from commands import COMMAND, run_command, snapshot, staged
from made_slides import write_image, write_synthetic

BASE_URL = "https://host.example/iiif"


def export(source: Path, dest: Path, *options: object, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
    base = [] if "--base-url" in options else ["--base-url", BASE_URL]
    return run_command("export", source, dest, *base, "--jobs", 2, *options, stdin=stdin)


def document(dest: Path, identifier: str) -> dict[str, object]:
    loaded: dict[str, object] = json.loads((dest / identifier / "info.json").read_bytes())
    return loaded


def counts(done: subprocess.CompletedProcess[str]) -> dict[str, int]:
    return {status: count for status, count in json.loads(done.stdout)["counts"].items() if count}


# The first run


def test_every_slide_gets_a_document_under_its_identifier(published: Path) -> None:
    assert document(published, "one.synthetic")["@id"] == f"{BASE_URL}/one.synthetic"
    assert document(published, "ward/two.synthetic")["@id"] == f"{BASE_URL}/ward/two.synthetic"


def test_nothing_but_slides_and_the_private_folder_is_in_the_tree(published: Path) -> None:
    assert {path.name for path in published.iterdir() if not path.name.startswith("!site-")} == {
        *("one.synthetic", "ward", ".slide2iiif", "index.html", "collection.json")
    }
    names = {path.name for path in (published / ".slide2iiif").iterdir()}
    assert names == {"staging", "receipts", "lock", "site", "site.json", "settings.json"}
    assert staged(published) == []


def test_the_stored_version_is_the_one_that_was_asked_for(source: Path, dest: Path) -> None:
    export(source, dest, "--api", "3").check_returncode()
    assert document(dest, "one.synthetic")["type"] == "ImageService3"
    assert (dest / "one.synthetic" / "0,0,512,500" / "512,500" / "0" / "default.jpg").is_file()


def test_the_other_versions_document_has_the_other_base_url(source: Path, dest: Path) -> None:
    export(source, dest).check_returncode()
    other = json.loads((dest / "one.synthetic" / "info-v3.json").read_bytes())
    assert other["id"] == f"{BASE_URL}-v3/one.synthetic"
    export(source, dest, "--other-base-url", "https://three.example").check_returncode()
    other = json.loads((dest / "one.synthetic" / "info-v3.json").read_bytes())
    assert other["id"] == "https://three.example/one.synthetic"


def test_a_trailing_slash_of_the_base_url_is_dropped(source: Path, dest: Path) -> None:
    export(source, dest, "--base-url", "https://host.example/iiif//").check_returncode()
    assert document(dest, "one.synthetic")["@id"] == f"{BASE_URL}/one.synthetic"


def test_tile_size_and_quality_are_those_that_were_asked_for(source: Path, dest: Path, tmp_path: Path) -> None:
    export(source, dest, "--tile-size", "64", "--quality", "40").check_returncode()
    export(source, tmp_path / "fine", "--tile-size", "64", "--quality", "95").check_returncode()
    tile = "one.synthetic/64,64,64,64/64,/0/default.jpg"
    assert (dest / tile).stat().st_size < (tmp_path / "fine" / tile).stat().st_size
    tiles = document(dest, "one.synthetic")["tiles"]
    assert tiles == [{"width": 64, "scaleFactors": [1, 2, 4, 8, 16]}]


def test_one_slide_is_exported_by_its_name(source: Path, dest: Path) -> None:
    export(source / "ward" / "two.synthetic", dest).check_returncode()
    assert document(dest, "two.synthetic")["height"] == 1300


def test_the_end_is_a_short_table(source: Path, dest: Path) -> None:
    (source / "bad.svs").write_bytes(b"nothing of the kind")
    done = export(source, dest)
    lines = done.stdout.splitlines()
    assert lines[0].split()[:2] == ["exported", "2"]
    assert lines[1].split() == ["failed", "1"]
    assert lines[2].strip().startswith("bad.svs: is not a slide")
    assert lines[3] == "files      4 pages, 4 manifests, 4 documents written"
    assert lines[4].startswith("in ")


def test_a_slide_that_fails_stops_no_other_and_leaves_nothing(source: Path, dest: Path) -> None:
    (source / "a-bad.svs").write_bytes(b"nothing of the kind")
    (source / "empty.tif").touch()
    done = export(source, dest)
    assert done.returncode == 1
    assert (dest / "ward" / "two.synthetic" / "info.json").is_file()
    assert not (dest / "a-bad.svs").exists()
    assert not (dest / "empty.tif").exists()
    assert staged(dest) == []
    assert "empty.tif: the file is empty" in done.stdout


def test_no_permission_to_read_a_slide_is_its_failure_alone(source: Path, dest: Path) -> None:
    (source / "one.synthetic").chmod(0)
    done = run_command("export", source, dest, "--base-url", BASE_URL, privileged=False)
    assert done.returncode == 1
    assert "one.synthetic: no permission to read it" in done.stdout
    assert (dest / "ward" / "two.synthetic" / "info.json").is_file()


def test_a_folder_that_may_not_be_listed_is_a_failure_and_the_rest_goes_on(source: Path, dest: Path) -> None:
    (source / "ward").chmod(0)
    done = run_command("export", source, dest, "--base-url", BASE_URL, "--delete", privileged=False)
    (source / "ward").chmod(0o755)
    assert done.returncode == 2
    assert f"{source / 'ward'}: cannot be listed: Permission denied" in done.stdout
    assert "nothing is deleted" in done.stderr
    assert (dest / "one.synthetic" / "info.json").is_file()


def test_a_source_that_may_not_be_listed_is_refused(source: Path, dest: Path) -> None:
    source.chmod(0)
    done = run_command("export", source, dest, "--base-url", BASE_URL, privileged=False)
    source.chmod(0o755)
    assert (done.returncode, done.stderr) == (2, f"slide2iiif: SOURCE {source}: Permission denied\n")


@pytest.mark.parametrize("below", ["x", "x/y"])
def test_a_target_that_may_not_be_entered_is_named(source: Path, tmp_path: Path, below: str) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    done = run_command("export", source, closed / below, "--base-url", BASE_URL, privileged=False)
    assert done.returncode == 3
    assert done.stderr == f"slide2iiif: DEST {closed / below}: Permission denied\n"


def test_a_target_that_may_not_be_written_is_named(source: Path, dest: Path) -> None:
    dest.mkdir(mode=0o555)
    done = run_command("export", source, dest, "--base-url", BASE_URL, privileged=False)
    assert (done.returncode, done.stdout) == (3, "")
    advice = "no permission to read and write there; change its mode, or run as its owner"
    assert done.stderr == f"slide2iiif: {dest}: {advice}\n"
    assert list(dest.iterdir()) == []


@pytest.mark.parametrize("command", ["rebase", "serve"])
def test_a_tree_that_may_not_be_entered_is_named(published: Path, command: str) -> None:
    published.chmod(0)
    options = ["--base-url", BASE_URL] if command == "rebase" else []
    done = run_command(command, published / "below", *options, privileged=False)
    published.chmod(0o755)
    assert done.returncode == 3
    assert str(published) in done.stderr
    assert "Permission denied" in done.stderr


def test_a_foreign_folder_in_the_way_fails_that_slide_and_is_kept(source: Path, dest: Path) -> None:
    (dest / "one.synthetic").mkdir(parents=True)
    (dest / "one.synthetic" / "mine").touch()
    done = export(source, dest)
    assert done.returncode == 1
    assert "is not a published slide; move it away" in done.stdout
    assert [path.name for path in (dest / "one.synthetic").iterdir()] == ["mine"]


# The second run


def test_a_second_run_does_nothing_and_says_so(source: Path, published: Path) -> None:
    before = snapshot(published, private=True)
    done = export(source, published)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0].split() == ["unchanged", "2"]
    after = snapshot(published, private=True)
    # The lock names its last holder.
    del before[".slide2iiif/lock"], after[".slide2iiif/lock"]
    assert before == after


def test_a_slide_that_changed_is_exported_again_and_no_other(source: Path, published: Path) -> None:
    before = snapshot(published)
    write_synthetic(source / "one.synthetic", 800, 500)
    assert counts(export(source, published, "--json", "-")) == {"exported": 1, "unchanged": 1}
    assert document(published, "one.synthetic")["width"] == 800
    after = snapshot(published)
    assert {name: facts for name, facts in before.items() if name.startswith("ward/")} == {
        name: facts for name, facts in after.items() if name.startswith("ward/")
    }
    assert not any("700" in name for name in after)


def test_a_slide_whose_time_alone_changed_is_unchanged(source: Path, published: Path) -> None:
    before = snapshot(published)
    os.utime(source / "one.synthetic", ns=(1, 1))
    assert counts(export(source, published, "--json", "-", "--dry-run")) == {"unchanged": 2}
    assert counts(export(source, published, "--json", "-")) == {"unchanged": 2}
    assert snapshot(published) == before


@pytest.mark.parametrize("options", [("--quality", "60"), ("--tile-size", "256"), ("--api", "3")])
def test_another_option_exports_everything_again(source: Path, published: Path, options: tuple[str, str]) -> None:
    assert counts(export(source, published, *options, "--json", "-")) == {"exported": 2}
    assert counts(export(source, published, *options, "--json", "-")) == {"unchanged": 2}


def test_overwriting_makes_anew_what_is_unchanged_and_leaves_files_that_come_out_alike(
    source: Path, published: Path
) -> None:
    before = snapshot(published)
    done = json.loads(export(source, published, "--overwrite", "--json", "-").stdout)
    assert {status: count for status, count in done["counts"].items() if count} == {"exported": 2}
    assert [slide["same_files"] for slide in done["slides"]] == [True, True]
    assert snapshot(published) == before


def test_a_new_base_url_rewrites_documents_and_no_tile(source: Path, published: Path) -> None:
    before = snapshot(published)
    done = export(source, published, "--base-url", "https://new.example", "--rebase", "--json", "-")
    assert counts(done) == {"rebased": 2}
    after = snapshot(published)
    changed = {name for name in before if before[name] != after[name]}
    assert before.keys() == after.keys()
    assert {Path(name).name for name in changed} == {*("info.json", "info-v3.json", "manifest.json", "collection.json")}
    assert document(published, "one.synthetic")["@id"] == "https://new.example/one.synthetic"


def test_a_document_that_was_deleted_is_made_again(source: Path, published: Path) -> None:
    (published / "one.synthetic" / "info.json").unlink()
    done = export(source, published)
    # What is left of the slide is not known to be ours, so it is not replaced without a word.
    assert done.returncode == 1
    shutil.rmtree(published / "one.synthetic")
    assert counts(export(source, published, "--json", "-")) == {"exported": 1, "unchanged": 1}


def test_a_receipt_that_was_deleted_is_made_again(source: Path, published: Path) -> None:
    shutil.rmtree(published / ".slide2iiif" / "receipts" / "one.synthetic")
    assert counts(export(source, published, "--json", "-")) == {"exported": 1, "unchanged": 1}


# Dry run


def test_a_dry_run_does_not_even_make_the_target(source: Path, dest: Path) -> None:
    done = export(source, dest, "--dry-run")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0].split()[:2] == ["planned", "2"]
    assert not dest.exists()


def test_a_dry_run_touches_nothing_of_a_tree(source: Path, published: Path) -> None:
    write_synthetic(source / "one.synthetic", 800, 500)
    (source / "ward" / "two.synthetic").unlink()
    before = snapshot(published, private=True)
    done = export(source, published, "-n", "--delete", "--json", "-")
    assert counts(done) == {"planned": 1, "removable": 1}
    assert snapshot(published, private=True) == before


@pytest.mark.parametrize("options", [(), ("--api", "3"), ("--tile-size", "64"), ("--tile-size", "1024")])
def test_a_dry_run_counts_exactly_what_is_then_written(dest: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    source = tmp_path / "slides"
    # The last two have tiles of several levels that cover the same region, and levels of one column.
    for width, height in [(700, 500), (90, 1300), (64, 64), (1, 1), (3000, 130), (1, 1000)]:
        write_synthetic(source / f"{width}x{height}.synthetic", width, height)
    write_image(source / "image.png", 333, 777)
    planned = json.loads(export(source, dest, *options, "--dry-run", "--json", "-").stdout)
    written = json.loads(export(source, dest, *options, "--json", "-").stdout)
    plans = {slide["identifier"]: (slide["files"], slide["inodes"], slide["tiles"]) for slide in planned["slides"]}
    said = {slide["identifier"]: (slide["files"], slide["inodes"], slide["tiles"]) for slide in written["slides"]}
    assert plans == said
    assert {name: (files, inodes) for name, (files, inodes, _) in said.items()} == {
        name: on_disk(dest / name) for name in said
    }


def on_disk(slide: Path) -> tuple[int, int]:
    """Count the files that can be asked for, and the inodes."""
    found = [slide, *slide.rglob("*")]
    return sum(path.is_file() for path in found), len({path.stat().st_ino for path in found})


# Output


def test_quiet_says_nothing_when_all_is_well(source: Path, dest: Path) -> None:
    done = export(source, dest, "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_quiet_still_tells_failures(source: Path, dest: Path) -> None:
    (source / "bad.svs").write_bytes(b"nothing of the kind")
    done = export(source, dest, "-q")
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("slide2iiif: bad.svs: is not a slide")


def test_plain_lines_name_each_slide_where_standard_error_is_no_terminal(source: Path, dest: Path) -> None:
    done = export(source, dest)
    assert sorted(done.stderr.splitlines()) == ["exported: one.synthetic", "exported: ward/two.synthetic"]
    assert export(source, dest, "-v").stderr.count("unchanged: ") == 2


def test_the_summary_on_standard_output_is_json_and_nothing_else(source: Path, dest: Path) -> None:
    (source / "bad.svs").write_bytes(b"nothing of the kind")
    done = export(source, dest, "--json", "-")
    summary = json.loads(done.stdout)
    assert done.returncode == 1
    assert summary["counts"]["exported"] == 2
    assert summary["counts"]["failed"] == 1
    assert {slide["identifier"]: slide["status"] for slide in summary["slides"]} == {
        "one.synthetic": "exported",
        "ward/two.synthetic": "exported",
        "bad.svs": "failed",
    }
    stored = {path.stat().st_ino: path.stat().st_size for path in dest.rglob("*.jpg")}
    assert summary["bytes"] == sum(stored.values())


def test_the_summary_goes_to_a_file_beside_the_table(source: Path, dest: Path, tmp_path: Path) -> None:
    done = export(source, dest, "--json", tmp_path / "summary.json")
    assert "exported" in done.stdout
    assert json.loads((tmp_path / "summary.json").read_text())["counts"]["exported"] == 2


# Listed files


def test_listed_files_alone_are_exported(source: Path, dest: Path, tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(b"ward/two.synthetic\r\n\n")
    assert counts(export(source, dest, "--files-from", tmp_path / "list", "--json", "-")) == {"exported": 1}
    assert not (dest / "one.synthetic").exists()


def test_a_list_may_come_from_standard_input_and_hold_what_fails(source: Path, dest: Path) -> None:
    listed = b"one.synthetic\nmissing.svs\n../outside.svs\none.synthetic\nb\xff.svs\n\0\n"
    done = export(source, dest, "--files-from", "-", "--json", "-", stdin=listed)
    assert done.returncode == 1
    assert counts(done) == {"exported": 1, "failed": 4}


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b""])
def test_a_list_may_begin_with_a_byte_order_mark(source: Path, dest: Path, ending: bytes) -> None:
    done = export(source, dest, "--files-from", "-", "--json", "-", stdin=b"\xef\xbb\xbfone.synthetic" + ending)
    assert counts(done) == {"exported": 1}


def test_a_list_in_another_encoding_is_refused_in_words(source: Path, dest: Path) -> None:
    done = export(source, dest, "--files-from", "-", stdin="one.synthetic\n".encode("utf-16"))
    assert (done.returncode, done.stderr) == (
        2,
        "slide2iiif: --files-from -: is written in UTF-16; write it in UTF-8\n",
    )


@pytest.mark.parametrize("option", ["-z", "--null"])
def test_paths_may_end_with_a_zero_byte_and_hold_anything_else(source: Path, dest: Path, option: str) -> None:
    odd = "\ufeffline\nbreak\r.synthetic"
    write_synthetic(source / odd, 60, 50)
    listed = b"ward/two.synthetic\0" + odd.encode() + b"\0"
    done = export(source, dest, "--files-from", "-", option, "--json", "-", stdin=listed)
    assert counts(done) == {"exported": 2}


def test_a_list_with_zero_bytes_needs_its_option(source: Path, dest: Path) -> None:
    done = export(source, dest, "--files-from", "-", stdin=b"one.synthetic\0ward/two.synthetic\0")
    assert done.returncode == 1
    assert "lists with zero bytes between paths need --null" in done.stdout
    alone = export(source, dest, "--null")
    assert alone.returncode == 2
    assert "--null tells how the paths of --files-from end" in alone.stderr


def test_a_name_that_git_has_quoted_is_told_in_words(source: Path, dest: Path) -> None:
    done = export(source, dest, "--files-from", "-", stdin=b'"ward/M\\303\\274ller.synthetic"\n')
    assert done.returncode == 1
    assert "git quotes names so: list them with git … -z, and --null" in done.stdout


def test_the_line_for_ci_in_the_documents_takes_names_of_any_letters(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "ci.md").read_text(encoding="utf-8")
    [line] = re.findall(r"^git .*\n.*--files-from.*$", text, re.MULTILINE)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@host", "-c", "init.defaultBranch=main"]
    for command, name in (("init", ""), ("commit", "old"), ("commit", 'M\u00fcller \u4e2d "a"')):
        if command == "commit":
            write_synthetic(tmp_path / "slides" / f"{name}.synthetic", 60, 50)
            subprocess.run([*git, "add", "."], cwd=tmp_path, check=True)
        subprocess.run([*git, command, "-q", *(["-m", "more"] if name else [])], cwd=tmp_path, check=True)
    path = f"{COMMAND.parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(["bash", "-c", line], cwd=tmp_path, check=True, env={**os.environ, "PATH": path})
    [document] = tmp_path.glob("public/*/info.json")
    assert document.parent.name == "M!C3!BCller!20!E4!B8!AD!20!22a!22.synthetic"


def test_an_empty_list_exports_nothing(source: Path, dest: Path) -> None:
    done = export(source, dest, "--files-from", "-")
    assert done.returncode == 0
    assert "no slide found" in done.stdout


# Deleting


def test_a_slide_without_source_is_kept_unless_deletion_is_asked_for(source: Path, published: Path) -> None:
    (source / "ward" / "two.synthetic").unlink()
    assert counts(export(source, published, "--json", "-")) == {"unchanged": 1}
    assert (published / "ward" / "two.synthetic" / "info.json").is_file()
    done = export(source, published, "--delete")
    assert done.returncode == 0
    assert "    ward/two.synthetic" in done.stdout.splitlines()
    assert not (published / "ward").exists()
    assert not (published / ".slide2iiif" / "receipts" / "ward").exists()
    assert (published / "one.synthetic" / "info.json").is_file()


def test_a_slide_that_fails_is_not_taken_for_one_without_source(source: Path, published: Path) -> None:
    (source / "one.synthetic").write_text("no longer a slide")
    done = export(source, published, "--delete", "--json", "-")
    assert counts(done) == {"failed": 1, "unchanged": 1}
    assert document(published, "one.synthetic")["width"] == 700


def test_nothing_is_deleted_when_the_source_holds_no_slide(source: Path, published: Path) -> None:
    shutil.rmtree(source)
    source.mkdir()
    done = export(source, published, "--delete")
    assert done.returncode == 2
    assert "nothing is deleted: SOURCE holds no slide at all; is it mounted?" in done.stderr
    assert (published / "one.synthetic" / "info.json").is_file()


def test_nothing_is_deleted_when_a_part_of_the_source_cannot_be_read(source: Path, published: Path) -> None:
    (source / "ward" / "two.synthetic").unlink()
    (source / "gone.svs").symlink_to(source / "nowhere.svs")
    done = export(source, published, "--delete")
    assert done.returncode == 2
    assert f"nothing is deleted: {source / 'gone.svs'} could not be read" in done.stderr
    assert "unchanged        1" in done.stdout
    assert (published / "ward" / "two.synthetic" / "info.json").is_file()


def test_what_is_not_ours_is_never_deleted(source: Path, published: Path) -> None:
    (published / "mine").mkdir()
    (published / "index.html").touch()
    export(source, published, "--delete").check_returncode()
    assert (published / "mine").is_dir()
    assert (published / "index.html").is_file()


# In use


def test_a_second_exporter_is_refused_with_its_own_exit_code(source: Path, published: Path) -> None:
    from slide2iiif.stores.folder.store import FolderStore

    with FolderStore(published):
        done = export(source, published)
        planned = export(source, published, "--dry-run")
    assert done.returncode == 4
    assert f"{published} is in use by process {os.getpid()}" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert planned.returncode == 0
