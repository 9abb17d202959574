"""Plan + what was made of it -> what is recorded: the receipt that stays, the outcome that is told. Pure."""

from base64 import b64encode
from collections.abc import Mapping, Sequence

from slide2iiif.discovery.walk import Slide
from slide2iiif.errors import SourceError
from slide2iiif.export.summary import Outcome, Status
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.info import plausible_objective
from slide2iiif.options import Options
from slide2iiif.plan.provenance import TileOrigin
from slide2iiif.plan.service import SlidePlan
from slide2iiif.records.receipt import Receipt, Settings
from slide2iiif.tiles.tasks import Rendered


def record_receipt(
    slide: Slide,
    fingerprint: str,
    plan: SlidePlan,
    rendered: Rendered,
    options: Options,
    *,
    base_urls: tuple[str, str],
    properties: Mapping[str, str],
    beside: Sequence[SlidePlan],
    ledger: str,
) -> Receipt:
    """Write the receipt of a slide.

    Args:
        slide: what was found.
        fingerprint: of its files.
        plan: what was to be made.
        rendered: what was.
        options: what decides the files.
        base_urls: of the version that is stored, and of the other one.
        properties: those that go out.
        beside: services of pictures beside the levels.
        ledger: digest of the ledger.
    """
    return Receipt(
        identifier=plan.identifier,
        fingerprint=fingerprint,
        settings=Settings.of(options),
        base_url=base_urls[0],
        other_base_url=base_urls[1] if plan.api is Api.V2 else None,
        width=plan.pyramid.size.width,
        height=plan.pyramid.size.height,
        tile_size=plan.pyramid.tile_size,
        microns_per_pixel=plan.pixel_size.microns_per_pixel,
        tiles=plan.tile_count,
        files=plan.file_count + sum(each.file_count for each in beside),
        stored_bytes=rendered.stored_bytes,
        levels=level_counts(plan, rendered),
        damaged=[list(tile) for tile in sorted(rendered.damaged)],
        blank=rendered.blank,
        objective=plausible_objective(plan.description.objective),
        format=plan.description.format,
        source=slide.source,
        profile=b64encode(plan.colours.carried).decode("ascii"),
        published_properties=dict(properties),
        associated={
            each.identifier.removeprefix(f"{plan.identifier}/"): [*each.pyramid.size, each.pyramid.tile_size]
            for each in beside
        },
        ledger=ledger,
    )


def record_outcome(
    slide: Slide,
    plan: SlidePlan,
    status: Status,
    rendered: Rendered,
    seconds: float,
    beside: Sequence[SlidePlan],
) -> Outcome:
    """Say what became of a slide that was exported, or what would."""
    return Outcome(
        identifier=plan.identifier,
        status=status,
        width=plan.pyramid.size.width,
        height=plan.pyramid.size.height,
        tiles=plan.tile_count,
        files=plan.file_count + sum(each.file_count for each in beside),
        # The services beside the levels share one folder.
        inodes=plan.inode_count + sum(each.inode_count for each in beside) + bool(beside),
        levels=tuple(level_counts(plan, rendered)),
        stored_bytes=rendered.stored_bytes,
        seconds=seconds,
        blank=rendered.blank,
        source=slide.source,
        note="; ".join(note for note in (plan.pixel_size.note, *plan.notes) if note),
    )


def check_not_lost(plan: SlidePlan, rendered: Rendered) -> None:
    """Refuse to publish nothing but placeholders.

    Raises:
        SourceError: no tile of full resolution could be read.
    """
    if rendered.made[0, TileOrigin.PLACEHOLDER] == plan.pyramid.levels[0].tile_count:
        raise SourceError("no tile of full resolution can be read")


def level_counts(plan: SlidePlan, rendered: Rendered) -> list[dict[str, int]]:
    """Count for each level how its tiles came to be."""
    counts = [{"scale": level.scale} for level in plan.pyramid.levels]
    for (level, how), count in sorted(rendered.made.items()):
        counts[level][how.value] = count
    return counts
