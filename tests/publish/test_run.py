"""The flow: what is published, what is not, and in which order."""

import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from made_slides import write_synthetic
from stagings import objects_in

from slide2iiif.discovery.walk import Slide, Unusable, walk
from slide2iiif.engines.base import Deadline, Result, Task
from slide2iiif.engines.serial import SerialEngine
from slide2iiif.errors import SourceError, TargetError, WorkerError
from slide2iiif.geometry import Size
from slide2iiif.iiif.api import Api
from slide2iiif.iiif.paths import pictures
from slide2iiif.iiif.pyramid import plan_pyramid
from slide2iiif.maintenance.rebase import rebase
from slide2iiif.options import Options
from slide2iiif.progress import Silent
from slide2iiif.publish.prune import removals
from slide2iiif.publish.run import Export
from slide2iiif.publish.summary import Outcome, Status, Summary
from slide2iiif.publish.tree import Tree
from slide2iiif.records.receipts import Receipts
from slide2iiif.stores.folder.store import FolderStore
from slide2iiif.stores.memory import MemoryStore
from slide2iiif.stores.trial import TrialObjects, TrialStore
from slide2iiif.tiles.render import render

Change = Callable[[], object]


class Told(Silent):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.planned = self.done = 0
        self.ends: dict[str, str] = {}

    def started(self, identifier: str, tiles: int) -> None:
        del identifier
        self.planned += tiles

    def stored(self, identifier: str, tiles: int) -> None:
        del identifier
        self.done += tiles

    def finished(self, identifier: str, status: str, note: str = "") -> None:
        del note
        self.ends[identifier] = status


class Meddling(SerialEngine):
    """Does something when a slide is about to be rendered."""

    def __init__(self, change: Change) -> None:
        self._change = change

    def run(
        self, function: Callable[[Task], Result], tasks: Iterable[Task], within: Deadline | None = None
    ) -> Iterator[tuple[Task, Result]]:
        if function is render:
            self._change()
        yield from super().run(function, tasks, within)


class Flow:
    """An export into memory."""

    def __init__(self, folder: Path, engine: SerialEngine | None = None) -> None:
        self.store = MemoryStore()
        self.told = Told()
        self.receipts = Receipts(objects_in(folder / "private"))
        (folder / "private" / "staging").mkdir(parents=True, exist_ok=True)
        self.engine = engine or SerialEngine()

    def export(self, source: Path, options: Options | None = None, base_url: str = "https://host") -> Summary:
        with self.store, self.engine as engine:
            flow = Export(
                Tree(self.store, self.receipts, options or Options(), base_url, f"{base_url}-v3"), engine, self.told
            )
            return flow.slides(walk(source))


@pytest.fixture
def flow(tmp_path: Path) -> Flow:
    return Flow(tmp_path)


def reasons(summary: Summary) -> dict[str, str]:
    return {outcome.identifier: outcome.reason for outcome in summary.outcomes if outcome.status is Status.FAILED}


def test_every_slide_is_published_and_recorded(flow: Flow, source: Path) -> None:
    summary = flow.export(source)
    assert set(flow.store.slides) == {"one.synthetic", "ward/two.synthetic"} == set(flow.receipts.identifiers())
    assert summary.counts == {Status.EXPORTED: 2}
    assert summary.exit_code == 0


def test_progress_counts_every_tile_once_when_it_is_stored(flow: Flow, source: Path) -> None:
    summary = flow.export(source)
    assert flow.told.planned == flow.told.done == summary.total("tiles")
    assert flow.told.ends == {"one.synthetic": "exported", "ward/two.synthetic": "exported"}


def test_the_document_that_announces_a_slide_is_put_last(flow: Flow, source: Path) -> None:
    flow.export(source)
    for files in flow.store.slides.values():
        assert list(files)[-1] == "info.json"


