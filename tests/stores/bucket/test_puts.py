"""Many requests at the same time, as many as the place takes."""

import threading

import pytest

from slide2iiif.stores.bucket.puts import Gate, try_again

BUSY = RuntimeError("Server returned non-2xx status code: 503 Service Unavailable: <Code>SlowDown</Code>")
BROKEN = RuntimeError("HTTP error: error sending request")
FORBIDDEN = RuntimeError("Server returned non-2xx status code: 403 Forbidden: <Code>AccessDenied</Code>")


def send_after(errors: list[Exception]) -> tuple[list[int], object]:
    """Return a request that is refused some times, and where it counts how often it was sent."""
    sent: list[int] = []

    def send() -> None:
        sent.append(1)
        if len(sent) <= len(errors):
            raise errors[len(sent) - 1]

    return sent, send


def test_a_request_is_sent_until_it_is_taken() -> None:
    sent, send = send_after([BUSY, BROKEN, BUSY])
    pauses: list[float] = []
    try_again(send, Gate(32), pauses.append)  # type: ignore[arg-type]
    assert len(sent) == 4
    assert [0.1 <= pause <= 0.15 for pause in pauses[:1]] == [True]
    assert pauses == sorted(pauses)


def test_what_is_refused_for_good_is_sent_once() -> None:
    sent, send = send_after([FORBIDDEN] * 9)
    with pytest.raises(RuntimeError, match="403"):
        try_again(send, Gate(32), lambda _: None)  # type: ignore[arg-type]
    assert len(sent) == 1


def test_a_place_that_is_busy_gets_half_as_many_requests_and_then_more_again() -> None:
    gate = Gate(32)
    _, send = send_after([BUSY, BUSY])
    try_again(send, gate, lambda _: None)  # type: ignore[arg-type]
    assert gate.width == 8
    for _ in range(8 + 9 + 10):
        gate.succeed()
    assert gate.width in {10, 11}
    for _ in range(10_000):
        gate.succeed()
    assert gate.width == 32


def test_a_request_that_broke_off_narrows_nothing() -> None:
    gate = Gate(32)
    _, send = send_after([BROKEN])
    try_again(send, gate, lambda _: None)  # type: ignore[arg-type]
    assert gate.width == 32


def test_no_more_requests_are_under_way_than_the_gate_is_wide() -> None:
    gate, most, now = Gate(3), [0], [0]
    lock = threading.Lock()

    def request() -> None:
        with gate:
            with lock:
                now[0] += 1
                most[0] = max(most[0], now[0])
            threading.Event().wait(0.01)
            with lock:
                now[0] -= 1

    threads = [threading.Thread(target=request) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] == 3
