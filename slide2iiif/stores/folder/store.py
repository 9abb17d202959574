"""A tree in a folder of a local file system.

The files of a slide are written to a private staging folder of the same file system, under their final names, and
one rename publishes the folder. A reader sees the old slide or the new one, never a mix. Staged files are on the disk
before the rename, and the new name before the receipt. Staging, receipts and the lock live in `.slide2iiif/` at the
root of the tree, which the shipped server configuration denies, or in a folder outside the tree. Staging stays in the
tree where that other folder is on another file system, from which no rename is possible. Staging folders have random
names, and contain nothing that identifies a source.
"""

import contextlib
import errno
import os
import stat
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

from slide2iiif.errors import SourceError, TargetError
from slide2iiif.iiif.info import DOCUMENT_NAME
from slide2iiif.stores.base import JOURNAL, Capacity, Staging
from slide2iiif.stores.folder.access import access_note
from slide2iiif.stores.folder.atomic import delete_in_place, exchange, remove_empty, replace_in_steps
from slide2iiif.stores.folder.capacity import capacity_of, count_files
from slide2iiif.stores.folder.deletion import DeleteDeadline, delete_tree
from slide2iiif.stores.folder.durability import FileSystemSync, sync_folder
from slide2iiif.stores.folder.links import check_no_link, find_link, link_refusal
from slide2iiif.stores.folder.locks import TreeLock, check_free, lock_holder
from slide2iiif.stores.folder.mounts import mounts_within, type_of
from slide2iiif.stores.folder.objects import FolderObjects
from slide2iiif.stores.folder.places import claim_private_dir
from slide2iiif.stores.folder.resume import Unfinished, note_identity, staging_name
from slide2iiif.stores.folder.staging import FolderStaging, folder_of, staging_at
from slide2iiif.system_errors import PRIVATE, as_target_errors, target_error

_ENTRIES = ("staging", "receipts", "site", "lock")
"""Entries of the private folder that are written by name."""
_PRIVATE_MODE = 0o700
_OVERLAY = "overlay"
"""Type of a file system in layers: folders of its lower ones cannot be renamed."""