def test_each_task_has_the_deadline_of_its_kind(tmp_path: Path, source: Path) -> None:
    """A slide that cannot be opened in time is not the same as one of which a block takes long."""
    limits: dict[str, float] = {}

    class Timed(SerialEngine):
        def run(
            self, function: Callable[[Task], Result], tasks: Iterable[Task], within: Deadline | None = None
        ) -> Iterator[tuple[Task, Result]]:
            assert within is not None
            limits[function.__name__] = within.seconds
            return super().run(function, tasks, within)

    Flow(tmp_path, Timed()).export(source, Options(open_timeout=7, block_timeout=8))
    assert limits == {"describe": 7, "render": 8, "digest_content": 8}


def test_a_slide_that_changes_while_it_is_read_is_not_published(tmp_path: Path, source: Path) -> None:
    flow = Flow(tmp_path, Meddling(lambda: write_synthetic(source / "one.synthetic", 700, 501)))
    summary = flow.export(source)
    assert "has changed while it was read" in reasons(summary)["one.synthetic"]
    assert set(flow.store.slides) == {"ward/two.synthetic"}
    assert set(flow.receipts.identifiers()) == {"ward/two.synthetic"}


def test_a_slide_that_changes_once_while_it_is_read_is_published_as_it_is_now(tmp_path: Path, source: Path) -> None:
    heights = iter([501])

    def change_once() -> None:
        for height in heights:
            write_synthetic(source / "one.synthetic", 700, height)

    flow = Flow(tmp_path, Meddling(change_once))
    summary = flow.export(source)
    [changed] = [outcome for outcome in summary.outcomes if outcome.identifier == "one.synthetic"]
    assert (changed.status, changed.height) == (Status.EXPORTED, 501)
    assert changed.reason == "had changed while it was read, and was read again"
    assert flow.receipts.read("one.synthetic") is not None


def test_a_slide_that_is_gone_when_its_turn_comes_fails_alone(flow: Flow, source: Path) -> None:
    found = list(walk(source))
    (source / "one.synthetic").unlink()
    with flow.store, flow.engine as engine:
        run = Export(Tree(flow.store, flow.receipts, Options(), "https://h", "https://o"), engine, flow.told)
        summary = run.slides(found)
    assert "no such file: it is gone" in reasons(summary)["one.synthetic"]
    assert summary.counts[Status.EXPORTED] == 1


@pytest.mark.parametrize("error", [SourceError("it is bad"), WorkerError("it died"), ValueError("a bug of ours")])
def test_an_error_of_a_slide_fails_it_and_discards_what_was_staged(
    tmp_path: Path, source: Path, error: Exception
) -> None:
    def fail() -> None:
        raise error

    folder = tmp_path / "tree"
    with FolderStore(folder) as store, Meddling(fail) as engine:
        run = Export(Tree(store, Receipts(store.private), Options(), "https://h", "https://o"), engine, Told())
        summary = run.slides(walk(source))
    assert set(reasons(summary)) == {"one.synthetic", "ward/two.synthetic"}
    assert all(str(error) in reason for reason in reasons(summary).values())
    assert {path.name for path in folder.iterdir()} == {".slide2iiif"}
    assert list((folder / ".slide2iiif" / "staging").iterdir()) == []


def test_an_error_of_the_target_ends_the_run(tmp_path: Path, source: Path) -> None:
    def fail() -> None:
        raise TargetError("the disk is full")

    flow = Flow(tmp_path, Meddling(fail))
    with pytest.raises(TargetError, match="the disk is full"):
        flow.export(source)
    assert flow.store.slides == {}


def test_what_is_unchanged_is_not_even_opened(tmp_path: Path, source: Path) -> None:
    flow = Flow(tmp_path)
    flow.export(source)

    def fail() -> None:
        raise AssertionError("rendered again")

    flow.engine = Meddling(fail)
    summary = flow.export(source)
    assert summary.counts == {Status.UNCHANGED: 2}
    assert summary.outcomes == []


def test_a_new_base_url_changes_documents_alone(flow: Flow, source: Path) -> None:
    flow.export(source)
    before = {name: dict(files) for name, files in flow.store.slides.items()}
    summary = flow.export(source, base_url="https://new")
    assert summary.counts == {Status.REBASED: 2}
    for name, files in flow.store.slides.items():
        changed = {path for path in files if files[path] != before[name][path]}
        assert changed == {"info.json", "info-v3.json"}


