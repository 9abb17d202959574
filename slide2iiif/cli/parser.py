"""The parser of the command line: an error is one line, with what may be meant."""

import argparse
import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn


class CommandParser(argparse.ArgumentParser):
    """A parser whose errors are one line rather than a page of usage."""

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """Parse arguments; name what a command does not know, and what may be meant."""
        parsed, unknown = self.parse_known_args(args, namespace)
        if unknown:
            command: argparse.ArgumentParser = getattr(parsed, "parser", self)
            command.error(f"unrecognized arguments: {' '.join(unknown)}{_hint(command, unknown)}")
        return parsed

    def error(self, message: str) -> NoReturn:
        """Print the error in one line and exit with 2."""
        wrong = re.fullmatch(r"(.*invalid choice: '(.*)') \(choose from (.*)\)", message, re.DOTALL)
        if wrong is not None:
            message += _meant([wrong[2]], re.findall(r"[\w-]+", wrong[3]))
        self.exit(2, f"slide2iiif: {message}; {self.prog} --help shows what there is\n")


def _hint(command: argparse.ArgumentParser, unknown: Iterable[str]) -> str:
    actions = command._actions  # noqa: SLF001 - the library has no public list of them
    options = [name for action in actions for name in action.option_strings]
    words = [word.partition("=")[0] for word in unknown if word.startswith("--")]
    if words:
        return _meant(words, options)
    places = " ".join(str(action.metavar) for action in actions if not action.option_strings)
    return f"; {command.prog} takes {places} and no more places"


def _meant(words: Iterable[str], known: Iterable[str]) -> str:
    names = list(known)
    near = [match for word in words for match in difflib.get_close_matches(word, names, 1)]
    return f"; is {' '.join(near)} meant?" if near else ""
