"""The options of a stream."""

from __future__ import annotations

from dataclasses import dataclass

from ..sampling.rng import PositionRNG
from ..settings import SamplingSettings

NO_LIMIT = 1 << 62
"""The value of ``max_tokens`` of a text that its length alone ends."""


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """Options of a stream: its settings, random numbers and delivery.

    ``forced_token`` is an id that is taken as the first token instead of a drawn one. ``max_unread`` is the number of
    events that may wait for the reader before the engine pauses the stream; with 1, a token is drawn only when the
    reader asks for it. ``keep_snapshots`` saves a snapshot every 128 tokens and one at the end. ``max_tokens`` ends the
    text after so many tokens if its length does not end it before. ``alternatives`` is the number of likeliest tokens
    to record with each token; None records nothing. Their log-probabilities are the model's (T = 1, no filters), or
    ``after_filters`` those after the whole sampler chain.
    """

    settings: SamplingSettings
    rng: PositionRNG
    forced_token: int | None = None
    max_unread: int = 1
    keep_snapshots: bool = True
    max_tokens: int = NO_LIMIT
    alternatives: int | None = None
    after_filters: bool = False

    @property
    def wanted_alternatives(self) -> tuple[int, bool] | None:
        """The number of alternatives, and True if they are those after the filters; None if none are wanted."""
        return None if self.alternatives is None else (self.alternatives, self.after_filters)
