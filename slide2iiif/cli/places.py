"""The places that a command line names: whether they can be used, told before the work begins."""

import argparse
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from slide2iiif.cli.arguments import given_place
from slide2iiif.cli.streams import is_output_closed
from slide2iiif.errors import TargetError, UsageError
from slide2iiif.options import CONNECTIONS

if TYPE_CHECKING:
    from slide2iiif.stores.base import Store

_UTF_8_MARK = b"\xef\xbb\xbf"
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def listed_paths(name: str, *, is_null: bool = False) -> Iterator[str]:
    """Read a list of paths from a file or (`-`) from standard input.

    Args:
        name: the file.
        is_null: whether each path ends with a zero byte, and is what stands before it to the byte; else each is a
            line, and the mark that some editors write at the beginning is none of it.

    Raises:
        UsageError: it cannot be read, or is no list of bytes.
    """
    if name == "-" and sys.stdin is None:
        raise UsageError("--files-from -: standard input is closed; give it a list, or name a file")
    try:
        raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"--files-from {name}: {error.strerror}") from None
    if is_null:
        lines = raw.split(b"\0")
    else:
        if raw.startswith(_UTF_16_MARKS) and b"\0" in raw:
            raise UsageError(f"--files-from {name}: is written in UTF-16; write it in UTF-8")
        lines = [line.removesuffix(b"\r") for line in raw.removeprefix(_UTF_8_MARK).split(b"\n")]
    yield from (os.fsdecode(line) for line in lines if line)


def check_places(source: Path, dest: Path | str) -> None:
    """Refuse places that would eat each other.

    Raises:
        UsageError: SOURCE cannot be read, or one of the two lies in the other.
        TargetError: DEST is no folder.
    """
    from slide2iiif.discovery.walk import check_root

    check_root(source)
    if isinstance(dest, str):
        return
    try:
        if not stat.S_ISDIR(dest.stat().st_mode):
            raise TargetError(f"DEST {dest}: is not a folder")
    except FileNotFoundError:
        pass  # It will be made.
    except OSError as error:
        raise TargetError(f"DEST {dest}: {error.strerror}") from None
    real_source, real_dest = source.resolve(), dest.resolve()
    if real_dest.is_relative_to(real_source):
        raise UsageError(f"DEST {dest} lies in SOURCE {source}: its tiles would be taken for slides; choose another")
    if real_source.is_relative_to(real_dest):
        raise UsageError(f"SOURCE {source} lies in DEST {dest}: the slides would be published as files; choose another")


def check_published(store: "Store", args: argparse.Namespace) -> None:
    """Check that a tree was published in a place.

    Raises:
        TargetError: none was.
    """
    if not store.is_tree():
        hint = "" if args.private_dir else ", or was published with --private-dir"
        raise TargetError(f"DEST {args.dest}: is not a tree that slide2iiif has published{hint}")


def check_summary_file(name: str | None) -> None:
    """Refuse a file that cannot be written now rather than after hours of work.

    Raises:
        UsageError: its folder is missing or may not be written, it is a folder itself, or `-` and there is no output.
    """
    if name is None:
        return
    if name == "-":
        if is_output_closed():
            raise UsageError("--json -: standard output is closed; name a file")
        return
    file = Path(name)
    if not file.parent.is_dir():
        raise UsageError(f"--json {name}: {file.parent} is not a folder")
    if file.is_dir():
        raise UsageError(f"--json {name}: is a folder")
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        raise UsageError(f"--json {name}: no permission to write it")


def add_private_dir(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Declare where what is not published lies."""
    parser.add_argument(
        "--private-dir",
        metavar="DIR",
        type=given_place,
        help="folder outside DEST for receipts, lock and key, instead of DEST/.slide2iiif; name it at every run",
    )


def add_connections(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Declare how many requests to a bucket a process has under way."""
    parser.add_argument(
        CONNECTIONS.name,
        metavar="N",
        default=str(CONNECTIONS.default),
        help="requests to a bucket that each process has under way; fewer where the place says that it is too busy "
        "(default: %(default)s)",
    )
