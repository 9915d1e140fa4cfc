"""The types of settings that are lists: texts, and texts with a number each."""

from __future__ import annotations

import re
import shlex
from collections.abc import ItemsView, Mapping
from dataclasses import dataclass

from .setting_types import Kind, Number

_NO_TEXTS = ("none", "off")
"""Words that stand for an empty list unless they are quoted."""

_UNESCAPES = {"n": "\n", "t": "\t", "\\": "\\"}
_ESCAPES = {character: f"\\{letter}" for letter, character in _UNESCAPES.items()}


@dataclass(frozen=True, slots=True)
class Strings(Kind):
    """A list of strings, typed with spaces between, quoted as in a shell; \\n, \\t and \\\\ are escapes."""

    examples: tuple[str, ...] = ("none", r'"\n\n"')
    max_count: int | None = None

    @property
    def range(self) -> str:
        count = "one or more texts" if self.max_count is None else f"up to {self.max_count:,} texts"
        return f"{count}, such as {self.examples[1]}, or none"

    def parse(self, text: str, current: object) -> tuple[str, ...]:  # noqa: ARG002
        return tuple(_split_words(text))

    def check(self, value: object) -> tuple[str, ...]:
        """Return a tuple of strings, none of them empty."""
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) and item for item in value):
            raise ValueError
        if self.max_count is not None and len(value) > self.max_count:
            raise ValueError
        return tuple(value)

    def show(self, value: object) -> str:
        return " ".join(map(_quote, self.check(value))) or "none"


@dataclass(frozen=True, slots=True)
class NumbersByText(Kind):
    """Pairs of a text and a number, typed as " the"=-2 with spaces between. The last number given for a text counts."""

    number: Number
    examples: tuple[str, ...] = ("none", "e=-2")
    max_count: int = 1000

    @property
    def range(self) -> str:
        numbers = f"{self.number.low:g} to {self.number.high:g}"
        return f"up to {self.max_count:,} texts, each with a number from {numbers}, such as {self.examples[1]}, or none"

    def parse(self, text: str, current: object) -> dict[str, float]:  # noqa: ARG002
        pairs = (word.rpartition("=") for word in _split_words(text))
        return {item: float(number) for item, _, number in pairs}

    def check(self, value: object) -> tuple[tuple[str, float], ...]:
        """Return a tuple of pairs. ``value`` may also be a mapping, or a list of lists, as files store it."""
        pairs = value.items() if isinstance(value, Mapping) else value
        if not isinstance(pairs, list | tuple | ItemsView):
            raise ValueError
        numbers: dict[str, float] = {}
        for item, number in pairs:
            if not isinstance(item, str) or not item:
                raise ValueError
            numbers[item] = self.number.check_number(number)
        if len(numbers) > self.max_count:
            raise ValueError
        return tuple(numbers.items())

    def show(self, value: object) -> str:
        return " ".join(f"{_quote(item)}={number!r}".removesuffix(".0") for item, number in self.check(value)) or "none"

    def to_json(self, value: object) -> object:
        return dict(self.check(value))


def _split_words(text: str) -> list[str]:
    """Return the words of a typed list, unquoted and without escapes; [] for one of ``_NO_TEXTS``."""
    lexer = shlex.shlex("" if text in _NO_TEXTS else text, posix=True)
    lexer.whitespace_split = True
    lexer.escape = ""
    lexer.commenters = ""
    return [re.sub(r"\\([nt\\])", lambda match: _UNESCAPES[match[1]], word) for word in lexer]


def _quote(item: str) -> str:
    """Return a text as it would be typed in a list."""
    if item in _NO_TEXTS:
        return f"'{item}'"
    return shlex.quote(re.sub(r"[\n\t\\]", lambda match: _ESCAPES[match[0]], item))
