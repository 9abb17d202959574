"""Names that are hard to handle, and links that lead out: nothing is written outside DEST or read outside SOURCE.

What lies outside has a snapshot before and after, and strace tells the true place of every file that is opened.
"""

import os
import re
import shutil
import socket
import stat
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from commands import COMMAND, run_command, snapshot
from formats.folders import write_mirax, write_vms
from formats.vendors import write_trestle
from made_slides import write_image, write_synthetic
from published import faults
from stagings import objects_in
from traces import Run, installed_run, plain_run

from slide2iiif.discovery.walk import walk
from slide2iiif.engines.base import Deadline, Result, Task
from slide2iiif.engines.serial import SerialEngine
from slide2iiif.errors import TargetError
from slide2iiif.iiif.identifiers import decode_identifier
from slide2iiif.options import Options
from slide2iiif.progress import Silent
from slide2iiif.publish.run import Export
from slide2iiif.publish.summary import Status
from slide2iiif.publish.tree import Tree
from slide2iiif.records.receipts import Receipts
from slide2iiif.site.state import FolderState, States
from slide2iiif.stores.folder.atomic import exchange
from slide2iiif.stores.folder.store import FolderStore

NOBODY = [] if os.geteuid() else ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
"""Begins a command that another user runs; root only can."""
URL = ["--base-url", "https://host.example/iiif"]

NAMES: list[bytes] = [
    b"with space", b"per%20cent", b"%2e%2e", b"%00", b"a%2Fb", b"quote'\"", b"new\nline", b"tab\t",
    b"carriage\rreturn", b"bell\x07", b"escape\x1b[31m", b"\x01", b"\x7f", b"-n", b"--help", b"-", b"a::b", b"::",
    b"dollar$(touch x)", b"`x`", b"semi;colon", b"pipe|", b"amp&", b"back\\slash", b"question?", b"hash#", b"*", b"[x]",
    b"{a,b}", b"~root", b"!21", b"!", b"caf\xc3\xa9", b"cafe\xcc\x81", b"caf\xe9", b"\xff\xfe", b"\xed\xa0\x80",
    b"\xe6\x97\xa5\xe6\x9c\xac", b"\xe2\x80\xaegnp", b"x" * 245, "ü".encode() * 122, b"con", b"NUL", b"trailing.",
    b"a.svs", b"A.SVS", b"info.json", b"index.html", b"default.jpg", b"full,max", b"0,0,512,512", b"CASE", b"case",
]  # fmt: skip
"""Names of slides, without the suffix."""
PLACES: list[bytes] = [
    b"info.json", b"index.html", b"manifest.json", b"collection.json", b"full/max/0", b"associated/label", b"!site",
    b"a.svs.synthetic_", b"folder with\nnewline", b"\xff", b"Case", b"case", b"caf\xc3\xa9", b"cafe\xcc\x81", b"-rf",
]  # fmt: skip
"""Names of folders, each with a slide in it."""
HIDDEN: list[bytes] = [
    b"..%2f..%2fetc.synthetic",
    b".slide2iiif.synthetic",
    b".slide2iiif/a.synthetic",
    b"...synthetic",
    b".hidden/b.synthetic",
]
"""What is left alone."""


def test_every_name_is_exported_under_an_identifier_of_its_own(tmp_path: Path) -> None:
    source, dest = tmp_path / "slides", tmp_path / "public"
    expected = [name + b".synthetic" for name in NAMES] + [place + b"/default.synthetic" for place in PLACES]
    for name in (*expected, *HIDDEN):
        write_synthetic(source / os.fsdecode(name), 70, 50)
    before = sorted(tmp_path.iterdir())
    done = run_command("export", source, dest, *URL, "-q")
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(tmp_path.iterdir()) == [*before[:0], *sorted([*before, dest])]
    assert faults(dest) == []
    identifiers = list(Receipts(objects_in(dest / ".slide2iiif")).identifiers())
    assert len({each.lower() for each in identifiers}) == len(expected)
    assert {os.fsencode(str(decode_identifier(each))) for each in identifiers} == set(expected)
    for identifier in identifiers:
        assert re.fullmatch(r"[A-Za-z0-9._!/-]+", identifier)
        assert (dest / identifier / "info.json").is_file()
    assert run_command("verify", dest).returncode == 0


