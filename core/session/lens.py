"""What there was to choose from at one place of a text: the model's own chances, and those that the draw had."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..events import Token
from ..generation.stream import Stream, StreamOptions
from ..model import Model
from ..sampling.filters import Array, entropy, log_softmax
from ..sampling.rng import PositionRNG
from ..sampling.sampler import SamplerChain
from ..settings import SamplingSettings, Settings
from .passage import Passage
from .replay import snapshot_at


class Candidate(NamedTuple):
    """A token that could come: its probability to the model (T = 1, no filter), and to the draw; ``kept`` is False
    where a filter cut it.
    """

    id: int
    text: str
    raw: float
    shaped: float
    allowed: bool


class Inspection(NamedTuple):
    """The likeliest candidates first, and the token that was taken always among them.

    ``temperature`` is the T of the shaped chances. Of both distributions the entropy in bits; 2 to it is the effective
    number of choices. ``cut`` tokens were cut by filters, which had ``cut_share`` of the model's probability.
    ``filters`` are those that drew ``taken``; None where nobody kept them, and the shaped chances have those set now.
    """

    candidates: list[Candidate]
    temperature: float
    raw_entropy: float
    shaped_entropy: float
    cut_count: int
    cut_share: float
    taken: Token | None = None
    filters: Settings | None = None

    @property
    def effective_choices(self) -> tuple[float, float]:
        """The effective number of choices, raw and shaped."""
        return 2**self.raw_entropy, 2**self.shaped_entropy


def inspect_passage(model: Model, passage: Passage, settings: Settings, count: int | None) -> Inspection | None:
    """Look behind the first ``count`` written tokens of a passage, or behind all of them; None where it has no text."""
    if passage.cursor is None:
        return None
    count = passage.token_count() if count is None else count
    snapshot = snapshot_at(model, passage, *passage.locate_token(count), settings.whole_seed)
    taken, filters = passage.token_at(count) or (None, None)
    stream = Stream(model.tokenizer, snapshot, StreamOptions(filters or settings, PositionRNG(0)))
    return inspect_stream(
        stream, taken.temperature if taken else settings.temperature_at(0), model.token_text, taken, filters
    )


def inspect_stream(
    stream: Stream,
    temperature: float,
    decode: Callable[[int], str],
    taken: Token | None = None,
    filters: Settings | None = None,
    limit: int = 40,
) -> Inspection:
    """Look at a stream that stands where the next token is to be drawn, with its settings but this temperature.

    ``decode`` gives a token's text; ``taken`` is the token that came, if one did, and ``filters`` those that drew it,
    where they are known.
    """
    at, kept = _shape_logits(stream, temperature)
    logprobs = log_softmax(np.stack([stream.logits, at]))
    raw, shaped = np.exp(logprobs)
    order = np.argsort(-raw, kind="stable")[:limit]
    if taken and taken.id not in order:
        order[-1] = taken.id
    columns = [column[order].tolist() for column in (raw, shaped, kept)]
    found = list(map(Candidate._make, zip(order.tolist(), map(decode, order.tolist()), *columns, strict=True)))
    before, after = (entropy(logprobs) + 0.0).tolist()  # never -0.0
    return Inspection(found, temperature, before, after, int((~kept).sum()), float(raw[~kept].sum()), taken, filters)


def _shape_logits(stream: Stream, temperature: float) -> tuple[Array, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """The logits (V,) behind the whole chain, and which tokens no filter cut."""
    logits = stream.logits[None].astype(np.float64)
    chain = _cached_chain(stream.settings, tuple(stream.breaker_ids()))
    at = chain.apply(logits, np.array([[temperature]]), [stream])[0]
    # T = 0 leaves one token, which is no filter's doing.
    plain = at if temperature > 0 else chain.apply(logits, np.ones((1, 1)), [stream])[0]
    return at, np.isfinite(plain)


@lru_cache(maxsize=16)
def _cached_chain(settings: SamplingSettings, breakers: tuple[int, ...]) -> SamplerChain:
    """Made once for as many looks as settings stay: it costs as much as a step."""
    return SamplerChain([settings], [breakers])
