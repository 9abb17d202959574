"""What a folder store promises beyond other stores: what is on the disk, and what a file system may refuse."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from commands import staged, started
from stagings import put

from slide2iiif.errors import SourceError, TargetBusyError, TargetError
from slide2iiif.stores.folder import resume as unfinished
from slide2iiif.stores.folder import store as folder
from slide2iiif.stores.folder.atomic import exchange, write_pieces_atomically
from slide2iiif.stores.folder.store import FolderStore
from slide2iiif.system_errors import as_target_errors, target_error

TILE = "0,0,256,256/256,/0/default.jpg"
ALIASES = (TILE, "full/256,/0/default.jpg", "full/max/0/default.jpg")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "tree"


@pytest.fixture
def store(root: Path) -> Iterator[FolderStore]:
    with FolderStore(root) as opened:
        yield opened


def publish(store: FolderStore, identifier: str, content: bytes = b"tile") -> Path:
    staging = store.stage(identifier)
    put(staging, ALIASES, content)
    put(staging, ["info.json"], b"{}")
    store.publish(identifier, staging)
    store.discard(staging)
    return store.root / identifier


# Aliases


def test_aliases_are_hard_links(store: FolderStore) -> None:
    slide = publish(store, "a.svs")
    assert len({(slide / path).stat().st_ino for path in ALIASES}) == 1
    assert not any((slide / path).is_symlink() for path in ALIASES)


@pytest.mark.parametrize("number", [errno.EMLINK, errno.EPERM, errno.ENOTSUP, errno.EXDEV, errno.ENOSYS])
def test_aliases_are_copies_where_links_are_refused(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(source: str, alias: str, **_: int | None) -> None:
        raise OSError(number, os.strerror(number), source, None, alias)

    monkeypatch.setattr(os, "link", refuse)
    slide = publish(store, "a.svs", b"content")
    assert [(slide / path).read_bytes() for path in ALIASES] == [b"content"] * 3
    assert len({(slide / path).stat().st_ino for path in ALIASES}) == 3


def test_an_open_staging_is_written_to_and_not_what_takes_its_name(store: FolderStore, tmp_path: Path) -> None:
    staging, elsewhere = store.stage("a.svs"), tmp_path / "elsewhere"
    elsewhere.mkdir()
    with staging.opened() as files:
        files.put(["before"], b"tile")
        moved = staging.folder.rename(tmp_path / "moved")
        staging.folder.symlink_to(elsewhere)
        files.put(["x/after", "x/alias"], b"tile")
        files.put_shared(["y/after"], b"blank")
    assert list(elsewhere.iterdir()) == []
    assert {path.name for path in moved.rglob("*") if path.is_file()} == {"before", "after", "alias"}


@pytest.mark.parametrize("thing", ["nothing", "link"])
def test_a_staging_that_is_no_folder_cannot_be_opened(store: FolderStore, tmp_path: Path, thing: str) -> None:
    staging = store.stage("a.svs")
    staging.folder.rmdir()
    if thing == "link":
        staging.folder.symlink_to(tmp_path)
    with pytest.raises(TargetError, match="tree"), staging.opened():
        pass


def test_an_open_staging_is_closed_again(store: FolderStore) -> None:
    staging, held = store.stage("a.svs"), len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(TargetError), staging.opened() as files:
        files.put([f"{'x' * 300}/0/default.jpg"], b"a name that no file system takes")
    assert len(list(Path("/proc/self/fd").iterdir())) == held


def test_a_link_that_fails_for_lack_of_room_is_no_copy_but_an_error(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: str, alias: str, **_: int | None) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), source, None, alias)

    monkeypatch.setattr(os, "link", refuse)
    staging = store.stage("a.svs")
    with pytest.raises(TargetError, match="no space left"):
        put(staging, ALIASES, b"content")


def test_a_file_that_is_put_again_does_not_change_those_linked_to_it_before(store: FolderStore) -> None:
    staging = store.stage("a.svs")
    put(staging, ["first", "alias"], b"old")
    put(staging, ["first"], b"new")
    assert ((staging.folder / "first").read_bytes(), (staging.folder / "alias").read_bytes()) == (b"new", b"old")


def test_content_is_written_to_the_end_by_a_system_that_writes_a_little_at_a_time(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:7]))
    assert (publish(store, "a.svs", bytes(range(100))) / TILE).read_bytes() == bytes(range(100))


# Publishing


def test_files_have_their_final_layout(store: FolderStore, root: Path) -> None:
    publish(store, "dir/a.svs")
    found = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    assert found == {".slide2iiif/lock", "dir/a.svs/info.json", *(f"dir/a.svs/{path}" for path in ALIASES)}


def test_published_files_may_be_read_by_everybody_and_run_by_nobody(store: FolderStore) -> None:
    slide = publish(store, "a.svs")
    assert {(slide / path).stat().st_mode & 0o777 for path in ALIASES} == {0o644}


def test_a_slide_is_never_missing_while_it_is_published_anew(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    slide = publish(store, "a.svs", b"old")
    seen: list[bytes] = []

    def watched(fresh: Path, old: Path) -> None:
        seen.append((slide / TILE).read_bytes())
        exchange(fresh, old)
        seen.append((slide / TILE).read_bytes())

    monkeypatch.setattr(folder, "exchange", watched)
    publish(store, "a.svs", b"new")
    assert seen == [b"old", b"new"]


def test_a_reader_of_a_slide_that_is_replaced_reads_on(store: FolderStore) -> None:
    slide = publish(store, "a.svs", b"old")
    with (slide / TILE).open("rb") as reader:
        publish(store, "a.svs", b"new")
        assert reader.read() == b"old"


def test_a_file_system_without_exchange_is_published_to_in_two_steps(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda *_, **__: SimpleNamespace())
    slide = publish(store, "a.svs", b"old")
    publish(store, "a.svs", b"new")
    assert (slide / TILE).read_bytes() == b"new"
    assert staged(store.root) == []


def test_an_exchange_that_fails_half_way_puts_the_old_slide_back(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda *_, **__: SimpleNamespace())
    slide = publish(store, "a.svs", b"old")
    rename, count = os.rename, 0

    def refuse(*names: Path) -> None:
        nonlocal count
        count += 1
        if count == 2:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        rename(*names)

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", refuse)
        with pytest.raises(TargetError, match="input/output error"):
            publish(store, "a.svs", b"new")
    assert (slide / TILE).read_bytes() == b"old"


def test_nothing_is_left_in_staging_after_publishing_discarding_and_removing(store: FolderStore) -> None:
    publish(store, "a.svs")
    publish(store, "a.svs")
    store.discard(store.stage("b.svs"))
    store.public.write("a.svs/info.json", b"{}", durable=True)
    store.remove("a.svs")
    assert staged(store.root) == []


def test_folders_that_a_removed_slide_leaves_empty_go_with_it_and_no_others(store: FolderStore, root: Path) -> None:
    publish(store, "a/b/c.svs")
    publish(store, "a/d.svs")
    store.remove("a/b/c.svs")
    assert not (root / "a" / "b").exists()
    assert (root / "a" / "d.svs").is_dir()
    store.remove("a/d.svs")
    assert not (root / "a").exists()
    assert root.is_dir()


def test_a_deletion_under_way_ends_soon_when_the_run_is_told_to_stop(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slide2iiif.stores.folder.deletion._STOP_SECONDS", 0.05)
    stopped = False
    with FolderStore(root, lambda: stopped) as store:
        large = store.stage("b.svs", "state")
        for number in range(3000):
            put(large, [f"{number}/x"], b"x")
        unlink = os.unlink

        def slowly(path: str, *, dir_fd: int | None = None) -> None:
            nonlocal stopped
            stopped = True
            time.sleep(0.001)
            unlink(path, dir_fd=dir_fd)

        monkeypatch.setattr(os, "unlink", slowly)
        store.discard(large)
        assert large.folder.is_dir()
    monkeypatch.undo()
    with FolderStore(root) as store:
        assert store.resume("b.svs", "state") is None
        assert staged(root) == []


# Going on from what was staged


def test_what_was_staged_when_a_run_was_told_to_stop_is_gone_on_from(root: Path) -> None:
    with FolderStore(root, lambda: True) as store:
        staging = store.stage("dir/a.svs", "state")
        put(staging, [TILE], b"tile")
        (staging.scratch / "journal").write_bytes(b"what is done")
        store.discard(staging)
    with FolderStore(root) as store:
        again = store.resume("dir/a.svs", "state")
        assert again is not None
        assert (again.folder / TILE).read_bytes() == b"tile"
        assert (again.scratch / "journal").read_bytes() == b"what is done"
        # A worker that has outlived the first run must not find its place.
        assert again.folder != staging.folder
        assert not staging.folder.exists()
        assert store.resume("dir/a.svs", "state") is None


@pytest.mark.parametrize(("identifier", "state"), [("a.svs", "another state"), ("b.svs", "state")])
def test_what_was_staged_for_another_slide_or_in_another_state_is_not(root: Path, identifier: str, state: str) -> None:
    with FolderStore(root, lambda: True) as store:
        store.stage("a.svs", "state")
    with FolderStore(root) as store:
        assert store.resume(identifier, state) is None
        # Of the same slide it is deleted at once; of another one the run may yet come to it.
        assert bool(staged(root)) == (identifier == "b.svs")
        store.drop_unfinished()
        assert staged(root) == []


def test_what_was_staged_before_the_system_went_down_is_deleted(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with FolderStore(root) as store:
        store.stage("a.svs", "state")
    boot = root.parent / "boot_id"
    boot.write_text("another start")
    monkeypatch.setattr(unfinished, "_BOOT_ID", boot)
    with FolderStore(root) as store:
        assert staged(root) == []
        assert store.resume("a.svs", "state") is None


@pytest.mark.parametrize("missing", ["", ".scratch"])
def test_what_is_staged_by_halves_is_deleted(root: Path, missing: str) -> None:
    with FolderStore(root) as store:
        staging = store.stage("a.svs", "state")
        shutil.rmtree(staging.folder.with_name(staging.folder.name + missing))
        (staging.folder.parent / "stranger").write_bytes(b"")
    with FolderStore(root):
        assert staged(root) == []


def test_the_name_of_what_is_staged_tells_nothing_of_the_slide(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with FolderStore(root) as store:
        first = store.stage("Miller_Anna.svs", "state").folder.name
        boot = root.parent / "boot_id"
        boot.write_text("another start")
        monkeypatch.setattr(unfinished, "_BOOT_ID", boot)
        second = store.stage("Miller_Anna.svs", "state").folder.name
    assert "Miller" not in first
    assert not set(first.split("-")) & set(second.split("-"))


@pytest.mark.parametrize("thing", ["folder", "full folder", "file", "link"])
def test_a_foreign_thing_in_the_way_is_refused_and_kept(store: FolderStore, root: Path, thing: str) -> None:
    place = root / "a.svs"
    if thing == "file":
        place.write_text("mine")
    elif thing == "link":
        place.symlink_to("elsewhere")
    else:
        place.mkdir()
        if thing == "full folder":
            (place / "mine").touch()
    before = place.lstat()
    with pytest.raises(SourceError, match=r"not a published slide; move it away|is a link, .*: remove it"):
        store.stage("a.svs")
    assert place.lstat().st_ino == before.st_ino


def test_a_slide_cannot_be_published_inside_another_one(store: FolderStore) -> None:
    publish(store, "a.svs")
    with pytest.raises(SourceError, match="published slide itself"):
        store.stage("a.svs/b.svs")


# The lock


def test_what_a_killed_run_has_left_is_cleaned_up(root: Path) -> None:
    left = root / ".slide2iiif" / "staging"
    (left / "0123" / "full").mkdir(parents=True)
    (left / "0123" / "full" / "x.jpg").touch()
    (left / "4567").touch()
    (left / "link").symlink_to(root)
    with FolderStore(root):
        assert staged(root) == []
    assert root.is_dir()


def test_a_store_that_is_in_use_names_its_holder_and_keeps_its_staging(store: FolderStore, root: Path) -> None:
    staging = store.stage("a.svs")
    with pytest.raises(TargetBusyError, match=f"process {os.getpid()} on .*wait for it"), FolderStore(root):
        pass
    assert staging.folder.is_dir()


HOLDER = """
import sys, time
from pathlib import Path
from slide2iiif.stores.folder.store import FolderStore
with FolderStore(Path(sys.argv[1])) as store:
    store.stage("a.svs")
    print("held", flush=True)
    time.sleep(3600)
