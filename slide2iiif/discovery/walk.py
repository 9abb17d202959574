"""Source root -> slides: which files are slides, and which belong to another one.

One slide is one file, one `.mrxs` with its folder, one `.vms` or `.vmu` with the images it names, or one DICOM
series in a folder. Hidden files are left alone. Links are followed inside the root and nowhere else. Folders are
read one at a time, in the order of their names, so memory does not grow with the tree; nor does the stack with its
depth.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from slide2iiif.discovery.choice import EVERYTHING, Choice
from slide2iiif.discovery.found import PassedOver, Slide, Unusable
from slide2iiif.discovery.lookup import find_files, find_listed
from slide2iiif.discovery.neighbours import Published
from slide2iiif.discovery.source_tree import Contents, SourceTree
from slide2iiif.errors import UsageError

if TYPE_CHECKING:
    from slide2iiif.discovery.folder import Folder, Identity

__all__ = ["PassedOver", "Slide", "Unusable", "check_root", "find_listed", "walk"]


def walk(
    root: Path, choice: Choice | None = None, published: Published | None = None, closed: Iterable[Path] = ()
) -> Iterator[Slide | Unusable]:
    """Find all slides below a folder, or the one slide that a file is.

    Args:
        root: the source root, or one slide, which is published even if its name says that it accompanies another.
        choice: which slides are meant; None is the default one.
        published: the identifiers that are published, which slides keep; None where they do not come from paths.
        closed: folders that are not entered, by whatever name.

    Raises:
        UsageError: the root does not exist, cannot be read, or is a published tree.
    """
    check_root(root)
    choice = choice or Choice()
    if not root.is_dir():
        # Asked for by name, a link may lead anywhere.
        choice = replace(choice, include=EVERYTHING.include)
        tree = SourceTree(root.parent, choice, published, closed, [root.resolve()])
        yield from find_files(tree, [root])
        return
    yield from _walk(SourceTree(root, choice, published, closed))


def check_root(root: Path) -> None:
    """Check that the source can be read at all.

    Raises:
        UsageError: it does not exist or cannot be read.
    """
    try:
        if root.is_dir():
            with os.scandir(root) as entries:
                next(entries, None)
        else:
            root.stat()
    except OSError as error:
        raise UsageError(f"SOURCE {root}: {error.strerror}") from None


def _walk(tree: SourceTree) -> Iterator[Slide | Unusable]:
    folder, identity = tree.root()
    above = {identity}
    way: list[tuple[Identity, Contents, Iterator[str]]] = []
    inner: Folder | PassedOver | None = folder
    while True:
        if isinstance(inner, PassedOver):
            yield inner
        elif inner is not None:
            above.add(identity)
            contents = tree.contents(inner, above)
            yield from contents.found()
            contents.forget()
            way.append((identity, contents, iter(contents.inner)))
        while (name := next(way[-1][2], None)) is None:
            above.discard(way.pop()[0])
            if not way:
                return
        identity = way[-1][1].folder.folders[name]
        inner = tree.enter(way[-1][1], name, above)
