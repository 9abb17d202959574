"""The demo shows its tree: in a browser where there is a display, else by its address."""

import webbrowser
from pathlib import Path

import pytest
from commands import run_command

from slide2iiif.cli import demo, main, serve
from slide2iiif.errors import UsageError
from slide2iiif.server import PreviewServer
from slide2iiif.site import openseadragon


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Addresses that a browser was asked to show; slides are small, the server ends at once, npm is not there."""
    found: list[str] = []
    monkeypatch.setattr(webbrowser, "open", found.append)
    monkeypatch.setattr(PreviewServer, "wait", lambda _: None)
    monkeypatch.setattr(demo, "_make_slides", lambda folder: folder.mkdir(exist_ok=True, parents=True))
    monkeypatch.setenv("PATH", str(tmp_path))
    return found


@pytest.mark.usefixtures("own_signals")
@pytest.mark.parametrize(
    ("display", "options", "opens"), [(":0", [], True), (":0", ["--print-url"], False), ("", [], False)]
)
def test_a_browser_is_opened_where_there_is_a_display_unless_told_not_to(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    shown: list[str],
    display: str,
    options: list[str],
    *,
    opens: bool,
) -> None:
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr("slide2iiif.cli.export.run", lambda _: 0)
    (tmp_path / "public").mkdir()
    assert main(["demo", str(tmp_path), "--port", "0", *options]) == 0
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("http://")]
    assert shown == ([line.split()[0]] if opens else [])


def test_without_npm_the_demo_still_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert demo._viewer_options(tmp_path) == []


def test_the_demo_gets_its_viewer_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(openseadragon, "fetch_viewer", lambda: b"viewer")
    options = demo._viewer_options(tmp_path)
    assert options == ["--viewer-files", str(tmp_path / "viewer")]

    def fail() -> bytes:
        raise UsageError("asked again")

    monkeypatch.setattr(openseadragon, "fetch_viewer", fail)
    assert demo._viewer_options(tmp_path) == options


def test_serving_alone_opens_no_browser(shown: list[str], tmp_path: Path) -> None:
    serve.serve(tmp_path, "127.0.0.1", 0)
    assert shown == []


def test_every_slide_that_the_demo_makes_is_published(tmp_path: Path) -> None:
    """None has a name that would be passed over beside the other."""
    done = run_command("demo", tmp_path / "demo", "--no-serve")
    assert "passed over" not in done.stdout + done.stderr
    made = {path.name for path in (tmp_path / "demo" / "slides").rglob("*") if path.is_file()}
    assert {path.parent.name for path in (tmp_path / "demo" / "public").rglob("manifest.json")} == made
