"""What there was to choose from at one place of a text: the model's own chances, and those that the draw had."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np

from ..events import Token
from ..generation.stream import Stream
from ..model import Model
from ..sampling.filters import Array, entropy, log_softmax
from ..sampling.rng import Dice
from ..sampling.sampler import Chain
from ..settings import Settings
from .passage import Passage
from .replay import state_at


class Candidate(NamedTuple):
    """A token that could come: its probability to the model (T = 1, no filter), and to the draw; ``kept`` is False
    where a filter cut it.
    """

    id: int
    text: str
    raw: float
    shaped: float
    kept: bool


_CANDIDATE = partial(tuple.__new__, Candidate)


class Look(NamedTuple):
    """The likeliest candidates first, and the token that was taken always among them.

    ``temperature`` is the T of the shaped chances. Of both distributions the entropy in bits; 2 to it is the effective
    number of choices. ``cut`` tokens were cut by filters, which had ``cut_share`` of the model's probability.
    ``filters`` are those that drew ``taken``; None where nobody kept them, and the shaped chances have those set now.
    """

    candidates: list[Candidate]
    temperature: float
    raw_entropy: float
    shaped_entropy: float
    cut: int
    cut_share: float
    taken: Token | None = None
    filters: Settings | None = None

    @property
    def choices(self) -> tuple[float, float]:
        """The effective number of choices, raw and shaped."""
        return 2**self.raw_entropy, 2**self.shaped_entropy


def look_into(model: Model, passage: Passage, settings: Settings, count: int | None) -> Look | None:
    """Look behind the first ``count`` written tokens of a passage, or behind all of them; None where it has no text."""
    if passage.cursor is None:
        return None
    count = passage.written() if count is None else count
    snapshot = state_at(model, passage, *passage.locate(count), settings.whole_seed)
    taken, filters = passage.token(count) or (None, None)
    stream = Stream(model.tokenizer, snapshot, filters or settings, Dice(0))
    return look(stream, taken.temperature if taken else settings.temperature_at(0), model.text_of, taken, filters)


def look(
    stream: Stream,
    temperature: float,
    decode: Callable[[int], str],
    taken: Token | None = None,
    filters: Settings | None = None,
    most: int = 40,
) -> Look:
    """Look at a stream that stands where the next token is to be drawn, with its settings but this temperature.

    ``decode`` gives a token's text; ``taken`` is the token that came, if one did, and ``filters`` those that drew it,
    where they are known.
    """
    at, kept = _shaped(stream, temperature)
    logprobs = log_softmax(np.stack([stream.logits, at]))
    raw, shaped = np.exp(logprobs)
    order = np.argsort(-raw, kind="stable")[:most]
    if taken and taken.id not in order:
        order[-1] = taken.id
    columns = [column[order].tolist() for column in (raw, shaped, kept)]
    found = list(map(_CANDIDATE, zip(order.tolist(), map(decode, order.tolist()), *columns, strict=True)))
    before, after = (entropy(logprobs) + 0.0).tolist()  # never -0.0
    return Look(found, temperature, before, after, int((~kept).sum()), float(raw[~kept].sum()), taken, filters)


def _shaped(stream: Stream, temperature: float) -> tuple[Array, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """The logits (V,) behind the whole chain, and which tokens no filter cut."""
    logits = stream.logits[None].astype(np.float64)
    chain = _chain(stream.settings, tuple(stream.breakers()))
    at = chain.shape(logits, np.array([[temperature]]), [stream])[0]
    # T = 0 leaves one token, which is no filter's doing.
    plain = at if temperature > 0 else chain.shape(logits, np.ones((1, 1)), [stream])[0]
    return at, np.isfinite(plain)


@lru_cache(maxsize=16)
def _chain(settings: Settings, breakers: tuple[int, ...]) -> Chain:
    """Made once for as many looks as settings stay: it costs as much as a step."""
    return Chain([settings], [breakers])
