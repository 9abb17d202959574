"""What is exported, by whom, and what is hoped for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from contestants import Contestant, bare, deepzoom, ours, pyvips, synced, tar, vips
from slides import Shelf

TMPFS, DISK = "tmpfs", "disk"
PLACES = (TMPFS, DISK)

_APERIO = (1, 4, 16)
_DYADIC = (1, 2, 4, 8, 16, 32)


@dataclass(frozen=True, slots=True)
class Case:
    """One table."""

    name: str
    """As it is asked for."""
    slides: Callable[[Shelf], list[Path]]
    """What is exported; most have one slide."""
    contestants: tuple[Contestant, ...]
    """Who exports; the first is what the others are compared with."""
    on_disk: tuple[Contestant, ...] = ()
    """Who exports besides where the output is on disk."""
    tile_size: int = 256
    """Side of a tile in pixels."""
    goals: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """By contestant and place: how many times our wall time it should take at least."""
    repeated: bool = False
    """Whether the slide is copied until our run takes a while."""
    with_folder: bool = False
    """Whether the files beside the slide belong to it."""


def _real(name: str) -> Callable[[Shelf], list[Path]]:
    return lambda shelf: [shelf.real(name)]


def _generated(*sizes: tuple[int, int], scales: tuple[int, ...] = _APERIO) -> Callable[[Shelf], list[Path]]:
    return lambda shelf: [shelf.generated(width, height, scales) for width, height in sizes]


def _everybody() -> tuple[Contestant, ...]:
    return ours(), vips(), pyvips(), deepzoom(), bare(), bare("--checked"), tar()


def _synced() -> tuple[Contestant, ...]:
    return tuple(synced(each) for each in (vips(), pyvips(), bare(), tar()))


_P37 = _real("aperio/P37-CRC01-he.svs")

_ALL = (
    Case("smoke", _generated((1000, 700)), _everybody(), _synced()),
    Case(
        "p37",
        _P37,
        _everybody(),
        _synced(),
        goals={
            "vips dzsave": {TMPFS: 12, DISK: 6},
            "pyvips dzsave": {TMPFS: 6, DISK: 3},
            "vips dzsave, and sync": {DISK: 6},
            "pyvips dzsave, and sync": {DISK: 3},
            "DeepZoomGenerator": {TMPFS: 12},
            "tar xf": {TMPFS: 1 / 3, DISK: 1 / 3},
        },
    ),
    Case(
        "p37-recompress",
        _P37,
        (
            ours("slide2iiif --recompress", extra=("--recompress",)),
            pyvips(),
            bare("--recompress"),
            bare("--recompress", "--checked"),
        ),
        goals={"pyvips dzsave": {TMPFS: 2.5}},
    ),
    Case(
        "dyadic",
        _generated((17408, 14592), scales=_DYADIC),
        _everybody(),
        goals={"pyvips dzsave": {TMPFS: 15}},
    ),
    Case(
        "dyadic-large",
        _generated((35328, 28416), scales=(*_DYADIC, 64)),
        (ours(), pyvips(), bare(), bare("--checked"), tar()),
        goals={"pyvips dzsave": {TMPFS: 15}},
    ),
    Case(
        "ndpi",
        _real("hamamatsu/test3-DAPI-2-387.ndpi"),
        (ours(), vips(), deepzoom()),
        goals={"vips dzsave": {TMPFS: 3}},
        repeated=True,
    ),
    Case(
        "dicom",
        _real("dicom/cmu-1-small-region/level-0-frames-0-30.dcm"),
        (ours(), vips(), deepzoom()),
        tile_size=500,
        goals={"vips dzsave": {TMPFS: 3}, "DeepZoomGenerator": {TMPFS: 3}},
        repeated=True,
        with_folder=True,
    ),
    Case(
        "jp2k",
        _real("aperio/tcga-cr-7395-01a-01-ts1.svs"),
        (ours(), vips(), deepzoom()),
        goals={"vips dzsave": {TMPFS: 1.5}},
        repeated=True,
    ),
    Case(
        "image",
        _real("images/6976x5074.jpg"),
        (ours(), pyvips()),
        goals={"pyvips dzsave": {TMPFS: 1.2}},
        repeated=True,
    ),
    Case(
        "scaling",
        _generated((3584, 2816), (11264, 8960), (35328, 28416)),
        (ours("10 Mpx"), ours("100 Mpx", slide=1), ours("1,000 Mpx", slide=2)),
    ),
    Case(
        "processes",
        _P37,
        (ours("2 processes", jobs=2), ours("1 process", jobs=1)),
        goals={"1 process": {TMPFS: 1.8}},
        repeated=True,
    ),
    Case("processes-one-slide", _P37, (ours("2 processes", jobs=2), ours("1 process", jobs=1))),
)

CASES = {case.name: case for case in _ALL}
