"""How a run is shown."""

import io
import threading

import pytest

from slide2iiif import progress
from slide2iiif.progress import Bar, Lines, Silent, printable


def tell(shown: Silent) -> None:
    shown.started("a.svs", 10)
    shown.stored("a.svs", 4)
    shown.stored("a.svs", 6)
    shown.finished("a.svs", "exported")
    shown.finished("b.svs", "unchanged")
    shown.finished("c.svs", "failed", "it is broken")


def test_silence_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with Silent() as shown:
        tell(shown)
    assert capsys.readouterr() == ("", "")


def test_lines_name_each_slide_that_was_worked_on() -> None:
    stream = io.StringIO()
    with Lines(stream) as shown:
        tell(shown)
    assert stream.getvalue() == "exported: a.svs\nfailed: c.svs: it is broken\n"


def test_lines_name_unchanged_slides_when_more_is_asked_for() -> None:
    stream = io.StringIO()
    with Lines(stream, verbose=True) as shown:
        tell(shown)
    assert "unchanged: b.svs\n" in stream.getvalue()


def test_lines_tell_now_and_then_how_far_a_run_is(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])  # type: ignore[attr-defined]
    stream = io.StringIO()
    shown = Lines(stream)
    shown.started("a.svs", 100)
    for second in range(25):
        now[0] = second
        shown.stored("a.svs", 1)
    assert stream.getvalue() == ("11 of 100 tiles stored, now a.svs\n21 of 100 tiles stored, now a.svs\n")


def test_a_name_cannot_break_a_line_or_drive_the_terminal() -> None:
    stream = io.StringIO()
    Lines(stream).finished("a\n\x1b[2J.svs", "failed", "b\rc")
    assert stream.getvalue() == "failed: a\\x0a\\x1b[2J.svs: b\\x0dc\n"


@pytest.mark.parametrize(
    ("text", "shown"), [("plain ü 日", "plain ü 日"), ("\udcff", "\\udcff"), ("\x7f", "\\x7f"), ("\0", "\\x00")]
)
def test_whatever_cannot_be_shown_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_bar_counts_stored_tiles_and_names_the_slide() -> None:
    stream = io.StringIO()
    with Bar(stream) as shown:
        tell(shown)
    drawn = stream.getvalue()
    assert "10/10" in drawn.splitlines()[-1].rpartition("\r")[2]
    assert "a.svs" in drawn
    assert "failed: c.svs: it is broken" in drawn
    assert "unchanged" not in drawn


def test_a_bar_is_told_from_many_threads_at_once() -> None:
    stream = io.StringIO()
    with Bar(stream) as shown:
        shown.started("a.svs", 800)

        def store_a_hundred() -> None:
            for _ in range(100):
                shown.stored("a.svs", 1)

        threads = [threading.Thread(target=store_a_hundred) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert "800/800" in stream.getvalue()
