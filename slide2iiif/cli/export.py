"""Write the complete static IIIF tree of all slides below SOURCE into DEST."""

import argparse
import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from slide2iiif.cli.export_options import add_arguments
from slide2iiif.cli.naming import keep_naming, settle_naming, warn_of_unused_lines
from slide2iiif.cli.places import check_places, check_summary_file, listed_paths
from slide2iiif.cli.run_facts import run_facts
from slide2iiif.cli.selection import (
    check_selection,
    choice_of,
    choose_slides,
    warn_of_unused,
)
from slide2iiif.cli.settings import (
    RunSettings,
    is_partial,
    named_settings,
    read_config,
    settle_settings,
    use_settings,
    warn_of_unused_rules,
)
from slide2iiif.cli.site import check_viewer, open_gallery
from slide2iiif.cli.workers import worker_engine
from slide2iiif.errors import TargetError, UsageError
from slide2iiif.machine import usable_processors
from slide2iiif.options import (
    BLOCK_TIMEOUT,
    CONNECTIONS,
    HASHED_IDENTIFIERS,
    IDENTIFYING_ASSOCIATED,
    JOBS,
    OPEN_TIMEOUT,
    PATH_IDENTIFIERS,
    WORKER_MEMORY,
    Options,
    other_base_url,
    parse_max_delete,
)
from slide2iiif.progress import printable
from slide2iiif.records.option_values import AUTO
from slide2iiif.records.settings import options_of, site_of, write_settings
from slide2iiif.system_errors import PRIVATE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slide2iiif.discovery.naming import Naming
    from slide2iiif.discovery.walk import Slide, Unusable
    from slide2iiif.engines.base import Engine
    from slide2iiif.preflight.quick import QuickCheck
    from slide2iiif.preflight.space import Verdict
    from slide2iiif.progress import Bar, Progress, Silent
    from slide2iiif.publish.prune import Seen
    from slide2iiif.publish.run import Export
    from slide2iiif.publish.summary import Summary
    from slide2iiif.publish.tree import Tree
    from slide2iiif.records.receipts import Receipts
    from slide2iiif.stores.tally import TalliedStore

HELP = "publish slides as static files"

__all__ = ["HELP", "add_arguments", "publish", "run"]