def test_a_slide_is_never_put_into_another_one(tmp_path: Path) -> None:
    """A file in one run, a folder of the same name in the next."""
    source, dest = tmp_path / "slides", tmp_path / "public"
    write_synthetic(source / "a.synthetic", 70, 50)
    run_command("export", source, dest, *URL, "-q").check_returncode()
    before = snapshot(dest / "a.synthetic")
    (source / "a.synthetic").unlink()
    write_synthetic(source / "a.synthetic" / "b.synthetic", 60, 50)
    done = run_command("export", source, dest, *URL, "-q")
    assert done.returncode == 1
    assert "a.synthetic/b.synthetic: " in done.stderr
    assert "is a published slide itself; remove it, or run with --delete" in done.stderr
    assert snapshot(dest / "a.synthetic") == before
    run_command("export", source, dest, *URL, "-q", "--delete")
    assert run_command("export", source, dest, *URL, "-q").returncode == 0
    assert (dest / "a.synthetic" / "b.synthetic" / "info.json").is_file()


# Links in SOURCE


def _link(target: str, name: str) -> Callable[[Path, Path], None]:
    def make(folder: Path, outside: Path) -> None:
        (folder / name).symlink_to(target.replace("OUTSIDE", str(outside)))

    return make


def _mirax_part(folder: Path, outside: Path) -> None:
    write_mirax(folder / "a.mrxs")
    data = next((folder / "a").glob("*.dat"))
    shutil.move(data, outside / "mirax.dat")
    data.symlink_to(outside / "mirax.dat")


def _mirax_folder(folder: Path, outside: Path) -> None:
    write_mirax(folder / "a.mrxs")
    shutil.move(folder / "a", outside / "mirax")
    (folder / "a").symlink_to(outside / "mirax")


def _mirax_index(folder: Path, outside: Path) -> None:
    write_mirax(folder / "a.mrxs")
    index = folder / "a" / "Slidedat.ini"
    data = next((folder / "a").glob("*.dat"))
    shutil.copyfile(data, outside / "named.dat")
    text = index.read_bytes().replace(data.name.encode(), os.path.relpath(outside / "named.dat", folder / "a").encode())
    assert b"../" in text
    index.write_bytes(text)


def _vms_part(folder: Path, outside: Path) -> None:
    write_vms(folder / "a.vms")
    image = next(path for path in sorted(folder.iterdir()) if path.suffix == ".jpg")
    shutil.move(image, outside / "vms.jpg")
    image.symlink_to(outside / "vms.jpg")


def _vms_index(folder: Path, outside: Path) -> None:
    write_vms(folder / "a.vms")
    image = next(path for path in sorted(folder.iterdir()) if path.suffix == ".jpg")
    shutil.move(image, outside / "named.jpg")
    index = folder / "a.vms"
    index.write_text(index.read_text().replace(image.name, os.path.relpath(outside / "named.jpg", folder)))


def _trestle(folder: Path, outside: Path) -> None:
    write_trestle(folder / "a.tif")
    write_image(outside / "macro.jpg", 61, 53)
    (folder / "a.Full").symlink_to(outside / "macro.jpg")


def _dicom(name: str) -> Callable[[Path, Path], None]:
    def make(folder: Path, outside: Path) -> None:
        # The real series, put there by the test.
        shutil.copyfile(outside / "level-5.dcm", folder / "a.dcm")
        (folder / name).symlink_to(outside / "level-6.dcm")

    return make


