"""The signs of a passage's text: seeds, changes of temperature, and copied runs. Every export shows the same ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import NamedTuple

from ..events import Token
from ..session.passage import Passage
from ..text.copy_tracker import CopyTracker

TEMPERATURE_MEANING = "temperature from here on"
COPIED_SIGN = "┃"
COPIED_MEANING = "underlined: copied from the training text"


class MarkedSpan(NamedTuple):
    """A seed, the text of a token, or a tail.

    ``token`` is None for a seed and a tail. ``copied`` is True for a token in a copied run. ``temperature`` is that of
    the token, rounded to two digits, if it differs from that of the token before; else None. A token without text has
    none: nothing of it is drawn.
    """

    text: str
    token: Token | None = None
    seed: bool = False
    copied: bool = False
    temperature: float | None = None


def mark_spans(passage: Passage, copy_tracker: CopyTracker | None = None) -> Iterator[MarkedSpan]:
    """Yield the text up to the cursor in spans. A new ``copy_tracker`` finds copied runs; None marks none."""
    spans = list(_spans(passage))
    copied = _find_copies(spans, copy_tracker) if copy_tracker else repeat(False)
    shown: float | None = None
    for span in spans:
        if span.token is None:
            yield span
            continue
        temperature = round(span.token.temperature, 2) if span.text else shown
        yield span._replace(copied=next(copied), temperature=None if temperature == shown else temperature)
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


def _spans(passage: Passage) -> Iterator[MarkedSpan]:
    """Yield the text up to the cursor, without copies and temperatures."""
    for node, count in passage.path():
        if node.seed is not None:
            yield MarkedSpan(node.seed, seed=True)
            continue
        yield from (MarkedSpan(token.text, token) for token in node.tokens[:count])
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
