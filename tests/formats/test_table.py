"""The table of formats says what the program does."""

from collections.abc import Callable
from pathlib import Path

from formats.cases import Case
from formats.samples_table import samples_table
from formats.table import published_table, refused_table, told_table


def test_the_table_of_formats_says_what_becomes_of_each_slide(slides: Path, slide_of: Callable[[Case], Path]) -> None:
    assert told_table("published") == published_table(slide_of, slides)


def test_the_table_of_refusals_says_what_is_said(slide_of: Callable[[Case], Path]) -> None:
    assert told_table("refused") == refused_table(slide_of)


def test_the_table_of_samples_says_what_becomes_of_each_kind() -> None:
    assert told_table("samples") == samples_table()
