"""The bounds of a server and of each request, so that none holds up the others."""

from __future__ import annotations

from dataclasses import dataclass

from ...core.settings import SamplingSettings
from .api_errors import ApiError

MAX_STOP_CHARS = 10_000
"""Most characters of all texts of ``stop``. They are looked for after every token, on the thread of all texts."""

MAX_BREAKERS = 1000
"""Most texts of ``dry_sequence_breakers``."""

MAX_LOGPROBS = 1_000_000
"""Most logprobs of an answer that is sent whole. They take 100 bytes each until then."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of a server.

    ``texts`` are written at once, each for at most ``seconds``, and ``waiting`` requests wait. ``seed`` is the most
    characters of a prompt, ``length`` the most tokens of all texts of a request together. A model without requests is
    given back after ``idle_seconds``.
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

    def check_seed(self, seed: str) -> None:
        """Raise ApiError if a prompt is too long."""
        _require_at_most(self.seed, "prompt", len(seed), "characters")

    def check_texts(self, settings: SamplingSettings, count: int, max_tokens: int) -> None:
        """Raise ApiError if ``count`` texts with these settings would be too long, or hold up others."""
        _require_at_most(self.length, "max_tokens", count * min(max_tokens, settings.length), "tokens in all texts")
        _require_at_most(MAX_STOP_CHARS, "stop", sum(map(len, settings.stop)), "characters")
        breakers = len(settings.dry_sequence_breakers)
        _require_at_most(MAX_BREAKERS, "dry_sequence_breakers", breakers, "texts")


def _require_at_most(most: int, field: str, given: int, unit: str) -> None:
    if given > most:
        raise ApiError(f"{field}: {given:,} {unit} are more than the {most:,} that this server takes", param=field)
