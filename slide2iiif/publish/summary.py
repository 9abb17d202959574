"""Results of a run: one per slide, and totals."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from slide2iiif.iiif.info import DOCUMENT_NAME
from slide2iiif.preflight.space import Verdict


class Status(StrEnum):
    """Result of a slide in one word."""

    EXPORTED = "exported"
    REBASED = "rebased"
    """Unchanged; only its documents were rewritten: for another base URL, or another pixel size."""
    UNCHANGED = "unchanged"
    FAILED = "failed"
    PASSED_OVER = "passed_over"
    """Is left out on purpose: a picture that accompanies a slide, or what was not asked for."""
    REMOVED = "removed"
    PLANNED = "planned"
    """Would be exported, in a dry run."""
    REBASABLE = "rebasable"
    """Would be rebased, in a dry run."""
    REMOVABLE = "removable"
    """Would be removed, in a dry run."""


_PUBLISHED = frozenset({
    Status.EXPORTED, Status.REBASED, Status.UNCHANGED, Status.PLANNED, Status.REBASABLE
})  # fmt: skip

_LISTED_PASSED_OVER = 10_000
"""Outcomes of this kind that are kept; all are counted."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of one slide."""

    identifier: str
    """Path below the base URL; for a file that is no slide, its path on disk."""
    status: Status
    reason: str = ""
    """Reason of a failure."""
    width: int = 0
    """Width of full resolution in pixels."""
    height: int = 0
    """Height of full resolution in pixels."""
    tiles: int = 0
    """Number of tiles, stored or planned."""
    levels: tuple[Mapping[str, int], ...] = ()
    """Scale of each level, and numbers of tiles by origin: copied, cropped, encoded, derived, damaged."""
    files: int = 0
    """Number of URLs."""
    inodes: int = 0
    """Number of inodes in a folder store."""
    stored_bytes: int = 0
    """Stored bytes; in a dry run an estimate."""
    seconds: float = 0.0
    """Time that workers were busy with the slide, added up over all of them; in a dry run, time of the look at it."""
    blank: int = 0
    """Number of tiles of one colour, which share their files."""
    note: str = ""
    """Notes about the slide that are no failures, such as an implausible pixel size."""
    source: str = ""
    """Path below the source root; empty where only the receipt is left."""
    published_bytes: int = 0
    """Bytes of the slide as it is published, or would be; 0 where it is not."""

    is_same: bool = False
    """True if it was made anew and gave the files that are published, which stay as they are."""

    is_beyond_limits: bool = False
    """True if it is published and has more tiles or pixels than are allowed now."""

    @property
    def exact(self) -> int:
        """Number of bit-exact tiles: copied or cropped without decoding."""
        return self._count("copied") + self._count("cropped")

    @property
    def damaged(self) -> int:
        """Number of tiles with background because the slide is damaged there."""
        return self._count("damaged")

    def _count(self, how: str) -> int:
        return sum(level.get(how, 0) for level in self.levels)


@dataclass(frozen=True, slots=True)
class RunFacts:
    """Facts of a run, for its summary."""

    version: str
    """Version of the program."""
    started: datetime
    ended: datetime
    base_url: str
    """Base of all ids."""
    is_dry: bool
    """True if nothing was written."""
    settings: Mapping[str, Mapping[str, Any]]
    """Value and origin of each setting that holds."""
    rules: Sequence[Mapping[str, Any]]
    """Rules for single slides."""
    changes: Sequence[Mapping[str, Any]]
    """Settings that are not what they were: name, value before and after, and what becomes different."""
    files: Mapping[str, Mapping[str, int]]
    """Numbers of pages, manifests and documents that were written and removed."""
    tree_bytes: int | None = None
    """Bytes of all tiles and pictures of the tree; None unless asked for."""


