"""Tasks for engines: values in, values out, and every way to go wrong."""

import ctypes
import faulthandler
import os
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

from patience import FOREVER, wait_until


class AwkwardError(Exception):
    """Breaks whoever unpickles it."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} and {second}")


class ClosedError(Exception):
    """Cannot be pickled at all."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.stream = sys.stdout


def double(number: int) -> int:
    return 2 * number


def slow_double(number: int) -> int:
    time.sleep(0.02)
    return 2 * number


def fail_on_three(number: int) -> int:
    if number == 3:
        raise ValueError("three is not wanted")
    return number


def fail_while_another_runs(task: tuple[str, Path]) -> None:
    """Raise once another has begun, which notes that it came to its end."""
    name, folder = task
    if name == "fail":
        wait_until((folder / "begun").exists)
        raise ValueError("three is not wanted")
    (folder / "begun").touch()
    time.sleep(0.3)
    (folder / "ended").touch()


def own_pid(_: object) -> int:
    return os.getpid()


def nap(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def meet(folder: Path) -> int:
    """Wait until two processes are here."""
    (folder / str(os.getpid())).touch()
    wait_until(lambda: len(os.listdir(folder)) == 2)  # noqa: PTH208 - names are enough
    return os.getpid()


def loop(_: object) -> NoReturn:
    """Work for ever."""
    while True:
        pass


def hold(seconds: int) -> None:
    """Sleep in C code that lets no other thread of this process run."""
    ctypes.PyDLL(None).sleep(seconds)


def note_and_nap(folder: Path) -> None:
    """Write files for ever, as a worker does that stores tiles."""
    while True:
        (folder / f"{time.monotonic_ns()}").touch()
        time.sleep(0.005)


def raise_awkward(_: object) -> NoReturn:
    raise AwkwardError("one", "two")


def raise_closed(_: object) -> NoReturn:
    raise ClosedError("holds a stream")


def leave(_: object) -> NoReturn:
    sys.exit(3)


def die(way: str) -> None:
    """End this process in a way that nothing can catch; any other word is harmless."""
    if way == "exit":
        os._exit(9)
    if way == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if way == "segfault":
        faulthandler.disable()
        ctypes.string_at(0)
    time.sleep(0.02)


def die_once(marker: Path) -> str:
    """Die in the first process that comes here, and live in the next."""
    if not marker.exists():
        marker.touch()
        os._exit(9)
    return "lived"


def raise_it(error: Exception) -> NoReturn:
    raise error


def take(megabytes: int) -> int:
    """Take memory, and give it back."""
    return len(bytearray(megabytes << 20)) >> 20


def never_start() -> None:
    """Stand for what a worker loads when it starts."""
    time.sleep(FOREVER)
