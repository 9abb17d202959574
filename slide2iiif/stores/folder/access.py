"""Access of other users to what is published: a web server is one of them, as a rule."""

import contextlib
import os
import shlex
import stat
from pathlib import Path

_ACL = "system.posix_acl_access"
"""Extended attribute of a file with further permissions (man 5 acl): whoever sets them knows who reads."""


def access_note(root: Path, document: Path) -> str:
    """Return a note that a web server of another user cannot read a published file; empty if one can.

    It can if all users may, or the group of the tree may, where somebody has chosen that group: by the set-group-id
    bit, or as one that is not that of the user who publishes. Folders above the tree are not looked at.

    Args:
        root: folder of the tree.
        document: of a slide.
    """
    try:
        file, tree = document.stat(), root.stat()
        folders = [place.stat() for place in document.parents if place.is_relative_to(root)]
    except OSError:
        return ""
    for_all = file.st_mode & stat.S_IROTH and all(folder.st_mode & stat.S_IXOTH for folder in folders)
    is_chosen = bool(tree.st_mode & stat.S_ISGID) or tree.st_gid != os.getegid()
    is_of_group = all(each.st_gid == tree.st_gid for each in (file, *folders))
    for_group = file.st_mode & stat.S_IRGRP and is_of_group and all(each.st_mode & stat.S_IXGRP for each in folders)
    if for_all or (is_chosen and for_group) or _has_acl(document):
        return ""
    modes = f"files have mode {stat.S_IMODE(file.st_mode):04o}, folders {stat.S_IMODE(folders[0].st_mode):04o}"
    return (
        f"a web server of another user cannot read what is published ({modes}): run with umask 022, or give DEST to a "
        "group that the server is in, with the set-group-id bit; and once: "
        f"find {shlex.quote(str(root))} -name .slide2iiif -prune -o -exec chmod o+rX {{}} +"
    )


def _has_acl(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return _ACL in os.listxattr(path)
    return False
