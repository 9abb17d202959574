"""Which files are slides, and which belong to another one."""

import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

from slide2iiif.discovery.walk import PassedOver, Slide, Unusable, find_listed, walk
from slide2iiif.errors import UsageError
from slide2iiif.iiif.identifiers import decode_identifier


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "slides"
    folder.mkdir()
    return folder


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def identifiers(found: Iterable[Slide | Unusable]) -> list[str]:
    return [each.identifier for each in found if isinstance(each, Slide)]


def problems(found: Iterable[Slide | Unusable]) -> list[Unusable]:
    return [each for each in found if isinstance(each, Unusable)]


def only(found: Iterable[Slide | Unusable]) -> Slide:
    [slide] = found
    assert isinstance(slide, Slide)
    return slide


# Which names


def test_every_suffix_of_a_slide_or_an_image_is_found_in_any_case(root: Path) -> None:
    names = ["a.svs", "b.NDPI", "c.Tif", "d.tiff", "e.scn", "f.bif", "g.czi", "h.svslide", "i.jpg", "j.JPEG", "k.png"]
    touch(root, *names, "l.webp", "m.jp2", "n.vms", "o.mrxs", "p.dcm")
    assert len(identifiers(walk(root))) == 16


def test_other_files_are_not_slides(root: Path) -> None:
    touch(root, "a.txt", "b.xml", "c", "svs", ".svs", "d.svs.part", "e.svs~", "f.json", "Thumbs.db")
    assert list(walk(root)) == []


def test_identifiers_are_paths_below_the_root_with_the_suffix(root: Path) -> None:
    touch(root, "image1.svs", "dir2/image3.svs", "dir2/dir3/image4.tif")
    assert sorted(identifiers(walk(root))) == ["dir2/dir3/image4.tif", "dir2/image3.svs", "image1.svs"]


def test_slides_come_in_the_same_order_each_time(root: Path) -> None:
    touch(root, *(f"{name}/{number}.svs" for name in "cab" for number in (2, 1, 3)))
    first = identifiers(walk(root))
    assert first == sorted(first)
    assert first == identifiers(walk(root))


def test_hidden_files_and_folders_are_left_alone(root: Path) -> None:
    touch(root, ".hidden.svs", ".git/a.svs", "seen/.b.svs", ".Trash-0/c.svs")
    assert list(walk(root)) == []


def test_an_empty_folder_holds_no_slide(root: Path) -> None:
    assert list(walk(root)) == []


@pytest.mark.parametrize("name", ["missing", "missing/below"])
def test_a_root_that_is_not_there_is_a_usage_error(root: Path, name: str) -> None:
    with pytest.raises(UsageError, match=f"SOURCE {root / name}: No such file"):
        list(walk(root / name))


def test_one_file_is_found_with_its_own_name(root: Path) -> None:
    touch(root, "dir/a.svs", "dir/b.svs")
    assert only(walk(root / "dir" / "a.svs")).identifier == "a.svs"


def test_one_file_that_is_no_slide_is_said_to_be_none(root: Path) -> None:
    touch(root, "a.txt")
    [problem] = problems(walk(root / "a.txt"))
    assert "is not a slide" in problem.reason


def test_one_file_that_is_a_link_is_followed_wherever_it_leads(root: Path, tmp_path: Path) -> None:
    touch(tmp_path, "archive/4711.svs")
    (root / "a.svs").symlink_to(tmp_path / "archive" / "4711.svs")
    slide = only(walk(root / "a.svs"))
    assert (slide.identifier, slide.path) == ("a.svs", root / "a.svs")


# Companions


def test_a_mirax_slide_and_its_folder_are_one(root: Path) -> None:
    touch(root, "a.mrxs", "a/Slidedat.ini", "a/Data0000.dat", "a/Index.dat", "a/thumb.jpg", "b.svs")
    mirax, other = walk(root)
    assert isinstance(mirax, Slide)
    assert identifiers([mirax, other]) == ["a.mrxs", "b.svs"]
    assert mirax.path == mirax.members[0] == root / "a.mrxs"
    assert {path.name for path in mirax.members} == {"a.mrxs", "Slidedat.ini", "Data0000.dat", "Index.dat", "thumb.jpg"}