def test_rebasing_needs_no_source(flow: Flow, source: Path) -> None:
    flow.export(source)
    for path in source.rglob("*.synthetic"):
        path.unlink()
    with flow.store:
        assert sorted(rebase(flow.store, flow.receipts, "https://new", "https://new-v3")) == sorted(flow.store.slides)
        assert list(rebase(flow.store, flow.receipts, "https://new", "https://new-v3")) == []
    assert b"https://new/one.synthetic" in flow.store.slides["one.synthetic"]["info.json"]


@pytest.mark.parametrize("dry", [True, False])
def test_what_has_no_source_is_removed_or_named(flow: Flow, source: Path, dry: bool) -> None:  # noqa: FBT001
    flow.export(source)
    with flow.store:
        store = TrialStore(flow.store) if dry else flow.store
        receipts = Receipts(TrialObjects(flow.receipts.private)) if dry else flow.receipts
        outcomes = list(removals(store, receipts, {"one.synthetic"}, dry=dry))
    status = Status.REMOVABLE if dry else Status.REMOVED
    assert outcomes == [Outcome("ward/two.synthetic", status)]
    kept = {"one.synthetic", "ward/two.synthetic"} if dry else {"one.synthetic"}
    assert set(flow.store.slides) == set(flow.receipts.identifiers()) == kept


def test_what_cannot_be_a_slide_is_reported_with_its_reason(flow: Flow, tmp_path: Path) -> None:
    with flow.store, flow.engine as engine:
        run = Export(Tree(flow.store, flow.receipts, Options(), "https://h", "https://o"), engine, flow.told)
        summary = run.slides([Unusable(tmp_path / "pipe.svs", "is not a file")])
    assert reasons(summary) == {str(tmp_path / "pipe.svs"): "is not a file"}


class Two(SerialEngine):
    """Says that it has two jobs, so that slides are in flight at once."""

    jobs = 2


def test_a_few_slides_are_in_flight_at_once_and_no_more(tmp_path: Path) -> None:
    for number in range(12):
        write_synthetic(tmp_path / "slides" / f"{number:02}.synthetic", 64, 64)
    taken = 0
    flow = Flow(tmp_path, Two())
    ahead: list[int] = []

    def slides() -> Iterator[Slide | Unusable]:
        nonlocal taken
        for slide in walk(tmp_path / "slides"):
            taken += 1
            ahead.append(taken - len(flow.told.ends))
            yield slide

    with flow.store, flow.engine as engine:
        run = Export(Tree(flow.store, flow.receipts, Options(), "https://h", "https://o"), engine, flow.told)
        summary = run.slides(slides())
    assert summary.counts == {Status.EXPORTED: 12}
    # Three that are worked on, four that wait for the disk, and the next.
    assert max(ahead) <= 3 + 4 + 1


def test_an_error_of_the_walk_ends_what_is_in_flight(tmp_path: Path, source: Path) -> None:
    cancelled = threading.Event()

    class Cancelled(Two):
        def cancel(self) -> None:
            cancelled.set()

    def broken() -> Iterator[Slide | Unusable]:
        yield from walk(source)
        raise KeyError

    flow = Flow(tmp_path, Cancelled())
    with flow.store, flow.engine as engine:
        run = Export(Tree(flow.store, flow.receipts, Options(), "https://h", "https://o"), engine, flow.told)
        with pytest.raises(KeyError):
            run.slides(broken())
    assert cancelled.is_set()


def test_pictures_are_part_of_what_is_published(flow: Flow, source: Path) -> None:
    flow.export(source / "one.synthetic")
    asked = {path for picture in pictures(plan_pyramid(Size(700, 500), 512), Api.V2) for path in picture.paths}
    assert asked <= set(flow.store.slides["one.synthetic"])


def test_the_seconds_of_a_slide_are_those_of_the_work_on_it(flow: Flow, source: Path) -> None:
    """What waits for others takes no time: all slides together have worked no longer than the run took."""
    summary = flow.export(source)
    assert all(outcome.seconds > 0 for outcome in summary.outcomes)
    assert sum(outcome.seconds for outcome in summary.outcomes) <= summary.seconds
    assert sum(outcome.seconds for outcome in flow.export(source).outcomes) == 0
