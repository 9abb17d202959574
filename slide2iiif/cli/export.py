"""Write the complete static IIIF tree of all slides below SOURCE into DEST."""

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from slide2iiif.cli.export_options import add_arguments
from slide2iiif.cli.naming import keep_naming, settle_naming
from slide2iiif.cli.places import check_places, check_summary_file, listed_paths
from slide2iiif.cli.selection import (
    check_selection,
    choice_of,
    choose_slides,
    warn_of_unused,
)
from slide2iiif.cli.site import check_site_options, open_gallery
from slide2iiif.cli.workers import worker_engine
from slide2iiif.errors import TargetError, UsageError
from slide2iiif.iiif.api import Api
from slide2iiif.machine import usable_processors
from slide2iiif.options import (
    BLOCK_TIMEOUT,
    CONNECTIONS,
    IDENTIFYING_ASSOCIATED,
    JOBS,
    MAX_PIXELS,
    MAX_TILES,
    OPEN_TIMEOUT,
    PATH_IDENTIFIERS,
    QUALITY,
    WORKER_MEMORY,
    Blank,
    Check,
    Damaged,
    Icc,
    Options,
    other_base_url,
    parse_associated,
    parse_base_url,
    parse_max_delete,
    parse_mpp,
    parse_properties,
    parse_tile_size,
)
from slide2iiif.progress import printable
from slide2iiif.system_errors import PRIVATE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slide2iiif.discovery.naming import Naming
    from slide2iiif.discovery.walk import Slide, Unusable
    from slide2iiif.preflight.space import Verdict
    from slide2iiif.progress import Bar, Progress, Silent
    from slide2iiif.publish.prune import Seen
    from slide2iiif.publish.run import Export
    from slide2iiif.publish.summary import Summary

HELP = "publish slides as static files"

__all__ = ["HELP", "add_arguments", "publish", "run"]


