"""File systems that are mounted within each other: nothing can be renamed from one into another."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_MOUNTS = Path("/proc/self/mountinfo")
_ESCAPED = re.compile(rb"\\([0-7]{3})")


class Mount(NamedTuple):
    """One line of the system's list (man 5 proc)."""

    device: str
    """Major and minor number of the device, with a colon."""
    place: Path
    """Folder that it is mounted on."""
    type: str
    """Type of the file system."""


def mounts() -> Iterator[Mount]:
    """Yield what is mounted, in order; nothing where the system does not tell."""
    try:
        lines = _MOUNTS.read_bytes().splitlines()
    except OSError:
        return
    for line in lines:
        fields, _, rest = line.partition(b" - ")
        device, place = fields.split()[2], fields.split()[4]
        path = os.fsdecode(_ESCAPED.sub(lambda found: bytes([int(found[1], 8)]), place))
        yield Mount(device.decode(), Path(path), rest.split()[0].decode())


def mounts_within(root: Path) -> tuple[Path, ...]:
    """Return the folders below a root that other file systems are mounted on.

    A bind mount is one as well: nothing can be renamed into it.
    """
    real = Path(os.path.realpath(root))
    return tuple(
        root / mount.place.relative_to(real)
        for mount in mounts()
        if mount.place != real and mount.place.is_relative_to(real)
    )


def type_of(folder: Path) -> str:
    """Return the type of the file system of a folder; empty where it is unknown."""
    device = folder.stat().st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    return next((mount.type for mount in mounts() if mount.device == wanted), "")
