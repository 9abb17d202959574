"""Names as people see them."""

from pathlib import PurePath

import pytest

from slide2iiif.iiif.identifiers import encode_path, is_plain_identifier
from slide2iiif.site.labels import display_name, is_site_name, natural_order, parent_folder, visible


@pytest.mark.parametrize(
    ("identifier", "name"),
    [
        ("image.svs", "image.svs"),
        ("dir2/my!20slide.svs", "my slide.svs"),
        ("F!C3!A4lle/!E4.svs", r"\xe4.svs"),
        ("a!E2!80!AEgpj.svs", r"a\u202egpj.svs"),
        ("a!E2!80!A8b.svs", r"a\u2028b.svs"),
        ("a!0Ab.svs", r"a\x0ab.svs"),
        ("!3Cb!3E.svs", "<b>.svs"),
        ("!69ndex.html", "index.html"),
    ],
)
def test_a_name_is_what_people_wrote_with_what_is_unseen_spelt_out(identifier: str, name: str) -> None:
    assert display_name(identifier) == name


def test_letters_of_every_script_and_accents_stay() -> None:
    assert visible("Ödem 組織 نسيج e\u0301 🔬") == "Ödem 組織 نسيج e\u0301 🔬"


@pytest.mark.parametrize("code", [0, 9, 10, 0x7F, 0x85, 0x200E, 0x200F, 0x202A, 0x202E, 0x2028, 0x2029, 0x2066, 0xFEFF])
def test_what_turns_or_hides_text_is_spelt_out(code: int) -> None:
    assert chr(code) not in visible(f"a{chr(code)}b")


def test_numbers_sort_by_their_value() -> None:
    names = ["slide10.svs", "slide2.svs", "Slide1.svs", "a.svs", "10.svs", "9.svs"]
    assert sorted(names, key=natural_order) == ["9.svs", "10.svs", "a.svs", "Slide1.svs", "slide2.svs", "slide10.svs"]


@pytest.mark.parametrize(
    ("path", "folder"),
    [("a.svs", ""), ("d/a.svs", "d"), ("d/e/a.svs", "d/e"), (f"d/{'x' * 9}!/y.svs", "d"), (f"{'x' * 9}!/y.svs", "")],
)
def test_a_slide_is_shown_by_the_folder_that_holds_its_whole_name(path: str, folder: str) -> None:
    assert parent_folder(path) == folder


@pytest.mark.parametrize("name", ["index.html", "collection.json", "!page2.html", "!page12.json", "!site-0a1b"])
def test_names_of_the_site_are_known_and_are_no_identifiers(name: str) -> None:
    assert is_site_name(name)
    assert not is_plain_identifier(name)
    assert encode_path(PurePath(name)) != name


@pytest.mark.parametrize(
    "name", ["a.svs", "index.htm", "!page0.html", "!page2.htmlx", "!20", "!6Eindex.html", "!site-x"]
)
def test_other_names_are_not_taken_for_the_sites(name: str) -> None:
    assert not is_site_name(name)