"""


def test_a_killed_holder_frees_the_lock(root: Path) -> None:
    with started([sys.executable, "-c", HOLDER, root], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(TargetBusyError, match=f"process {holder.pid} "), FolderStore(root):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with FolderStore(root) as store:
            store.drop_unfinished()
            assert staged(root) == []


# Refusals


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "no space left"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "no permission"),
        (errno.EPERM, "no permission"),
        (errno.ENOTDIR, "not a folder"),
        (errno.EEXIST, "not a folder"),
        (errno.EMFILE, "too many open files.*ulimit"),
        (errno.ENAMETOOLONG, "name is too long"),
        (errno.EIO, "input/output error.*system's log"),
        (errno.ENXIO, "No such device.*put that right"),
    ],
)
def test_a_refusal_says_where_and_what(tmp_path: Path, number: int, words: str) -> None:
    with pytest.raises(TargetError, match=f"(?s)^{tmp_path}: .*{words}") as raised, as_target_errors(tmp_path):
        raise OSError(number, os.strerror(number))
    assert raised.value.exit_code == 3


@pytest.mark.parametrize(("free", "words"), [(0, "no inodes left"), (1, "no space left")])
def test_inodes_that_run_out_are_told_from_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, words: str
) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_favail=free))
    error = target_error(OSError(errno.ENOSPC, "No space left on device"), tmp_path / "not" / "there")
    assert words in str(error)


def test_an_error_without_a_number_keeps_its_words(tmp_path: Path) -> None:
    assert "something odd" in str(target_error(OSError("something odd"), tmp_path))


Step = Callable[[FolderStore], object]


@pytest.mark.parametrize(
    ("system_call", "step"),
    [
        ("open", lambda store: put(store.stage("b.svs"), [TILE], b"x")),
        ("write", lambda store: put(store.stage("b.svs"), [TILE], b"x")),
        ("mkdir", lambda store: store.stage("b.svs")),
        ("rename", lambda store: store.remove("a.svs")),
        ("replace", lambda store: store.public.write("a.svs/info.json", b"new")),
    ],
)
def test_every_step_that_the_file_system_refuses_is_an_error_of_the_target(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch, system_call: str, step: Step
) -> None:
    slide = publish(store, "a.svs")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, system_call, refuse)
        with pytest.raises(TargetError, match="no space left"):
            step(store)
    assert (slide / "info.json").read_bytes() == b"{}"
    assert (slide / TILE).read_bytes() == b"tile"


def test_a_folder_of_a_tile_that_is_refused_is_an_error_of_the_target(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    staging = store.stage("b.svs")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "mkdir", refuse)
    with pytest.raises(TargetError, match="no space left"):
        put(staging, [TILE], b"x")


def test_publishing_that_is_refused_leaves_the_old_slide(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    slide = publish(store, "a.svs", b"old")

    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(folder, "exchange", refuse)
    with pytest.raises(TargetError, match="read-only"):
        publish(store, "a.svs", b"new")
    assert (slide / TILE).read_bytes() == b"old"


@pytest.mark.parametrize("place", ["tree", "tree/.slide2iiif", "tree/.slide2iiif/staging"])
def test_a_file_where_a_folder_must_be_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).touch()
    with pytest.raises(TargetError, match="not a folder"), FolderStore(tmp_path / "tree"):
        pass


def test_a_name_that_is_too_long_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="too long"), FolderStore(tmp_path / ("x" * 300)):
        pass


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "info.json"
    file.write_bytes(b"old")
    write_pieces_atomically(file, [b"newer"], tmp_path)
    assert file.read_bytes() == b"newer"

    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse)
        with pytest.raises(TargetError):
            write_pieces_atomically(file, [b"newest"], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["info.json"]
    assert file.read_bytes() == b"newer"


def test_nobody_else_may_enter_the_private_folder_of_a_tree(root: Path) -> None:
    """Also where an earlier version has left it open: a plain web server must not serve names."""
    (root / ".slide2iiif").mkdir(parents=True)
    (root / ".slide2iiif").chmod(0o755)
    with FolderStore(root) as store:
        store.private.write("receipts/a.svs/receipt.json", b"{}", secret=True)
    assert (root / ".slide2iiif").stat().st_mode & 0o777 == 0o700
    assert (root / ".slide2iiif/receipts/a.svs/receipt.json").stat().st_mode & 0o777 == 0o600


def test_what_is_published_belongs_to_the_group_that_the_tree_says(root: Path) -> None:
    root.mkdir()
    os.chown(root, -1, 33) if os.geteuid() == 0 else None
    root.chmod(0o2755)
    group = root.stat().st_gid
    with FolderStore(root) as store:
        slide = publish(store, "ward/a.svs")
        store.public.write("ward/index.html", b"page")
    assert {path.stat().st_gid for path in (slide, *slide.rglob("*"), slide.parent / "index.html")} == {group}
