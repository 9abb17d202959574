"""Many objects put at the same time, as many as the place takes: the width halves when it says "slow down".

A request waits for the network most of its time, so each process has some dozens under way. Threads with small stacks:
those of the usual size count against the memory limit of a worker.
"""

import functools
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from slide2iiif.stores.bucket.address import Address
from slide2iiif.stores.bucket.client import put
from slide2iiif.stores.bucket.kinds import headers_of
from slide2iiif.stores.bucket.refusals import refusal_of, target_error

_STACK_BYTES = 256 << 10
_SECONDS = 40.0
"""Time after which a request that is refused is not sent again."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
"""Pauses between two tries, in seconds; each is twice the one before, with a chance of up to half of it added."""


class Gate:
    """Limit of the requests under way, which yields to a place that is too busy and grows again."""

    def __init__(self, widest: int) -> None:
        """Open the gate to its widest."""
        self._widest = widest
        self._width = widest
        self._under_way = 0
        self._successes = 0
        self._free = threading.Condition()

    @property
    def width(self) -> int:
        """Number of requests that may be under way."""
        return self._width

    def __enter__(self) -> None:
        with self._free:
            self._free.wait_for(lambda: self._under_way < self._width)
            self._under_way += 1

    def __exit__(self, *raised: object) -> None:
        with self._free:
            self._under_way -= 1
            self._free.notify()

    def narrow(self) -> None:
        """Let half as many requests through."""
        with self._free:
            self._width = max(1, self._width // 2)
            self._successes = 0

    def succeed(self) -> None:
        """Count a request that was taken: after as many as may be under way, one more may."""
        with self._free:
            self._successes += 1
            if self._successes >= self._width and self._width < self._widest:
                self._width += 1
                self._successes = 0
                self._free.notify()


class Puts:
    """Requests of this process to one bucket."""

    def __init__(self, bucket: str, connections: int) -> None:
        """Start the threads.

        Args:
            bucket: URL of the bucket.
            connections: number of requests that may be under way.
        """
        self._bucket = bucket
        self.gate = Gate(connections)
        before = threading.stack_size(_STACK_BYTES)
        try:
            self._threads = ThreadPoolExecutor(connections, "put")
            # They start one by one otherwise, when stacks have their usual size again.
            ready = threading.Barrier(connections + 1)
            for _ in range(connections):
                self._threads.submit(ready.wait)
            ready.wait()
        finally:
            threading.stack_size(before)

    def put(self, key: str, content: bytes) -> "Future[None]":
        """Put an object, sooner or later; the result of the future is None, or the error of the place."""
        return self._threads.submit(self._put, key, content)

    def _put(self, key: str, content: bytes) -> None:
        def send() -> None:
            put(self._bucket, key, content, headers_of(key), retries=False, use_multipart=False)

        try_again(send, self.gate)


def try_again(send: Callable[[], None], gate: Gate, sleep: Callable[[float], None] = time.sleep) -> None:
    """Send a request until it is taken, refused for good, or the time is over.

    Raises:
        OSError: the last refusal.
        Exception: the same, as the library has it.
    """
    latest, pause = time.monotonic() + _SECONDS, _FIRST_PAUSE
    while True:
        try:
            with gate:
                send()
        except Exception as error:
            refusal = refusal_of(error)
            if refusal.is_slow_down:
                gate.narrow()
            if not refusal.is_retried or time.monotonic() + pause > latest:
                raise
        else:
            gate.succeed()
            return
        sleep(pause * (1 + random.random() / 2))  # noqa: S311 - so that not all come back at once
        pause = min(2 * pause, _LONGEST_PAUSE)


@functools.lru_cache(maxsize=4)
def open_puts(bucket: str, connections: int) -> Puts:
    """Return the requests of this process to a bucket: the same ones for each call."""
    return Puts(bucket, connections)


class Waiting:
    """Requests of one task, which ends when all are answered."""

    def __init__(self, address: Address, connections: int) -> None:
        """Wait for nothing yet."""
        self._address = address
        self._puts = open_puts(address.bucket, connections)
        self._futures: dict[str, Future[None]] = {}

    @property
    def count(self) -> int:
        """Number of requests that were not waited for yet."""
        return len(self._futures)

    def put(self, name: str, content: bytes) -> None:
        """Put an object below the address."""
        before = self._futures.get(name)
        if before is not None:
            # Of two that are under way at the same time, either may come last.
            before.exception()
        self._futures[name] = self._puts.put(self._address.prefix + name, content)

    def wait(self) -> None:
        """Wait until all are there.

        Raises:
            TargetError: one could not be put, the first of them.
        """
        first: BaseException | None = None
        for future in self._futures.values():
            error = future.exception()
            first = first or error
        self._futures.clear()
        if first is not None:
            raise target_error(first, self._address) from None
