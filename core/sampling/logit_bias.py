"""The settings ``ban`` and ``bias`` as numbers to add to a model's logits."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..errors import SettingError
from ..settings import SamplingSettings
from ..text.tokenizer import Tokenizer
from .filters import Array

Bias = tuple[tuple[str, float], ...]
"""Texts of tokens, each with the number to add to its logit."""


class LogitBias(NamedTuple):
    """The numbers to add to the logits (V,), -inf for a banned token; None if there are none to add.

    ``error`` says in one line why some of the settings have no effect on this model; "" if all have.
    """

    values: Array | None
    error: str


def logit_bias(tokenizer: Tokenizer, settings: SamplingSettings) -> LogitBias:
    """Return what ``ban`` and ``bias`` mean for a model's tokens. What has no effect is left out, and said."""
    if not settings.ban and not settings.bias:
        return _NO_BIAS
    return _resolve(tokenizer, settings.ban, settings.bias)


def require_effective_bias(tokenizer: Tokenizer, settings: SamplingSettings) -> None:
    """Raise SettingError if some of ``ban`` or ``bias`` has no effect on this model, or all tokens are banned."""
    if error := logit_bias(tokenizer, settings).error:
        raise SettingError(error)


_NO_BIAS = LogitBias(None, "")


@lru_cache(maxsize=16)
def _resolve(tokenizer: Tokenizer, ban: tuple[str, ...], bias: Bias) -> LogitBias:
    texts = _token_texts(tokenizer)
    values = np.zeros(len(texts))
    errors = [*_add_biases(values, texts, tokenizer, bias), *_ban_tokens(values, texts, tokenizer, ban)]
    if np.isneginf(np.delete(values, [] if tokenizer.stand_in is None else tokenizer.stand_in)).all():
        return LogitBias(None, "ban leaves this model no token to draw; ban less, or /ban none")
    values.flags.writeable = False
    return LogitBias(values, next(iter(errors), ""))


@lru_cache(maxsize=8)
def _token_texts(tokenizer: Tokenizer) -> tuple[str, ...]:
    return tuple(tokenizer.decode([token]) for token in range(tokenizer.size))


def _add_biases(values: Array, texts: tuple[str, ...], tokenizer: Tokenizer, bias: Bias) -> Iterator[str]:
    """Add the number of each text to the tokens that have exactly this text. Yield an error for each that none has."""
    for text, number in bias:
        tokens = [token for token, each in enumerate(texts) if each == text]
        values[tokens] += number
        if not tokens and not tokenizer.unknown_characters(text):
            yield f"bias cannot be on {text[:40]!r}: this model writes it in several tokens; give single ones"


def _ban_tokens(values: Array, texts: tuple[str, ...], tokenizer: Tokenizer, ban: tuple[str, ...]) -> Iterator[str]:
    """Ban every token whose text contains a banned one. Yield an error for each banned text that no token contains."""
    wanted, lengths = set(ban), sorted(set(map(len, ban)))
    found: set[str] = set()
    for token, text in enumerate(texts):
        parts = {text[start : start + n] for n in lengths for start in range(len(text) - n + 1)} & wanted
        if parts:
            values[token] = -np.inf
            found |= parts
    for text in ban:
        if text not in found and not tokenizer.unknown_characters(text):
            yield f"ban cannot be {text[:40]!r}: this model writes it in several tokens; ban parts of single ones"
