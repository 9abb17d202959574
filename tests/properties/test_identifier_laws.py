"""Path -> identifier -> path, for any name that a file system can hold."""

import os
import re
from collections import defaultdict
from pathlib import PurePath

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from slide2iiif.iiif.identifiers import NAME_LIMIT, case_collisions, decode_identifier, encode_path

bounded = settings(max_examples=300, deadline=None, derandomize=True, database=None)

DEVICES = ["con", "PRN", "Aux", "nul", "com1", "LPT9", "con.svs", "NUL.tar.gz", "com0.", "console", "nullify"]
NASTY = [
    # dots
    *[b".hidden", b"..data", b"...", b"trailing.", b"." * 255, b"a" * 240 + b"."],
    # what means something in a URL, in a shell, on another system or in an identifier
    *[
        b"a b",
        b" ",
        b"a%2Fb",
        b"100%",
        b"q?x#y",
        b"+",
        b"~",
        b"-rf",
        b"'\"<>|*",
        b"a\\b",
        b"c:d",
        b"!41",
        b"a!",
        b"!!",
    ],
    # no printable ASCII
    *[b"line\nbreak", b"\r", b"\x7f", b"\xff\xfe", b"e\xcc\x81", b"\xc3\xa9", b"\xe6\x97\xa5", b"\xc3" * 85],
    # long
    *[b"A" * 255, b" " * 255, b"a" * 239 + b" b", b"x" * 240 + b".svs"],
]


def is_a_name(raw: bytes) -> bool:
    return 1 <= len(raw) <= 255 and raw not in {b".", b".."} and not set(raw) & set(b"\0/")


def without_separators(raw: bytes) -> bytes:
    return raw.translate(None, b"\0/")


names = st.one_of(
    st.sampled_from(NASTY),
    st.sampled_from(DEVICES).map(str.encode),
    st.binary(min_size=1, max_size=255).map(without_separators),
    st.text(alphabet="aAbB.! %\n", min_size=1, max_size=12).map(str.encode),
    st.integers(200, 255).flatmap(lambda size: st.binary(min_size=size, max_size=size).map(without_separators)),
).filter(is_a_name)
paths = st.lists(names, min_size=1, max_size=4).map(lambda parts: PurePath(*map(os.fsdecode, parts)))

NEAR = [
    *["a", "A", "aB", "Ab", "AB", "ab", "a b", "A b", "a.", "a!2E", "!", "!a", "!41", "!61", "%41"],
    *["con", "CON", "Con", "!63on", "\u00e9", "\u00c9"],
    *["a" * 241, "A" * 241, "a" * 240 + "b", "A" * 240 + "c", "a" * 240 + "."],
]
near_names = st.one_of(
    st.sampled_from(NEAR),
    st.text(alphabet="aA!1. ", min_size=1, max_size=4).filter(lambda name: name not in {".", ".."}),
)
near_paths = st.lists(near_names, min_size=1, max_size=3).map(lambda parts: PurePath(*parts))


def steps(path: PurePath) -> list[PurePath]:
    return [path, *path.parents][:-1]


def colliding_steps(found: set[PurePath]) -> set[PurePath]:
    """Walk the folders, as whoever lists a source tree does: the colliding names of each folder."""
    folders: dict[PurePath, set[str]] = defaultdict(set)
    for path in found:
        for step in steps(path):
            folders[step.parent].add(step.name)
    return {folder / name for folder, listed in folders.items() for name in case_collisions(listed)}


@bounded
@given(paths, st.data())
@example(PurePath(*["\udcff" * 255] * 3), None)
def test_an_identifier_leads_back_to_its_path(path: PurePath, data: st.DataObject | None) -> None:
    colliding = data.draw(st.sets(st.sampled_from(steps(path)))) if data else set[PurePath]()

    assert decode_identifier(encode_path(path, colliding)) == path


@bounded
@given(path=paths, colliding=st.booleans())
@example(path=PurePath("." * 255), colliding=False)
@example(path=PurePath("a" * 240 + "." + "b"), colliding=False)
def test_an_identifier_is_safe_as_url_folder_and_object_key(path: PurePath, *, colliding: bool) -> None:
    identifier = encode_path(path, set(steps(path)) if colliding else set())

    assert re.fullmatch(r"[A-Za-z0-9._!/-]+", identifier)
    for segment in identifier.split("/"):
        assert 1 <= len(segment) <= NAME_LIMIT + 1 <= 255
        assert not segment.startswith(".")
        assert not segment.endswith(".")


@bounded
@given(paths)
def test_no_name_on_disk_is_a_device_of_windows(path: PurePath) -> None:
    segments = encode_path(path).split("/")
    for before, segment in zip(["", *segments], segments, strict=False):
        if not before.endswith("!"):
            stem = segment.split(".")[0].lower()
            assert stem not in {"con", "prn", "aux", "nul"}
            assert not re.fullmatch(r"(com|lpt)\d", stem)


@bounded
@given(paths, paths)
def test_two_paths_never_share_an_identifier(one: PurePath, other: PurePath) -> None:
    assume(one != other)
    assert encode_path(one) != encode_path(other)


@bounded
@given(st.sets(near_paths, min_size=2, max_size=12))
@example({PurePath("A.svs"), PurePath("a.svs"), PurePath("!41.svs")})
@example({PurePath("Dir/x"), PurePath("dir/x"), PurePath("dir/X")})
@example({PurePath("A" * 241), PurePath("a" * 241)})
def test_the_slides_of_a_tree_never_share_an_identifier_even_where_case_is_ignored(
    found: set[PurePath],
) -> None:
    colliding = colliding_steps(found)
    identifiers = [encode_path(path, colliding) for path in found]

    assert len({identifier.lower() for identifier in identifiers}) == len(found)
    assert {decode_identifier(identifier) for identifier in identifiers} == found


@bounded
@given(st.sets(near_names, max_size=12))
def test_a_name_collides_when_another_one_differs_only_by_case(listed: set[str]) -> None:
    def folded(name: str) -> str:
        return "".join(letter.lower() if letter.isascii() else letter for letter in name)

    expected = {name for name in listed if sum(folded(name) == folded(other) for other in listed) > 1}
    assert case_collisions(listed) == expected


@bounded
@given(
    st.lists(
        st.from_regex(r"[A-Za-z0-9_-]([A-Za-z0-9._-]{0,40}[A-Za-z0-9_-])?", fullmatch=True).filter(
            lambda name: not re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?", name)
        ),
        min_size=1,
        max_size=4,
    )
)
def test_an_ordinary_name_is_its_own_identifier(parts: list[str]) -> None:
    path = PurePath(*parts)
    assert encode_path(path) == path.as_posix()


@bounded
@given(st.text(alphabet="abAB.!/0124F\0é%", max_size=16))
@example("a/../b")
@example("!2E!2E/a")
@example("a!2Fb")
@example("!2Fetc/passwd")
@example("a/./b")
@example("a!00b")
@example("")
@example("é")
def test_whatever_decodes_stays_below_the_root_and_has_an_identifier(text: str) -> None:
    try:
        path = decode_identifier(text)
    except ValueError as error:
        assert str(error) == f"not an identifier: {text!r}"  # noqa: PT017
        return
    assert not path.is_absolute()
    assert path.parts
    assert not {".", "..", ""} & set(path.parts)
    assert not any("\0" in part or "/" in part for part in path.parts)
    assert decode_identifier(encode_path(path)) == path
    assert text.count("/") >= len(path.parts) - 1
