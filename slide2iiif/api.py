"""Public functions for notebooks and pipelines: the commands, with the same options, errors and results.

Options are those of the command line, by keyword: `--tile-size 512` is `tile_size=512`, `--delete` is `delete=True`,
`--associated label,macro` is `associated=["label", "macro"]`. Nothing is printed. Errors are those of
`slide2iiif.errors`, and what a slide alone is to blame for is in the result.

Safe in a program with threads: workers are then fresh processes and no forks. A module that starts an export while it
is imported needs the usual guard, `if __name__ == "__main__":`, as workers may import it again.
"""

import argparse
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from slide2iiif.errors import UsageError

if TYPE_CHECKING:
    from slide2iiif.maintenance.repair import Repaired
    from slide2iiif.progress import Progress
    from slide2iiif.publish.summary import Summary
    from slide2iiif.records.findings import Finding

Place = str | os.PathLike[str]
"""Path of a file or folder."""


@dataclass(frozen=True, slots=True)
class Verified:
    """Result of a verification."""

    findings: "tuple[Finding, ...]"
    """Faults that were found; none of a tree that is as it was published."""
    slides: int
    """Number of slides that were checked."""
    files: int
    """Number of URLs that were checked."""


def export(
    source: Place,
    dest: Place,
    base_url: str | None = None,
    *,
    progress: "Progress | None" = None,
    **options: object,
) -> "Summary":
    """Export all slides of a folder, or one slide, into a published tree.

    Args:
        source: folder of slides, or one slide.
        dest: folder to publish into.
        base_url: URL under which `dest` will be served; needed the first time.
        progress: called when a slide is planned, when tiles are stored, and when a slide is done; from any thread.
        options: those of `slide2iiif export`; `dry_run=True` says what would be done and writes nothing. The tree
            remembers its settings: an option that is left out, or None, keeps what it was; False and an empty list are
            values.

    Returns:
        The outcome of each slide, failures among them, and the totals. `Summary.exit_code` is 0 if no slide failed.

    Raises:
        UsageError: an option makes no sense, or more would be deleted than is allowed.
        TargetError: `dest` cannot be used, or has no room for the run.
        TargetBusyError: another exporter works on it.
    """
    from slide2iiif.cli.export import publish
    from slide2iiif.progress import Silent

    args = _arguments("export", (source, dest), {"base_url": base_url, "quiet": True, **options})
    summary, refusal = publish(args, progress or Silent())
    if refusal is not None:
        raise refusal
    return summary


def inspect(path: Place, **options: object) -> dict[str, Any]:
    """Return the facts of a slide, and what an export would do with it: the JSON of `slide2iiif inspect`.

    Args:
        path: slide file.
        options: those of `slide2iiif inspect`; `phi=True` lists what is kept back.

    Raises:
        SourceError: the slide cannot be opened.
        UsageError: an option makes no sense.
    """
    from slide2iiif.cli.inspect import look_into

    return look_into(_arguments("inspect", (path,), options))


def verify(dest: Place, *, on_finding: "Callable[[Finding], object] | None" = None, **options: object) -> Verified:
    """Check that every URL of a published tree has the file that was published, and that nothing else is there.

    Args:
        dest: published tree.
        on_finding: called with each finding as it is found; findings are then not collected.
        options: those of `slide2iiif verify`, such as `deep=True` and `source="slides/"`.

    Raises:
        TargetError: there is no published tree, or it cannot be read.
        UsageError: an option makes no sense.
    """
    from slide2iiif.cli.verify import check

    findings: list[Finding] = []
    totals = check(_arguments("verify", (dest,), {"quiet": True, **options}), on_finding or findings.append)
    return Verified(tuple(findings), totals.slides, totals.files)


def repair(dest: Place, source: Place, **options: object) -> "list[Repaired]":
    """Make missing and damaged files of a published tree again from their slides.

    Args:
        dest: published tree.
        source: folder of the slides it was made from.
        options: those of `slide2iiif repair`.

    Returns:
        What became of each slide that was not as it should be.

    Raises:
        TargetError: there is no published tree, or it cannot be written.
        UsageError: an option makes no sense.
    """
    from slide2iiif.cli.repair import mend

    repaired: list[Repaired] = []
    mend(_arguments("repair", (dest,), {"source": source, "quiet": True, **options}), repaired.append)
    return repaired


def rebase(dest: Place, base_url: str, **options: object) -> list[str]:
    """Write a new base URL into all documents of a published tree. No tile is touched.

    Args:
        dest: published tree.
        base_url: URL under which it will be served.
        options: those of `slide2iiif rebase`.

    Returns:
        Identifiers of the slides whose documents were changed.

    Raises:
        SourceError: published slides without a receipt keep their old URL; the others have the new one.
        TargetError: there is no published tree, or it cannot be written.
        UsageError: an option makes no sense.
    """
    from slide2iiif.cli.rebase import check_all_moved, move

    changed: list[str] = []
    check_all_moved(
        move(_arguments("rebase", (dest,), {"base_url": base_url, "quiet": True, **options}), changed.append)
    )
    return changed


_ON_OFF = frozenset({"--recompress", "--require-lossless", "--crop-to-bounds", "--site"})
"""Options that are remembered, so that to turn them off must be said."""


def _arguments(command: str, places: Iterable[Place], options: Mapping[str, object]) -> argparse.Namespace:
    from slide2iiif.cli import command_line
    from slide2iiif.cli.parser import CommandParser

    class Parser(CommandParser):
        def error(self, message: str) -> NoReturn:
            """Raise what the command line would print before it exits."""
            raise UsageError(message)

    words = [word for name, value in options.items() for word in _words(f"--{name.replace('_', '-')}", value)]
    return command_line(Parser).parse_args([command, *words, "--", *(os.fspath(place) for place in places)])


def _words(option: str, value: object) -> list[str]:
    """Return the words of a command line that stand for an option; none for one that is not given."""
    if value is None:
        return []
    if value is False:
        return [f"--no-{option.removeprefix('--')}"] if option in _ON_OFF else []
    if value is True:
        return [option]
    if isinstance(value, list | tuple | set | frozenset):
        if option in {"--exclude", "--include"}:
            return [f"{option}={each}" for each in value] or [f"--no-{option.removeprefix('--')}"]
        value = ",".join(str(each) for each in value)
    return [f"{option}={os.fspath(value) if isinstance(value, Path) else value}"]
