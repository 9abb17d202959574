"""Every kind of ordinary picture is published right, at every level and edge, or refused with the true reason.

What a picture shows is known because it was painted, and written by encoders of the tests. `expected_wrong.txt` names
the kinds that are not there yet, one a line; it can only become shorter, for a kind in it that is right fails too.
"""

import functools
from collections.abc import Callable
from pathlib import Path

import pytest
from pictures.grid import GRIDS, cells_by_kind, judged
from pictures.judging import Verdict

EXPECTED_WRONG = frozenset((Path(__file__).parent / "expected_wrong.txt").read_text(encoding="utf-8").splitlines())
KINDS = cells_by_kind()


@pytest.fixture(scope="module")
def verdicts_of(quick_folder: Path) -> Callable[[str], dict[str, Verdict]]:
    """Return what becomes of all cells of a container; they are exported once."""
    return functools.cache(lambda container: judged(container, quick_folder / container))


def _mark() -> pytest.MarkDecorator:
    return pytest.mark.xfail(strict=True, reason="published wrong, or refused with an untrue reason")


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=_mark() if kind in EXPECTED_WRONG else ()) for kind in KINDS]
)
def test_a_picture_is_right_or_refused_with_the_true_reason(
    kind: str, verdicts_of: Callable[[str], dict[str, Verdict]]
) -> None:
    cells = KINDS[kind]
    verdicts = verdicts_of(cells[0].name.split("/")[0])
    faults = [f"{cell.name}: {verdicts[cell.name].fault}" for cell in cells if verdicts[cell.name].fault]
    assert not faults, f"{len(faults)} of {len(cells)} cells are wrong:\n" + "\n".join(faults[:10])


def test_the_list_of_wrong_kinds_names_no_others() -> None:
    assert KINDS.keys() >= EXPECTED_WRONG


def test_the_grid_has_thousands_of_cells_in_every_container() -> None:
    assert {cell.name.split("/")[0] for cells in KINDS.values() for cell in cells} == GRIDS.keys()
    assert sum(map(len, KINDS.values())) > 3000
