"""Outcome that a slide would have, without a file written: its plan, and the size of a few tiles."""

from slide2iiif.discovery.walk import Slide
from slide2iiif.engines.base import Deadlines, Engine
from slide2iiif.options import Options
from slide2iiif.plan.slide import SlidePlan
from slide2iiif.preflight.sampling import estimate_bytes, sample, sample_task
from slide2iiif.publish.results import record_outcome
from slide2iiif.publish.summary import Outcome, Status
from slide2iiif.tiles.tasks import Rendered


def expected_outcome(slide: Slide, plan: SlidePlan, options: Options, engine: Engine) -> Outcome:
    """Return the outcome of a slide in a dry run; a worker makes a few of its tiles.

    Raises:
        SourceError: the slide cannot be read.
    """
    task = sample_task(slide.path, plan.levels, options)
    samples = engine.call(sample, task, Deadlines(options.open_timeout, options.block_timeout).block)
    rendered = Rendered(plan.levels.origins, estimate_bytes(plan.levels, samples))
    return record_outcome(slide, plan, Status.PLANNED, rendered, seconds=0)
