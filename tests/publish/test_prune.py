"""Limits of --delete, by default and as asked for."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from slide2iiif.discovery.walk import PassedOver, Slide, Unusable
from slide2iiif.errors import UsageError
from slide2iiif.options import parse_max_delete
from slide2iiif.publish.prune import Seen
from slide2iiif.records.receipts import Receipts
from slide2iiif.stores.memory import MemoryObjects

ROOT = Path("/slides")


class Known(Receipts):
    """Receipts of slides that are published under their paths, or under other names."""

    def __init__(self, published: Iterable[str]) -> None:
        super().__init__(MemoryObjects())
        for each in published:
            self.private.write(f"receipts/{each}/receipt.json", b"")


def slide(source: str, identifier: str = "") -> Slide:
    return Slide(identifier or source, ROOT / source, (ROOT / source,), source)


def refusal(published: list[str], found: list[Slide | Unusable], limit: str | None = None) -> str:
    receipts = Known(published)
    seen = Seen(ROOT, receipts)
    list(seen.of(iter(found)))
    gone = sorted(set(receipts.identifiers()) - seen.identifiers)
    try:
        seen.check()
        seen.check_removals(gone, parse_max_delete(limit))
    except UsageError as error:
        return str(error)
    return ""


def test_a_first_folder_that_has_lost_all_its_slides_stops_the_removal() -> None:
    published = ["vol1/a", "vol1/b", "vol1/c", "vol2/a", "vol2/b"]
    told = refusal(published, [slide(each) for each in published[:3]])
    assert told == (
        "nothing is deleted: 2 of 5 published slides would be removed, all 2 of the folder vol2 among them: is it "
        "mounted? if they are to go, run again with --max-delete 2"
    )


def test_a_folder_of_which_a_slide_is_left_or_merely_fails_may_lose_the_others() -> None:
    published = ["vol1/a", "vol1/b", "vol1/c", "vol2/a", "vol2/b"]
    rest: list[Slide | Unusable] = [slide(each) for each in published[:3]]
    assert not refusal(published, [*rest, slide("vol2/a")])
    assert not refusal(published, [*rest, Unusable(ROOT / "vol2" / "x.svs", "is no slide")])


def test_a_source_that_is_not_the_one_of_the_tree_stops_the_removal() -> None:
    published = ["a", "b", "c", "d/e"]
    told = refusal(published, [slide("e"), slide("a")])
    assert "3 of 4 published slides would be removed, more than half" in told
    assert told.endswith("run again with --max-delete 3")


def test_what_was_just_published_does_not_make_the_tree_larger() -> None:
    published = ["a", "b", "c"]
    assert refusal(published, [slide(f"new{number}") for number in range(20)])


@pytest.mark.parametrize(("published", "left"), [(["a"], ["x"]), (["a", "b"], ["b"]), (["d/a", "b", "c"], ["b", "c"])])
def test_one_slide_may_always_go(published: list[str], left: list[str]) -> None:
    assert not refusal(published, [slide(each) for each in left])


def test_a_slide_that_is_published_under_another_name_is_not_lost() -> None:
    published = ["a", "b", "d/c", "d/e"]
    assert not refusal(published, [slide(each, f"hash{number}") for number, each in enumerate(published)])


def test_the_last_slide_that_a_table_withdraws_goes_though_no_slide_is_left() -> None:
    assert not refusal(["case-1"], [Unusable(ROOT / "a.svs", "has no identifier")])


def test_many_that_are_withdrawn_need_a_word() -> None:
    found: list[Slide | Unusable] = [PassedOver(ROOT / each, "left out", slide=slide(each)) for each in "abc"]
    assert "3 of 3" in refusal(["a", "b", "c"], found)
    assert not refusal(["a", "b", "c"], found, "3")


@pytest.mark.parametrize(
    ("limit", "is_refused"), [("0", True), ("1", True), ("2", False), ("49%", True), ("50%", False), ("100%", False)]
)
def test_a_limit_that_is_given_stands_in_place_of_all_others(limit: str, *, is_refused: bool) -> None:
    told = refusal(["vol1/a", "vol1/b", "vol2/a", "vol2/b"], [slide("vol1/a"), slide("vol1/b")], limit)
    assert bool(told) is is_refused
    if told:
        assert f"2 of 4 published slides would be removed, and --max-delete {limit} allows fewer" in told


@pytest.mark.parametrize("found", [[], [PassedOver(ROOT / "tree", "is a published tree")]])
def test_a_source_without_any_slide_deletes_nothing_whatever_the_limit(found: list[Slide | Unusable]) -> None:
    assert "SOURCE holds no slide at all" in refusal(["a"], found, "100%")


def test_a_slide_that_others_are_in_the_way_of_is_held_back() -> None:
    seen = Seen(ROOT, Known(["a.svs", "b.svs/x.svs", "c.svs"]))
    found = [slide("a.svs/x.svs"), slide("b.svs"), slide("c.svs"), slide("d.svs")]
    assert list(seen.of(iter(found))) == found[2:]
    assert seen.held == found[:2]
    assert seen.identifiers == {"a.svs/x.svs", "b.svs", "c.svs", "d.svs"}


@pytest.mark.parametrize("text", ["", "-1", "half", "101%", "1e3", "%", "5 %", "٣"])
def test_a_limit_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--max-delete"):
        parse_max_delete(text)
