"""The type of the setting ``style``: names of a model's styles with weights, or a ramp from one mix to another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeGuard

from .setting_types import Kind, Number

StyleMix = tuple[tuple[str, float], ...]
"""Names of styles, each with its weight. Empty if there is no style."""

MAX_NAME_LENGTH = 64
"""Most characters of a style's name."""

MAX_SHOWN_STYLE = 60
"""Most characters of a style in a line of several things."""

OFF = "off"
"""The word for no style."""


def is_style_name(name: object) -> TypeGuard[str]:
    """Return True if ``name`` can be the name of a style: short, and typed as one word of ``/style``.

    It has no white space or control characters, no mark that separates names, weights or the ends of a ramp, and is not
    the word that turns styles off.
    """
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME_LENGTH or name == OFF:
        return False
    return name.isprintable() and not any(mark in name for mark in (" ", ":", ",", ".."))


class StyleRamp(NamedTuple):
    """A mix of styles that moves evenly from ``start`` to ``end`` over the length of a text."""

    start: StyleMix
    end: StyleMix

    def at(self, progress: float) -> StyleMix:
        """Return the mix at ``progress``, 0 to 1; above 1 it stays at ``end``. Names without weight are left out."""
        share = min(1.0, progress)
        weights = {name: weight * (1 - share) for name, weight in self.start}
        for name, weight in self.end:
            weights[name] = weights.get(name, 0.0) + weight * share
        return tuple((name, weight) for name, weight in weights.items() if weight)


Style = StyleMix | StyleRamp


class Voice(NamedTuple):
    """The style under which tokens are read. ``guided`` is True if a second row reads them without style beside it.

    ``length`` is the number of characters along which a ramp moves, 0 without a ramp.
    """

    style: Style = ()
    guided: bool = False
    length: int = 0

    @property
    def moves(self) -> bool:
        """True if the style is a ramp."""
        return isinstance(self.style, StyleRamp)

    @property
    def mix(self) -> StyleMix:
        """The styles of a voice that does not move. Raises ValueError for a ramp."""
        if isinstance(self.style, StyleRamp):
            raise ValueError("a ramp has another mix at each place")
        return self.style

    def at(self, written: int) -> Voice:
        """Return the voice after ``written`` characters of the text: that of the mix which a ramp has reached there."""
        if isinstance(self.style, StyleRamp):
            return Voice(self.style.at(written / self.length), self.guided)
        return self

    def names(self) -> Iterator[str]:
        """Yield the names of its styles."""
        for mix in self.style if isinstance(self.style, StyleRamp) else (self.style,):
            yield from (name for name, _ in mix)


PLAIN_VOICE = Voice()
"""The voice without style: that of every text of a model that has no styles."""


@dataclass(frozen=True, slots=True)
class StyleNames(Kind):
    """A mix, typed as ``saki:0.7 o-henry:0.3``, or a ramp, typed as ``off..saki``.

    A weight of 1 is left out, but not after a name that ends with a dot: before ``..`` it would lose it.
    """

    weight: Number = Number(-4, 4)
    examples: tuple[str, ...] = (OFF,)
    max_count: int = 64

    @property
    def range(self) -> str:
        weights = f"weights from {self.weight.low:g} to {self.weight.high:g}"
        return f"{OFF}, NAME, a mix such as NAME:0.7 NAME:0.3 with {weights}, or a ramp such as {OFF}..NAME"

    def parse(self, text: str, current: object) -> Style:  # noqa: ARG002
        """Return a mix or a ramp."""
        start, *others = map(_parse_mix, text.split(".."))
        return StyleRamp(start, *others) if others else start

    def check(self, value: object) -> Style:
        """Return a mix or a ramp. ``value`` may also be typed text, or a mapping of names to weights."""
        if isinstance(value, str):
            value = self.parse(value, None)
        if isinstance(value, StyleRamp):
            return StyleRamp(*map(self._check_mix, value))
        return self._check_mix(value)

    def show(self, value: object) -> str:
        style = self.check(value)
        return "..".join(map(_show_mix, style)) if isinstance(style, StyleRamp) else _show_mix(style)

    def to_json(self, value: object) -> object:
        return self.show(value)

    def _check_mix(self, value: object) -> StyleMix:
        pairs = tuple(value.items()) if isinstance(value, Mapping) else value
        if not isinstance(pairs, list | tuple) or len(pairs) > self.max_count:
            raise ValueError
        weights: dict[str, float] = {}
        for name, weight in pairs:
            if not is_style_name(name):
                raise ValueError
            weights[name] = self.weight.check_number(weight)
        return tuple(weights.items())


def _parse_mix(text: str) -> StyleMix:
    """Return the mix of typed words. Raises ValueError if there is none."""
    words = text.split()
    if not words:
        raise ValueError
    return () if words == [OFF] else tuple(map(_parse_word, words))


def _parse_word(word: str) -> tuple[str, float]:
    name, colon, weight = word.partition(":")
    return name, float(weight) if colon else 1.0


def _show_mix(mix: StyleMix) -> str:
    return " ".join(_show_weighted(name, weight) for name, weight in mix) or OFF


def _show_weighted(name: str, weight: float) -> str:
    return name if weight == 1 and not name.endswith(".") else f"{name}:{weight!r}".removesuffix(".0")


def describe_style(style: Style, strength: float) -> str:
    """Return a style with its strength, if that is not 1: "saki ×4", or "off". A long mix is cut."""
    shown = StyleNames().show(style)
    shown = shown if len(shown) <= MAX_SHOWN_STYLE else f"{shown[: MAX_SHOWN_STYLE - 1]}…"
    return f"{shown} ×{strength:g}" if style and strength != 1 else shown
