"""Docstrings speak as an imaging engineer does: a function begins with its verb, anything else with its noun."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

import slide2iiif

PACKAGE = Path(slide2iiif.__file__).parent


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


RIDDLES = words(
    """
    give gives given tell tells what whatever when whenever where wherever whether which whichever who whoever whom
    whose why how however
    """
)
"""Words that begin no docstring: they ask, or say nothing of what is done."""

RIDDLING_PHRASES = ("all that", "the same")
"""The same for openings of two words."""

VERBS = words(
    """
    abort accept acquire add allocate allow answer append apply ask assemble assign average await begin bind blame
    block bound bring build cache calculate call cancel check choose clear clip close collect combine compare
    compile compress compute configure connect convert copy count create crop cut decide declare decode
    decompress define
    delete derive
    describe detect determine discard divide do draw drop encode end enter enumerate escape estimate evaluate
    exclude exit expand export extract fail fetch fill filter find finish flush fold follow forget fork format get
    group guess halve handle hash hold identify ignore import include inspect interpolate iterate join keep kill lay
    leave let limit link list load locate lock log look make map mark match measure merge move name normalise note
    number open order pack pad paint parse pass pick pickle place plan poll preload prepare print probe publish put
    quantise query raise read receive record redirect reduce refuse register release remove rename render repair
    repeat replace report request require reserve reset resize resolve reverse restore resume return reuse run
    sample scale
    scan see select send serve set share show shut skip sleep sort spell split start stitch stop store stream strip
    submit sum swap sync tabulate take test transform translate truncate try turn unlink unpack unpublish update use
    validate verify wait walk warn watch wrap write yield
    """
)
"""First words of functions; add the verb of the field that is missing."""

PROPERTIES = frozenset({"property", "cached_property"})


class Docstring(NamedTuple):
    """A docstring of the package, or the string below a field or constant."""

    place: str
    """Module, line and name."""
    text: str
    is_verb_due: bool
    """True for functions and methods; properties are values."""


def is_property(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(PROPERTIES & set(re.findall(r"\w+", ast.unparse(each))) for each in function.decorator_list)


def docstrings(module: str, tree: ast.Module) -> Iterator[Docstring]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not is_property(node)
            if text:
                yield Docstring(f"{module}:{node.body[0].lineno} {getattr(node, 'name', '')}", text, is_function)
            yield from fields(module, node.body)


def fields(module: str, body: list[ast.stmt]) -> Iterator[Docstring]:
    """Strings that follow an assignment: docstrings of fields and constants."""
    for before, after in pairwise(body):
        if not isinstance(before, ast.Assign | ast.AnnAssign) or not isinstance(after, ast.Expr):
            continue
        if isinstance(after.value, ast.Constant) and isinstance(after.value.value, str):
            target = before.target if isinstance(before, ast.AnnAssign) else before.targets[0]
            yield Docstring(f"{module}:{after.lineno} {ast.unparse(target)}", after.value.value, is_verb_due=False)


def modules() -> Iterator[str]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def is_riddle(docstring: Docstring) -> bool:
    text = docstring.text.strip().lower()
    first = re.split(r"[\s,.:;]", text, maxsplit=1)[0]
    if first in RIDDLES or text.startswith(RIDDLING_PHRASES):
        return True
    return docstring.is_verb_due and first not in VERBS


@pytest.mark.parametrize("module", list(modules()))
def test_a_function_begins_with_its_verb_and_nothing_with_a_riddle(module: str) -> None:
    path = PACKAGE.joinpath(*module.split(".")).with_suffix(".py")
    found = docstrings(module, ast.parse(path.read_text(encoding="utf-8")))
    assert [f"{each.place}: {each.text.splitlines()[0]}" for each in found if is_riddle(each)] == []


@pytest.mark.parametrize(
    ("text", "is_verb_due"),
    [
        ("What decides the bytes.", False),
        ("Whether it is there.", False),
        ("The same of all levels.", False),
        ("All that tells slides apart.", False),
        ("Give the size.", True),
        ("How the tile came to be.", True),
        ("Size of the level.", True),
        ("Returns the size.", True),
    ],
)
def test_a_riddle_is_noticed(text: str, is_verb_due: bool) -> None:  # noqa: FBT001 - a column of a table
    assert is_riddle(Docstring("", text, is_verb_due))


def test_plain_words_pass() -> None:
    assert not is_riddle(Docstring("", "Return the size in pixels.", is_verb_due=True))
    assert not is_riddle(Docstring("", "Size in pixels.", is_verb_due=False))
    assert not is_riddle(Docstring("", "All levels, full resolution first.", is_verb_due=False))
