"""Path of a slide <-> identifier, by example."""

import os
import re
from pathlib import PurePath

import pytest

from slide2iiif.iiif.identifiers import crowded_names, decode_identifier, encode_path

EXAMPLES = [
    pytest.param(b"dir2/image3.svs", "dir2/image3.svs", id="an ordinary name stays"),
    pytest.param(b"A_b-c.0/x", "A_b-c.0/x", id="all plain characters stay"),
    pytest.param(b"slide 1.svs", "slide!201.svs", id="a space is escaped"),
    pytest.param(b"50%.svs", "50!25.svs", id="a percent sign is escaped"),
    pytest.param(b"a%2Fb", "a!252Fb", id="what looks like a URL escape is text"),
    pytest.param(b"!41", "!2141", id="what looks like our escape is text"),
    pytest.param("é.svs".encode(), "!C3!A9.svs", id="bytes of UTF-8 are escaped one by one"),
    pytest.param(b"\xff.svs", "!FF.svs", id="a name that is no UTF-8 survives"),
    pytest.param(b"two\nlines", "two!0Alines", id="a line break is escaped"),
    pytest.param(b"a\\b", "a!5Cb", id="a backslash separates nothing"),
    pytest.param(b".hidden", "!2Ehidden", id="a leading dot is escaped"),
    pytest.param(b"...", "!2E.!2E", id="three dots are a name"),
    pytest.param(b"dir./x", "dir!2E/x", id="a trailing dot is escaped in folders too"),
    pytest.param(b"con", "!63on", id="a device of Windows"),
    pytest.param(b"LPT1.svs", "!4CPT1.svs", id="a device of Windows with an extension"),
    pytest.param(b"aux/x", "!61ux/x", id="a device of Windows as a folder"),
    pytest.param(b"com0/Com9/lpt0/LPT9", "!63om0/!43om9/!6Cpt0/!4CPT9", id="ports of Windows from 0 to 9"),
    pytest.param(b"console", "console", id="a name that only begins like a device"),
    pytest.param(b"com10", "com10", id="a name that goes on after a device"),
    pytest.param(b"xcon", "xcon", id="a name that ends like a device"),
    pytest.param(b"a" * 240, "a" * 240, id="the longest name in one piece"),
    pytest.param(b"a" * 241, "a" * 240 + "!/a", id="a longer name is folded"),
    pytest.param(b"a" * 239 + b" b", "a" * 239 + "!/!20b", id="an escape is never split"),
    pytest.param(b"a" * 240 + b".b", "a" * 240 + "!/!2Eb", id="a continuation is not hidden"),
    pytest.param(b"." + b"a" * 239, "!2E" + "a" * 237 + "!/aa", id="a hidden name is folded by its new length"),
    pytest.param(b"\xc3" * 81, "!C3" * 80 + "!/!C3", id="escapes count with their length"),
    pytest.param(b"a" * 241 + b"/b", "a" * 240 + "!/a/b", id="a folded folder"),
]


@pytest.mark.parametrize(("raw", "identifier"), EXAMPLES)
def test_a_path_has_this_identifier(raw: bytes, identifier: str) -> None:
    assert encode_path(PurePath(os.fsdecode(raw))) == identifier


@pytest.mark.parametrize(("raw", "identifier"), EXAMPLES)
def test_an_identifier_means_this_path(raw: bytes, identifier: str) -> None:
    assert decode_identifier(identifier) == PurePath(os.fsdecode(raw))


def test_upper_case_is_escaped_where_a_neighbour_differs_only_by_case() -> None:
    crowded = {PurePath("Dir"), PurePath("Dir/A b.SVS")}

    assert encode_path(PurePath("Dir/A b.SVS"), crowded) == "!44ir/!41!20b.!53!56!53"
    assert encode_path(PurePath("Dir/Other.SVS"), crowded) == "!44ir/Other.SVS"


def test_a_crowded_identifier_leads_back_as_well() -> None:
    assert decode_identifier("!44ir/!41!20b.!53!56!53") == PurePath("Dir/A b.SVS")


@pytest.mark.parametrize(
    ("names", "crowded"),
    [
        ([], set()),
        (["a", "b"], set()),
        (["a", "A", "b"], {"a", "A"}),
        (["ab", "aB", "AB", "abc"], {"ab", "aB", "AB"}),
        # Bytes beyond ASCII are escaped by their value, so these stay apart by themselves.
        (["é", "É"], set()),
        (["\udcff", "a\udcff", "A\udcff"], {"a\udcff", "A\udcff"}),
    ],
)
def test_crowded_names_differ_only_by_the_case_of_plain_letters(names: list[str], crowded: set[str]) -> None:
    assert crowded_names(iter(names)) == crowded


@pytest.mark.parametrize("path", ["", ".", "/", "/etc/passwd", "..", "../a", "a/../b", "a/.."])
def test_a_path_that_is_not_below_the_source_root_has_no_identifier(path: str) -> None:
    with pytest.raises(ValueError, match=r"^no identifier for the path .+ is not below the source root$"):
        encode_path(PurePath(path))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("/", id="a slash"),
        pytest.param("/a", id="a leading slash"),
        pytest.param("a/", id="a trailing slash"),
        pytest.param("a//b", id="an empty folder"),
        pytest.param(".", id="here"),
        pytest.param("a/./b", id="here in between"),
        pytest.param("..", id="upwards"),
        pytest.param("a/../../b", id="upwards in between"),
        pytest.param("!2E!2E/a", id="upwards, escaped"),
        pytest.param("a!2Fb", id="an escaped slash"),
        pytest.param("!2Fa", id="an escaped slash in front"),
        pytest.param("a!00", id="a null byte"),
        pytest.param("a!2", id="half an escape"),
        pytest.param("a!", id="an escape without digits"),
        pytest.param("a!2e", id="lower-case digits"),
        pytest.param("a!GG", id="no digits"),
        pytest.param("a!/", id="a continuation that never comes"),
        pytest.param("!/a", id="a continuation of nothing"),
        pytest.param("a b", id="a space"),
        pytest.param("a%20b", id="a URL escape"),
        pytest.param("é", id="a letter beyond ASCII"),
        pytest.param("a\n", id="a line break at the end"),
    ],
)
def test_what_no_path_encodes_to_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(f"not an identifier: {text!r}") + "$"):
        decode_identifier(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a!62", id="an escape of a plain letter that is not the first"),
        pytest.param("a!2Eb", id="an escape of a plain dot"),
        pytest.param(".hidden", id="a leading dot"),
        pytest.param("a.", id="a trailing dot"),
        pytest.param("con", id="a device of Windows"),
        pytest.param("a!/b", id="a name folded too early"),
        pytest.param("!41B", id="upper case escaped here and not there"),
        pytest.param("a" * 241, id="a name that should be folded"),
    ],
)
def test_a_second_spelling_of_an_identifier_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an identifier"):
        decode_identifier(text)


@pytest.mark.parametrize("tail", ["con", "NUL.svs"])
def test_the_continuation_of_a_folded_name_is_no_device_of_windows(tail: str) -> None:
    continuation = encode_path(PurePath("a" * 240 + tail)).split("/")[1]

    assert not continuation.lower().startswith(("con", "nul"))
