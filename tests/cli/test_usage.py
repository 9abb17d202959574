"""What makes no sense is refused at once, with exit code 2 and a line that names the value and the limit."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import commands
import pytest
from commands import COMMAND, run_command, started
from made_slides import write_synthetic

from slide2iiif.cli import main

Refused = Callable[..., str]


@pytest.fixture
def refused(source: Path, dest: Path, own_signals: None, capsys: pytest.CaptureFixture[str]) -> Iterator[Refused]:
    """Run the command in this process; it must refuse with exit code 2, in one line, and leave nothing."""
    del own_signals

    def run(*options: str, base_url: str = "https://host/iiif") -> str:
        arguments = ["export", str(source), str(dest), "--base-url", base_url, *options]
        try:
            code = main(arguments)
        except SystemExit as error:
            code = int(str(error.code))
        out, err = capsys.readouterr()
        assert (code, out) == (2, "")
        assert not dest.exists()
        return err.splitlines()[-1]

    yield run
    assert not dest.exists()


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--tile-size", "63", "must be from 64 to 4096"),
        ("--tile-size", "4097", "must be from 64 to 4096"),
        ("--tile-size", "0", "must be from 64 to 4096"),
        ("--tile-size", "-256", "must be from 64 to 4096"),
        ("--tile-size", "256.5", "must be a whole number from 64 to 4096"),
        ("--tile-size", "big", "must be a whole number from 64 to 4096"),
        ("--tile-size", "", "must be a whole number"),
        ("--tile-size", "1" * 30, "must be a whole number"),
        ("--tile-size", "٥١٢", "must be a whole number"),
        ("--quality", "0", "must be from 1 to 100"),
        ("--quality", "101", "must be from 1 to 100"),
        ("--quality", "high", "must be a whole number from 1 to 100"),
        ("--jobs", "-1", "must be from 0 to 1024"),
        ("--jobs", "1025", "must be from 0 to 1024"),
        ("--jobs", "2.0", "must be a whole number from 0 to 1024"),
        ("--api", "1", "choose from '2', '3'"),
        ("--api", "2.1", "choose from '2', '3'"),
        ("--subsampling", "411", "choose from 'auto', '420', '422', '444'"),
        ("--files-from", "missing.txt", "No such file"),
    ],
)
def test_a_bad_value_is_named_with_its_limit(refused: Refused, option: str, value: str, words: str) -> None:
    message = refused(f"{option}={value}")
    assert option in message
    assert value in message
    assert words in message


BAD_URLS = [
    "host/iiif", "//host/iiif", "/iiif", "ftp://host/iiif", "file:///iiif", "https://", "https:///iiif",
    "https://host/iiif?x=1", "https://host/iiif?", "https://host/iiif#top", "https://host/iiif#",
    "https://user@host/iiif", "https://user:password@host/iiif", "https://host:port/iiif", "https://host:99999/",
    "https://host:0/iiif", "https://host/a b", "https://host/\u00fc", "https://host/<x>", "https://host/a\nb",
    "https://host/../iiif", "https://host/./iiif", "https://[::1/iiif", "https://host/i{}f", "http:host",
]  # fmt: skip


@pytest.mark.parametrize("url", ["", *BAD_URLS])
def test_a_base_url_that_no_document_can_have_is_refused(refused: Refused, url: str) -> None:
    message = refused(base_url=url)
    assert "--base-url" in message
    assert url in message or repr(url) in message


@pytest.mark.parametrize("url", BAD_URLS)
def test_the_other_base_url_is_checked_alike(refused: Refused, url: str) -> None:
    message = refused(f"--other-base-url={url}")
    assert "--other-base-url" in message
    assert url in message or repr(url) in message


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "COMMAND"),
        (["publish"], "invalid choice: 'publish'"),
        (["export"], "SOURCE, DEST"),
        (["export", "a", "b", "c", "--base-url", "https://h"], "unrecognized arguments: c"),
        (["export", "a", "b", "--base-url", "https://h", "--nonsense"], "--nonsense"),
        (["inspect"], "SLIDE"),
        (["rebase", "tree"], "--base-url"),
        (["serve"], "DEST"),
    ],
)
def test_arguments_that_are_missing_or_unknown_are_named(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["export", "a", "b", "--qualty", "90"], "unrecognized arguments: --qualty 90; is --quality meant?"),
        (["export", "a", "b", "--tile_size=90"], "unrecognized arguments: --tile_size=90; is --tile-size meant?"),
        (
            ["export", "a", "b", "c"],
            "arguments: c; slide2iiif export takes SOURCE DEST and no more places",
        ),
        (["verfy", "a"], "is verify meant?"),
        (["export", "a", "b", "--icc", "embedd"], "is embed meant?"),
    ],
)
def test_what_is_misspelt_is_told_in_one_line_with_what_may_be_meant(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    told = capsys.readouterr().err
    assert ended.value.code == 2
    assert words in told
    assert told.count("\n") == 1
    assert told.startswith("slide2iiif: ")
    assert told.endswith(" --help shows what there is\n")


def test_a_source_that_is_missing_is_named(tmp_path: Path) -> None:
    done = run_command("export", tmp_path / "no", tmp_path / "public", "--base-url", "https://h/i")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"slide2iiif: SOURCE {tmp_path / 'no'}: No such file or directory\n"
    assert list(tmp_path.iterdir()) == []


def test_an_empty_source_is_said_to_hold_no_slide(tmp_path: Path) -> None:
    (tmp_path / "slides").mkdir()
    done = run_command("export", tmp_path / "slides", tmp_path / "public", "--base-url", "https://h/i")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"no slide found in {tmp_path / 'slides'}" in done.stdout


@pytest.mark.parametrize("inner", ["", "public", "a/b/public"])
def test_a_target_inside_the_source_is_refused(source: Path, inner: str) -> None:
    done = run_command("export", source, source / inner, "--base-url", "https://h/i")
    assert done.returncode == 2
    assert f"DEST {source / inner} lies in SOURCE {source}" in done.stderr
    assert not (source / ".slide2iiif").exists()
    assert not (source / "a").exists()


@pytest.mark.parametrize("inner", ["", "one.synthetic"])
def test_a_source_inside_the_target_is_refused(source: Path, inner: str) -> None:
    done = run_command("export", source / inner, source.parent, "--base-url", "https://h/i")
    assert done.returncode == 2
    assert f"SOURCE {source / inner} lies in DEST {source.parent}" in done.stderr
    assert not (source.parent / ".slide2iiif").exists()


def test_a_target_inside_the_source_is_refused_also_behind_a_link(source: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(source)
    done = run_command("export", source, tmp_path / "link" / "public", "--base-url", "https://h/i")
    assert done.returncode == 2
    assert "lies in SOURCE" in done.stderr


def test_a_target_that_is_a_file_is_refused_and_kept(source: Path, dest: Path) -> None:
    dest.write_text("mine")
    done = run_command("export", source, dest, "--base-url", "https://h/i")
    assert (done.returncode, done.stderr) == (3, f"slide2iiif: DEST {dest}: is not a folder\n")
    assert dest.read_text() == "mine"


@pytest.mark.parametrize("below", ["", "/below"])
def test_a_target_that_is_a_link_to_itself_is_refused(source: Path, dest: Path, below: str) -> None:
    dest.symlink_to(dest.name)
    done = run_command("export", source, f"{dest}{below}", "--base-url", "https://h/i")
    assert done.returncode == 3
    assert "Too many levels of symbolic links" in done.stderr


def test_a_target_below_a_file_is_refused(source: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run_command("export", source, tmp_path / "file" / "public", "--base-url", "https://h/i")
    assert done.returncode == 3
    assert "Not a directory" in done.stderr or "not a folder" in done.stderr


@pytest.mark.parametrize("name", ["missing/summary.json", "."])
def test_a_summary_that_cannot_be_written_is_refused_before_the_work(source: Path, dest: Path, name: str) -> None:
    done = run_command("export", source, dest, "--base-url", "https://h/i", "--json", name, cwd=source.parent)
    assert done.returncode == 2
    assert f"--json {name}" in done.stderr
    assert not dest.exists()


def test_listed_files_need_a_folder_as_source(source: Path, dest: Path) -> None:
    done = run_command(
        "export", source / "one.synthetic", dest, "--base-url", "https://h/i", "--files-from", "-", stdin=b"one\n"
    )
    assert done.returncode == 2
    assert "must be a folder" in done.stderr


@pytest.mark.parametrize("extra", [["--files-from", "-"], []])
def test_deleting_needs_the_whole_source(source: Path, dest: Path, extra: list[str]) -> None:
    place = source if extra else source / "one.synthetic"
    done = run_command("export", place, dest, "--base-url", "https://h/i", "--delete", *extra)
    assert done.returncode == 2
    assert "--delete needs all of SOURCE" in done.stderr
    assert not dest.exists()


def test_paths_that_are_no_text_are_shown_without_harm(tmp_path: Path) -> None:
    folder = tmp_path / b"s\xff\nx".decode("utf-8", "surrogateescape")
    folder.mkdir()
    done = run_command("export", folder, tmp_path / "public", "--base-url", "https://h/i")
    assert done.returncode == 0
    assert r"s\udcff\x0ax" in done.stdout
    missing = run_command("export", folder / "no", tmp_path / "public", "--base-url", "https://h/i")
    assert missing.returncode == 2
    assert len(missing.stderr.splitlines()) == 1


def test_a_failed_slide_whose_name_is_no_text_is_named_without_harm(tmp_path: Path) -> None:
    bad = tmp_path / "slides" / b"b\xff\n.svs".decode("utf-8", "surrogateescape")
    write_synthetic(bad, 1, 1)
    for options in ([], ["-q"], ["-v"], ["--json", "-"]):
        done = run_command("export", bad.parent, tmp_path / "public", "--base-url", "https://h/i", *options)
        assert done.returncode == 1
        assert "b!FF!0A.svs" in done.stdout + done.stderr


def test_help_tells_every_command_and_default() -> None:
    text = run_command("--help").stdout
    assert all(command in text for command in ("export", "inspect", "rebase", "serve", "demo"))
    options = run_command("export", "--help").stdout
    assert "default: 85" in options
    assert "64 to 4096" in options


def test_the_version_is_told() -> None:
    from slide2iiif import __version__

    assert run_command("--version").stdout == f"slide2iiif {__version__}\n"


def test_a_reader_that_goes_away_is_no_error() -> None:
    with started([COMMAND, "export", "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()


@pytest.mark.parametrize(
    ("place", "code", "says"),
    [
        ("https://host/x", 2, "is no place that can be published into; name a folder, or one of s3://, gs://, az://"),
        ("s3:/bucket", 2, "is no place that can be published into"),
        ("gs://b", 2, "b is no name of a bucket"),
        ("s3://bucket/prefix", 3, "s3://bucket: no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        ("gs://bucket/prefix", 3, "gs://bucket: no credentials: set GOOGLE_APPLICATION_CREDENTIALS"),
        ("az://container/prefix", 3, "az://container: no credentials: set AZURE_STORAGE_ACCOUNT_NAME and"),
    ],
)
def test_a_place_that_cannot_be_used_is_refused_and_no_folder_of_that_name_is_made(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, code: int, says: str
) -> None:
    clouds = ("AWS_", "GOOGLE_", "AZURE_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(clouds)}
    monkeypatch.setattr(commands, "STRICT", {**kept, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")})
    for words in (["export", source, place, "--base-url", "https://host"], ["verify", place]):
        done = run_command(*words, cwd=tmp_path)
        assert done.returncode == code
        assert says in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert {path.name for path in tmp_path.iterdir()} <= {"slides", "cache"}