def test_a_folder_beside_a_mirax_slide_that_is_not_its_own_is_walked(root: Path) -> None:
    touch(root, "a.mrxs", "a/b.svs")
    assert sorted(identifiers(walk(root))) == ["a.mrxs", "a/b.svs"]


def test_the_folder_of_a_mirax_slide_that_is_gone_is_walked(root: Path) -> None:
    touch(root, "a/Slidedat.ini", "a/thumb.jpg")
    assert identifiers(walk(root)) == ["a/thumb.jpg"]


def test_the_images_that_a_vms_index_names_are_not_slides(root: Path) -> None:
    touch(root, "a-0.jpg", "a-1.jpg", "a-macro.jpg", "a-map.jpg", "b.jpg", "opt.dat")
    (root / "a.vms").write_text(
        "[Virtual Microscope Specimen]\nNoJpegColumns=2\nImageFile=a-0.jpg\nImageFile(1,0)=a-1.jpg\n"
        "MacroImage=a-macro.jpg\nMapFile=a-map.jpg\nOptimisationFile=opt.dat\n"
    )
    vms, other = walk(root)
    assert isinstance(vms, Slide)
    assert identifiers([vms, other]) == ["a.vms", "b.jpg"]
    assert {path.name for path in vms.members} == {
        "a.vms", "a-0.jpg", "a-1.jpg", "a-macro.jpg", "a-map.jpg", "opt.dat",
    }  # fmt: skip


def test_a_vms_index_does_not_reach_into_other_folders(root: Path) -> None:
    touch(root, "other/b.jpg")
    (root / "a.vms").write_text("[Virtual Microscope Specimen]\nImageFile=other/b.jpg\nMapFile=../b.jpg\n")
    assert sorted(identifiers(walk(root))) == ["other/b.jpg"]
    [problem] = problems(walk(root))
    assert (problem.path.name, "leads out of SOURCE" in problem.reason) == ("a.vms", True)


def test_a_vms_index_that_cannot_be_read_hides_nothing(root: Path) -> None:
    (root / "a.vms").write_bytes(b"\xff\xfe[[[ not an index =\n")
    touch(root, "b.jpg")
    assert identifiers(walk(root)) == ["a.vms", "b.jpg"]


def test_a_dicom_series_is_one_slide_named_for_its_largest_level(slides: Path) -> None:
    folder = slides / "dicom" / "cmu-1-small-region"
    slide = only(walk(folder))
    assert slide.path.name == "level-0-frames-0-30.dcm"
    assert set(slide.members) == set(folder.iterdir())
    assert slide.members[0] == slide.path


def test_the_files_of_two_dicom_series_may_share_a_folder(slides: Path, root: Path) -> None:
    pydicom = pytest.importorskip("pydicom")
    for file in (slides / "dicom" / "cmu-1-small-region").iterdir():
        shutil.copyfile(file, root / file.name)
        header = pydicom.dcmread(root / file.name)
        header.SeriesInstanceUID = "1.2.3.4"
        header.save_as(root / f"second-{file.name}")
    first, second = walk(root)
    assert isinstance(first, Slide)
    assert isinstance(second, Slide)
    assert [first.identifier, second.identifier] == ["level-0-frames-0-30.dcm", "second-level-0-frames-0-30.dcm"]
    assert not set(first.members) & set(second.members)


def test_dicom_files_need_no_suffix(slides: Path, root: Path) -> None:
    for number, file in enumerate(sorted((slides / "dicom" / "cmu-1-small-region").iterdir())):
        shutil.copyfile(file, root / (f"IM{number:04}" if number % 2 else f"1.2.840.{number}"))
    slide = only(walk(root))
    assert len(slide.members) == 12


