"""Plan + results of its tasks -> receipt, which is stored, and outcome, which is reported. Pure."""

from base64 import b64encode
from collections.abc import Sequence

from slide2iiif.discovery.walk import Slide
from slide2iiif.errors import SourceError
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.info import plausible_objective
from slide2iiif.options import MAX_PIXELS, MAX_TILES, Options
from slide2iiif.plan.provenance import TileOrigin
from slide2iiif.plan.service import ServicePlan
from slide2iiif.plan.slide import SlidePlan
from slide2iiif.publish.summary import Outcome, Status
from slide2iiif.records.digests import DigestFile, digest_of, digest_stream
from slide2iiif.records.receipt import Receipt, Settings
from slide2iiif.tiles.tasks import Rendered


def record_receipt(
    slide: Slide,
    fingerprint: str,
    plan: SlidePlan,
    rendered: Rendered,
    options: Options,
    base_urls: tuple[str, str],
    digests: Sequence[DigestFile],
) -> Receipt:
    """Return the receipt of a slide.

    Args:
        slide: the slide, as it was found.
        fingerprint: fingerprint of its files.
        plan: its plan.
        rendered: results of the tasks of its levels.
        options: options that affect the output bytes.
        base_urls: base URL of the stored version, and of the other one.
        digests: digests of the files of each service.
    """
    levels = plan.levels
    return Receipt(
        identifier=plan.identifier,
        fingerprint=fingerprint,
        settings=Settings.of(options),
        base_url=base_urls[0],
        other_base_url=base_urls[1] if levels.api is Api.V2 else None,
        width=levels.pyramid.size.width,
        height=levels.pyramid.size.height,
        tile_size=levels.pyramid.tile_size,
        microns_per_pixel=levels.pixel_size.microns_per_pixel,
        tiles=levels.tile_count,
        files=_file_count(plan),
        stored_bytes=rendered.stored_bytes,
        levels=level_counts(levels, rendered),
        damaged=[list(tile) for tile in sorted(rendered.damaged)],
        blank=rendered.blank,
        objective=plausible_objective(levels.description.objective),
        format=levels.description.format,
        source=slide.source,
        profile=b64encode(levels.colours.carried).decode("ascii"),
        published_properties=dict(plan.properties),
        associated={each.place: [*each.pyramid.size, each.pyramid.tile_size] for each in plan.pictures},
        ledger=digest_of(digest_stream(digests)),
    )


def record_outcome(slide: Slide, plan: SlidePlan, status: Status, rendered: Rendered, seconds: float) -> Outcome:
    """Return the outcome of a slide that was exported, or would be."""
    levels = plan.levels
    return Outcome(
        identifier=plan.identifier,
        status=status,
        width=levels.pyramid.size.width,
        height=levels.pyramid.size.height,
        tiles=levels.tile_count,
        files=_file_count(plan),
        # The services beside the levels share one folder.
        inodes=sum(each.inode_count for each in plan.services) + bool(plan.pictures),
        levels=tuple(level_counts(levels, rendered)),
        stored_bytes=rendered.stored_bytes,
        seconds=seconds,
        blank=rendered.blank,
        source=slide.source,
        published_bytes=rendered.stored_bytes,
        note="; ".join(note for note in (levels.pixel_size.note, *levels.notes) if note),
    )


def unchanged_outcome(slide: Slide, receipt: Receipt, status: Status, options: Options) -> Outcome:
    """Return the outcome of a slide whose tiles are published already, with a note if it is beyond the limits."""
    note = _beyond(receipt, options)
    return Outcome(
        slide.identifier,
        status,
        levels=tuple(receipt.levels),
        source=slide.source,
        published_bytes=receipt.stored_bytes,
        note=note,
        is_beyond_limits=bool(note),
    )


def _beyond(receipt: Receipt, options: Options) -> str:
    """Return the note on the limit that a published slide is beyond; empty for none."""
    stays = "it stays published; remove it, or raise"
    for _, pyramid in receipt.services():
        if pyramid.size.pixels > options.max_pixels:
            most = f"at most {options.max_pixels:,} are allowed now"
            return f"has {pyramid.size.pixels:,} pixels ({pyramid.size}), and {most}: {stays} {MAX_PIXELS.name}"
        if pyramid.tile_count > options.max_tiles:
            most = f"at most {options.max_tiles:,} are allowed now"
            return f"has {pyramid.tile_count:,} tiles ({pyramid.size} pixels), and {most}: {stays} {MAX_TILES.name}"
    return ""


def _file_count(plan: SlidePlan) -> int:
    return sum(each.file_count for each in plan.services)


def check_not_lost(plan: ServicePlan, rendered: Rendered) -> None:
    """Refuse a slide of placeholders only.

    Raises:
        SourceError: no tile of full resolution could be read.
    """
    if rendered.origins[0, TileOrigin.PLACEHOLDER] == plan.pyramid.levels[0].tile_count:
        raise SourceError("no tile of full resolution can be read")


def level_counts(plan: ServicePlan, rendered: Rendered) -> list[dict[str, int]]:
    """Return scale and numbers of tiles by origin for each level."""
    counts = [{"scale": level.scale} for level in plan.pyramid.levels]
    for (level, how), count in sorted(rendered.origins.items()):
        counts[level][how.value] = count
    return counts