def _socket(folder: Path, _: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        before = Path.cwd()
        os.chdir(folder)
        made.bind("a.svs")
        os.chdir(before)


def _twice(folder: Path, outside: Path) -> None:
    (folder / "first").symlink_to(outside)
    (folder / "a.png").symlink_to("first/canary.png")


SOURCES: dict[str, Callable[[Path, Path], None]] = {
    "file": _link("OUTSIDE/canary.png", "a.png"),
    "relative": _link("../../outside/canary.png", "a.png"),
    "root": _link("/proc/self/root/OUTSIDE/canary.png", "a.png"),
    "fd": _link("/proc/self/fd/0", "a.png"),
    "passwd": _link("/etc/passwd", "a.svs"),
    "twice": _twice,
    "itself": _link("a.svs", "a.svs"),
    "nowhere": _link("OUTSIDE/missing.svs", "a.svs"),
    "mirax part": _mirax_part,
    "mirax folder": _mirax_folder,
    "mirax index": _mirax_index,
    "vms part": _vms_part,
    "vms index": _vms_index,
    "trestle": _trestle,
    "dicom": _dicom("b.dcm"),
    "dicom hidden": _dicom(".b"),
    "pipe": lambda folder, _: os.mkfifo(folder / "a.svs"),
    "socket": _socket,
}
"""Each is refused by name."""
SILENT: dict[str, Callable[[Path, Path], None]] = {
    "folder": _link("OUTSIDE", "folder"),
    "up": _link("..", "up"),
    "far up": _link("/", "far"),
    "no slide": _link("OUTSIDE/canary.png", "notes"),
    "hidden": _link("OUTSIDE/canary.png", ".a.png"),
}
"""Each is left alone: that it is a slide, nothing says."""


def opened_in(folder: Path, log: Path) -> list[str]:
    """Give the calls of a trace that opened something in a folder, by its true place."""
    return [line for line in log.read_text(errors="replace").splitlines() if re.search(rf"= \d+<{folder}[/>]", line)]


def test_no_link_leads_a_reader_out_of_the_source(tmp_path: Path, slides: Path) -> None:
    source, dest, outside = tmp_path / "slides", tmp_path / "public", tmp_path / "outside"
    outside.mkdir()
    write_image(outside / "canary.png", 61, 53)
    for number in (5, 6):
        file = slides / "dicom" / "cmu-1-small-region" / f"level-{number}-frames-0-1.dcm"
        shutil.copyfile(file, outside / f"level-{number}.dcm")
    for name, make in (SOURCES | SILENT).items():
        (source / name).mkdir(parents=True)
        make(source / name, outside)
    write_synthetic(source / "good" / "a.synthetic", 70, 50)
    (source / "good" / "b.synthetic").symlink_to("a.synthetic")
    os.link(outside / "canary.png", source / "good" / "hard.png")
    before = snapshot(outside)
    log = tmp_path / "trace.log"
    command = [COMMAND, "export", source, dest, *URL, "-q", "--jobs", 2, "--associated", "macro,label"]
    code, err = installed_run(command, log, "-y", "-e", "trace=open,openat,openat2")
    assert code == 1
    assert "Traceback" not in err
    named = [line for line in err.splitlines() if line.startswith("slide2iiif: ")]
    assert {name for name in SOURCES if any(f"{name}/" in line for line in named)} == set(SOURCES)
    assert all(any(f"{name}/" in line for name in SOURCES) for line in named)
    published = sorted(path.parent.relative_to(dest).as_posix() for path in dest.rglob("info.json"))
    assert published == ["good/a.synthetic", "good/b.synthetic", "good/hard.png"]
    assert opened_in(outside, log) == []
    assert opened_in(source, log) != []
    assert snapshot(outside) == before


def test_no_link_leads_out_of_the_source_by_a_list(tmp_path: Path, slides: Path) -> None:
    source, dest, outside, log = (tmp_path / name for name in ("slides", "public", "outside", "trace.log"))
    for folder in (source, outside):
        folder.mkdir()
    write_image(outside / "canary.png", 61, 53)
    shutil.copyfile(slides / "dicom/cmu-1-small-region/level-5-frames-0-1.dcm", outside / "level-5.dcm")
    write_image(source / "good.png", 61, 53)
    (source / "folder").symlink_to(outside)
    (source / "a.png").symlink_to(outside / "canary.png")
    listed = ["folder/canary.png", "folder/level-5.dcm", "a.png", "folder/../outside/canary.png"]
    (tmp_path / "list").write_text("\n".join([*listed, "good.png"]))
    command = [COMMAND, "export", source, dest, *URL, "-q", "--files-from", tmp_path / "list"]
    code, err = installed_run(command, log, "-y", "-e", "trace=open,openat,openat2")
    assert code == 1
    assert [name for name in listed if f"/{name}: " not in err] == []
    assert [path.parent.name for path in dest.rglob("info.json")] == ["good.png"]
    assert opened_in(outside, log) == []


@pytest.mark.parametrize("is_swapped_later", [False, True])
def test_a_folder_that_becomes_a_link_between_walk_and_read_is_not_read(
    tmp_path: Path,
    is_swapped_later: bool,  # noqa: FBT001
) -> None:
    source, outside = tmp_path / "slides", tmp_path / "outside"
    write_synthetic(source / "ward" / "a.synthetic", 300, 200)
    write_synthetic(outside / "a.synthetic", 61, 53)
    engine = SerialEngine()
    found = list(walk(source))

    def swap() -> None:
        (source / "ward").rename(source / "gone")
        (source / "ward").symlink_to(outside)

    class Swapping(Silent):
        """Swaps when the slide is planned."""

        def started(self, identifier: str, tiles: int) -> None:
            del identifier, tiles
            if is_swapped_later:
                swap()

    if not is_swapped_later:
        swap()
    with FolderStore(tmp_path / "public") as store, engine:
        flow = Export(Tree(store, Receipts(store.private), Options(), "https://h", "https://o"), engine, Swapping())
        [outcome] = flow.slides(found).outcomes
    assert outcome.status is Status.FAILED
    assert "a.synthetic is not in SOURCE any more" in outcome.reason
    assert not list((tmp_path / "public").rglob("info.json"))


class Exchanging(SerialEngine):
    """Lets a folder be another one whenever a slide is read, and only then."""

    def __init__(self, there: Callable[[], None], back: Callable[[], None]) -> None:
        self._there, self._back = there, back

    def run(
        self, function: Callable[[Task], Result], tasks: Iterable[Task], within: Deadline | None = None
    ) -> Iterator[tuple[Task, Result]]:
        del within
        for task in tasks:
            self._there()
            try:
                done = function(task)
            finally:
                self._back()
            yield task, done


@pytest.mark.parametrize("way", ["link", "exchange", "inner", "linked", "real", "file"])
def test_a_folder_that_is_another_one_only_while_it_is_read_is_noticed(tmp_path: Path, way: str) -> None:
    source, outside, place = tmp_path / "slides", tmp_path / "outside", "ward/deep/a.synthetic"
    write_synthetic(source / place, 300, 200)
    write_synthetic(outside / "a.synthetic", 61, 53)
    write_synthetic(outside / "deep" / "a.synthetic", 61, 53)
    write_synthetic(source / "b.synthetic", 70, 50)
    exchanged = source / "ward" / "deep" if way == "inner" else source / "ward"
    if way in {"linked", "real"}:
        exchanged.rename(source / ".real")
        exchanged.symlink_to(".real")
        exchanged = source / ".real" if way == "real" else exchanged
    target, said = outside, "a folder on the way to it, was exchanged while it was read"
    if way == "file":
        exchanged, target, said = source / place, outside / "a.synthetic", "has changed while it was read"
    aside, link = tmp_path / "aside", tmp_path / "link"
    link.symlink_to(target)
    done = []

    def there() -> None:
        if way == "exchange":
            exchange(exchanged, link)
        else:
            exchanged.rename(aside)
            link.rename(exchanged)
        done.append(exchanged.resolve())

    def back() -> None:
        if way == "exchange":
            exchange(exchanged, link)
        else:
            exchanged.rename(link)
            aside.rename(exchanged)

    with FolderStore(tmp_path / "public") as store, Exchanging(there, back) as engine:
        flow = Export(Tree(store, Receipts(store.private), Options(), "https://h", "https://o"), engine, Silent())
        outcomes = {each.source: each for each in flow.slides(walk(source)).outcomes}
    assert set(done) == {target}
    assert outcomes["b.synthetic"].status is Status.EXPORTED
    assert outcomes[place].status is Status.FAILED
    assert said in outcomes[place].reason
    assert [path.parent.name for path in (tmp_path / "public").rglob("info.json")] == ["b.synthetic"]


def test_what_comes_and_goes_in_a_folder_is_no_exchange(tmp_path: Path) -> None:
    source, dest = tmp_path / "slides", tmp_path / "public"
    write_synthetic(source / "ward" / "a.synthetic", 300, 200)

    def come_and_go() -> None:
        write_synthetic(source / "ward" / "new.synthetic", 61, 53)
        (source / "other").mkdir(exist_ok=True)
        os.utime(source / "ward")
        (source / "ward" / "new.synthetic").unlink()
        (source / "other").rmdir()

    with FolderStore(dest) as store, Exchanging(come_and_go, come_and_go) as engine:
        flow = Export(Tree(store, Receipts(store.private), Options(), "https://h", "https://o"), engine, Silent())
        [outcome] = flow.slides(walk(source)).outcomes
    assert outcome.status is Status.EXPORTED


# Links in DEST


def _plant(place: str, target: str = "OUTSIDE") -> Callable[[Path, Path], None]:
    """Put a link into a tree, in place of what is there."""

    def make(dest: Path, outside: Path) -> None:
        path = dest / place
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        path.symlink_to(target.replace("OUTSIDE", str(outside)))

    return make


def _hard_lock(dest: Path, outside: Path) -> None:
    (dest / ".slide2iiif" / "lock").unlink(missing_ok=True)
    (dest / ".slide2iiif").mkdir(parents=True, exist_ok=True)
    os.link(outside / "canary.txt", dest / ".slide2iiif" / "lock")


TREES: dict[str, Callable[[Path, Path], None]] = {
    "folder": _plant("ward"),
    "folder that is not there": _plant("ward", "OUTSIDE/new"),
    "folder, relative": _plant("ward", "../outside"),
    "slide": _plant("ward/a.synthetic"),
    "slide of somebody else": _plant("ward/a.synthetic", "OUTSIDE/slide"),
    "document": _plant("ward/a.synthetic/info.json", "OUTSIDE/canary.txt"),
    "tile": _plant("ward/a.synthetic/full/max/0/default.jpg", "OUTSIDE/canary.txt"),
    "page": _plant("index.html", "OUTSIDE/canary.txt"),
    "page of a folder": _plant("ward/index.html", "OUTSIDE/canary.txt"),
    "collection": _plant("collection.json", "OUTSIDE/canary.txt"),
    "style": _plant("!site-style.css", "OUTSIDE/canary.txt"),
    "private": _plant(".slide2iiif"),
    "staging": _plant(".slide2iiif/staging"),
    "receipts": _plant(".slide2iiif/receipts"),
    "receipts of a folder": _plant(".slide2iiif/receipts/ward"),
    "receipt": _plant(".slide2iiif/receipts/ward/a.synthetic/receipt.json", "OUTSIDE/canary.txt"),
    "ledger": _plant(".slide2iiif/receipts/ward/a.synthetic/ledger", "OUTSIDE/canary.txt"),
    "site": _plant(".slide2iiif/site"),
    "state": _plant(".slide2iiif/site.json", "OUTSIDE/canary.txt"),
    "schemes": _plant(".slide2iiif/identifiers.json", "OUTSIDE/canary.txt"),
    "lock": _plant(".slide2iiif/lock", "OUTSIDE/canary.txt"),
    "lock that is not there": _plant(".slide2iiif/lock", "OUTSIDE/new"),
    "hard lock": _hard_lock,
    "what is staged": _plant(".slide2iiif/staging/x"),
}


FIRST = ("folder", "folder that is not there", "page", "private", "lock", "lock that is not there", "hard lock")
"""Those that can be there before a tree is."""


def publish(arguments: list[object], folder: Path) -> Run:
    run = plain_run(arguments, folder)
    assert "Traceback" not in run.err, run.err
    return run


@pytest.mark.parametrize(("case", "has_tree"), [*((case, False) for case in FIRST), *((case, True) for case in TREES)])
def test_no_link_leads_a_writer_out_of_the_tree(tmp_path: Path, case: str, has_tree: bool) -> None:  # noqa: FBT001
    source, dest, outside = tmp_path / "slides", tmp_path / "public", tmp_path / "outside"
    write_synthetic(source / "ward" / "a.synthetic", 70, 50)
    (outside / "slide").mkdir(parents=True)
    (outside / "slide" / "info.json").write_text("{}")
    (outside / "canary.txt").write_text("mine")
    (outside / "index.html").write_text("mine")
    dest.mkdir()
    if has_tree:
        assert publish(["export", source, dest, *URL, "-q"], tmp_path).exit_code == 0
        write_synthetic(source / "ward" / "a.synthetic", 80, 50)
    TREES[case](dest, outside)
    before = (snapshot(outside), sorted(outside.rglob("*")))
    done = publish(["export", source, dest, *URL, "-q"], tmp_path)
    assert (snapshot(outside), sorted(outside.rglob("*"))) == before
    if done.exit_code == 0:
        assert (dest / "ward" / "a.synthetic" / "info.json").is_file()
        assert not (dest / "ward" / "a.synthetic").is_symlink()
    else:
        words = (
            r"is a link|by hard links|is not a published slide|json: cannot be read|no receipt is in the private folder"
        )
        assert re.search(words, done.err), done.err
    # What has no source any more is removed, and nothing behind a link.
    (source / "ward" / "a.synthetic").rename(source / "b.synthetic")
    publish(["export", source, dest, *URL, "-q", "--delete"], tmp_path)
    publish(["rebase", dest, "--base-url", "https://other.example"], tmp_path)
    publish(["repair", dest, "--source", source, "-q"], tmp_path)
    assert (snapshot(outside), sorted(outside.rglob("*"))) == before


def test_nobody_else_can_put_a_link_into_what_is_being_staged(tmp_path: Path, quick_folder: Path) -> None:
    """Staging is closed to other users whatever the umask is, and whatever it was before; what is published is not."""
    # Where others may go, as they may not below the folders of pytest.
    quick_folder.chmod(0o755)
    place = quick_folder / tmp_path.name
    source, dest, outside = place / "slides", place / "public", place / "outside"
    write_synthetic(source / "a.synthetic", 300, 200)
    for folder in (outside, dest, dest / ".slide2iiif", dest / ".slide2iiif" / "staging"):
        folder.mkdir()
        folder.chmod(0o777)
    staging = dest / ".slide2iiif" / "staging"
    seen = []

    class Planting(Silent):
        """Somebody else tries to lead tiles out, once they are being staged."""

        def started(self, identifier: str, tiles: int) -> None:
            del identifier, tiles
            seen.append(stat.S_IMODE(staging.stat().st_mode))
            folders = [path for path in staging.iterdir() if path.is_dir()]
            assert folders
            for folder in (staging, *folders) if NOBODY else ():
                assert subprocess.run([*NOBODY, "ln", "-s", outside, folder / "full"], check=False).returncode

    before = os.umask(0)
    try:
        with FolderStore(dest) as store, SerialEngine() as engine:
            flow = Export(Tree(store, Receipts(store.private), Options(), "https://h", "https://o"), engine, Planting())
            [outcome] = flow.slides(walk(source)).outcomes
    finally:
        os.umask(before)
    assert seen == [0o700]
    assert outcome.status is Status.EXPORTED
    assert list(outside.iterdir()) == []
    assert faults(dest) == []
    assert stat.S_IMODE((dest / "a.synthetic").stat().st_mode) == 0o777


def test_what_is_published_is_open_to_the_server(tmp_path: Path) -> None:
    source, dest = tmp_path / "slides", tmp_path / "public"
    write_synthetic(source / "ward" / "a.synthetic", 70, 50)
    run_command("export", source, dest, *URL, "-q").check_returncode()
    for path in [dest, *(each for each in dest.rglob("*") if ".slide2iiif" not in each.parts)]:
        assert path.stat().st_mode & 0o055 == (0o055 if path.is_dir() else 0o044), path


@pytest.mark.parametrize("moment", ["before", "while it is rendered", "while the disk is waited for"])
def test_a_link_that_is_planted_in_the_tree_during_a_run_is_not_followed(tmp_path: Path, moment: str) -> None:
    source, dest, outside = tmp_path / "slides", tmp_path / "public", tmp_path / "outside"
    write_synthetic(source / "ward" / "deep" / "a.synthetic", 300, 200)
    outside.mkdir()
    started = []

    def plant() -> None:
        (dest / "ward").rename(dest / "gone") if (dest / "ward").exists() else None
        (dest / "ward").symlink_to(outside)

    class Planting(Silent):
        """Plants once it is rendered."""

        def started(self, identifier: str, tiles: int) -> None:
            del tiles
            started.append(identifier)
            if moment == "while it is rendered":
                plant()

    class Store(FolderStore):
        """Plants while the disk is waited for."""

        def _sync(self) -> None:
            super()._sync()
            if moment == "while the disk is waited for" and not (dest / "ward").is_symlink():
                (outside / "deep").mkdir()
                plant()

    with Store(dest) as store, SerialEngine() as engine:
        if moment == "before":
            plant()
        flow = Export(Tree(store, Receipts(store.private), Options(), "https://h", "https://o"), engine, Planting())
        [outcome] = flow.slides(walk(source)).outcomes
    assert outcome.status is Status.FAILED
    assert "is a link, which may lead out of the tree" in outcome.reason
    assert [path.name for path in outside.rglob("*")] == (["deep"] if moment == "while the disk is waited for" else [])
    assert bool(started) is (moment != "before")


def test_a_link_to_a_published_slide_is_no_published_slide(tmp_path: Path) -> None:
    dest = tmp_path / "public"
    write_synthetic(tmp_path / "slides" / "a.synthetic", 70, 50)
    run_command("export", tmp_path / "slides", dest, *URL, "-q").check_returncode()
    (dest / "b.synthetic").symlink_to("a.synthetic")
    store = FolderStore(dest)
    assert [store.holds(name) for name in ("a.synthetic", "b.synthetic")] == [True, False]
    assert list(store.identifiers()) == ["a.synthetic"]


CHANGES: dict[str, Callable[[FolderStore], object]] = {
    "replace": lambda store: store.public.write("ward/a.synthetic/info.json", b"ours"),
    "remove": lambda store: store.remove("ward/a.synthetic"),
    "put page": lambda store: store.public.write("ward/index.html", b"ours"),
    "remove page": lambda store: store.public.delete("ward/index.html"),
    "remove file": lambda store: store.public.delete("ward/a.synthetic/info.json"),
}


@pytest.mark.parametrize("change", list(CHANGES))
def test_no_change_of_the_tree_goes_through_a_link(tmp_path: Path, change: str) -> None:
    dest, outside = tmp_path / "public", tmp_path / "outside"
    (outside / "a.synthetic").mkdir(parents=True)
    for name in ("index.html", "a.synthetic/info.json"):
        (outside / name).write_text("mine")
    before = snapshot(outside)
    with FolderStore(dest) as store:
        (dest / "ward").symlink_to(outside)
        with pytest.raises(TargetError, match="is a link, which may lead out of the tree"):
            CHANGES[change](store)
    assert snapshot(outside) == before


def test_no_receipt_is_removed_through_a_link(tmp_path: Path) -> None:
    private, outside = tmp_path / "private", tmp_path / "outside"
    (outside / "a.synthetic").mkdir(parents=True)
    (outside / "a.synthetic" / "receipt.json").write_text("mine")
    (private / "receipts").mkdir(parents=True)
    (private / "receipts" / "ward").symlink_to(outside)
    before = snapshot(outside)
    with pytest.raises(TargetError, match="is a link, which may lead out of the tree"):
        Receipts(objects_in(private)).remove("ward/a.synthetic")
    assert snapshot(outside) == before


def test_no_state_of_a_folder_is_written_or_removed_through_a_link(tmp_path: Path) -> None:
    private, outside = tmp_path / "private", tmp_path / "outside"
    outside.mkdir()
    (outside / "!folder.json").write_text("mine")
    for folder in (private / "site", private / "staging"):
        folder.mkdir(parents=True)
    (private / "site" / "ward").symlink_to(outside)
    before = snapshot(outside)
    states = States(Receipts(objects_in(private)))
    with pytest.raises(TargetError, match="is a link, which may lead out of the tree"):
        states.write_folder("ward", FolderState(1))
    with pytest.raises(TargetError, match="is a link, which may lead out of the tree"):
        states.remove_folder("ward")
    assert snapshot(outside) == before
