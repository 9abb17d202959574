"""Published trees to damage: made once, copied with their hard links, checked and put right in this process."""

import os
import random
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from commands import snapshot

from slide2iiif.discovery.walk import walk
from slide2iiif.engines.base import Engine
from slide2iiif.engines.serial import SerialEngine
from slide2iiif.maintenance.repair import Repair, Repaired
from slide2iiif.maintenance.verify import Verification
from slide2iiif.options import Options
from slide2iiif.progress import Silent
from slide2iiif.publish.run import Export
from slide2iiif.publish.summary import Summary
from slide2iiif.publish.tree import Tree
from slide2iiif.records.findings import Finding
from slide2iiif.records.receipts import Receipts
from slide2iiif.stores.folder.store import FolderStore

SMALL_TILES = Options(tile_size=64)
BASE_URL = "https://host.example/iiif"
ONE, TWO = "one.synthetic", "ward/two.synthetic"
"""Slides of the tree that the tests of verify and repair damage."""
TILE = f"{ONE}/64,128,64,64/64,/0/default.jpg"
"""A tile of the first."""


class PublishedTree(NamedTuple):
    """A tree and what it was made from."""

    root: Path
    source: Path

    @property
    def receipts(self) -> Receipts:
        return Receipts(FolderStore(self.root).private)

    def receipt_file(self, identifier: str) -> Path:
        return self.root / ".slide2iiif" / "receipts" / identifier / "receipt.json"

    def digest_file(self, identifier: str) -> Path:
        return self.root / ".slide2iiif" / "receipts" / identifier / "ledger"

    def export(self, options: Options = SMALL_TILES) -> Summary:
        with FolderStore(self.root) as store, SerialEngine() as engine:
            flow = Export(Tree(store, self.receipts, options, BASE_URL, f"{BASE_URL}-v3"), engine, Silent())
            return flow.slides(walk(self.source))

    def verification(self, engine: Engine | None = None, *, deep: bool = False) -> Verification:
        return Verification(FolderStore(self.root), self.receipts, engine or SerialEngine(), is_deep=deep)

    def findings(self, *, deep: bool = False) -> list[Finding]:
        return list(self.verification(deep=deep).tree())

    def repair(self, engine: Engine | None = None) -> list[Repaired]:
        with FolderStore(self.root) as store:
            return list(
                Repair(store, self.receipts, engine or SerialEngine(), self.source).slides(
                    list(self.receipts.identifiers())
                )
            )

    def copy(self, to: Path) -> "PublishedTree":
        """Copy the tree with its hard links; the source stays where it is."""
        subprocess.run(["cp", "-a", self.root, to], check=True)
        return PublishedTree(to, self.source)

    def files(self) -> list[str]:
        return sorted(snapshot(self.root))


def flip_bit(path: Path, rng: random.Random) -> None:
    """Change one bit, in place: all names of the file have it."""
    content = bytearray(path.read_bytes())
    if not content:
        return
    bit = rng.randrange(8 * len(content))
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


def cut(path: Path, rng: random.Random) -> None:
    os.truncate(path, rng.randrange(path.stat().st_size or 1))


def delete(path: Path, _: random.Random) -> None:
    path.unlink()


def add_stranger(path: Path, rng: random.Random) -> Path:
    """Put something beside a file or beside one of the folders that it is in; give what was put."""
    folder = path.parents[rng.randrange(4)]
    stranger = folder / rng.choice(["0", "full,", "x.jpg", ".hidden", "64,64,64,63", "1,2,3,4", "default.jpeg"])
    while os.path.lexists(stranger):
        stranger = stranger.with_name(f"{stranger.name}x")
    way = rng.randrange(3)
    if way == 0:
        stranger.write_bytes(b"x")
    elif way == 1:
        stranger.mkdir()
    else:
        stranger.symlink_to(path)
    return stranger


EDITS: tuple[Callable[[Path, random.Random], None], ...] = (flip_bit, cut, delete)


def told_paths(findings: Iterable[Finding]) -> set[str]:
    return {finding.path for finding in findings}
