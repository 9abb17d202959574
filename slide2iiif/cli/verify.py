"""Check that every URL of a published tree has the file that was published, and that nothing else is there."""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

from slide2iiif.cli.arguments import given_path, given_place, path_or_word
from slide2iiif.cli.places import add_private_dir, check_published, check_summary_file
from slide2iiif.cli.workers import add_block_timeout, add_worker_memory, worker_engine
from slide2iiif.errors import TargetError
from slide2iiif.machine import usable_processors
from slide2iiif.options import BLOCK_TIMEOUT, JOBS, WORKER_MEMORY
from slide2iiif.progress import printable

if TYPE_CHECKING:
    from slide2iiif.maintenance.verify import Totals
    from slide2iiif.records.findings import Finding

HELP = "check a published tree"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("dest", metavar="DEST", type=given_place, help="published tree")
    parser.add_argument("--deep", action="store_true", help="decode every tile as well, and check its dimensions")
    parser.add_argument(
        "--source", metavar="SOURCE", type=given_path, help="compare with the slides it was made from, too"
    )
    parser.add_argument(
        "--json",
        metavar="FILE",
        type=path_or_word,
        help="write what is found for machines; - writes to standard output",
    )
    add_private_dir(parser)
    add_block_timeout(parser, "give up slides of which some thousand files take longer to check")
    add_worker_memory(parser, "give up slides of which some thousand files need more memory in one process")
    parser.add_argument(
        "--jobs",
        metavar="N",
        default=str(JOBS.default),
        help="worker processes (default: one for each core, or as many as the quota of a container allows)",
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing; the exit code tells")


def run(args: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    begun = time.monotonic()
    counts: Counter[str] = Counter()
    check_summary_file(args.json)
    with _FindingReport(args) as report:

        def note(finding: "Finding") -> None:
            counts[finding.kind] += 1
            report.finding(finding)

        totals = check(args, note)
        report.end(totals, counts, time.monotonic() - begun)
    return 1 if counts else 0


def check(args: argparse.Namespace, note: "Callable[[Finding], object]") -> "Totals":
    """Check the tree that the command line names; hand over each finding as it is found, and return the totals.

    Raises:
        TargetError: there is no published tree.
        UsageError: the arguments make no sense.
    """
    jobs = JOBS.parse(args.jobs) or usable_processors()
    memory, block_timeout = WORKER_MEMORY.parse(args.worker_memory), BLOCK_TIMEOUT.parse(args.block_timeout)

    from slide2iiif.discovery.walk import check_root
    from slide2iiif.engines.base import Deadlines
    from slide2iiif.maintenance.verify import Verification
    from slide2iiif.records.receipts import Receipts
    from slide2iiif.site.gallery import known_pages
    from slide2iiif.stores import open_store

    if args.source is not None:
        check_root(args.source)
    store = open_store(args.dest, args.private_dir)
    check_published(store, args)
    receipts = Receipts(store.private)
    with worker_engine(jobs, memory) as engine:
        verification = Verification(
            store, receipts, engine, is_deep=args.deep, deadlines=Deadlines(block_seconds=block_timeout)
        )
        verification.pages = known_pages(store, receipts)
        findings = verification.tree()
        if args.source is not None:
            findings = chain(findings, verification.source(args.source))
        for finding in findings:
            note(finding)
    return verification.totals


class _FindingReport:
    """Report of findings as they are found: lines for people, and a document for machines."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._machine: IO[str] | None = None
        self._is_first = True
        self._name = args.json
        self._is_quiet = args.quiet or args.json == "-"

    def __enter__(self) -> Self:
        if self._name == "-":
            self._machine = sys.stdout
        elif self._name:
            with self._refusals():
                self._machine = Path(self._name).open("w", encoding="ascii")
        self._write('{"findings": [')
        return self

    def __exit__(self, *raised: object) -> None:
        if self._machine is not None and self._machine is not sys.stdout:
            with self._refusals():
                self._machine.close()

    def finding(self, finding: "Finding") -> None:
        """Report a finding."""
        record = {
            "kind": finding.kind,
            "slide": finding.slide,
            "path": finding.path,
            "tile": finding.tile and finding.tile._asdict(),
            "detail": finding.detail,
        }
        self._write(f"{'' if self._is_first else ','}\n{json.dumps(record)}")
        self._is_first = False
        if not self._is_quiet:
            print(printable(line_of(finding)))

    def end(self, totals: "Totals", counts: Counter[str], seconds: float) -> None:
        """Report the totals."""
        facts = {"counts": counts, "slides": totals.slides, "files": totals.files, "seconds": round(seconds, 3)}
        self._write(f"\n], {json.dumps(facts)[1:]}\n")
        if not self._is_quiet:
            found = ", ".join(f"{count:,} {kind}" for kind, count in sorted(counts.items())) or "nothing is wrong"
            print(f"{totals.slides:,} slides, {totals.files:,} URLs in {seconds:.1f} s: {found}")

    def _write(self, text: str) -> None:
        if self._machine is not None:
            with self._refusals():
                self._machine.write(text)

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            raise TargetError(f"--json {self._name}: {error.strerror}") from None


def line_of(finding: "Finding") -> str:
    """Return the line that reports a finding."""
    where = (
        f" (level {finding.tile.level}, column {finding.tile.column}, row {finding.tile.row})" if finding.tile else ""
    )
    return f"{finding.kind}: {finding.path}{where}{f': {finding.detail}' if finding.detail else ''}"