class FolderStore:
    """A published tree in a folder. Use in a `with` statement: it holds the lock."""

    def __init__(self, root: Path, is_stopped: Callable[[], bool] = lambda: False, private: Path | None = None) -> None:
        """Make a store of a folder; nothing is touched before it is entered.

        Args:
            root: the folder.
            private: folder of the unpublished records; None is one at the root of the tree.
            is_stopped: returns True once the run was told to stop. Staged files are then left to the next run, which
                resumes them.
        """
        self._is_stopped = is_stopped
        self.root = root
        self._outside = private
        self._private = private or root / PRIVATE
        self._staging = self._private / "staging"
        self._unfinished: Unfinished | None = None
        self._lock: TreeLock | None = None
        self._syncs: list[FileSystemSync] = []
        self._mounts: tuple[Path, ...] = ()

    @property
    def place(self) -> str:
        """See `Store.place`."""
        return str(self.root)

    @property
    def public(self) -> FolderObjects:
        """Files of the tree. See `Store.public`."""
        return FolderObjects(self.root, self._staging)

    @property
    def private(self) -> FolderObjects:
        """Files of the private folder. See `Store.private`."""
        return FolderObjects(self._private, self._private / "staging")

    @property
    def folders(self) -> tuple[Path, ...]:
        """Root and private folder. See `Store.folders`."""
        return self.root, self._private

    @property
    def trusts_records(self) -> bool:
        """False: to look costs nothing. See `Store.trusts_records`."""
        return False

    @property
    def atomic_publish(self) -> bool:
        """True: a rename publishes. See `Store.atomic_publish`."""
        return True

    def is_tree(self) -> bool:
        """Return True if both folders exist. See `Store.is_tree`."""
        return self.root.is_dir() and self._private.is_dir()

    def holder(self) -> str | None:
        """Look up the locks of the system. See `Store.holder`."""
        return lock_holder(self._private)

    def check_free(self) -> None:
        """Try the lock. See `Store.check_free`."""
        check_free(self.root, self._private)

    def __enter__(self) -> Self:
        """Make the folder and take the lock.

        Raises:
            TargetError: the folder cannot be made or written.
            TargetBusyError: another exporter works on it.
        """
        try:
            self._take_lock()
            _make_private(self._staging)
            if self._private.parent != self.root and not _can_rename(self._staging, self.root):
                self._staging = self.root / PRIVATE / "staging"
                _make_private(self._staging)
            self._unfinished = Unfinished(self._staging)
            self._mounts = mounts_within(self.root)
            self._syncs = _file_systems(self._staging, self._private)
            claim_private_dir(self._outside, self.root)
        except OSError as error:
            self._release()
            raise target_error(error, self.root) from None
        except TargetError:
            self._release()
            raise
        return self

    def __exit__(self, *raised: object) -> None:
        """Sync the file system, unless an error is being raised, and release the lock.

        Raises:
            TargetError: something could not be written to the disk.
        """
        try:
            if raised[0] is None:
                self._sync()
        except OSError as error:
            raise target_error(error, self.root) from None
        finally:
            self._release()

    def holds(self, identifier: str) -> bool:
        """Return True if a slide is published. See `Store.holds`."""
        folder = self.root / identifier
        with as_target_errors(folder):
            return find_link(self.root, folder) is None and (folder / DOCUMENT_NAME).is_file()

    def access_note(self, identifier: str) -> str:
        """Look at modes and groups. See `Store.access_note`."""
        return access_note(self.root, self.root / identifier / DOCUMENT_NAME)

    def identifiers(self) -> Iterator[str]:
        """Find the documents of slides, without listing their tiles. See `Store.identifiers`."""
        folders = [self.root]
        while folders:
            folder = folders.pop()
            if folder != self.root and os.path.isfile(folder / DOCUMENT_NAME):
                yield folder.relative_to(self.root).as_posix()
                continue
            try:
                with os.scandir(folder) as entries:
                    inner = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
            except OSError as error:
                if error.errno == errno.ENAMETOOLONG:
                    # Nothing was ever published there: its path could not be written either.
                    continue
                raise target_error(error, folder) from None
            folders += [folder / name for name in sorted(inner, reverse=True) if name != PRIVATE]

    def capacity(self) -> Capacity:
        """Return the free space of the file system. See `Store.capacity`."""
        return capacity_of(self.root)

    def left_over(self) -> tuple[int, int]:
        """Count the files in staging. See `Store.left_over`."""
        return count_files(self._staging)

    def resume(self, identifier: str, state: str) -> FolderStaging | None:
        """Take over a staging folder. See `Store.resume`."""
        if self._unfinished is None:
            return None
        self._check_place(identifier)
        try:
            folder = self._unfinished.take(identifier, state)
        except OSError as error:
            raise target_error(error, self.root) from None
        return None if folder is None else staging_at(folder)

    def drop_unfinished(self) -> None:
        """Delete the rest of the staging folder. See `Store.drop_unfinished`."""
        if self._unfinished is not None:
            with as_target_errors(self.root):
                self._unfinished.drop()

    def stage(self, identifier: str | None, state: str = "") -> FolderStaging:
        """Make a staging folder. See `Store.stage`."""
        if identifier is None:
            return self._make_staging(uuid.uuid4().hex)
        self._check_place(identifier)
        return self._make_staging(staging_name(identifier, state) if state else uuid.uuid4().hex)

    def _make_staging(self, name: str) -> FolderStaging:
        staging = staging_at(self._staging / name)
        try:
            staging.folder.mkdir()
            staging.scratch.mkdir()
            note_identity(staging.scratch)
        except OSError as error:
            raise target_error(error, self.root) from None
        return staging

    def publish(self, identifier: str, staging: Staging) -> None:
        """Rename the staged folder into place. See `Store.publish`."""
        folder = folder_of(staging)
        target = self.root / identifier
        # Hours may have passed since it was staged.
        self._check_links(target)
        try:
            # From here on it holds the older version, which nobody must go on from. The rest of the scratch is still
            # open, and some file systems keep a folder as long as a file of it is.
            (staging.scratch / JOURNAL).unlink(missing_ok=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            self._sync()
            # The disk may have taken its time.
            self._check_links(target)
            self._put_in_place(folder, target)
            sync_folder(target.parent)
        except OSError as error:
            raise target_error(error, target) from None

    def _put_in_place(self, folder: Path, target: Path) -> None:
        try:
            if target.is_dir():
                exchange(folder, target)
            else:
                folder.rename(target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            # It may have been mounted during the run.
            self._mounts = mounts_within(self.root)
            self._check_mounts(target)
            if not (target.is_dir() and type_of(target) == _OVERLAY):
                raise SourceError(_cut_off(target)) from None
            replace_in_steps(folder, target)

    def drop(self, staging: Staging) -> None:
        """Delete a staging folder, which now holds the older version. See `Store.drop`."""
        if self._is_stopped():
            return
        for folder in (staging.scratch, folder_of(staging)):
            with as_target_errors(self.root), contextlib.suppress(FileNotFoundError):
                delete_tree(folder, DeleteDeadline(self._is_stopped))

    def discard(self, staging: Staging) -> None:
        """Delete a staging folder. See `Store.discard`."""
        if self._is_stopped():
            return
        deadline = DeleteDeadline(self._is_stopped)
        # The journal first: without it the rest cannot be mistaken for something to go on from.
        with contextlib.suppress(OSError):
            (staging.scratch / JOURNAL).unlink()
        for folder in (staging.scratch, folder_of(staging)):
            with contextlib.suppress(OSError):
                delete_tree(folder, deadline)

    def remove(self, identifier: str) -> None:
        """Move a slide into staging, then delete it, and folders that it leaves empty. See `Store.remove`."""
        target = self.root / identifier
        trash = self._staging / uuid.uuid4().hex
        check_no_link(self.root, target)
        try:
            target.rename(trash)
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise target_error(error, target) from None
            # Of another file system, or of the lower layer of an overlay.
            with as_target_errors(target):
                delete_in_place(target)
        remove_empty(target.parent, self.root)
        with as_target_errors(self.root), contextlib.suppress(FileNotFoundError):
            delete_tree(trash, DeleteDeadline(self._is_stopped))

    def _check_place(self, identifier: str) -> None:
        target = self.root / identifier
        self._check_links(target)
        self._check_mounts(target)
        for parent in target.parents:
            if parent == self.root:
                break
            if (parent / DOCUMENT_NAME).exists():
                raise SourceError(f"{parent} is a published slide itself; remove it, or run with --delete")
        if target.exists() and not (target / DOCUMENT_NAME).is_file():
            raise SourceError(f"{target} exists and is not a published slide; move it away")

    def _check_mounts(self, target: Path) -> None:
        mount = next((each for each in self._mounts if target.is_relative_to(each)), None)
        if mount is not None:
            raise SourceError(_apart(mount, self.root))

    def _check_links(self, target: Path) -> None:
        link = find_link(self.root, target)
        if link is not None:
            raise SourceError(link_refusal(link))

    def _take_lock(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        if self._private.parent == self.root:
            check_no_link(self.root, self._private)
        for name in _ENTRIES:
            check_no_link(self._private, self._private / name)
        if self._private.parent == self.root:
            _make_private(self._private)
        elif not self._private.is_dir():
            self._private.mkdir(parents=True, mode=0o700)
        self._lock = TreeLock(self.root, self._private)

    def _sync(self) -> None:
        for file_system in self._syncs:
            file_system.sync()

    def _release(self) -> None:
        while self._syncs:
            self._syncs.pop().close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def _apart(folder: Path, root: Path) -> str:
    return (
        f"{folder} is on another file system than {root}, and nothing can be published there in one step: unmount it, "
        "or export these slides to a DEST of their own on it"
    )


def _cut_off(target: Path) -> str:
    return (
        f"{target}: the system moves nothing there in one step ({os.strerror(errno.EXDEV)}), though no other file "
        "system is mounted on its folder; export it to a DEST of its own"
    )


def _make_private(folder: Path) -> None:
    """Make a folder that other users cannot enter, or close an existing one: a link planted in it would be followed."""
    folder.mkdir(parents=True, exist_ok=True, mode=_PRIVATE_MODE)
    with contextlib.suppress(PermissionError):
        # It may be somebody else's, or on a file system that knows no owners. The set-group-id bit stays: what is
        # published comes out of here, and belongs to the group that the tree says.
        folder.chmod(_PRIVATE_MODE | (folder.stat().st_mode & stat.S_ISGID))


def _file_systems(*folders: Path) -> list[FileSystemSync]:
    """Open the file systems of the folders, each once."""
    by_device = {folder.stat().st_dev: folder for folder in folders}
    return [FileSystemSync(folder) for folder in by_device.values()]


def _can_rename(folder: Path, target: Path) -> bool:
    """Return True if a rename from one folder to another succeeds: two mounts may have the same device number."""
    trial = uuid.uuid4().hex
    (folder / trial).mkdir()
    try:
        (folder / trial).rename(target / f".{trial}")
    except OSError as error:
        (folder / trial).rmdir()
        if error.errno != errno.EXDEV:
            raise
        return False
    (target / f".{trial}").rmdir()
    return True
