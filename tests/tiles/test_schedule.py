"""Tasks cover what is to be done once, and blocks that are only copied travel together."""

import pickle
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slide2iiif.geometry import Size, touched
from slide2iiif.options import Options
from slide2iiif.plan.passes import Block, Pass, input_region
from slide2iiif.plan.service import ServicePlan, plan_service
from slide2iiif.sources.base import Description, StoredLevel
from slide2iiif.sources.jpeg_tiles import JpegTiles
from slide2iiif.stores.folder.staging import FolderStaging
from slide2iiif.tiles.schedule import concurrent_passes, render_tasks, slide_task
from slide2iiif.tiles.tasks import RenderTask

SIDE = 256
BLOCK = 2048
"""Side of a block in pixels."""
TOGETHER = 4


def level_of(size: Size) -> StoredLevel:
    columns, rows = -(-size.width // SIDE), -(-size.height // SIDE)
    lengths = np.ones((rows, columns), np.uint64)
    sampling = ((2, 2), (1, 1), (1, 1))
    tiles = JpegTiles(Path("a.svs"), Size(SIDE, SIDE), lengths, lengths, b"", is_rgb=False, sampling=sampling)
    return StoredLevel(size, Size(SIDE, SIDE), "jpeg", tiles)


def plan_of(size: Size, scales: Iterable[int]) -> ServicePlan:
    levels = tuple(level_of(size.reduced(scale)) for scale in scales)
    return plan_service("a.svs", Description("openslide", "aperio", levels), Options())


def tasks_of(plan: ServicePlan, done: frozenset[Block] = frozenset(), random_access: bool = True) -> list[RenderTask]:  # noqa: FBT001, FBT002
    staging = FolderStaging(Path("a"), Path("b"))
    slide = replace(slide_task(Path("a.svs"), "", plan, Options(), staging), random_access=random_access)

    def is_done(pass_: Pass, blocks: Iterable[Block]) -> bool:
        return pass_.input_level == 0 and done.issuperset(blocks)

    return list(render_tasks(slide, plan, plan.passes, is_done))


@given(
    columns=st.integers(2, 14),
    rows=st.integers(1, 3),
    scales=st.sampled_from([(1, 2, 4, 8), (1, 4, 16), (1,)]),
    done=st.frozensets(st.builds(Block, st.integers(0, 13), st.integers(0, 2))),
)
def test_each_block_that_is_not_done_is_in_one_task_with_the_tiles_it_needs(
    columns: int, rows: int, scales: tuple[int, ...], done: frozenset[Block]
) -> None:
    plan = plan_of(Size(columns * BLOCK - 100, rows * BLOCK - 300), scales)
    tasks = tasks_of(plan, done)
    given_out = Counter((task.pass_, block) for task in tasks for block in task.blocks)
    assert given_out == Counter(
        (pass_, block)
        for pass_ in plan.passes
        for block in pass_.blocks()
        if pass_.input_level != 0 or block not in done
    )
    for task in tasks:
        if isinstance(task.jpeg, JpegTiles):
            for block in task.blocks:
                needed = touched(input_region(plan.pyramid, task.pass_, block), task.jpeg.tile)
                assert all(task.jpeg.is_stored(column, row) for column in needed[0] for row in needed[1])


def test_neighbours_of_a_row_that_are_only_copied_travel_together() -> None:
    tasks = [task for task in tasks_of(plan_of(Size(6 * BLOCK, 2 * BLOCK), (1, 2, 4, 8))) if task.pass_.copies]
    full = [task.blocks for task in tasks if task.pass_.input_level == 0]
    assert full == [
        tuple(Block(column, row) for column in columns) for row in (0, 1) for columns in (range(TOGETHER), (4, 5))
    ]


def test_done_blocks_part_those_that_travel_together() -> None:
    plan = plan_of(Size(6 * BLOCK, BLOCK), (1, 2, 4, 8))
    tasks = tasks_of(plan, frozenset({Block(1, 0)}))
    full = [task.blocks for task in tasks if task.pass_.input_level == 0]
    assert full == [(Block(0, 0),), tuple(Block(column, 0) for column in (2, 3, 4, 5))]


@pytest.mark.parametrize("scales", [(1, 4, 16), (1,)])
def test_blocks_with_pixels_to_make_travel_alone(scales: tuple[int, ...]) -> None:
    tasks = tasks_of(plan_of(Size(6 * BLOCK, 2 * BLOCK), scales))
    assert {len(task.blocks) for task in tasks} == {1}


def test_a_slide_that_is_decoded_as_a_whole_is_one_task_a_pass() -> None:
    plan = plan_of(Size(6 * BLOCK, 2 * BLOCK), (1, 4, 16))
    tasks = tasks_of(plan, random_access=False)
    read = [task for task in tasks if task.pass_.stored_level is not None]
    assert [task.blocks for task in read] == [tuple(task.pass_.blocks()) for task in read]


@pytest.mark.parametrize("scales", [(1, 2, 4, 8, 16, 32), (1, 4, 16)])
def test_the_block_that_takes_longest_is_not_begun_last(scales: tuple[int, ...]) -> None:
    [group] = concurrent_passes(plan_of(Size(9 * BLOCK, 5 * BLOCK), scales))
    assert [pass_.block_count for pass_ in group] == sorted(pass_.block_count for pass_ in group)
    assert group[0].makes_thumbnails or group[0].pictures


def test_a_pass_that_reads_an_intermediate_image_waits_for_the_one_before() -> None:
    groups = concurrent_passes(plan_of(Size(9 * BLOCK, 5 * BLOCK), (1,)))
    assert [[pass_.input_level for pass_ in group] for group in groups] == sorted(
        [pass_.input_level] for pass_ in plan_of(Size(9 * BLOCK, 5 * BLOCK), (1,)).passes
    )
    assert len(groups) > 1


def test_a_task_arrives_as_it_was_sent_and_its_slide_once_for_all() -> None:
    sent = tasks_of(plan_of(Size(3 * BLOCK, BLOCK), (1, 4)))
    arrived: list[RenderTask] = [pickle.loads(pickle.dumps(task)) for task in sent]  # noqa: S301 - just made
    for before, after in zip(sent, arrived, strict=True):
        assert (after.slide, after.pass_, after.blocks) == (before.slide, before.pass_, before.blocks)
        assert isinstance(before.jpeg, JpegTiles)
        assert isinstance(after.jpeg, JpegTiles)
        assert np.array_equal(after.jpeg.offsets, before.jpeg.offsets)
    assert len({id(task.slide) for task in arrived}) == 1
