"""What every engine promises, checked on each."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import engine_tasks
import psutil
import pytest
from commands import started
from patience import FOREVER, PATIENCE, wait_until

from slide2iiif.engines import worker as workers
from slide2iiif.engines.base import Deadline, Engine, Preload
from slide2iiif.engines.processes import ProcessEngine
from slide2iiif.engines.serial import SerialEngine
from slide2iiif.errors import SourceError, TargetBusyError, WorkerError

SUPPORT = Path(engine_tasks.__file__).parent
WAYS_TO_DIE = {"exit": r"exit code 9|EXIT\(9\)", "kill": "SIGKILL", "segfault": "SIGSEGV"}


@pytest.fixture(params=[SerialEngine, lambda: ProcessEngine(1), lambda: ProcessEngine(2)], ids=["serial", "one", "two"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    made: Engine = request.param()
    with made:
        yield made


@pytest.fixture
def processes() -> Iterator[ProcessEngine]:
    with ProcessEngine(2) as made:
        yield made


def in_threads(count: int, work: Callable[[int], Any], seconds: float = PATIENCE) -> list[Any]:
    """Do work in threads and give what each returned or raised. A thread that hangs fails the test."""
    results: list[Any] = [None] * count

    def guarded(index: int) -> None:
        try:
            results[index] = work(index)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test judges it
            results[index] = error

    threads = [threading.Thread(target=guarded, args=(index,), daemon=True) for index in range(count)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0, deadline - time.monotonic()))
    assert not any(thread.is_alive() for thread in threads), "a run hangs"
    return results


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


# Any engine


def test_every_task_comes_back_with_its_result(engine: Engine) -> None:
    assert sorted(engine.run(engine_tasks.double, range(50))) == [(number, 2 * number) for number in range(50)]


def test_no_tasks_give_no_results(engine: Engine) -> None:
    assert list(engine.run(engine_tasks.double, [])) == []


def test_tasks_are_taken_as_they_are_needed(engine: Engine) -> None:
    taken: list[int] = []

    def tasks() -> Iterator[int]:
        for number in range(10_000):
            taken.append(number)
            yield number

    results = engine.run(engine_tasks.double, tasks())
    for _ in range(5):
        next(results)
    assert len(taken) < 100
    results.close()  # type: ignore[attr-defined]


def test_the_error_of_a_task_is_raised_as_it_is(engine: Engine) -> None:
    with pytest.raises(ValueError, match=r"^three is not wanted$"):
        list(engine.run(engine_tasks.fail_on_three, range(10)))


def test_an_engine_works_on_after_a_task_has_failed(engine: Engine) -> None:
    with pytest.raises(ValueError, match="three"):
        list(engine.run(engine_tasks.fail_on_three, [3]))
    assert list(engine.run(engine_tasks.double, [4])) == [(4, 8)]


def test_runs_of_several_threads_do_not_mix(engine: Engine) -> None:
    def work(index: int) -> list[int]:
        return sorted(task for task, _ in engine.run(engine_tasks.double, range(100 * index, 100 * index + 20)))

    assert in_threads(4, work) == [list(range(100 * index, 100 * index + 20)) for index in range(4)]


def test_an_error_of_one_run_does_not_disturb_another(engine: Engine) -> None:
    def work(index: int) -> list[int]:
        function = engine_tasks.fail_on_three if index == 0 else engine_tasks.double
        return sorted(result for _, result in engine.run(function, range(10)))

    failed, *others = in_threads(3, work)
    assert isinstance(failed, ValueError)
    assert others == [[2 * number for number in range(10)]] * 2


def test_an_engine_says_how_many_tasks_run_at_once(engine: Engine) -> None:
    assert engine.jobs >= 1


# Processes


def test_work_is_done_in_other_processes(processes: ProcessEngine) -> None:
    pids = {pid for _, pid in processes.run(engine_tasks.own_pid, range(20))}
    assert os.getpid() not in pids
    assert len(pids) <= processes.jobs


def test_all_processes_are_used(processes: ProcessEngine, tmp_path: Path) -> None:
    assert len({pid for _, pid in processes.run(engine_tasks.meet, [tmp_path] * 2)}) == 2


def test_hundreds_of_tasks_of_many_threads_all_come_back(processes: ProcessEngine) -> None:
    def work(_: int) -> int:
        return sum(result for _, result in processes.run(engine_tasks.double, range(200)))

    assert in_threads(12, work) == [2 * sum(range(200))] * 12


def test_a_run_that_is_not_read_on_does_not_stop_the_others(processes: ProcessEngine) -> None:
    lazy = processes.run(engine_tasks.double, range(1000))
    next(lazy)
    assert in_threads(2, lambda _: len(list(processes.run(engine_tasks.double, range(50))))) == [50, 50]
    lazy.close()  # type: ignore[attr-defined]


def test_what_runs_has_ended_when_an_error_is_raised(processes: ProcessEngine, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="three"):
        list(processes.run(engine_tasks.fail_while_another_runs, [("last", tmp_path), ("fail", tmp_path)]))
    assert (tmp_path / "ended").exists()


@pytest.mark.parametrize("way", WAYS_TO_DIE)
def test_a_dead_worker_is_blamed_on_the_task_that_ran(processes: ProcessEngine, way: str) -> None:
    with pytest.raises(WorkerError, match=r"^the process that worked on it died: ") as raised:
        list(processes.run(engine_tasks.die, [way]))
    assert re.search(WAYS_TO_DIE[way], str(raised.value))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("memory", "words"),
    [
        (1 << 40, "--worker-memory raises its limit"),
        (700 << 20, "700 MB are there for 2 processes of 960 MB: fewer --jobs"),
    ],
)
def test_a_process_that_is_killed_where_memory_is_short_advises_fewer_of_them(
    monkeypatch: pytest.MonkeyPatch, memory: int, words: str
) -> None:
    monkeypatch.setattr("slide2iiif.engines.processes.usable_memory", lambda: memory)
    with ProcessEngine(2, memory=960) as engine:
        # In a worker that was forked, and in one that was started afresh.
        for _ in range(2):
            with pytest.raises(WorkerError, match=rf"SIGKILL \(out of memory\? {words}"):
                list(engine.run(engine_tasks.die, ["kill"]))
        with pytest.raises(WorkerError, match=r"SIGSEGV$"):
            list(engine.run(engine_tasks.die, ["segfault"]))


@pytest.mark.parametrize("way", WAYS_TO_DIE)
@pytest.mark.parametrize("position", [0, 7, 19])
def test_of_many_runs_only_the_one_whose_task_died_fails(processes: ProcessEngine, way: str, position: int) -> None:
    def work(index: int) -> int:
        tasks = ["live"] * 20
        if index == 2:
            tasks[position] = way
        return len(list(processes.run(engine_tasks.die, tasks)))

    results = in_threads(4, work)
    assert isinstance(results.pop(2), WorkerError)
    assert results == [20, 20, 20]


def test_workers_that_die_one_after_the_other_are_each_blamed_on_their_own(processes: ProcessEngine) -> None:
    def work(index: int) -> int:
        return len(list(processes.run(engine_tasks.die, ["live", "kill" if index % 2 else "live", "live"])))

    results = in_threads(8, work)
    assert [type(each) for each in results] == [int, WorkerError] * 4


def test_what_is_attempted_goes_on_without_the_tasks_whose_processes_were_lost(processes: ProcessEngine) -> None:
    ways = ["live", "kill", "live", "segfault", "exit", "live", "kill"]
    results = list(processes.attempt(engine_tasks.die, ways))
    assert sorted(way for way, _ in results) == sorted(ways)
    assert all(isinstance(result, WorkerError) == (way != "live") for way, result in results)
    with pytest.raises(ValueError, match="three"):
        list(processes.attempt(engine_tasks.fail_on_three, range(10)))


def test_what_is_attempted_ends_when_it_is_cancelled(processes: ProcessEngine) -> None:
    threading.Timer(0.3, processes.cancel).start()
    with pytest.raises(WorkerError, match="the run was stopped"):
        list(processes.attempt(engine_tasks.nap, [FOREVER] * 6))


@pytest.mark.parametrize("function", [engine_tasks.loop, engine_tasks.hold])
def test_a_task_that_passes_its_deadline_fails_alone_and_names_it(function: Callable[[Any], object]) -> None:
    lateness = r"^sleeping took longer than 0.5 s; if it is sound, raise --patience$"
    deadline = Deadline(0.5, "sleeping", "--patience")
    with ProcessEngine(2) as engine:
        # In the first worker, which was forked, and then in one that was started afresh.
        for _ in range(3):
            with pytest.raises(WorkerError, match=lateness):
                list(engine.run(function, [FOREVER], deadline))
        assert sorted(result for _, result in engine.run(engine_tasks.double, range(20))) == [*range(0, 40, 2)]


def test_a_task_that_takes_too_much_memory_fails_alone_and_says_so() -> None:
    with ProcessEngine(1, memory=400) as engine:
        # In a worker that was forked, and in one that was started afresh.
        for _ in range(2):
            assert list(engine.run(engine_tasks.take, [100])) == [(100, 100)]
            with pytest.raises(WorkerError, match=r"^needs more memory than the 400 MB that .*--worker-memory"):
                list(engine.run(engine_tasks.take, [500]))
            assert list(engine.run(engine_tasks.take, [100])) == [(100, 100)]
            with pytest.raises(WorkerError, match="SIGKILL"):
                list(engine.run(engine_tasks.die, ["kill"]))


def test_a_worker_that_does_not_start_is_told_from_a_task_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_UNSAFE_TO_FORK", ("os",))
    monkeypatch.setattr(workers, "_START_SECONDS", 0.5)
    deadline = Deadline(FOREVER, "doubling", "--patience")
    with (
        ProcessEngine(1, preload=Preload(own=engine_tasks.never_start)) as engine,
        pytest.raises(WorkerError, match=r"did not start within"),
    ):
        list(engine.run(engine_tasks.double, [1], deadline))


def test_a_worker_that_lets_no_thread_of_its_own_run_ends_with_its_parent(tmp_path: Path) -> None:
    with started_parent(tmp_path, "hold") as (parent, pids):
        time.sleep(0.5)
        parent.kill()
        parent.wait()
        assert wait_until(lambda: all(gone(pid) for pid in pids))


def test_a_new_worker_takes_the_place_of_a_dead_one(processes: ProcessEngine, tmp_path: Path) -> None:
    with pytest.raises(WorkerError):
        list(processes.run(engine_tasks.die_once, [tmp_path / "marker"]))
    assert list(processes.run(engine_tasks.die_once, [tmp_path / "marker"])) == [(tmp_path / "marker", "lived")]


def test_a_worker_that_dies_idle_takes_no_task_with_it() -> None:
    with ProcessEngine(1) as engine:
        for _ in range(5):
            [(_, pid)] = engine.run(engine_tasks.own_pid, [0])
            # The death is not noticed yet when the next tasks are sent.
            os.kill(pid, signal.SIGKILL)
            assert len(list(engine.run(engine_tasks.double, range(5)))) == 5


def test_a_worker_that_dies_while_it_starts_takes_no_task_with_it() -> None:
    with ProcessEngine(1) as engine:
        for child in psutil.Process().children():
            if "resource_tracker" not in " ".join(child.cmdline()):
                child.kill()
        assert len(list(engine.run(engine_tasks.double, range(5)))) == 5


@pytest.mark.parametrize(
    ("function", "kind"), [(engine_tasks.raise_awkward, "AwkwardError"), (engine_tasks.raise_closed, "ClosedError")]
)
def test_an_error_that_cannot_travel_keeps_its_name_and_words(
    processes: ProcessEngine, function: Callable[[object], object], kind: str
) -> None:
    with pytest.raises(RuntimeError, match=f"^{kind}: "):
        list(processes.run(function, [0]))
    assert list(processes.run(engine_tasks.double, [1])) == [(1, 2)]


def test_a_task_that_leaves_by_exit_fails_alone(processes: ProcessEngine) -> None:
    with pytest.raises(RuntimeError, match="SystemExit: 3"):
        list(processes.run(engine_tasks.leave, [0]))
    assert list(processes.run(engine_tasks.double, [1])) == [(1, 2)]


def test_a_task_that_cannot_be_sent_fails_alone(processes: ProcessEngine) -> None:
    with pytest.raises(Exception, match=r"(?i)pickle"):
        list(processes.run(engine_tasks.own_pid, [threading.Lock()]))
    assert list(processes.run(engine_tasks.double, [1])) == [(1, 2)]


def test_cancelling_ends_every_run(processes: ProcessEngine) -> None:
    stopper = threading.Timer(0.5, processes.cancel)
    stopper.start()
    results = in_threads(6, lambda _: list(processes.run(engine_tasks.nap, [FOREVER] * 3)))
    assert [type(each) for each in results] == [WorkerError] * 6
    stopper.join()


def test_nothing_runs_any_more_once_a_cancelled_run_has_ended(processes: ProcessEngine, tmp_path: Path) -> None:
    def cancel_once_it_writes() -> None:
        wait_until(lambda: any(tmp_path.iterdir()))
        processes.cancel()

    stopper = threading.Thread(target=cancel_once_it_writes)
    stopper.start()
    with pytest.raises(WorkerError):
        list(processes.run(engine_tasks.note_and_nap, [tmp_path, tmp_path]))
    count = len(list(tmp_path.iterdir()))
    assert count
    time.sleep(0.2)
    assert len(list(tmp_path.iterdir())) == count
    stopper.join()


def test_a_cancelled_engine_takes_no_more_tasks(processes: ProcessEngine) -> None:
    processes.cancel()
    for _ in range(6):
        with pytest.raises(WorkerError, match="stopped"):
            list(processes.run(engine_tasks.double, [1]))


def test_a_death_while_the_engine_is_cancelled_hangs_nothing() -> None:
    for _ in range(3):
        with ProcessEngine(2) as engine:
            stopper = threading.Timer(0.4, engine.cancel)
            stopper.start()

            def work(_: int, engine: ProcessEngine = engine) -> int:
                return len(list(engine.run(engine_tasks.die, ["live"] * 5 + ["kill"] + ["live"] * 5)))

            assert all(isinstance(each, WorkerError) for each in in_threads(6, work))
            stopper.join()


def test_an_engine_that_ends_with_an_error_kills_its_workers() -> None:
    pids: set[int] = set()

    def fail_while_a_task_runs() -> None:
        with ProcessEngine(2) as engine:
            pids.update(pid for _, pid in engine.run(engine_tasks.own_pid, range(8)))
            threading.Thread(
                target=in_threads, args=(1, lambda _: list(engine.run(engine_tasks.nap, [FOREVER])))
            ).start()
            time.sleep(0.3)
            raise KeyError

    with pytest.raises(KeyError):
        fail_while_a_task_runs()
    assert wait_until(lambda: all(gone(pid) for pid in pids))


def test_an_engine_that_ends_well_leaves_no_process() -> None:
    with ProcessEngine(2) as engine:
        pids = {pid for _, pid in engine.run(engine_tasks.nap, [0.05] * 8)}
    assert all(gone(pid) for pid in pids)


PARENT = """
import sys, threading
from pathlib import Path
sys.path.insert(0, {support!r})
import engine_tasks
from slide2iiif.engines.processes import ProcessEngine
with ProcessEngine(2) as engine:
    for _, pid in engine.run(engine_tasks.meet, [Path({folder!r})] * 2):
        print(pid, flush=True)
    print("busy", flush=True)
    list(engine.run(engine_tasks.{task}, [{forever}] * 4))
