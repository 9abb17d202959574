"""Settings of single slides: those of the tree, corrected by rules, and by what earlier runs were told of the slide.

What a run over single slides names, such as a pixel size, belongs to these slides. Their receipts keep it, and a run
over all of SOURCE does not undo it unless it names that setting for all.
"""

from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import NamedTuple

from slide2iiif.discovery.choice import Glob
from slide2iiif.discovery.walk import Slide
from slide2iiif.errors import SourceError
from slide2iiif.options import Options
from slide2iiif.records.option_values import Value, text_of
from slide2iiif.records.receipts import Receipts
from slide2iiif.records.settings import WORDS, Rule, TreeSettings, options_of, own_values


class SlideValues(NamedTuple):
    """Settings of one slide."""

    options: Options
    """Options that affect its bytes."""
    own: Mapping[str, str]
    """Corrections that its receipt keeps, as text."""
    words: Mapping[str, str]
    """Title, rights and attribution of its own."""


class SlideSettings:
    """Settings of all slides of a run."""

    def __init__(
        self,
        settings: TreeSettings,
        options: Options,
        receipts: Receipts,
        named: Mapping[str, Value],
        for_all: frozenset[str],
        *,
        are_renamed: bool = False,
    ) -> None:
        """Take the settings of a tree.

        Args:
            settings: settings of the tree.
            options: options of the tree, with the limits of the run.
            receipts: receipts of the tree, with the corrections of earlier runs.
            named: values that the run names for its slides alone.
            for_all: settings that the run names for all slides, which ends corrections of them.
            are_renamed: True if receipts of slides may lie under other names than theirs.
        """
        self._settings = settings
        self._plain = options
        self._receipts = receipts
        self._named = named
        self._for_all = for_all
        self._are_renamed = are_renamed
        self._rules = [(Glob(rule.match), rule) for rule in settings.rules]
        self._used: set[str] = set()
        self._options = lru_cache(256)(self._make_options)

    @property
    def unused(self) -> list[Rule]:
        """Rules that have matched no slide."""
        return [rule for _, rule in self._rules if rule.match not in self._used]

    def of(self, slide: Slide) -> SlideValues | None:
        """Return the settings of a slide; None where no slide of the tree ever had any of its own.

        Raises:
            SourceError: two rules disagree on it.
        """
        if not self._settings.has_corrections:
            return None
        ruled = self._ruled(slide.source) if self._rules else {}
        own = self._own(slide, ruled)
        words = {name: str(value) for name, value in ruled.items() if name in WORDS}
        values = {name: value for name, value in ruled.items() if name not in WORDS and name not in self._for_all}
        values = {**values, **own}
        options = self._options(tuple(sorted(values.items()))) if values else self._plain
        return SlideValues(options, {name: text_of(value) for name, value in own.items()}, words)

    def _own(self, slide: Slide, ruled: Mapping[str, Value]) -> dict[str, Value]:
        receipt = self._receipts.read(slide.identifier)
        if receipt is not None:
            known = own_values(receipt.own)
        else:
            known = own_values(self._by_source.get(slide.source, {})) if self._are_renamed else {}
        over = ruled.keys() | self._for_all
        return {**{name: value for name, value in known.items() if name not in over}, **self._named}

    @cached_property
    def _by_source(self) -> Mapping[str, Mapping[str, str]]:
        """Corrections by the path of the slide, for slides that had another name."""
        return {receipt.source: receipt.own for receipt in self._receipts.known() if receipt.own}

    def _ruled(self, source: str) -> dict[str, Value]:
        values: dict[str, Value] = {}
        givers: dict[str, Rule] = {}
        for glob, rule in self._rules:
            if not glob.matches(source):
                continue
            self._used.add(rule.match)
            for name, value in rule.values.items():
                if name in values and values[name] != value:
                    raise SourceError(
                        f"{_place(givers[name])} and {_place(rule)} disagree on its {name}: "
                        f"{text_of(values[name])} and {text_of(value)}; let one of them match it"
                    )
                values[name], givers[name] = value, rule
        return values

    def _make_options(self, values: tuple[tuple[str, Value], ...]) -> Options:
        made = options_of({**self._settings.values, **dict(values)})
        plain = self._plain
        return made.limited(plain.open_timeout, plain.block_timeout, plain.worker_memory)


def _place(rule: Rule) -> str:
    return f"{rule.where} ({rule.match})" if rule.where else f"a remembered rule ({rule.match})"
