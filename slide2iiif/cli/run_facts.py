"""Facts of a run for its summary: settings and what changes them, times, and what was written."""

import argparse
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from slide2iiif import __version__
from slide2iiif.records.option_values import Value
from slide2iiif.records.receipts import Receipts
from slide2iiif.records.settings import SETTINGS, Rule, TreeSettings

if TYPE_CHECKING:
    from slide2iiif.cli.settings import RunSettings
    from slide2iiif.publish.summary import RunFacts, Summary
    from slide2iiif.stores.tally import TalliedStore


def run_facts(
    args: argparse.Namespace, settings: "RunSettings", store: "TalliedStore", summary: "Summary", begun: datetime
) -> "RunFacts":
    """Return the facts of a run that is over."""
    from slide2iiif.publish.summary import RunFacts

    return RunFacts(
        version=__version__,
        started=begun,
        ended=datetime.now(UTC),
        base_url=str(settings.tree.values["base-url"]),
        is_dry=args.dry_run,
        settings=settings_record(settings.tree),
        rules=[rule_record(rule) for rule in settings.tree.rules],
        changes=[
            {
                "setting": change.name,
                "before": _plain(change.before),
                "after": _plain(change.after),
                "shapes": change.shapes,
            }
            for change in settings.changes
        ],
        files=store.tally.counts(),
        tree_bytes=_tree_bytes(Receipts(store.private), summary) if args.json else None,
    )


def settings_record(tree: TreeSettings) -> dict[str, dict[str, Any]]:
    """Return value and origin of each setting."""
    return {name: {"value": _plain(tree.values[name]), "from": tree.origins[name]} for name in SETTINGS}


def rule_record(rule: Rule) -> dict[str, Any]:
    """Return a rule for single slides with its origin."""
    values: Mapping[str, Value] = rule.values
    return {"match": rule.match, "values": {name: _plain(value) for name, value in values.items()}, "from": rule.where}


def _plain(value: Value) -> str | float | list[str]:
    return list(value) if isinstance(value, tuple) else value


def _tree_bytes(receipts: Receipts, summary: "Summary") -> int:
    """Sum the bytes of all slides; receipts are read only where the run has not seen all of them."""
    if _count(receipts.identifiers()) == summary.published:
        return summary.published_bytes
    return sum(receipt.stored_bytes for receipt in receipts.known())


def _count(found: Iterator[str]) -> int:
    return sum(1 for _ in found)
