"""The signs of a passage's text: seeds, changes of temperature and style, copied runs. All exports show them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import NamedTuple

from ..events import Token
from ..session.node import Node
from ..session.passage import Passage
from ..setting_styles import Style, StyleRamp, describe_style
from ..settings import Settings
from ..text.copy_tracker import CopyTracker
from ..text.display_width import display_width

TEMPERATURE_MEANING = "temperature from here on"
STYLE_MEANING = "style from here on"
COPIED_SIGN = "┃"
COPIED_MEANING = "underlined: copied from the training text"

SIGN_COLUMNS = 4
"""Columns of a sign in the margin: those of a temperature."""


class StyleChange(NamedTuple):
    """Another style from a token on: its sign in the margin, and its name in full."""

    sign: str
    text: str


class MarkedSpan(NamedTuple):
    """A seed, the text of a token, or a tail.

    ``token`` is None for a seed and a tail. ``copied`` is True for a token in a copied run. ``temperature`` is that of
    the token, rounded to two digits, if it differs from that of the token before; else None. A token without text has
    none: nothing of it is drawn. ``style`` is that of the token, likewise; a text begins without style. ``value`` is
    that of a unit of the network at the token, None if no unit is shown.
    """

    text: str
    token: Token | None = None
    seed: bool = False
    copied: bool = False
    temperature: float | None = None
    style: StyleChange | None = None
    value: float | None = None


class StyleSigns:
    """Finds the changes of style in the tokens of a text, which are given one by one."""

    def __init__(self) -> None:
        self._shown: tuple[Style, float] = (), 1.0
        self._now: tuple[Style, float] = self._shown
        self._filters: Settings | None = None

    def change_at(self, node: Node, index: int) -> StyleChange | None:
        """Return the change of style at a token of a node, None if there is none. The first without text has none."""
        filters = node.filters_at(index)
        if filters is not self._filters:
            self._filters = filters
            self._now = (filters.style, filters.style_strength) if filters and filters.style else ((), 1.0)
        if self._now == self._shown or not node.tokens[index].text:
            return None
        before, self._shown = self._shown, self._now
        style, strength = self._now
        sign = f"×{strength:g}" if style == before[0] else _style_sign(style)
        return StyleChange(_cut_to_columns(sign), f"style {describe_style(style, strength)}")


def margin_sign(temperatures: Sequence[float | None], styles: Sequence[StyleChange | None]) -> str:
    """Return what the margin shows beside a line with these changes: its last style, or else its last temperature."""
    signs = [style.sign for style in styles if style] or [f"{each:.2f}" for each in temperatures if each is not None]
    return signs[-1] if signs else ""


def mark_spans(
    passage: Passage, copy_tracker: CopyTracker | None = None, values: Iterable[float] = ()
) -> Iterator[MarkedSpan]:
    """Yield the text up to the cursor in spans. A new ``copy_tracker`` finds copied runs; None marks none.

    ``values`` has that of a unit of the network for each token, or is empty.
    """
    spans = list(_spans(passage))
    copied = _find_copies(spans, copy_tracker) if copy_tracker else repeat(False)
    each_value = iter(values)
    shown: float | None = None
    for span in spans:
        if span.token is None:
            yield span
            continue
        temperature = round(span.token.temperature, 2) if span.text else shown
        change = None if temperature == shown else temperature
        yield span._replace(copied=next(copied), temperature=change, value=next(each_value, None))
        shown = temperature


def cut_beginning(spans: Sequence[MarkedSpan], max_chars: int) -> list[MarkedSpan]:
    """Return the last ``max_chars`` characters of a text in spans."""
    kept: list[MarkedSpan] = []
    room = max_chars
    for span in reversed(spans):
        if room <= 0:
            break
        kept.append(span._replace(text=span.text[-room:]))
        room -= len(span.text)
    return kept[::-1]


def _style_sign(style: Style) -> str:
    """Return the sign of a style: the name, or its beginning and + for a mix.

    Of a ramp, → and its end, or its start and → if it ends without style.
    """
    if isinstance(style, StyleRamp):
        start, end = map(_style_sign, style)
        return f"→{end}" if style.end else f"{_cut_to_columns(start, SIGN_COLUMNS - 1)}→"
    strongest = max(style, key=lambda part: abs(part[1]), default=("off", 1.0))[0]
    return f"{_cut_to_columns(strongest, SIGN_COLUMNS - 1)}+" if len(style) > 1 else strongest


def _cut_to_columns(text: str, columns: int = SIGN_COLUMNS) -> str:
    """Return the beginning of a text that fits in so many columns."""
    while display_width(text) > columns:
        text = text[:-1]
    return text


def _spans(passage: Passage) -> Iterator[MarkedSpan]:
    """Yield the text up to the cursor, without copies and temperatures."""
    signs = StyleSigns()
    for node, count in passage.path():
        if node.seed is not None:
            yield MarkedSpan(node.seed, seed=True)
            continue
        for index, token in enumerate(node.tokens[:count]):
            yield MarkedSpan(token.text, token, style=signs.change_at(node, index))
        if node.tail and (count is None or count >= len(node.tokens)):
            yield MarkedSpan(node.tail)


def _find_copies(spans: Sequence[MarkedSpan], copy_tracker: CopyTracker) -> Iterator[bool]:
    """Return for each token in turn whether it is in a copied run."""
    for span in spans:
        if span.token:
            copy_tracker.add_token(span.text)
        else:
            copy_tracker.add_seed(span.text)
    return (copy_tracker.run_length(index) > 0 for index in range(sum(span.token is not None for span in spans)))
