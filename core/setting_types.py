"""The types of a setting's value: how typed text becomes a value, and which values are permitted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class Ramp(NamedTuple):
    """A temperature that moves evenly from ``start`` to ``end`` over the length of a text."""

    start: float
    end: float

    def at(self, progress: float) -> float:
        """Return the temperature at ``progress``, 0 to 1; above 1 it stays at ``end``."""
        return self.start + (self.end - self.start) * min(1.0, progress)

    def exact_text(self) -> str:
        """Return the ramp as it would be typed, with every digit."""
        return f"{self.start!r}..{self.end!r}"

    def __str__(self) -> str:
        return f"{self.start:.2f}..{self.end:.2f}"


_BOOL_WORDS = dict.fromkeys(("on", "yes", "true", "1"), True) | dict.fromkeys(("off", "no", "false", "0"), False)


class Kind(Protocol):
    """The type of a setting's value: parses, checks and formats it."""

    @property
    def range(self) -> str:
        """The permitted values in words."""
        ...

    @property
    def examples(self) -> tuple[str, ...]:
        """Values to offer as completions."""
        ...

    def parse(self, text: str, current: object) -> object:
        """Return the value of ``text``, which may be relative to ``current``. Raise ValueError if it has no value.

        ``check`` must be called on the result.
        """
        ...

    def check(self, value: object) -> object:
        """Return ``value`` converted to this type; raise TypeError or ValueError if it is not permitted."""
        ...

    def show(self, value: object) -> str:
        """Return ``value`` as it would be typed."""
        ...

    def to_json(self, value: object) -> object:
        """Return the exact ``value`` as files store it; ``parse`` or ``check`` reads it back."""
        return value


@dataclass(frozen=True, slots=True)
class Number(Kind):
    """A real number from ``low`` to ``high``. "+0.1" and "-0.1" change the current value."""

    low: float
    high: float
    examples: tuple[str, ...] = ()

    @property
    def range(self) -> str:
        return f"a number from {self.low:g} to {self.high:g}"

    def parse(self, text: str, current: object) -> object:
        """Return the number in ``text``. With a sign it is added to ``current``, if any, and kept within the range."""
        return self._parse_number(text, current)

    def check(self, value: object) -> object:
        return self.check_number(value)

    def show(self, value: object) -> str:
        return f"{value:g}"

    def _parse_number(self, text: str, current: object) -> float:
        value = float(text)
        if not math.isfinite(value):
            raise ValueError
        if text[0] in "+-" and isinstance(current, int | float):
            return round(min(self.high, max(self.low, current + value)), 4)
        return value

    def check_number(self, value: object) -> float:
        """Return ``value`` as a float; raise ValueError if it is no number in the range."""
        if not isinstance(value, int | float) or isinstance(value, bool) or not self.low <= value <= self.high:
            raise ValueError
        return float(value)


@dataclass(frozen=True, slots=True)
class Temperature(Number):
    """A number, or a ramp: two numbers joined by ".."."""

    @property
    def range(self) -> str:
        return f"a number from {self.low:g} to {self.high:g}, or a ramp such as 0.2..1.6"

    def parse(self, text: str, current: object) -> float | Ramp:
        """Return a number or a ramp. A relative number moves both ends of the current ramp."""
        start, dots, end = text.partition("..")
        if dots:
            return Ramp(float(start), float(end))
        if isinstance(current, Ramp) and text[:1] in "+-":
            return Ramp(*(self._parse_number(text, edge) for edge in current))
        return self._parse_number(text, current)

    def check(self, value: object) -> float | Ramp:
        if isinstance(value, Ramp):
            return Ramp(*(self.check_number(edge) for edge in value))
        return self.check_number(value)

    def show(self, value: object) -> str:
        """Return two decimals, so that temperatures in a row line up."""
        return str(value) if isinstance(value, Ramp) else f"{value:.2f}"

    def to_json(self, value: object) -> object:
        return value.exact_text() if isinstance(value, Ramp) else value


@dataclass(frozen=True, slots=True)
class Integer(Kind):
    """A whole number from ``low`` to ``high``. ``zero_word``, if given, is typed and shown for 0."""

    low: int
    high: int
    zero_word: str | None = None
    examples: tuple[str, ...] = ()

    @property
    def range(self) -> str:
        words = f", or {self.zero_word}" if self.zero_word else ""
        return f"a whole number from {self.low:,} to {self.high:,}{words}"

    def parse(self, text: str, current: object) -> int:
        """Return 0 for the zero word, else the number in ``text``, relative to ``current`` as in ``Number.parse``."""
        if text == self.zero_word:
            return 0
        value = int(text)
        if text[0] in "+-" and isinstance(current, int):
            return min(self.high, max(self.low, current + value))
        return value

    def check(self, value: object) -> int:
        if not isinstance(value, int | float) or isinstance(value, bool) or not self.low <= value <= self.high:
            raise ValueError
        if value != int(value):
            raise ValueError
        return int(value)

    def show(self, value: object) -> str:
        return self.zero_word if self.zero_word and value == 0 else str(value)


@dataclass(frozen=True, slots=True)
class RngNumber(Kind):
    """A whole number that fixes the random draws. None, typed "random", chooses a new one for every passage."""

    low: int
    high: int
    examples = ("random", "7")

    @property
    def range(self) -> str:
        return f"a whole number from {self.low} to {self.high:,}, or random"

    def parse(self, text: str, current: object) -> int | None:  # noqa: ARG002
        return None if text == "random" else int(text)

    def check(self, value: object) -> int | None:
        return None if value is None else Integer(self.low, self.high).check(value)

    def show(self, value: object) -> str:
        return "random" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Bool(Kind):
    """On or off.

    Normally the flag has no value (``--memory``), and files store a JSON boolean. With ``as_word`` the flag takes "on"
    or "off" (``--lens off``), files store that word, and ``check`` accepts it as well.
    """

    as_word: bool = False
    range = "on or off"
    examples = ("on", "off")

    def parse(self, text: str, current: object) -> bool:  # noqa: ARG002
        """Return the value of on, yes, true, 1, off, no, false or 0, in any case."""
        if text.lower() not in _BOOL_WORDS:
            raise ValueError
        return _BOOL_WORDS[text.lower()]

    def check(self, value: object) -> bool:
        """Return a bool; raise TypeError for anything that is merely truthy or falsy, such as 1."""
        if self.as_word and value in ("on", "off"):
            return bool(value == "on")
        if not isinstance(value, bool):
            raise TypeError
        return value

    def show(self, value: object) -> str:
        return "on" if value else "off"

    def to_json(self, value: object) -> object:
        return self.show(value) if self.as_word else value


@dataclass(frozen=True, slots=True)
class Choice(Kind):
    """One of a few words."""

    words: tuple[str, ...]

    @property
    def examples(self) -> tuple[str, ...]:
        return self.words

    @property
    def range(self) -> str:
        return ", ".join(self.words[:-1]) + f" or {self.words[-1]}"

    def parse(self, text: str, current: object) -> str:  # noqa: ARG002
        return text.lower()

    def check(self, value: object) -> str:
        if value not in self.words:
            raise ValueError
        return str(value)

    def show(self, value: object) -> str:
        return str(value)
