"""Tasks of a plan, in the order in which they may run, for export, resumed export and repair."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from slide2iiif.geometry import Region
from slide2iiif.iiif.file_order import order_files
from slide2iiif.iiif.info import PROFILE_NAME
from slide2iiif.options import Blank, Options
from slide2iiif.plan.passes import Block, Pass, input_region
from slide2iiif.plan.service import ServicePlan
from slide2iiif.sources.base import clip
from slide2iiif.sources.jpeg_strips import JpegStrips
from slide2iiif.sources.jpeg_tiles import JpegTiles
from slide2iiif.stores.base import Staging
from slide2iiif.system_errors import as_target_errors
from slide2iiif.tiles.tasks import RenderTask, SlideTask

_COPIED_TOGETHER = 4
"""Blocks of a task that only copies, some 256 tiles: sending a task costs as much as copying ten of them."""

IsDone = Callable[[Pass, Iterable[Block]], bool]
"""Function that returns True for blocks of a pass that are finished."""


def concurrent_passes(plan: ServicePlan) -> list[list[Pass]]:
    """Group the passes that may run at the same time; one that reads an intermediate image begins the next group.

    The coarsest pass is the first of its group: its one block takes longest, and started last it would keep one worker
    busy while all others are idle.
    """
    groups: list[list[Pass]] = [[]]
    for pass_ in plan.passes:
        if pass_.stored_level is None:
            groups.append([])
        groups[-1].insert(0, pass_)
    return groups


def render_tasks(slide: SlideTask, plan: ServicePlan, passes: Iterable[Pass], is_done: IsDone) -> Iterator[RenderTask]:
    """Yield the tasks of some passes of a slide, without those that are finished."""
    for pass_ in passes:
        if pass_.stored_level is not None and not slide.random_access:
            blocks = tuple(pass_.blocks())
            if not is_done(pass_, blocks):
                yield RenderTask(slide, pass_, blocks)
            continue
        jpeg = None if pass_.stored_level is None else plan.description.levels[pass_.stored_level].jpeg
        # Strips are for copying only: pixels come faster from the slide's own reader.
        if isinstance(jpeg, JpegStrips) and not pass_.copies:
            jpeg = None
        length = _COPIED_TOGETHER if _only_copies(pass_) and isinstance(jpeg, JpegTiles) else 1
        for blocks in _runs(pass_, is_done, length):
            first, last = (input_region(plan.pyramid, pass_, block) for block in (blocks[0], blocks[-1]))
            region = Region(first.x, first.y, last.x + last.width - first.x, first.height)
            yield RenderTask(slide, pass_, blocks, jpeg and jpeg.window(clip(region, pass_.stored_size)))


def _only_copies(pass_: Pass) -> bool:
    """Return True if a pass makes nothing from pixels, so that its blocks finish faster than tasks can be sent."""
    needs_pixels = bool(pass_.pictures) or pass_.intermediate_level is not None
    return pass_.copies and pass_.levels == (pass_.input_level,) and not needs_pixels


def _runs(pass_: Pass, is_done: IsDone, length: int) -> Iterator[tuple[Block, ...]]:
    """Yield the blocks that are not finished, in runs of up to `length` neighbours of a row."""
    run: list[Block] = []
    for block in pass_.blocks():
        if run and (len(run) == length or block.row != run[0].row):
            yield tuple(run)
            run.clear()
        if not is_done(pass_, (block,)):
            run.append(block)
        elif run:
            yield tuple(run)
            run.clear()
    if run:
        yield tuple(run)


def slide_task(path: Path, fingerprint: str, plan: ServicePlan, options: Options, staging: Staging) -> SlideTask:
    """Return the part that all tasks of a slide share, and write its profile to the scratch folder."""
    profile = plan.colours.transformed_from
    return SlideTask(
        path=path,
        fingerprint=fingerprint,
        random_access=plan.description.random_access,
        background=plan.description.background,
        pyramid=plan.pyramid,
        api=plan.api,
        encoding=plan.encoding,
        check=options.check,
        damaged=options.damaged,
        staging=staging,
        order=order_files(plan.pyramid, plan.api),
        profile=lay_profile(profile, staging.scratch) if profile else None,
        crops=options.crop_to_bounds,
        links_blank=options.blank is Blank.LINK,
    )


def lay_profile(profile: bytes, scratch: Path) -> Path:
    """Write a colour profile to the scratch folder: it may have megabytes, too much to send with each task.

    Raises:
        TargetError: the file cannot be written.
    """
    path = scratch / PROFILE_NAME
    with as_target_errors(scratch):
        path.write_bytes(profile)
    return path