def test_a_damaged_dicom_file_is_a_slide_of_its_own_that_will_fail(root: Path) -> None:
    (root / "a.dcm").write_bytes(bytes(128) + b"DICM" + b"\xff" * 100)
    assert only(walk(root)).identifier == "a.dcm"


# Links


def test_links_inside_the_root_are_followed(root: Path) -> None:
    touch(root, "a.svs", "dir/b.svs")
    (root / "link.svs").symlink_to("a.svs")
    (root / "other").symlink_to("dir")
    assert sorted(identifiers(walk(root))) == ["a.svs", "dir/b.svs", "link.svs", "other/b.svs"]


def test_links_out_of_the_root_are_not_followed_and_slides_among_them_named(root: Path, tmp_path: Path) -> None:
    touch(tmp_path, "secret/a.svs", "secret/b.txt")
    (root / "file.svs").symlink_to(tmp_path / "secret" / "a.svs")
    (root / "file.txt").symlink_to(tmp_path / "secret" / "b.txt")
    (root / "folder").symlink_to(tmp_path / "secret")
    [problem, folder] = walk(root)
    assert isinstance(problem, Unusable)
    assert not isinstance(problem, PassedOver)
    assert problem.path == root / "file.svs"
    assert "leads out of SOURCE" in problem.reason
    assert isinstance(folder, PassedOver)
    assert folder.path == root / "folder"
    assert "is a link to a folder outside SOURCE" in folder.reason


@pytest.mark.parametrize("name", ["a.isyntax", "b.VSI", "c.kfb", "d.sdpc", "e.lif", "f.nd2", "g.zvi", "h.jxl", "i.psb"])
def test_a_slide_in_a_format_that_nothing_reads_is_told(root: Path, name: str) -> None:
    touch(root, name)
    [found] = walk(root)
    assert isinstance(found, PassedOver)
    assert (found.path.name, "nothing here reads" in found.reason) == (name, True)


@pytest.mark.parametrize("name", ["a.btf", "b.TF8", "c.tf2"])
def test_names_of_big_tiff_are_names_of_slides(root: Path, name: str) -> None:
    touch(root, name)
    assert identifiers(walk(root)) == [name]


def test_a_link_to_a_sibling_whose_name_begins_alike_leads_out(root: Path, tmp_path: Path) -> None:
    touch(tmp_path, "slides-private/a.svs")
    (root / "a.svs").symlink_to(tmp_path / "slides-private" / "a.svs")
    assert identifiers(walk(root)) == []


@pytest.mark.parametrize("target", [".", "..", "../..", "../dir"])
def test_links_in_circles_end(root: Path, target: str) -> None:
    touch(root, "dir/inner/a.svs")
    (root / "dir" / "inner" / "up").symlink_to(target)
    assert "dir/inner/a.svs" in identifiers(walk(root))
    assert len(identifiers(walk(root))) < 4


def test_two_folders_that_lead_into_each_other_end(root: Path) -> None:
    touch(root, "a/1.svs", "b/2.svs")
    (root / "a" / "to-b").symlink_to("../b")
    (root / "b" / "to-a").symlink_to("../a")
    assert sorted(identifiers(walk(root))) == ["a/1.svs", "a/to-b/2.svs", "b/2.svs", "b/to-a/1.svs"]


@pytest.mark.parametrize(("name", "target"), [("a.svs", "a.svs"), ("a.svs", "missing.svs"), ("a.svs", "/missing.svs")])
def test_a_link_that_leads_nowhere_is_named_and_the_rest_goes_on(root: Path, name: str, target: str) -> None:
    (root / name).symlink_to(target)
    touch(root, "b.svs")
    found = list(walk(root))
    assert identifiers(found) == ["b.svs"]
    assert [problem.path.name for problem in problems(found)] == ["a.svs"]


def test_a_dangling_link_that_is_no_slide_is_ignored(root: Path) -> None:
    (root / "a.txt").symlink_to("missing")
    assert list(walk(root)) == []


