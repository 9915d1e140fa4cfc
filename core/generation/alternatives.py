"""The likeliest tokens at a place of a text: beside each token that is drawn, and beside those of a prompt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..inference.runtime import StateArrays
from ..sampling.filters import Array, log_softmax
from ..setting_styles import Voice
from ..text.tokenizer import Ids
from .snapshot import Row
from .voices import VoiceReader, guide, read_many

READ_AT_ONCE = 256
"""Tokens of a prompt whose logits are kept at a time."""


class Alternatives(NamedTuple):
    """Ids of the likeliest tokens, the likeliest first, and their natural log-probabilities, all finite."""

    ids: list[int]
    logprobs: list[float]


class ReadToken(NamedTuple):
    """A token of a prompt, its natural log-probability (T = 1, no filters) and the likeliest tokens at its place.

    The last two are None for the first token, since nothing comes before it.
    """

    id: int
    logprob: float | None
    alternatives: Alternatives | None


def find_likeliest(logprobs: Array, count: int) -> list[Alternatives]:
    """Return the ``count`` likeliest tokens of each row of log-probabilities (N, V); fewer if the others have none."""
    if not count:
        return [Alternatives([], []) for _ in logprobs]
    ids = np.argpartition(-logprobs, min(count, logprobs.shape[1]) - 1, axis=1)[:, :count]
    ids.sort(axis=1)  # of equals the first
    order = np.argsort(-np.take_along_axis(logprobs, ids, axis=1), axis=1, kind="stable")
    ids = np.take_along_axis(ids, order, axis=1)
    values = np.take_along_axis(logprobs, ids, axis=1)
    finite = np.isfinite(values).sum(axis=1).tolist()
    rows = zip(ids.tolist(), values.tolist(), finite, strict=True)
    return [Alternatives(tokens[:end], numbers[:end]) for tokens, numbers, end in rows]


def read_with_alternatives(
    voices: VoiceReader, zeros: StateArrays, ids: Ids, voice: Voice, strength: float, count: int
) -> Iterator[ReadToken]:
    """Yield the tokens ids (T,) of a prompt, read from the zero state, with the ``count`` likeliest at each place.

    ``voice`` does not move. ``strength`` is the setting ``style_strength``.
    """
    if len(ids):
        yield ReadToken(int(ids[0]), None, None)
    zero = Row(zeros, np.empty(0, np.float32))
    stepper = voices.stepper((zero, zero if voice.guided else None), voice)
    for start in range(1, len(ids), READ_AT_ONCE):
        chunk, logits = ids[start : start + READ_AT_ONCE], []
        for at in range(start - 1, start - 1 + len(chunk)):
            read_many(stepper, ids[at : at + 1])
            rows = [Row((), row.copy()) for row in stepper.logits]
            logits.append(guide((rows[0], rows[1] if voice.guided else None), strength))
        logprobs = log_softmax(np.stack(logits))
        own = logprobs[np.arange(len(chunk)), chunk].tolist()
        yield from map(ReadToken, chunk.tolist(), own, find_likeliest(logprobs, count))
