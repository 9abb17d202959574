"""Tiles of one service, made by the workers of an engine: the parent's half, for export and repair alike."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from slide2iiif.engines.base import Deadlines, Engine
from slide2iiif.options import Icc, Options
from slide2iiif.plan.service import ServicePlan
from slide2iiif.stores.base import Staging
from slide2iiif.tiles.intermediate import IntermediateImage, intermediate_image
from slide2iiif.tiles.journal import Journal
from slide2iiif.tiles.render import render
from slide2iiif.tiles.schedule import IsDone, concurrent_passes, render_tasks, slide_task
from slide2iiif.tiles.tasks import Rendered, RenderTask


@dataclass(frozen=True, slots=True)
class Maker:
    """Maker of tiles of one slide."""

    path: Path
    """Slide file."""
    fingerprint: str
    """Fingerprint of the slide's files."""
    options: Options
    """Options that affect the output bytes."""
    engine: Engine
    """Engine, already started."""
    deadlines: Deadlines
    """Time limits of tasks."""

    def make_tiles(
        self, plan: ServicePlan, staging: Staging, is_done: IsDone, note: Callable[[RenderTask, Rendered], object]
    ) -> None:
        """Make the tiles of a service and put them into its staging.

        Args:
            plan: of the service; its intermediate images have been created.
            staging: of the service.
            is_done: returns True for blocks that need not be made.
            note: called with each task that has ended and what it stored.

        Raises:
            SourceError: the slide cannot be read.
            TargetError: the store cannot take a file.
        """
        if plan.picture:
            self._write_picture(plan, staging)
        task = slide_task(self.path, self.fingerprint, plan, self.options, staging)
        for group in concurrent_passes(plan):
            tasks = render_tasks(task, plan, group, is_done)
            for done, rendered in self.engine.run(render, tasks, self.deadlines.block):
                note(done, rendered)

    def continue_tiles(
        self, plan: ServicePlan, staging: Staging, journal: Journal, stored: Callable[[int], None]
    ) -> None:
        """Make the tiles of a service that its journal does not have yet.

        Args:
            plan: of the service.
            staging: of the service.
            journal: of the staging; takes note of each task.
            stored: called with numbers of tiles: those of earlier runs, then those of each task.

        Raises:
            SourceError: the slide cannot be read.
            TargetError: the store cannot take a file.
        """
        images = intermediate_images(plan, staging)
        if journal.is_empty or not all(image.is_there for image in images):
            journal.begin_anew()
            for image in images:
                image.create()
        stored(journal.rendered.tiles)

        def note(task: RenderTask, rendered: Rendered) -> None:
            journal.add(task, rendered)
            stored(rendered.tiles)

        self.make_tiles(plan, staging, journal.is_done, note)

    def _write_picture(self, plan: ServicePlan, staging: Staging) -> None:
        """Write the pixels of an associated image where the passes of its service read them."""
        from slide2iiif.tiles.associated import PictureTask, write_associated

        image = intermediate_image(staging, plan.pyramid, 0)
        image.create()
        task = PictureTask(self.path, plan.picture, image, self.options.icc is Icc.SRGB)
        self.engine.call(write_associated, task, self.deadlines.block)


def intermediate_images(plan: ServicePlan, staging: Staging) -> list[IntermediateImage]:
    """Return the images that passes of a service write for later ones."""
    levels = [pass_.intermediate_level for pass_ in plan.passes if pass_.intermediate_level is not None]
    return [intermediate_image(staging, plan.pyramid, level) for level in levels]