"""


@contextmanager
def started_parent(folder: Path, task: str = "nap") -> Iterator[tuple["subprocess.Popen[str]", set[int]]]:
    code = PARENT.format(support=str(SUPPORT), folder=str(folder), task=task, forever=FOREVER)
    with started([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = {int(line) for line in iter(parent.stdout.readline, "busy\n")}
        assert len(pids) == 2
        yield parent, pids


def test_workers_end_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    with started_parent(tmp_path) as (parent, pids):
        parent.kill()
        parent.wait()
        assert wait_until(lambda: all(gone(pid) for pid in pids))


def test_an_interrupt_from_the_keyboard_is_left_to_the_parent(tmp_path: Path) -> None:
    with started_parent(tmp_path) as (parent, pids):
        for pid in pids:
            os.kill(pid, signal.SIGINT)
        time.sleep(0.3)
        assert not any(gone(pid) for pid in pids)
        parent.kill()


def test_an_interrupt_reaches_no_worker_that_is_just_starting() -> None:
    with ProcessEngine(2) as engine:
        for child in psutil.Process().children():
            child.send_signal(signal.SIGINT)
        assert len(list(engine.run(engine_tasks.double, range(4)))) == 4


def test_too_many_processes_for_the_system_are_an_error_of_one_line() -> None:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (60, 60))\n"
        "from slide2iiif.engines.processes import ProcessEngine\n"
        "from slide2iiif.errors import Slide2iiifError\n"
        "try:\n"
        "    with ProcessEngine(20): pass\n"
        "except Slide2iiifError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert done.stdout == "no worker process can be started: Too many open files; lower --jobs\n"


def test_the_usual_limit_of_open_files_does_not_limit_the_jobs() -> None:
    code = (
        "import resource; _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (60, min(hard, 4096) if hard > 0 else 4096))\n"
        "from slide2iiif.engines.processes import ProcessEngine\n"
        "with ProcessEngine(8): print('all started')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert done.stdout == "all started\n"


@pytest.mark.parametrize("error", [SourceError("gone"), WorkerError("dead"), TargetBusyError("busy")])
def test_the_errors_of_the_package_travel_as_they_are(error: Exception) -> None:
    assert engine_tasks.AwkwardError("a", "b").args == ("a and b",)
    with ProcessEngine(1) as engine, pytest.raises(type(error), match=str(error)):
        list(engine.run(engine_tasks.raise_it, [error]))


IMPORTING = """
import sys
from slide2iiif.engines import worker
from slide2iiif.engines.base import Preload

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "joblib":
            print(worker._IMPORTING.locked())

sys.meta_path.insert(0, Watch())
if __name__ == "__main__":
    worker.start_worker(None, Preload()).kill()
"""


def test_one_lane_at_a_time_imports_what_starts_workers(tmp_path: Path) -> None:
    """Its modules import each other: whoever comes in between finds them half made, and its slide would fail."""
    (tmp_path / "program.py").write_text(IMPORTING)
    done = subprocess.run([sys.executable, tmp_path / "program.py"], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
