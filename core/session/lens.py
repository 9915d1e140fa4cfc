"""The lens: the candidates for one token of a text, with their raw and filtered probabilities."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..events import Token
from ..generation.burst import tuple_maker
from ..generation.snapshot import Snapshot
from ..generation.stream import Stream, StreamOptions
from ..sampling.draws import Draw
from ..sampling.filters import Array, entropy, log_softmax
from ..sampling.rng import PositionRNG
from ..sampling.sampler import SamplerChain
from ..sanitize import token_label
from ..settings import SamplingSettings, Settings
from .replay import draw_start
from .session import Session


class Candidate(NamedTuple):
    """A token that could be drawn.

    ``raw`` is its probability in the model (T = 1, no filter), ``shaped`` after the sampler chain. ``allowed`` is False
    if a filter removed it.
    """

    id: int
    text: str
    raw: float
    shaped: float
    allowed: bool


_make_candidate = tuple_maker(Candidate)


class Inspection(NamedTuple):
    """The likeliest candidates for one token, the most probable first. The token that was drawn is always among them.

    ``token_count`` is the size of the vocabulary. ``temperature`` is that of the shaped probabilities. Entropies are in
    bits. Filters removed ``cut_count`` tokens, to which the model gave ``cut_share`` of the probability, 0 to 1.
    ``taken`` is the token that was drawn, None if none was. ``filters`` are the settings that drew it; None if not
    recorded, and the current settings were used. ``draw`` has the number that drew the token, or that will draw the
    next one; None if the token was chosen by hand.
    """

    candidates: list[Candidate]
    token_count: int
    temperature: float
    raw_entropy: float
    shaped_entropy: float
    cut_count: int
    cut_share: float
    taken: Token | None = None
    filters: Settings | None = None
    draw: Draw | None = None

    @property
    def taken_text(self) -> str:
        """Text of the token that was drawn, also if it is not shown in the passage; "" if none was drawn."""
        own = (each.text for each in self.candidates if self.taken and each.id == self.taken.id)
        return (self.taken.text if self.taken else "") or next(own, "")

    @property
    def effective_choices(self) -> tuple[float, float]:
        """Effective choices, 2 to the power of the entropy, as (raw, shaped)."""
        return 2**self.raw_entropy, 2**self.shaped_entropy


def inspect_session(session: Session, index: int | None = None) -> Inspection | None:
    """Return the candidates for the generated token at ``index``, from 0, or for the next one if it is None.

    The shaped probabilities use the temperature and the filters that drew the token, or the current ones if no token
    was drawn there or its filters were not recorded. Returns None if there is no text.
    """
    place = None if index is None or session.passage.cursor is None else session.passage.token_place(index)
    if index is None or place is None:
        stream = next_stream(session)
        return inspect_stream(stream, session.temperature, session.model.token_text) if stream else None
    node, at = place
    before = session.snapshot_at(*session.passage.locate_token(index))
    taken, filters = node.tokens[at], node.filters_at(at)
    start, rng = draw_start(session.model, before, node, at), PositionRNG(session.passage.rng, node.take)
    stream = _stream_from(session, start, filters or session.settings, rng)
    return inspect_stream(stream, taken.temperature, session.model.token_text, taken, filters)


def next_stream(session: Session) -> Stream | None:
    """Return the stream that is written, or that would continue the text now, for inspection only.

    None if there is no text.
    """
    if session.stream:
        return session.stream.with_settings(session.settings)
    if session.passage.cursor is None:
        return None
    voices, settings = session.model.voices, session.settings
    start = voices.restyle(session.current_snapshot(), voices.fit_voice(settings.voice).at(0))
    rng = PositionRNG(session.passage.rng, session.passage.next_free_take(*session.passage.end()))
    return _stream_from(session, start, settings, rng)


def _stream_from(session: Session, start: Snapshot, settings: Settings, rng: PositionRNG) -> Stream:
    """Return a stream for inspection only."""
    return Stream(session.model.tokenizer, start, StreamOptions(settings, rng))


def next_logprobs(session: Session) -> Array | None:
    """Return the model's log-probabilities (V,) of the next token, in the current style. None if there is no text."""
    stream = next_stream(session)
    return stream_logprobs(stream) if stream else None


def stream_logprobs(stream: Stream) -> Array:
    """Return the model's log-probabilities (V,) of a stream's next token."""
    return np.asarray(log_softmax(stream.model_logits()[None])[0])


def next_uniform(stream: Stream) -> float:
    """Return the number, from 0 to 1, that draws a stream's next token."""
    return stream.options.rng.copy().uniform(stream.position)  # a copy: the engine's thread uses it, too


def inspect_stream(
    stream: Stream,
    temperature: float,
    decode: Callable[[int], str],
    taken: Token | None = None,
    filters: Settings | None = None,
    limit: int = 40,
) -> Inspection:
    """Return at most ``limit`` candidates for the next token of a stream, by its settings but at ``temperature``.

    ``decode`` returns the text of a token id. ``taken`` and ``filters`` are those of ``Inspection``.
    """
    shaped_logits, allowed = _shape_logits(stream, temperature)
    logprobs = log_softmax(np.stack([stream.model_logits(), shaped_logits]))
    raw, shaped = np.exp(logprobs)
    order = _order_candidates(raw, taken, limit)
    draw = Draw(shaped, next_uniform(stream), lambda token: token_label(decode(token)))
    ids = order.tolist()
    columns = [column[order].tolist() for column in (raw, shaped, allowed)]
    raw_entropy, shaped_entropy = (entropy(logprobs) + 0.0).tolist()  # + 0.0 makes 0 of -0
    return Inspection(
        candidates=list(map(_make_candidate, zip(ids, map(decode, ids), *columns, strict=True))),
        token_count=len(raw),
        temperature=temperature,
        raw_entropy=raw_entropy,
        shaped_entropy=shaped_entropy,
        cut_count=int((~allowed).sum()),
        cut_share=float(raw[~allowed].sum()),
        taken=taken,
        filters=filters,
        draw=draw if taken is None or draw.token == taken.id else None,
    )


def _order_candidates(probs: Array, taken: Token | None, limit: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Return the ids of the ``limit`` most probable tokens, best first. ``taken`` is the last, if not among them."""
    order = np.argsort(-probs, kind="stable")[:limit]
    if taken and taken.id not in order:
        order[-1] = taken.id
    return order


def _shape_logits(stream: Stream, temperature: float) -> tuple[Array, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Return the logits (V,) after the whole sampler chain, and which tokens (V,) no filter removed."""
    logits = stream.model_logits()[None]
    chain = _cached_chain(stream.settings, tuple(stream.breaker_ids()))
    shaped = chain.apply(logits, np.array([[temperature]]), [stream])[0]
    # T = 0 leaves one token, but it is no filter: what the filters remove is then found at T = 1.
    filtered = shaped if temperature > 0 else chain.apply(logits, np.ones((1, 1)), [stream])[0]
    return shaped, np.isfinite(filtered)


@lru_cache(maxsize=16)
def _cached_chain(settings: SamplingSettings, breakers: tuple[int, ...]) -> SamplerChain:
    """Return the sampler chain of these settings. Cached because making one costs as much as a step."""
    return SamplerChain([settings], [breakers])