def test_a_root_that_is_a_link_is_walked(root: Path, tmp_path: Path) -> None:
    touch(root, "dir/a.svs")
    (tmp_path / "link").symlink_to(root)
    assert identifiers(walk(tmp_path / "link")) == ["dir/a.svs"]


# Things that are no files


def test_a_pipe_with_a_slides_name_is_named_and_not_opened(root: Path) -> None:
    os.mkfifo(root / "a.svs")
    os.mkfifo(root / "b.pipe")
    [problem] = walk(root)
    assert isinstance(problem, Unusable)
    assert (problem.path, problem.reason) == (root / "a.svs", "is not a file")


def test_a_folder_that_cannot_be_listed_is_named_and_the_rest_goes_on(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(root, "a.svs", "closed/b.svs", "open/c.svs")
    scandir = os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = list(walk(root))
    assert sorted(identifiers(found)) == ["a.svs", "open/c.svs"]
    [problem] = problems(found)
    assert (problem.path, problem.reason) == (root / "closed", "cannot be listed: Permission denied")
    assert problem.hides_slides


# Names


HOSTILE = [
    "with space.svs", "per%20cent.svs", "quo'te\".svs", "new\nline.svs", "tab\t.svs", "-leading.svs", "a::b.svs",
    "dollar$(x).svs", "semi;colon.svs", "back\\slash.svs", "question?.svs", "hash#.svs", "umlaut-ü.svs", "日本.svs",
    "x" * 250 + ".svs", "con.svs", "trailing..svs", "!21.svs", "*.svs", "full,max.svs", "caf\u0065\u0301.svs",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_found_and_can_be_read_back_from_its_identifier(root: Path, name: str) -> None:
    touch(root, name)
    identifier = only(walk(root)).identifier
    assert identifier.isascii()
    assert all(len(part) <= 255 for part in identifier.split("/"))
    assert decode_identifier(identifier) == Path(name)


def test_a_name_that_is_no_text_is_found_and_can_be_read_back(root: Path) -> None:
    name = os.fsdecode(b"caf\xe9-\xff.svs")
    touch(root, name)
    assert only(walk(root)).identifier == "caf!E9-!FF.svs"
    assert decode_identifier("caf!E9-!FF.svs") == Path(name)


def test_all_hostile_names_together_never_share_an_identifier(root: Path) -> None:
    touch(root, *HOSTILE, "a!62.svs", "ab.svs", "a b.svs", "a!20b.svs", "CON.svs", "Full,max.svs")
    found = identifiers(walk(root))
    assert len(found) == len(HOSTILE) + 6
    assert len({each.lower() for each in found}) == len(found)


def test_names_that_differ_only_by_case_do_not_meet_where_case_is_ignored(root: Path) -> None:
    touch(root, "A.svs", "a.svs", "Dir/x.svs", "dir/x.svs", "dir/X.svs", "Other/Y.svs")
    found = identifiers(walk(root))
    assert len({each.lower() for each in found}) == 6
    assert "Other/Y.svs" in found


def test_a_hidden_neighbour_does_not_change_an_identifier(root: Path) -> None:
    touch(root, "A.svs", ".a.svs")
    assert identifiers(walk(root)) == ["A.svs"]


# Listed files


def test_listed_files_are_found_as_the_walk_would_find_them(root: Path) -> None:
    touch(root, "A.svs", "a.svs", "Dir/b c.svs", "dir/d.svs", "e.svs")
    listed = ["a.svs", "Dir/b c.svs", str(root / "dir" / "d.svs"), "./A.svs", "dir/../e.svs"]
    assert sorted(identifiers(find_listed(root, listed))) == sorted(identifiers(walk(root)))


def test_a_file_that_is_listed_twice_is_found_once(root: Path) -> None:
    touch(root, "a.svs")
    assert identifiers(find_listed(root, ["a.svs", "./a.svs", str(root / "a.svs"), "a.svs"])) == ["a.svs"]


@pytest.mark.parametrize("entry", ["../outside.svs", "/etc/passwd", "dir/../../outside.svs", "..", ".", ""])
def test_a_listed_file_outside_the_root_is_named(root: Path, tmp_path: Path, entry: str) -> None:
    touch(tmp_path, "outside.svs")
    touch(root, "dir/a.svs")
    [problem] = find_listed(root, [entry])
    assert isinstance(problem, Unusable)
    assert f"is not below the source root {root}" in problem.reason


def test_a_listed_link_out_of_the_root_is_named(root: Path, tmp_path: Path) -> None:
    touch(tmp_path, "outside.svs")
    (root / "a.svs").symlink_to(tmp_path / "outside.svs")
    assert [type(each) for each in find_listed(root, ["a.svs"])] == [Unusable]


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("missing.svs", "no such file: it is gone"),
        ("a.txt", "not a slide"),
        ("dir", "not a slide"),
        ("a\0b.svs", "zero byte"),
        ("x" * 300 + ".svs", "too long"),
        ("a.txt/b.svs", "no such file: a part of its path is no folder"),
        (".hidden.svs", "hidden"),
        (".git/a.svs", "hidden"),
        ("loop.svs", "(not below|links lead in a circle)"),
    ],
)
def test_a_listed_file_that_cannot_be_taken_is_named_with_the_reason(root: Path, entry: str, reason: str) -> None:
    touch(root, "a.txt", "dir/c.txt", ".hidden.svs", ".git/a.svs", "good.svs")
    (root / "loop.svs").symlink_to("loop.svs")
    found = list(find_listed(root, [entry, "good.svs"]))
    [problem] = [each for each in found if isinstance(each, Unusable)]
    [good] = [each for each in found if isinstance(each, Slide)]
    assert re.search(reason, problem.reason)
    assert good.path.name == "good.svs"


