"""The kinds of value that a setting can have: how a person's text becomes one, and which values are permitted."""

from __future__ import annotations

import math
import re
import shlex
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol


class Ramp(NamedTuple):
    """A temperature that moves evenly from ``start`` to ``end`` over the length of a passage."""

    start: float
    end: float

    def at(self, progress: float) -> float:
        """The temperature at ``progress``, 0 to 1."""
        return self.start + (self.end - self.start) * min(1.0, progress)

    def exact_text(self) -> str:
        """As it would be typed, every digit of it."""
        return f"{self.start!r}..{self.end!r}"

    def __str__(self) -> str:
        return f"{self.start:.2f}..{self.end:.2f}"


_UNESCAPES = {"n": "\n", "t": "\t", "\\": "\\"}
_ESCAPES = {character: f"\\{letter}" for letter, character in _UNESCAPES.items()}


class Kind(Protocol):
    """What a kind of value knows of itself."""

    @property
    def range(self) -> str:
        """The permitted values in words."""
        ...

    @property
    def examples(self) -> tuple[str, ...]:
        """A few values worth offering."""
        ...

    def parse(self, text: str, current: Any) -> Any:
        """The value that ``text`` means, where ``current`` is set now; raises ValueError."""
        ...

    def check(self, value: Any) -> Any:
        """``value`` in its right type; raises TypeError or ValueError."""
        ...

    def show(self, value: Any) -> str:
        """``value`` as a person would type it."""
        ...


@dataclass(frozen=True, slots=True)
class Number:
    """A real number from ``low`` to ``high``; "+0.1" and "-0.1" move the one set now."""

    low: float
    high: float
    examples: tuple[str, ...] = ()

    @property
    def range(self) -> str:
        """Both ends."""
        return f"a number from {self.low:g} to {self.high:g}"

    def parse(self, text: str, current: Any) -> Any:
        """An absolute or a relative number."""
        value = float(text)
        if not math.isfinite(value):
            raise ValueError
        if text[0] in "+-" and current is not None:
            return round(min(self.high, max(self.low, current + value)), 4)
        return value

    def check(self, value: Any) -> float:
        """A finite number in the range."""
        if not isinstance(value, int | float) or isinstance(value, bool) or not self.low <= value <= self.high:
            raise ValueError
        return float(value)

    def show(self, value: Any) -> str:
        """At least as many digits as it needs."""
        return f"{value:g}"


@dataclass(frozen=True, slots=True)
class Temperature(Number):
    """A number, or two joined by "..": a ramp."""

    @property
    def range(self) -> str:
        """Both ends, and how a ramp is written."""
        return f"a number from {self.low:g} to {self.high:g}, or a ramp such as 0.2..1.6"

    def parse(self, text: str, current: Any) -> Any:
        """A number or a ramp; a step moves both ends of the ramp set now."""
        start, dots, end = text.partition("..")
        if dots:
            return Ramp(float(start), float(end))
        if isinstance(current, Ramp) and text[:1] in "+-":
            return Ramp(*(Number.parse(self, text, edge) for edge in current))
        return Number.parse(self, text, current)

    def check(self, value: Any) -> Any:
        """Each end of a ramp has to lie in the range."""
        if isinstance(value, Ramp):
            return Ramp(*(Number.check(self, edge) for edge in value))
        return Number.check(self, value)

    def show(self, value: Any) -> str:
        """Two decimals: it is read side by side."""
        return str(value) if isinstance(value, Ramp) else f"{value:.2f}"


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number from ``low`` to ``high``; ``zero`` is a word that means 0."""

    low: int
    high: int
    zero_word: str | None = None
    examples: tuple[str, ...] = ()

    @property
    def range(self) -> str:
        """Both ends, and the word for 0."""
        words = f", or {self.zero_word}" if self.zero_word else ""
        return f"a whole number from {self.low:,} to {self.high:,}{words}"

    def parse(self, text: str, current: Any) -> Any:
        """An absolute or a relative number, or the word."""
        if text == self.zero_word:
            return 0
        value = int(text)
        if text[0] in "+-" and current is not None:
            return min(self.high, max(self.low, current + value))
        return value

    def check(self, value: Any) -> int:
        """A whole number in the range."""
        if not isinstance(value, int | float) or isinstance(value, bool) or not self.low <= value <= self.high:
            raise ValueError
        if value != int(value):
            raise ValueError
        return int(value)

    def show(self, value: Any) -> str:
        """The word for 0 where there is one."""
        return self.zero_word if self.zero_word and value == 0 else str(value)


@dataclass(frozen=True, slots=True)
class RngNumber:
    """A whole number that the dice start from, or None: a fresh one for every passage."""

    low: int
    high: int
    examples = ("random", "7")

    @property
    def range(self) -> str:
        """Both ends, and the word for a fresh one."""
        return f"a whole number from {self.low} to {self.high:,}, or random"

    def parse(self, text: str, current: Any) -> Any:  # noqa: ARG002
        """A number or "random"."""
        return None if text == "random" else int(text)

    def check(self, value: Any) -> int | None:
        """A whole number in the range, or None."""
        return None if value is None else Integer(self.low, self.high).check(value)

    def show(self, value: Any) -> str:
        """The number or "random"."""
        return "random" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Bool:
    """On or off."""

    range = "on or off"
    examples = ("on", "off")

    def parse(self, text: str, current: Any) -> Any:  # noqa: ARG002
        """The words people use for yes and no."""
        words = {
            "on": True,
            "yes": True,
            "true": True,
            "1": True,
            "off": False,
            "no": False,
            "false": False,
            "0": False,
        }
        if text.lower() not in words:
            raise ValueError
        return words[text.lower()]

    def check(self, value: Any) -> bool:
        """A bool, nothing that merely looks like one."""
        if not isinstance(value, bool):
            raise TypeError
        return value

    def show(self, value: Any) -> str:
        """The word."""
        return "on" if value else "off"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    @property
    def examples(self) -> tuple[str, ...]:
        """All of them."""
        return self.words

    @property
    def range(self) -> str:
        """All of them."""
        return ", ".join(self.words[:-1]) + f" or {self.words[-1]}"

    def parse(self, text: str, current: Any) -> Any:  # noqa: ARG002
        """The word itself."""
        return text.lower()

    def check(self, value: Any) -> str:
        """A word of the list."""
        if value not in self.words:
            raise ValueError
        return str(value)

    def show(self, value: Any) -> str:
        """The word."""
        return str(value)


@dataclass(frozen=True, slots=True)
class Strings:
    """Some texts, quoted where they hold spaces; \\n and \\t are newline and tab."""

    examples = ("none", r'"\n\n"')
    range = 'one or more texts, such as "\\n\\n", or none'

    def parse(self, text: str, current: Any) -> Any:  # noqa: ARG002
        """Words as a shell would split them."""
        words = shlex.shlex("" if text in ("none", "off") else text, posix=True)
        words.whitespace_split, words.escape, words.commenters = True, "", ""
        return tuple(re.sub(r"\\([nt\\])", lambda found: _UNESCAPES[found[1]], word) for word in words)

    def check(self, value: Any) -> tuple[str, ...]:
        """Texts, none of them empty."""
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) and item for item in value):
            raise ValueError
        return tuple(value)

    def show(self, value: Any) -> str:
        """As it would be typed."""
        escaped = (re.sub(r"[\n\t\\]", lambda found: _ESCAPES[found[0]], item) for item in value)
        return " ".join(map(shlex.quote, escaped)) or "none"
