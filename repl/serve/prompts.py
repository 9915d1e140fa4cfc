"""The prompts of a request: a text, a list of token ids, or a list of either; and their own tokens, for an echo."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ...core.generation.alternatives import ReadToken, read_with_alternatives
from ...core.generation.snapshot import Snapshot
from ...core.model import Model
from ...core.settings import Settings
from ...core.text.tokenizer import Ids, Tokenizer
from .request_fields import Fields, wrong_value

MAX_PROMPTS = 128
"""Most prompts of a request."""

Prompt = str | tuple[int, ...]
"""A text, or the ids of its tokens."""


class ReadPrompt(NamedTuple):
    """A prompt that was read: its text, the snapshot after it, the texts of its tokens and, for an echo, its tokens."""

    text: str
    snapshot: Snapshot
    pieces: list[str]
    tokens: list[ReadToken]


def read_prompts(fields: Fields) -> list[Prompt]:
    """Return the prompts of a request, the empty one if there is none. Raises ApiError."""
    value = fields.get("prompt")
    if value is None or isinstance(value, str):
        return [value or ""]
    if not isinstance(value, list) or (len(value) > MAX_PROMPTS and not _are_ids(value)):
        raise wrong_value("prompt", value, f"a text, token ids, or a list of up to {MAX_PROMPTS} of these")
    prompts = value if value and not _are_ids(value) else [value]
    return [_read_prompt(prompt) for prompt in prompts]


def _read_prompt(value: object) -> Prompt:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and (_are_ids(value) or not value):
        return tuple(value)
    raise wrong_value("prompt", value, "a text, token ids, or a list of these")


def is_id(value: object) -> bool:
    """Return True if ``value`` is a whole number that can be looked up among the ids."""
    return type(value) is int and abs(value) < 1 << 62


def _are_ids(value: list[object]) -> bool:
    """Return True if all members are whole numbers, and there are some."""
    return bool(value) and all(map(is_id, value))


def prefill(model: Model, prompt: Prompt, settings: Settings, echo_count: int | None) -> ReadPrompt:
    """Read a prompt. For an echo, ``echo_count`` is the number of the likeliest tokens at each of its places.

    Takes long for a long prompt: call it on a thread. Raises UsageError for an id that is no token.
    """
    if isinstance(prompt, str):
        text, snapshot = prompt, model.read_seed(prompt, settings)
        ids = model.tokenizer.encode(model.file.card.fold_case(prompt))
    else:
        ids = np.array(prompt, np.int64)
        snapshot = model.read_ids(ids, settings.whole_seed)
        text = model.tokenizer.decode(ids.tolist())
    if echo_count is None:
        return ReadPrompt(text, snapshot, [], [])
    decoder = model.tokenizer.decoder()
    return ReadPrompt(
        text, snapshot, list(map(decoder.push, ids.tolist())), _read_tokens(model, ids, settings, echo_count)
    )


def _read_tokens(model: Model, ids: Ids, settings: Settings, count: int) -> list[ReadToken]:
    voice, zeros = settings.voice.at(0), model.runtime.zeros(1)
    return list(read_with_alternatives(model.voices, zeros, ids, voice, settings.style_strength, count))


@lru_cache(maxsize=8)
def token_labels(tokenizer: Tokenizer) -> tuple[str, ...]:
    """Return the name of each token in an answer: its text, or token_id:7 if others have the same.

    Those of single bytes do: the text of each is U+FFFD.
    """
    texts = [tokenizer.decode([token]) for token in range(tokenizer.size)]
    counts = Counter(texts)
    return tuple(text if counts[text] == 1 else f"token_id:{token}" for token, text in enumerate(texts))
