"""What a stream of text says as it goes. Every face reads these and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Token(NamedTuple):
    """One drawn token, and how the model saw it.

    ``text`` is what became readable with it ("" while a character is unfinished or a stop text is possible).
    ``logprob`` is the model's own natural log-probability (T = 1, no filter), ``shaped`` the one after the whole
    sampler chain, ``rank`` 1 for the model's likeliest, ``entropy`` the model's own in bits, ``temperature`` the T that
    drew it, ``bound`` the most surprise in bits that it could have had, where the setting ``surprise`` holds one.
    """

    text: str
    id: int
    logprob: float
    shaped: float
    rank: int
    entropy: float
    temperature: float
    bound: float | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the reader should know, one line."""

    text: str


@dataclass(frozen=True, slots=True)
class PrefillProgress:
    """How much of a long seed has been read, 0 to 1; nothing is written before all of it is."""

    share: float


@dataclass(frozen=True, slots=True)
class Done:
    """The end: "length" (all written), "stop" (a stop text came), "stopped" (somebody said so), "failed" (its error is
    raised to who reads on).

    ``text`` had been held back for a stop text that did not come. ``seconds`` passed since the first draw.
    """

    reason: str
    text: str
    tokens: int
    seconds: float


Event = Token | Notice | PrefillProgress | Done
