"""Report of a run: a table for people, JSON for machines."""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from slide2iiif.errors import TargetError
from slide2iiif.preflight.space import Verdict, amount
from slide2iiif.progress import printable
from slide2iiif.publish.summary import Outcome, RunFacts, Status, Summary
from slide2iiif.stores.base import Capacity

_REASONS = 20
"""Reasons for passing files over that are printed."""


def report(summary: Summary, args: argparse.Namespace, exit_code: int) -> None:
    """Write the report of a run where the command line asks for it.

    Args:
        summary: results of the run.
        args: the command line.
        exit_code: exit code of the command.

    Raises:
        TargetError: the file of the summary cannot be written.
    """
    if args.json:
        # The file first: whoever reads the table may close the pipe early.
        _write_json(summary, args.json, exit_code)
    if not args.quiet and args.json != "-":
        _print_table(summary, args)
    elif summary.exit_code:
        for outcome in _failures(summary):
            print(f"slide2iiif: {printable(_line(outcome))}", file=sys.stderr)
        for outcome in summary.outcomes:
            if outcome.is_beyond_limits:
                print(f"slide2iiif: {printable(_name(outcome))}: {outcome.note}", file=sys.stderr)


def _write_json(summary: Summary, name: str, exit_code: int) -> None:
    text = json.dumps(summary.as_json(exit_code), indent=1) + "\n"
    if name == "-":
        print(text, end="")
        return
    try:
        Path(name).write_text(text)
    except OSError as error:
        raise TargetError(f"--json {name}: {error.strerror}") from None


def _line(outcome: Outcome) -> str:
    return f"{_name(outcome)}: {outcome.reason}" if outcome.reason else _name(outcome)


def _name(outcome: Outcome) -> str:
    # Whoever reads a hash wants to know whose it is; escapes for URLs need no explanation.
    if outcome.source and _is_renamed(outcome):
        return f"{outcome.source} ({outcome.identifier})"
    return outcome.identifier


def _is_renamed(outcome: Outcome) -> bool:
    from slide2iiif.iiif.identifiers import decode_identifier

    try:
        return str(decode_identifier(outcome.identifier)) != outcome.source
    except ValueError:
        return True


def _failures(summary: Summary) -> list[Outcome]:
    return [outcome for outcome in summary.outcomes if outcome.status is Status.FAILED]


def _print_table(summary: Summary, args: argparse.Namespace) -> None:
    for status in Status:
        if summary.counts[status]:
            _print_status(summary, status, args)
    if summary.facts is not None:
        _print_facts(summary.facts)
    if summary.verdict is not None and summary.verdict.capacity is not None:
        print(f"fits       {printable(_fit(summary.verdict, summary.verdict.capacity))}")
    if not summary.counts.total():
        print(f"no slide found in {printable(str(args.source))}")
    for note in summary.notes:
        print(f"note       {printable(note)}")
    print(f"in {summary.seconds:.1f} s")


def _print_facts(facts: RunFacts) -> None:
    for change in facts.changes:
        print(f"settings   {change['setting']}: {_shown(change['before'])} -> {_shown(change['after'])}")
    told = [
        f"{_numbers(numbers)} {'to be ' if facts.is_dry else ''}{what}"
        for what, numbers in facts.files.items()
        if any(numbers.values())
    ]
    if told:
        print(f"files      {'; '.join(told)}")


def _numbers(numbers: Mapping[str, int]) -> str:
    named = (f"{count:,} {kind if count != 1 else kind.removesuffix('s')}" for kind, count in numbers.items() if count)
    return ", ".join(named)


def _shown(value: object) -> str:
    values = value if isinstance(value, list) else ["no" if value is False else "yes" if value is True else value]
    return printable(", ".join(str(each) for each in values)) or "(none)"


def _print_status(summary: Summary, status: Status, args: argparse.Namespace) -> None:
    chosen = [outcome for outcome in summary.outcomes if outcome.status is status]
    name = status.value.replace("_", " ")
    print(f"{name:<10} {summary.counts[status]:>7,}{_amounts(chosen, status)}")
    for outcome in chosen:
        if outcome.damaged:
            print(f"    {printable(outcome.identifier)}: {outcome.damaged:,} damaged tiles")
        if outcome.note:
            print(f"    {printable(_name(outcome))}: {outcome.note}")
    if status in {Status.FAILED, Status.REMOVED, Status.REMOVABLE} or args.verbose:
        for outcome in chosen:
            print(f"    {printable(_line(outcome))}")
    elif status is Status.PASSED_OVER:
        _print_passed_over(summary, chosen)


def _print_passed_over(summary: Summary, chosen: list[Outcome]) -> None:
    """Print reasons, each with its number and the first file that it goes for; --json and -v have all of them."""
    first = {outcome.reason: outcome.identifier for outcome in reversed(chosen)}
    for reason, count in summary.reasons.most_common(_REASONS):
        example = f"{first[reason]}: " if reason in first else ""
        more = f" (and {count - 1:,} more)" if count > 1 else ""
        print(f"    {printable(f'{example}{reason}{more}')}")
    if len(summary.reasons) > _REASONS:
        print(f"    and for {len(summary.reasons) - _REASONS:,} other reasons")


def _fit(verdict: Verdict, capacity: Capacity) -> str:
    if verdict.refusal:
        return f"no: {verdict.refusal}"
    if verdict.doubt:
        return f"perhaps: {verdict.doubt}"
    inodes = "" if capacity.inodes is None else f"{capacity.inodes:,} inodes and "
    return f"yes: {inodes}{amount(capacity.size)} are left"


def _amounts(outcomes: list[Outcome], status: str) -> str:
    tiles = sum(outcome.tiles for outcome in outcomes)
    if not tiles:
        return ""
    size = sum(outcome.stored_bytes for outcome in outcomes) / 1e6
    inodes = sum(outcome.inodes for outcome in outcomes)
    about = "about " if status == "planned" else ""
    exact = sum(outcome.exact for outcome in outcomes)
    share = f" ({exact / tiles:.0%} bit-exact)" if status == "exported" else ""
    damaged = sum(outcome.damaged for outcome in outcomes)
    note = f", {damaged:,} damaged tiles replaced by background" if damaged else ""
    blank = sum(outcome.blank for outcome in outcomes)
    note = f", {blank:,} tiles of one colour stored once{note}" if blank else note
    same = sum(outcome.is_same for outcome in outcomes)
    note = f"{note}, {same:,} of them with the files that are published, which stay" if same else note
    return f"   {tiles:,} tiles{share}, {inodes:,} inodes, {about}{size:,.1f} MB{note}"