def run(args: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    from slide2iiif.cli.report import report

    with _progress(args) as progress:
        summary, refusal = publish(args, progress)
    report(summary, args)
    if refusal is not None:
        raise refusal
    if summary.verdict is not None:
        _check_fits(summary.verdict, is_quiet=True)
    return summary.exit_code


def publish(args: argparse.Namespace, progress: "Progress") -> "tuple[Summary, UsageError | None]":
    """Do what the command line asks for; return the summary, and why nothing was deleted, if it was refused.

    Raises:
        UsageError: the arguments make no sense.
        TargetError: the place cannot be used.
    """
    base_url, options, site = parse_base_url(args.base_url), _options(args), check_site_options(args)
    # A worker waits for a bucket about as long as it works.
    jobs = JOBS.parse(args.jobs) or usable_processors() * (1 if isinstance(args.dest, Path) else 2)
    other = args.other_base_url
    other = parse_base_url(other, "--other-base-url") if other else other_base_url(base_url, options.api.other)
    with ExitStack() as stack:
        check_selection(args)
        # The workers first: forked before anything is open, they hold nothing of ours, the lock least of all. What is
        # needed here only is loaded while the first of them loads what opens slides.
        engine = stack.enter_context(worker_engine(jobs, options.worker_memory))
        _load(args.dest, with_site=not args.no_site)
        check_places(args.source, args.dest)
        check_summary_file(args.json)
        listed = _listed(args)

        from slide2iiif.preflight.quick import QuickCheck
        from slide2iiif.publish.run import Export, in_flight
        from slide2iiif.publish.tree import Tree
        from slide2iiif.records.receipts import Receipts
        from slide2iiif.stores import open_store

        connections = CONNECTIONS.parse(args.connections)
        store = open_store(args.dest, args.private_dir, engine.is_cancelled, args.source, connections)
        receipts = Receipts(store.private)
        choice = choice_of(args)
        naming, found = choose_slides(args, choice, store, receipts, listed)
        pages = _page_count(args)
        check = QuickCheck(store, receipts, engine, options, args.overwrite, pages, in_flight(engine))
        verdict, found = check.of(found)
        if not args.dry_run:
            _check_fits(verdict, is_quiet=args.quiet)
            stack.enter_context(store)
            keep_naming(naming, receipts)
        if not args.recompress and not args.quiet:
            _warn_of_missing_library()
        _warn_of_names(options, args)
        gallery = None if args.dry_run else open_gallery(args, store, receipts, base_url, site)
        tree = Tree(store, receipts, options, base_url, other, args.overwrite, gallery, pages)
        flow = Export(tree, engine, progress)
        summary, refusal = _run(flow, args, found, naming)
        if not args.dry_run:
            summary.notes += filter(None, [_access_note(flow, summary)])
        warn_of_unused(choice, args)
    summary.verdict = verdict if args.dry_run else None
    return summary, refusal


def _access_note(flow: "Export", summary: "Summary") -> str:
    """Return the note on who can read what is published, judged by one slide: of this run, if it made any."""
    from slide2iiif.publish.summary import Status

    made = (outcome.identifier for outcome in summary.outcomes if outcome.status is Status.EXPORTED)
    identifier = next(made, None) or next(flow.tree.receipts.identifiers(), None)
    return flow.tree.store.access_note(identifier) if identifier else ""


def _listed(args: argparse.Namespace) -> list[str] | None:
    return list(listed_paths(args.files_from, is_null=args.null)) if args.files_from else None


def _check_fits(verdict: "Verdict", *, is_quiet: bool) -> None:
    """Refuse a run that cannot fit, and warn of one that may not.

    Raises:
        TargetError: what it takes, what there is, and what to do.
    """
    if verdict.capacity is None:
        return
    if verdict.refusal:
        raise TargetError(f"{verdict.capacity.place}: nothing was written, as {verdict.refusal}")
    if verdict.doubt and not is_quiet:
        print(f"slide2iiif: warning: there may be too little room: {printable(verdict.doubt)}", file=sys.stderr)


def _page_count(args: argparse.Namespace) -> int:
    if args.no_site:
        return 0
    from slide2iiif.site.gallery import SLIDE_FILES

    return SLIDE_FILES


def _options(args: argparse.Namespace) -> Options:
    return Options(
        api=Api(args.api),
        tile_size=parse_tile_size(args.tile_size),
        quality=QUALITY.parse(args.quality),
        subsampling=args.subsampling,
        blank=Blank(args.blank),
        crop_to_bounds=args.crop_to_bounds,
        icc=Icc(args.icc),
        mpp=parse_mpp(args.mpp),
        recompress=args.recompress,
        check=Check(args.check),
        damaged=Damaged(args.damaged),
        max_tiles=MAX_TILES.parse(args.max_tiles),
        max_pixels=MAX_PIXELS.parse(args.max_pixels),
        open_timeout=OPEN_TIMEOUT.parse(args.open_timeout),
        block_timeout=BLOCK_TIMEOUT.parse(args.block_timeout),
        worker_memory=WORKER_MEMORY.parse(args.worker_memory),
        require_lossless=args.require_lossless,
        associated=parse_associated(args.associated),
        properties=parse_properties(args.properties),
    )


def _load(dest: Path | str, *, with_site: bool) -> None:
    """Import all that the run needs besides what its workers do; no signal can come between."""
    from slide2iiif.engines.worker import signals_held

    with signals_held():
        from slide2iiif.preflight import quick
        from slide2iiif.publish import run

        del quick, run
        if isinstance(dest, Path):
            from slide2iiif.stores.folder import store
        else:
            from slide2iiif.stores.bucket import store  # type: ignore[no-redef]
        del store
        if with_site:
            from slide2iiif.site import gallery

            del gallery


def _warn_of_missing_library() -> None:
    from slide2iiif.imaging.jpeg import TURBOJPEG_PACKAGE, can_crop

    if not can_crop():
        lost = "tiles at the edges are encoded anew, and NDPI is not copied at all"
        print(f"slide2iiif: warning: libturbojpeg is missing: {lost}; install {TURBOJPEG_PACKAGE}", file=sys.stderr)


def _warn_of_names(options: Options, args: argparse.Namespace) -> None:
    identifying = [name for name in options.associated if name in IDENTIFYING_ASSOCIATED]
    if identifying and not args.quiet:
        print(
            f"slide2iiif: warning: {' and '.join(identifying)} pictures show what is written on the glass, "
            "names and barcodes too; they will be public",
            file=sys.stderr,
        )
    hides_names = args.identifier != PATH_IDENTIFIERS
    if hides_names and args.private_dir is None and isinstance(args.dest, Path) and not args.quiet:
        print(
            f"slide2iiif: warning: {PRIVATE} in DEST holds the names that the identifiers hide; no other user may "
            "enter it, but keep it elsewhere: --private-dir",
            file=sys.stderr,
        )


def _run(
    flow: "Export", args: argparse.Namespace, found: "Iterator[Slide | Unusable]", naming: "Naming | None"
) -> "tuple[Summary, UsageError | None]":
    """Export, then delete if asked to; a refusal to delete is told after what was exported."""
    from slide2iiif.publish.prune import Seen

    seen = Seen(args.source, flow.tree.receipts) if args.delete else None
    publish = flow.plans if args.dry_run else flow.slides
    summary = publish(found if seen is None else seen.of(found))
    if args.files_from is None and not args.dry_run and args.source.is_dir():
        # All slides have been seen: what was staged and not gone on from belongs to none.
        flow.tree.store.drop_unfinished()
    if flow.tree.gallery is not None:
        flow.tree.gallery.update()
    if seen is None:
        return summary, None
    refusal = _delete(flow, args, seen, summary, naming)
    if seen.held:
        # What was in their way is gone by now; else they fail, and say so.
        summary.join(publish(seen.held))
        if flow.tree.gallery is not None:
            flow.tree.gallery.update()
    return summary, refusal


def _delete(
    flow: "Export", args: argparse.Namespace, seen: "Seen", summary: "Summary", naming: "Naming | None"
) -> UsageError | None:
    """Remove what has no source any more, or return why nothing is removed."""
    from slide2iiif.publish.prune import removals

    limit = parse_max_delete(args.max_delete)
    try:
        seen.check()
        gone = removals(
            flow.tree.store,
            flow.tree.receipts,
            seen.identifiers,
            flow.tree.gallery,
            dry=args.dry_run,
            check=lambda gone: seen.check_removals(gone, limit),
        )
        for outcome in gone:
            summary.add(outcome)
    except UsageError as error:
        return error
    if not args.dry_run:
        settle_naming(flow.tree.receipts, naming)
    return None


def _progress(args: argparse.Namespace) -> "Silent | Bar":
    from slide2iiif.progress import Bar, Lines, Silent

    if args.quiet:
        return Silent()
    return Bar(sys.stderr) if sys.stderr.isatty() else Lines(sys.stderr, verbose=bool(args.verbose))
