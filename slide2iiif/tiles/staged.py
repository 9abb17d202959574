"""Check of a staging that was resumed, before it is published: it has what its digests say, and nothing else.

An interrupted run may have been long ago. Staged files may have been deleted, cut, changed or added since, by hand, by
whatever cleans up, or by the file system. It costs 60 to 75 µs a file, in workers, and only of slides that are resumed.
"""

from collections.abc import Iterator, Sequence

from slide2iiif.engines.base import Deadline, Engine
from slide2iiif.errors import SourceError
from slide2iiif.plan.service import ServicePlan
from slide2iiif.records.file_check import CheckTask, check_files
from slide2iiif.stores.base import Staging
from slide2iiif.tiles.journal import Journal

_TASK_FILES = 4096
"""Files of a task: some tenths of a second of work."""


class StagingChangedError(SourceError):
    """Staged files are not those that were made; the slide is made anew."""


def check_staged(
    services: Sequence[ServicePlan],
    journals: Sequence[Journal],
    staging: Staging,
    others: frozenset[str],
    engine: Engine,
    within: Deadline,
) -> None:
    """Check all staged files of a slide.

    Args:
        services: of the slide, in the order of their journals.
        journals: of the services; all tasks have finished.
        staging: of the slide.
        others: names beside the regions of the levels that are stored afterwards.
        engine: engine, already started.
        within: time limit of a task.

    Raises:
        StagingChangedError: a file is missing or changed, or there is one that was not made.
    """
    beside = frozenset(service.place.partition("/")[0] for service in services if service.place)
    for service, journal in zip(services, journals, strict=True):
        place = staging.below(service.place) if service.place else staging
        tasks = _tasks(service, journal, place, others | beside)
        for _, checked in engine.run(check_files, tasks, within):
            for finding in checked.findings:
                raise StagingChangedError(
                    f"{finding.path.removeprefix('./')}, staged by an interrupted run, is not what it was "
                    f"({finding.kind}): run again"
                )


def _tasks(service: ServicePlan, journal: Journal, staging: Staging, others: frozenset[str]) -> Iterator[CheckTask]:
    order = service.order
    for first in range(0, order.count, _TASK_FILES):
        ordinals = range(first, min(first + _TASK_FILES, order.count))
        digests = journal.digests.read(first, len(ordinals))
        yield CheckTask(staging.staged, ".", "", order, ordinals, digests, others=others)
