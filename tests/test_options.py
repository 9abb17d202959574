"""Options: every default once, with its limits."""

import pickle
from dataclasses import FrozenInstanceError

import pytest

from slide2iiif.errors import UsageError
from slide2iiif.iiif.api import Api
from slide2iiif.options import (
    JOBS,
    PORT,
    QUALITY,
    SUBSAMPLINGS,
    TILE_SIZE,
    Limited,
    Options,
    choose_subsampling,
    other_base_url,
    parse_base_url,
    parse_tile_size,
)


@pytest.mark.parametrize("option", [TILE_SIZE, QUALITY, JOBS, PORT], ids=lambda option: option.name)
def test_a_default_and_both_limits_are_within_the_limits(option: Limited) -> None:
    for value in (option.default, option.low, option.high):
        assert option.check(value) == option.parse(str(value)) == value


@pytest.mark.parametrize("option", [TILE_SIZE, QUALITY, JOBS, PORT], ids=lambda option: option.name)
def test_beyond_a_limit_is_refused_with_value_and_limits(option: Limited) -> None:
    for value in (option.low - 1, option.high + 1):
        with pytest.raises(UsageError) as raised:
            option.check(value)
        assert str(raised.value) == f"{option.name} {value}: must be from {option.low} to {option.high}"


@pytest.mark.parametrize("text", ["", " 5", "5 ", "5.0", "five", "0x10", "1e2", "5_0", "\u0665", "--5", "5\n"])
def test_what_is_no_whole_number_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="must be a whole number from 1 to 100"):
        QUALITY.parse(text)


def test_the_defaults_are_the_promised_ones() -> None:
    options = Options()
    assert (options.api, options.tile_size, options.quality, options.subsampling) == (Api.V2, None, 85, "auto")
    assert TILE_SIZE.default == 512


def test_options_are_checked_however_they_are_made() -> None:
    with pytest.raises(UsageError, match="--quality 101: must be from 1 to 100"):
        Options(quality=101)
    with pytest.raises(UsageError, match="--tile-size 10: must be from 64 to 4096"):
        Options(tile_size=10)
    with pytest.raises(UsageError, match="--subsampling 411: must be one of"):
        Options(subsampling="411")


def test_options_are_values() -> None:
    options = Options(quality=90)
    assert pickle.loads(pickle.dumps(options)) == options == Options(quality=90)  # noqa: S301 - our own bytes
    with pytest.raises(FrozenInstanceError):
        options.quality = 5  # type: ignore[misc]


def test_a_tile_size_is_auto_or_a_number() -> None:
    assert parse_tile_size("auto") is None
    assert parse_tile_size("256") == 256
    with pytest.raises(UsageError, match="--tile-size Auto"):
        parse_tile_size("Auto")


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("https://host", "https://host"),
        ("https://host/", "https://host"),
        ("http://host:8000/iiif//", "http://host:8000/iiif"),
        ("https://host/a/b%20c/~x", "https://host/a/b%20c/~x"),
        ("http://127.0.0.1/iiif", "http://127.0.0.1/iiif"),
        ("http://[::1]:80/iiif", "http://[::1]:80/iiif"),
        ("https://xn--bcher-kva.example/iiif", "https://xn--bcher-kva.example/iiif"),
    ],
)
def test_a_good_base_url_is_taken_less_its_trailing_slashes(text: str, parsed: str) -> None:
    assert parse_base_url(text) == parsed


@pytest.mark.parametrize("text", ["", "host", "ftp://host", "https://host/?q", "https://u@host", "https://host/ü"])
def test_a_bad_base_url_is_refused_by_the_name_of_its_option(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--other-base-url .*: (must|has characters)"):
        parse_base_url(text, "--other-base-url")


def test_the_other_base_url_never_lies_inside_the_tree() -> None:
    assert other_base_url("https://host/iiif", Api.V3) == "https://host/iiif-v3"
    assert other_base_url("https://host/iiif", Api.V2) == "https://host/iiif-v2"
    assert other_base_url("https://host", Api.V3) == "https://host/iiif-v3"


def test_every_subsampling_can_be_asked_for() -> None:
    assert [Options(subsampling=each).subsampling for each in SUBSAMPLINGS] == ["auto", "420", "422", "444"]


@pytest.mark.parametrize(("asked", "quality", "chosen"), [("auto", 89, "420"), ("auto", 90, "444"), ("422", 95, "422")])
def test_the_chroma_is_whole_from_quality_90_on_unless_asked_otherwise(asked: str, quality: int, chosen: str) -> None:
    assert choose_subsampling(Options(quality=quality, subsampling=asked)) == chosen
