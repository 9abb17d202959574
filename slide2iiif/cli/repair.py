"""Make missing and damaged files of a published tree again from their slides; nothing else is touched."""

import argparse
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from slide2iiif.cli.arguments import given_path, given_place
from slide2iiif.cli.places import add_private_dir, check_places, check_published
from slide2iiif.cli.verify import line_of
from slide2iiif.cli.workers import add_block_timeout, add_open_timeout, add_worker_memory, worker_engine
from slide2iiif.machine import usable_processors
from slide2iiif.options import BLOCK_TIMEOUT, JOBS, OPEN_TIMEOUT, WORKER_MEMORY
from slide2iiif.progress import printable
from slide2iiif.stores import open_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from slide2iiif.maintenance.repair import Repaired

HELP = "make damaged files of a published tree again"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("dest", metavar="DEST", type=given_place, help="published tree")
    parser.add_argument(
        "--source", required=True, metavar="SOURCE", type=given_path, help="folder of the slides it was made from"
    )
    add_private_dir(parser)
    add_open_timeout(parser, "leave slides whose opening takes longer")
    add_block_timeout(parser, "leave slides of which a block, or a check of some thousand files, takes longer")
    add_worker_memory(parser, "leave slides that need more memory in one process")
    parser.add_argument(
        "--jobs",
        metavar="N",
        default=str(JOBS.default),
        help="worker processes (default: one for each core, or as many as the quota of a container allows)",
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")


def run(args: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    slides = files = failed = 0

    def note(repaired: "Repaired") -> None:
        nonlocal slides, files, failed
        slides += bool(repaired.files)
        files += repaired.files
        failed += bool(repaired.reason or repaired.left)
        if repaired.reason:
            print(f"slide2iiif: {printable(f'{repaired.slide}: {repaired.reason}')}", file=sys.stderr)
        for finding in repaired.left:
            print(f"slide2iiif: {printable(line_of(finding))}: left alone", file=sys.stderr)

    mend(args, note)
    if not args.quiet:
        print(f"repaired   {files:>7,}   files of {slides:,} slides")
    return 1 if failed else 0


def mend(args: argparse.Namespace, note: "Callable[[Repaired], object]") -> None:
    """Repair the tree that the command line names; hand over what became of each slide that was not right.

    Raises:
        TargetError: there is no published tree, or it cannot be written.
        UsageError: the arguments make no sense.
    """
    jobs = JOBS.parse(args.jobs) or usable_processors()
    memory = WORKER_MEMORY.parse(args.worker_memory)
    timeouts = OPEN_TIMEOUT.parse(args.open_timeout), BLOCK_TIMEOUT.parse(args.block_timeout)
    check_places(args.source, args.dest)
    check_published(open_store(args.dest, args.private_dir, source=args.source), args)

    from slide2iiif.engines.base import Deadlines
    from slide2iiif.maintenance.repair import Repair
    from slide2iiif.records.ownership import check_known
    from slide2iiif.records.receipts import Receipts
    from slide2iiif.site.gallery import reopen_gallery

    with ExitStack() as stack:
        engine = stack.enter_context(worker_engine(jobs, memory))
        store = stack.enter_context(open_store(args.dest, args.private_dir, engine.is_cancelled))
        receipts = Receipts(store.private)
        check_known(store, receipts, "")
        repair = Repair(store, receipts, engine, args.source, Deadlines(*timeouts))
        for repaired in repair.slides(receipts.identifiers()):
            note(repaired)
        gallery = reopen_gallery(store, receipts)
        if gallery is not None:
            gallery.rewrite()
