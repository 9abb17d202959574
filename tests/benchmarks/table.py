"""Costs of all runs -> Markdown for people, JSON for machines."""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from measuring import Cost

_GIGAPIXEL = 1000
"""In megapixels."""


@dataclass(slots=True)
class Row:
    """One contestant."""

    name: str
    megapixels: float
    """What it exports in one run."""
    goal: float | None = None
    """How many times the first row's wall time it should take at least."""
    problem: str = ""
    """Why it did not take part or stopped."""
    runs: list[Cost] = field(default_factory=list)
    files: int = 0
    """Names written, aliases included."""

    def median(self, name: str) -> float:
        """Give the median of a field of the costs."""
        values: list[float] = [getattr(cost, name) for cost in self.runs]
        return statistics.median(values)


@dataclass(frozen=True, slots=True)
class Table:
    """One case in one place."""

    case: str
    place: str
    text: str
    """What was exported."""
    rows: tuple[Row, ...]
    """The first is what the others are compared with."""

    def ratio(self, row: Row, name: str) -> float | None:
        """Give a median as a multiple of the first row's; None where one of them has not run."""
        first = self.rows[0]
        return row.median(name) / first.median(name) if row.runs and first.runs else None


def markdown(table: Table) -> str:
    """Write a table for people."""
    head = "| | wall s | × | goal | CPU s | × | process MB | all MB | files | s/Gpx |"
    lines = [f"### {table.case}, {table.place}", "", table.text, "", head, "|---|" + "--:|" * 9]
    lines += [f"| {' | '.join(_cells(table, row))} |" for row in table.rows]
    lines += ["", *(f"- {row.name}: {row.problem}" for row in table.rows if row.problem)]
    return "\n".join(lines).rstrip() + "\n"


def as_json(tables: Iterable[Table], machine: Mapping[str, str]) -> dict[str, Any]:
    """Give all tables for machines, with every single run."""
    return {"machine": dict(machine), "tables": [_table_record(table) for table in tables]}


def _cells(table: Table, row: Row) -> list[str]:
    if not row.runs:
        return [row.name, *["–"] * 9]
    wall = row.median("wall")
    return [
        row.name,
        f"{wall:.2f}",
        _times(table.ratio(row, "wall")),
        f"≥ {row.goal:.2g}" if row.goal else "",
        f"{row.median('cpu'):.2f}",
        _times(table.ratio(row, "cpu")),
        f"{row.median('process_mb'):.0f}",
        f"{row.median('total_mb'):.0f}",
        f"{row.files:,}",
        f"{wall / row.megapixels * _GIGAPIXEL:.1f}",
    ]


def _times(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio:.2f}"


def _table_record(table: Table) -> dict[str, Any]:
    return {
        "case": table.case,
        "place": table.place,
        "text": table.text,
        "rows": [_row_record(table, row) for row in table.rows],
    }


def _row_record(table: Table, row: Row) -> dict[str, Any]:
    record: dict[str, Any] = {"name": row.name, "megapixels": row.megapixels, "goal": row.goal, "files": row.files}
    names = list(asdict(row.runs[0])) if row.runs else []
    return {
        **record,
        "problem": row.problem,
        "medians": {name: round(row.median(name), 4) for name in names},
        "ratios": {name: table.ratio(row, name) for name in names},
        "runs": [asdict(cost) for cost in row.runs],
    }
