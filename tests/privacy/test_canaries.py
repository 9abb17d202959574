"""Secrets are planted into slides of six formats, and looked for in all that an export publishes."""

import json
import shutil
import subprocess
from pathlib import Path

import canaries
import pytest
from commands import run_command

from slide2iiif.samples.tiff import Tag

BASE_URL = "https://host.example/iiif"
MADE = ("aperio.svs", "generic.tif", "photo.jpg", "drawing.png")
KINDS = (*MADE, "hamamatsu.ndpi", "level-0-frames-0-30.dcm")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Source folder of generated slides with secrets."""
    return canaries.plant_made(tmp_path_factory.mktemp("planted") / "slides")


@pytest.fixture(scope="module")
def planted(made: Path, tmp_path_factory: pytest.TempPathFactory, slides: Path) -> Path:
    """Source folder with all secrets."""
    folder = tmp_path_factory.mktemp("planted") / "slides"
    shutil.copytree(made, folder)
    canaries.plant_real(folder, slides)
    return folder


def export(source: Path, dest: Path, *more: object) -> subprocess.CompletedProcess[str]:
    done = run_command("export", source, dest, "--base-url", BASE_URL, "--jobs", 2, "--json", "-", *more)
    assert done.returncode == 0, done.stderr + done.stdout
    assert json.loads(done.stdout)["counts"]["exported"] in {len(MADE), len(KINDS)}
    return done


def test_the_search_finds_every_secret_where_it_was_planted(planted: Path) -> None:
    found = canaries.find_texts(planted)
    cut = {secret for secret in canaries.HAMAMATSU.values() if secret not in found}
    assert set(canaries.TEXTS) - set(found) == cut
    assert len(canaries.TEXTS) - len(cut) >= 40
    sources = {
        place.rpartition("/")[2].removeprefix(f"{canaries.FILE}-") for places in found.values() for place in places
    }
    assert sources >= set(KINDS)


@pytest.mark.parametrize("spell", sorted(canaries.spellings("Zq99Jürgen")))
def test_the_search_sees_every_spelling(tmp_path: Path, spell: bytes) -> None:
    (tmp_path / "file").write_bytes(b"before" + spell + b"after")
    assert canaries.find_texts(tmp_path, ("Zq99Jürgen",)) == {"Zq99Jürgen": ["file"]}


def test_nothing_of_a_slide_goes_out_but_its_picture_and_its_path(planted: Path, tmp_path: Path) -> None:
    export(planted, tmp_path / "public", "--private-dir", tmp_path / "private")
    found = canaries.find_texts(tmp_path / "public")
    assert set(found) == set(canaries.NAMES)
    assert canaries.find_label(tmp_path / "public") == []
    # The profile went out, without its names.
    assert [path.parent.name for path in (tmp_path / "public").rglob("profile.icc")] == [f"{canaries.FILE}-aperio.svs"]


@pytest.mark.parametrize("more", [("--recompress",), ("--damaged", "placeholder", "--api", "3")])
def test_no_other_option_lets_more_out(made: Path, tmp_path: Path, more: tuple[str, ...]) -> None:
    export(made, tmp_path / "public", "--private-dir", tmp_path / "private", *more)
    found = canaries.find_texts(tmp_path / "public")
    assert set(found) == set(canaries.NAMES)
    assert canaries.find_label(tmp_path / "public") == []


def test_with_hashed_identifiers_not_even_the_path_goes_out(made: Path, tmp_path: Path) -> None:
    export(made, tmp_path / "public", "--identifier", "hash")
    shown = canaries.public(tmp_path / "public", tmp_path / "shown")
    assert canaries.find_texts(shown) == {}
    assert not any(kind.encode() in path.read_bytes() for path in shown.rglob("*.json") for kind in KINDS)
    # Its owner finds it in the receipts, which no server shows.
    assert set(canaries.find_texts(tmp_path / "public")) == set(canaries.NAMES)


def test_a_table_publishes_its_identifiers_and_no_path(made: Path, tmp_path: Path) -> None:
    told = json.loads(
        run_command("export", made, tmp_path / "none", "--base-url", BASE_URL, "--dry-run", "--json", "-").stdout
    )
    table = tmp_path / "table.csv"
    rows = [f"{record['source']},case-{number}" for number, record in enumerate(told["slides"])]
    table.write_text("path,identifier\n" + "\n".join(rows), encoding="utf-8")
    export(made, tmp_path / "public", "--identifier", table, "--private-dir", tmp_path / "private")
    assert canaries.find_texts(tmp_path / "public") == {}
    named = {path.parent.name for path in (tmp_path / "public").glob("*/info.json")}
    assert named == {f"case-{number}" for number in range(len(MADE))}


@pytest.mark.parametrize("name", ["label", "macro"])
def test_an_open_door_for_a_picture_lets_that_picture_out(made: Path, tmp_path: Path, name: str) -> None:
    done = export(made, tmp_path / "public", "--associated", name)
    assert f"warning: {name} pictures show what is written on the glass" in done.stderr
    found = canaries.find_label(tmp_path / "public")
    assert len(found) > 5
    assert all(f"-aperio.svs/associated/{name}/" in place for place in found)
    assert set(canaries.find_texts(canaries.public(tmp_path / "public", tmp_path / "shown"))) == set(canaries.NAMES)


def test_an_open_door_for_a_property_lets_that_property_out(made: Path, tmp_path: Path) -> None:
    keys = {"aperio.User": canaries.APERIO["User"], "tiff.Artist": canaries.TAGS[Tag.ARTIST]}
    export(made, tmp_path / "public", "--properties", ",".join(keys))
    found = canaries.find_texts(tmp_path / "public")
    assert set(found) == {*canaries.NAMES, *keys.values()}
    # In the manifest, for everybody, and not in the receipt alone.
    assert all(any(not place.startswith(".slide2iiif/") for place in found[secret]) for secret in keys.values())
    receipts = [json.loads(path.read_text()) for path in (tmp_path / "public").rglob("receipt.json")]
    told = {key: value for receipt in receipts for key, value in receipt["published_properties"].items()}
    assert told == keys


def test_the_search_sees_secrets_in_tiles_that_are_not_stripped(made: Path, tmp_path: Path) -> None:
    [slide] = made.rglob("*-aperio.svs")
    content = slide.read_bytes()
    # In all six tiles: the two that are copied and the four that are cropped.
    assert content.count(canaries.PLANTED) == 6
    begin = content.index(canaries.PLANTED) - 2
    (tmp_path / "default.jpg").write_bytes(content[begin : content.index(b"\xff\xd9", begin) + 2])
    found = canaries.find_texts(tmp_path)
    assert set(found) >= {*canaries.TILE_SEGMENTS.values(), canaries.TILE_XMP}


def test_inspect_lists_for_its_owner_what_was_kept_back(planted: Path) -> None:
    [slide] = planted.rglob("*-aperio.svs")
    shown = run_command("inspect", "--phi", slide).stdout
    assert all(f"aperio.{key} = {value}" in shown for key, value in canaries.APERIO.items())
    assert "label  300 × 320" in shown
    assert all(secret in shown for secret in (*canaries.TILE_SEGMENTS.values(), canaries.TILE_XMP))
    told = json.loads(run_command("inspect", "--phi", "--json", slide).stdout)["kept_back"]
    assert told["properties"]["aperio.MRN"] == canaries.APERIO["MRN"]
    assert set(told["associated"]) == {"label", "macro", "thumbnail"}
    assert "openslide.vendor" not in told["properties"]
    assert canaries.APERIO["MRN"] not in run_command("inspect", slide).stdout


@pytest.mark.parametrize(
    ("kind", "secret"),
    [
        ("photo.jpg", canaries.IMAGE["artist"]),
        ("drawing.png", canaries.IMAGE["png text"]),
        ("level-0-frames-0-30.dcm", canaries.DICOM["PatientName"]),
        ("hamamatsu.ndpi", "hamamatsu.Created = 2011/05/23"),
        ("generic.tif", canaries.TAGS[Tag.ARTIST]),
    ],
)
def test_inspect_lists_what_every_format_holds(planted: Path, kind: str, secret: str) -> None:
    [slide] = planted.rglob(f"*{kind}")
    assert secret in run_command("inspect", "--phi", slide).stdout
