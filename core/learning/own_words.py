"""Tells what a person wrote from what was there before: the model's text, and what the person typed earlier."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..text.copy_index import MIN_RUN, compute_fingerprints
from ..text.tokenizer import Ids, Tokenizer


class SeenTexts:
    """Texts that are not learned again. Every run of 16 characters of them is known by its hash."""

    def __init__(self) -> None:
        self._prints = np.empty(0, np.uint64)
        self._known = set[int]()

    def add(self, text: str) -> None:
        """Remember a text."""
        if hash(text) not in self._known:
            self._known.add(hash(text))
            self._prints = np.union1d(self._prints, compute_fingerprints(text))

    def find_new(self, text: str) -> NDArray[np.bool_]:
        """Return which characters of ``text``, (n,), are in no run of 16 characters that a remembered text has."""
        is_new = np.ones(len(text), bool)
        for start in np.flatnonzero(np.isin(compute_fingerprints(text), self._prints)).tolist():
            is_new[start : start + MIN_RUN] = False
        return is_new


def find_known(text: str, tokenizer: Tokenizer) -> NDArray[np.bool_]:
    """Return which characters of ``text``, (n,), the tokenizer has tokens for."""
    unknown = set(tokenizer.unknown_characters(text))
    return np.array([character not in unknown for character in text], bool)


def spread_to_tokens(is_own: NDArray[np.bool_], ids: Ids, tokenizer: Tokenizer) -> NDArray[np.bool_]:
    """Return which tokens of ``ids`` consist of characters for which ``is_own`` is True only.

    A token that is a part of a character counts as the character does.
    """
    decoder = tokenizer.decoder()
    ends = np.cumsum([len(decoder.push(token)) for token in ids.tolist()])
    starts = np.minimum(np.concatenate([[0], ends[:-1]]), len(is_own) - 1)
    # Of a prefix sum, the difference is the number of other characters in a token.
    others = np.concatenate([[0], np.cumsum(~is_own)])
    ends = np.minimum(np.maximum(ends, starts + 1), len(is_own))
    return np.asarray(others[ends] == others[starts])
