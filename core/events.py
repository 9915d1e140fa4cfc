"""The events of a stream: the form in which a front end receives a text while it is generated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from .html_views import draw_html


class Token(NamedTuple):
    """A drawn token with its statistics.

    ``text``: the text that it completes; "" while a character is unfinished or the text could still become a stop text.
    ``logprob``: its natural log-probability under the model (T = 1, no filters).
    ``shaped``: its natural log-probability after the whole sampler chain.
    ``rank``: its rank under the model; 1 is the likeliest token.
    ``entropy``: entropy of the model's distribution (T = 1, no filters), in bits.
    ``temperature``: the temperature at which it was drawn.
    ``bound``: the highest surprisal that the setting ``surprise`` allowed, in bits; None if ``surprise`` is off.
    """

    text: str
    id: int
    logprob: float
    shaped: float
    rank: int
    entropy: float
    temperature: float
    bound: float | None = None

    def _repr_html_(self) -> str:  # a named tuple has no other base
        return draw_html(self)


@dataclass(frozen=True, slots=True)
class Notice:
    """A message for the user, one line."""

    text: str


@dataclass(frozen=True, slots=True)
class PrefillProgress:
    """Share of a long seed that has been read, 0 to 1. The first token comes after 1 is reached."""

    share: float


@dataclass(frozen=True, slots=True)
class Done:
    """The end of the stream.

    ``reason``: "length" (the length is reached), "stop" (a stop text was generated), "stopped" (by the user) or
    "failed" (the error is raised when the next event is read).
    ``text``: text that was withheld because it could have become a stop text.
    ``tokens``: tokens drawn.
    ``seconds``: seconds since the first token was drawn.
    """

    reason: str
    text: str
    tokens: int
    seconds: float


Event = Token | Notice | PrefillProgress | Done