def run(args: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    from slide2iiif.cli.report import report

    refusal: UsageError | TargetError | None
    with _progress(args) as progress:
        summary, refusal = publish(args, progress)
    if refusal is None and summary.verdict is not None and summary.verdict.refusal:
        refusal = _shortage(summary.verdict)
    report(summary, args, summary.exit_code if refusal is None else refusal.exit_code)
    if refusal is not None:
        raise refusal
    return summary.exit_code


def publish(args: argparse.Namespace, progress: "Progress") -> "tuple[Summary, UsageError | None]":
    """Do what the command line asks for; return the summary, and why nothing was deleted, if it was refused.

    Raises:
        UsageError: the arguments make no sense.
        TargetError: the place cannot be used.
    """
    file = read_config(args)
    command = named_settings(args)
    limits = _limits(args)
    # A worker waits for a bucket about as long as it works.
    jobs = JOBS.parse(args.jobs) or usable_processors() * (1 if isinstance(args.dest, Path) else 2)
    check_viewer(args)
    check_selection(args)
    with ExitStack() as stack:
        # The workers first: forked before anything is open, they hold nothing of ours, the lock least of all. What is
        # needed here only is loaded while the first of them loads what opens slides.
        engine = stack.enter_context(worker_engine(jobs, limits.worker_memory))
        _load(args.dest, with_site=args.site is not False)
        check_places(args.source, args.dest)
        check_summary_file(args.json)
        listed = _listed(args)

        from slide2iiif.records.receipts import Receipts
        from slide2iiif.stores import open_store
        from slide2iiif.stores.tally import TalliedStore
        from slide2iiif.stores.trial import TrialStore

        connections = CONNECTIONS.parse(args.connections)
        place = open_store(args.dest, args.private_dir, engine.is_cancelled, args.source, connections)
        settings = settle_settings(args, command, file, Receipts(place.private))
        use_settings(args, settings.tree)
        store = TalliedStore(TrialStore(place) if args.dry_run else place)
        run = _Run(args, settings, store, Receipts(store.private), engine, limits, progress)
        return run.publish(stack, listed)


@dataclass(frozen=True, slots=True)
class _Run:
    """One run, once its settings are known."""

    args: argparse.Namespace
    settings: RunSettings
    store: "TalliedStore"
    receipts: "Receipts"
    engine: "Engine"
    limits: Options
    progress: "Progress"

    def publish(self, stack: ExitStack, listed: list[str] | None) -> "tuple[Summary, UsageError | None]":
        """Publish what is found; return the summary, and why nothing was deleted, if it was refused."""
        from slide2iiif.publish.run import Export

        args, settings, store, receipts = self.args, self.settings, self.store, self.receipts
        begun = datetime.now(UTC)
        choice = choice_of(args)
        naming, found = choose_slides(args, choice, store, receipts, listed)
        tree = self._tree()
        verdict, found = self._preflight(tree).of(found)
        if not args.dry_run:
            _check_fits(verdict, is_quiet=args.quiet)
            stack.enter_context(store)
            keep_naming(naming, receipts)
        self._warn(tree.options)
        gallery = open_gallery(args, store, receipts, tree.base_url, site_of(settings.tree.values))
        if not args.dry_run:
            # Before the first slide: a run that is stopped has shaped a part of the tree.
            write_settings(receipts.private, settings.tree)
        flow = Export(replace(tree, gallery=gallery), self.engine, self.progress)
        summary, refusal = _run(flow, args, found, naming)
        if not args.dry_run:
            summary.notes += filter(None, [_access_note(flow, summary)])
        if not args.quiet and not is_partial(args):
            warn_of_unused(choice, settings.tree.origins)
            warn_of_unused_lines(naming)
            warn_of_unused_rules(tree.settings.unused if tree.settings is not None else [])
        summary.verdict = verdict if args.dry_run else None
        summary.facts = run_facts(args, settings, store, summary, begun)
        return summary, refusal

    def _tree(self) -> "Tree":
        from slide2iiif.publish.slide_settings import SlideSettings
        from slide2iiif.publish.tree import Tree

        settings, limits = self.settings, self.limits
        values = settings.tree.values
        options = options_of(values).limited(limits.open_timeout, limits.block_timeout, limits.worker_memory)
        base_url, other = str(values["base-url"]), str(values["other-base-url"])
        slides = SlideSettings(
            settings.tree, options, self.receipts, settings.named, settings.for_all, are_renamed=self._are_renamed
        )
        return Tree(
            self.store,
            self.receipts,
            options,
            base_url,
            other_base_url(base_url, options.api.other) if other == AUTO else other,
            self.args.overwrite,
            page_count=_page_count(self.args),
            settings=slides,
            tally=self.store.tally,
        )

    @property
    def _are_renamed(self) -> bool:
        """True if a slide may have had another name before."""
        is_by_table = self.args.identifier not in {PATH_IDENTIFIERS, HASHED_IDENTIFIERS}
        return is_by_table or any(change.name in {"identifier", "identifier-key"} for change in self.settings.changes)

    def _preflight(self, tree: "Tree") -> "QuickCheck":
        from slide2iiif.preflight.quick import QuickCheck
        from slide2iiif.publish.run import in_flight

        return QuickCheck(
            self.store,
            self.receipts,
            self.engine,
            tree.options,
            self.args.overwrite,
            tree.page_count,
            in_flight(self.engine),
            lambda slide: tree.of(slide).options,
        )

    def _warn(self, options: Options) -> None:
        if not options.recompress and not self.args.recompress and not self.args.quiet:
            _warn_of_missing_library()
        _warn_of_names(options, self.args)


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
        raise _shortage(verdict)
    if verdict.doubt and not is_quiet:
        print(f"slide2iiif: warning: there may be too little room: {printable(verdict.doubt)}", file=sys.stderr)


def _shortage(verdict: "Verdict") -> TargetError:
    place = verdict.capacity.place if verdict.capacity is not None else "DEST"
    return TargetError(f"{place}: nothing was written, as {verdict.refusal}")


def _page_count(args: argparse.Namespace) -> int:
    if not args.site:
        return 0
    from slide2iiif.site.gallery import SLIDE_FILES

    return SLIDE_FILES


def _limits(args: argparse.Namespace) -> Options:
    return Options(
        open_timeout=OPEN_TIMEOUT.parse(args.open_timeout),
        block_timeout=BLOCK_TIMEOUT.parse(args.block_timeout),
        worker_memory=WORKER_MEMORY.parse(args.worker_memory),
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
            tally=flow.tree.tally,
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