def test_listed_files_are_found_folder_by_folder_and_each_folder_is_read_once(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{folder:03}/{name}.svs" for folder in range(100) for name in "abc"]
    touch(root, *names)
    read: list[str] = []
    scandir = os.scandir

    def counted(path: Path) -> object:
        read.append(str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", counted)
    shuffled = [*names[::3], *names[1::3], *names[2::3]]
    assert [found.path.relative_to(root).as_posix() for found in find_listed(root, [*shuffled, *shuffled])] == names
    assert len(read) == 101


def test_any_member_of_a_dicom_series_selects_it(slides: Path) -> None:
    members = sorted((slides / "dicom" / "cmu-1-small-region").iterdir())
    slide = only(find_listed(slides, [str(path.relative_to(slides)) for path in reversed(members)]))
    assert slide.identifier == "dicom/cmu-1-small-region/level-0-frames-0-30.dcm"


def test_an_image_that_a_vms_index_names_selects_the_slide(root: Path) -> None:
    touch(root, "a-0.jpg")
    (root / "a.vms").write_text("[Virtual Microscope Specimen]\nImageFile=a-0.jpg\n")
    assert only(find_listed(root, ["a-0.jpg"])).identifier == "a.vms"


def test_a_member_of_a_mirax_folder_selects_the_slide(root: Path) -> None:
    touch(root, "sub/a.mrxs", "sub/a/Slidedat.ini", "sub/a/Data0000.dat")
    assert only(find_listed(root, ["sub/a/Data0000.dat"])).identifier == "sub/a.mrxs"


def test_a_relative_root_is_as_good_as_an_absolute_one(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(root, "dir/a.svs")
    monkeypatch.chdir(root.parent)
    assert identifiers(walk(Path("slides"))) == ["dir/a.svs"]
    assert identifiers(find_listed(Path("slides"), ["dir/a.svs", str(root / "dir" / "a.svs")])) == ["dir/a.svs"]
    monkeypatch.chdir(root)
    assert identifiers(walk(Path())) == ["dir/a.svs"]
    assert identifiers(find_listed(Path(), ["dir/a.svs"])) == ["dir/a.svs"]
