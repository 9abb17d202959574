"""What a run came to: one outcome a slide, and the totals."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from slide2iiif.preflight.space import Verdict


class Status(StrEnum):
    """What became of a slide."""

    EXPORTED = "exported"
    REBASED = "rebased"
    """Was published and unchanged; only the ids in its documents are new."""
    UNCHANGED = "unchanged"
    FAILED = "failed"
    PASSED_OVER = "passed_over"
    """Is left out on purpose: a picture that accompanies a slide, or what was not asked for."""
    REMOVED = "removed"
    PLANNED = "planned"
    """Would be exported: a dry run."""
    REMOVABLE = "removable"
    """Would be removed: a dry run."""


_LISTED_PASSED_OVER = 10_000
"""Outcomes of this kind that are kept; all are counted."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one slide."""

    identifier: str
    """Path below the base URL; of a file that is no slide, its path."""
    status: Status
    reason: str = ""
    """Why it failed."""
    width: int = 0
    """Full resolution in pixels."""
    height: int = 0
    """Full resolution in pixels."""
    tiles: int = 0
    """Tiles stored, or to be stored."""
    levels: tuple[Mapping[str, int], ...] = ()
    """For each level its scale, and how many tiles were copied, cropped, encoded, derived, or are damaged."""
    files: int = 0
    """Names that can be asked for."""
    inodes: int = 0
    """Inodes that a folder store takes."""
    stored_bytes: int = 0
    """Bytes stored; in a dry run an estimate."""
    seconds: float = 0.0
    """From the first look at the slide to its publication."""
    blank: int = 0
    """Tiles of one colour, which share their files."""
    note: str = ""
    """What its owner should know of it, though it is no failure."""
    source: str = ""
    """Path below the source root; empty where only the receipt is left."""

    @property
    def exact(self) -> int:
        """Tiles that are bit-exact: copied or cropped without decoding."""
        return self._count("copied") + self._count("cropped")

    @property
    def damaged(self) -> int:
        """Tiles that are background because the slide is damaged there."""
        return self._count("damaged")

    def _count(self, how: str) -> int:
        return sum(level.get(how, 0) for level in self.levels)


@dataclass(slots=True)
class Summary:
    """What a run came to."""

    outcomes: list[Outcome] = field(default_factory=list)
    """All but unchanged slides, which are only counted, if they are whole: a tree may hold a million."""
    counts: Counter[Status] = field(default_factory=Counter)
    """Slides by status."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Files and folders that were passed over, by reason."""
    seconds: float = 0.0
    """Duration of the run."""
    verdict: Verdict | None = None
    """Of a dry run: whether there is room."""

    def add(self, outcome: Outcome) -> None:
        """Take in what became of a slide."""
        self.counts[outcome.status] += 1
        if outcome.status is Status.PASSED_OVER:
            self.reasons[outcome.reason] += 1
            if self.counts[outcome.status] > _LISTED_PASSED_OVER:
                return
        if outcome.status is not Status.UNCHANGED or outcome.damaged:
            self.outcomes.append(outcome)

    def join(self, other: "Summary") -> None:
        """Take in another summary of the same run."""
        self.outcomes += other.outcomes
        self.counts += other.counts
        self.reasons += other.reasons
        self.seconds += other.seconds

    @property
    def exit_code(self) -> int:
        """0 if no slide failed and no tile is damaged, else 1."""
        return 1 if self.counts[Status.FAILED] or self.total("damaged") else 0

    def total(self, name: str) -> int:
        """Add up a number of all outcomes: `tiles`, `exact`, `damaged`, `blank`, `files`, `inodes`, `stored_bytes`."""
        return sum(getattr(outcome, name) for outcome in self.outcomes)

    def as_json(self) -> dict[str, Any]:
        """Give the summary for machines."""
        return {
            **_room(self.verdict),
            "counts": {status.value: self.counts[status] for status in Status},
            "passed_over": dict(self.reasons),
            "tiles": self.total("tiles"),
            "bit_exact_tiles": self.total("exact"),
            "damaged_tiles": self.total("damaged"),
            "blank_tiles": self.total("blank"),
            "files": self.total("files"),
            "inodes": self.total("inodes"),
            "bytes": self.total("stored_bytes"),
            "seconds": round(self.seconds, 3),
            "slides": [_record(outcome) for outcome in self.outcomes],
        }


def _room(verdict: Verdict | None) -> dict[str, Any]:
    if verdict is None or verdict.capacity is None:
        return {}
    return {
        "fits": False if verdict.refusal else None if verdict.doubt else True,
        "shortage": verdict.refusal or verdict.doubt,
        "inodes_left": verdict.capacity.inodes,
        "bytes_left": verdict.capacity.size,
    }


def _record(outcome: Outcome) -> dict[str, Any]:
    record = asdict(outcome)
    record["bit_exact_tiles"] = outcome.exact
    record["damaged_tiles"] = outcome.damaged
    record["blank_tiles"] = record.pop("blank")
    record["bytes"] = record.pop("stored_bytes")
    record["seconds"] = round(outcome.seconds, 3)
    return record
