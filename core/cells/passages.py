"""Passages from all over a text, with the things in them at every token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import TextError
from ..text.tokenizer import Ids, Tokenizer
from .features import FEATURES, Feature, Values

PASSAGES = 20
"""Passages that are read, in turn to find cells in and to judge them."""

PASSAGE_CHARS = 2000
"""Characters of a passage, fewer of a short text."""

MIN_CHARS = 2000
"""Fewest characters of a text."""

MIN_CASES = 50
"""Fewest tokens of a half at which a thing is there, and at which it is not."""


@dataclass(frozen=True, slots=True, eq=False)
class ReadPassage:
    """The tokens of a passage, ids (t,), and each feature after each of them, (t,), by name."""

    ids: Ids
    values: dict[str, Values]


def open_passages(text: str, tokenizer: Tokenizer, item_end: str) -> list[ReadPassage]:
    """Return passages of a text. Raises TextError if it has fewer than ``MIN_CHARS`` characters."""
    if len(text) < MIN_CHARS:
        raise TextError(f"the text has {len(text):,} characters; to find cells, at least {MIN_CHARS:,} are needed")
    return [_open_passage(passage, tokenizer, item_end) for passage in split_passages(text)]


def split_passages(text: str) -> list[str]:
    """Return passages at equal distances, each from the beginning of a paragraph on if there is one near."""
    distance = len(text) // PASSAGES
    length = min(PASSAGE_CHARS, distance)
    starts = [_find_start(text, number * distance, distance) for number in range(PASSAGES)]
    return [text[start : start + length] for start in starts]


def _find_start(text: str, start: int, distance: int) -> int:
    if start == 0:
        return 0
    ends = (text.find(end, start, start + distance // 2) + len(end) for end in ("\n\n", "\n", " "))
    return next((end for end in ends if end > start), start)


def _open_passage(text: str, tokenizer: Tokenizer, item_end: str) -> ReadPassage:
    """Encode a passage. A token has the values of its last character: the text is as the model reads it."""
    ids, decoder = tokenizer.encode(text), tokenizer.decoder()
    texts = [decoder.push(token) for token in ids.tolist()]
    last = np.maximum(np.cumsum([*map(len, texts)]) - 1, 0)
    read = "".join(texts)
    return ReadPassage(ids, {feature.name: feature.measure(read, item_end)[last] for feature in FEATURES})


def choose_passages(passages: Sequence[ReadPassage], feature: Feature) -> list[ReadPassage]:
    """Return the half of the passages in which a feature varies most, in their order; [] if it hardly does."""
    variance = [float(passage.values[feature.name].var()) for passage in passages]
    order = np.argsort(variance, kind="stable")[-(len(passages) // 2) :]
    chosen = [passages[n] for n in sorted(order.tolist())]
    values = np.concatenate([passage.values[feature.name] for passage in chosen])
    is_high = values > np.median(values) if feature.is_number else values > 0
    return chosen if MIN_CASES <= is_high.sum() <= len(values) - MIN_CASES else []
