"""The bounds of a server and of each request, so that none holds up the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...core.settings import SamplingSettings
from .api_errors import ApiError
from .prompts import Prompt
from .texts import TextWish

MAX_STOP_CHARS = 10_000
"""Most characters of all texts of ``stop``. They are looked for after every token, on the thread of all texts."""

MAX_BREAKERS = 1000
"""Most texts of ``dry_sequence_breakers``."""

MAX_LOGPROBS = 500_000
"""Most log-probabilities of an echo, and of an answer that is sent whole. They take 100 bytes each until then."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of a server.

    ``texts`` are written at once, each for at most ``seconds``, and ``waiting`` requests wait. ``seed`` is the most
    characters of all prompts of a request together, ``length`` the most tokens of all its texts. A model without
    requests is given back after ``idle_seconds``.
    """

    texts: int = 64
    waiting: int = 256
    seconds: float = 600
    seed: int = 100_000
    length: int = 200_000
    idle_seconds: float = 600

    @property
    def body_bytes(self) -> int:
        """Most bytes of a request. JSON can write a character in twelve."""
        return 12 * self.seed + (64 << 10)

    def check(self, prompts: Sequence[Prompt], settings: SamplingSettings, wish: TextWish, stream: bool) -> None:
        """Raise ApiError if a request asks for more texts, tokens or log-probabilities than a server may bear."""
        count, seed = len(prompts) * wish.per_prompt, sum(map(len, prompts))
        tokens = count * min(settings.length, settings.length if wish.max_tokens is None else wish.max_tokens)
        kept = (0 if stream else tokens) + (wish.per_prompt * seed if wish.echo else 0)
        stops, breakers = sum(map(len, settings.stop)), len(settings.dry_sequence_breakers)
        _require_at_most(self.texts, "n", count, "texts")
        _require_at_most(self.seed, "prompt", seed, "characters or ids")
        _require_at_most(self.length, "max_tokens", tokens, "tokens in all texts")
        _require_at_most(MAX_LOGPROBS, "logprobs", kept * ((wish.alternatives or 0) + 1), "log-probabilities")
        _require_at_most(MAX_STOP_CHARS, "stop", stops, "characters")
        _require_at_most(MAX_BREAKERS, "dry_sequence_breakers", breakers, "texts")


def _require_at_most(most: int, field: str, given: int, unit: str) -> None:
    if given > most:
        raise ApiError(f"{field}: {given:,} {unit} are more than the {most:,} that this server takes", param=field)