@dataclass(slots=True)
class Summary:
    """Results of a run."""

    outcomes: list[Outcome] = field(default_factory=list)
    """Outcomes of all slides but unchanged ones without damage or note, which are counted: there may be a million."""
    counts: Counter[Status] = field(default_factory=Counter)
    """Number of slides by status."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Files and folders that were passed over, by reason."""
    seconds: float = 0.0
    """Duration of the run."""
    notes: list[str] = field(default_factory=list)
    """Notes on the whole tree."""
    verdict: Verdict | None = None
    """Result of the preflight check, in a dry run."""
    facts: RunFacts | None = None
    """Facts of the run; None for a summary that belongs to none."""
    published: int = 0
    """Slides that are published, or would be, as far as this run has seen them."""
    published_bytes: int = 0
    """Bytes of those."""

    def add(self, outcome: Outcome) -> None:
        """Add the outcome of a slide."""
        self.counts[outcome.status] += 1
        if outcome.status in _PUBLISHED:
            self.published += 1
            self.published_bytes += outcome.published_bytes
        if outcome.status is Status.PASSED_OVER:
            self.reasons[outcome.reason] += 1
            if self.counts[outcome.status] > _LISTED_PASSED_OVER:
                return
        if outcome.status is not Status.UNCHANGED or outcome.damaged or outcome.note:
            self.outcomes.append(outcome)

    def join(self, other: "Summary") -> None:
        """Take in another summary of the same run."""
        self.outcomes += other.outcomes
        self.counts += other.counts
        self.reasons += other.reasons
        self.notes += other.notes
        self.seconds += other.seconds
        self.published += other.published
        self.published_bytes += other.published_bytes

    @property
    def exit_code(self) -> int:
        """0 if no slide failed, no tile is damaged, and no published slide is beyond the limits; else 1."""
        return 1 if self.counts[Status.FAILED] or self.total("damaged") or self.total("is_beyond_limits") else 0

    def total(self, name: str) -> int:
        """Sum a number over all outcomes: `tiles`, `exact`, `damaged`, `blank`, `files`, `stored_bytes`, and others."""
        return sum(getattr(outcome, name) for outcome in self.outcomes)

    def as_json(self, exit_code: int | None = None) -> dict[str, Any]:
        """Return the summary as a JSON object, as `docs/summary.schema.json` describes it.

        Args:
            exit_code: exit code of the command; None for that of the slides alone.
        """
        base_url = self.facts.base_url if self.facts is not None else ""
        return {
            **_facts(self.facts),
            "exit_code": self.exit_code if exit_code is None else exit_code,
            **_room(self.verdict),
            "counts": {status.value: self.counts[status] for status in Status},
            "notes": self.notes,
            "passed_over": dict(self.reasons),
            "tiles": self.total("tiles"),
            "bit_exact_tiles": self.total("exact"),
            "damaged_tiles": self.total("damaged"),
            "blank_tiles": self.total("blank"),
            "beyond_limits": self.total("is_beyond_limits"),
            "files": self.total("files"),
            "inodes": self.total("inodes"),
            "bytes": self.total("stored_bytes"),
            "seconds": round(self.seconds, 3),
            "slides": [_record(outcome, base_url) for outcome in self.outcomes],
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


def _facts(facts: RunFacts | None) -> dict[str, Any]:
    if facts is None:
        return {}
    return {
        "version": facts.version,
        "start": facts.started.isoformat(timespec="milliseconds"),
        "end": facts.ended.isoformat(timespec="milliseconds"),
        "dry_run": facts.is_dry,
        "base_url": facts.base_url,
        "settings": facts.settings,
        "rules": list(facts.rules),
        "changes": list(facts.changes),
        "written": facts.files["written"],
        "removed": facts.files["removed"],
        "tree_bytes": facts.tree_bytes,
    }


def _record(outcome: Outcome, base_url: str) -> dict[str, Any]:
    record = asdict(outcome)
    record["beyond_limits"] = record.pop("is_beyond_limits")
    record["same_files"] = record.pop("is_same")
    del record["published_bytes"]
    is_there = base_url and outcome.status in _PUBLISHED
    record["url"] = f"{base_url}/{outcome.identifier}/{DOCUMENT_NAME}" if is_there else ""
    record["bit_exact_tiles"] = outcome.exact
    record["damaged_tiles"] = outcome.damaged
    record["blank_tiles"] = record.pop("blank")
    record["bytes"] = record.pop("stored_bytes")
    record["seconds"] = round(outcome.seconds, 3)
    return record
