"""One stream of text: its settings and dice, what it has written, text held back, and when it ends."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from .dice import Dice
from .events import Done, Event, Token
from .runtime import Logits, State
from .settings import Settings
from .tokenizer import Tokenizer

SNAPSHOT_EVERY = 64
"""Tokens from one kept state to the next: at most 63 steps, a few milliseconds, lead to any token."""

_RECENT = 8192
"""How many ids back a snapshot remembers for penalties: the largest repeat-window."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything needed to go on from behind a token: one row of state (1, ·), the logits (V,) for the next token, how
    many tokens were read, unfinished bytes, text held back, and the latest ids."""

    state: State
    logits: Logits
    position: int
    remainder: bytes = b""
    held: str = ""
    recent: tuple[int, ...] = ()


class Stream:
    """A row of the engine. Change ``settings`` at any time: the very next token obeys."""

    def __init__(self, tokenizer: Tokenizer, start: Snapshot, settings: Settings, dice: Dice) -> None:
        self.settings, self.dice = settings, dice
        self.position, self.held, self.recent = start.position, start.held, list(start.recent)
        self.written, self.tokens = 0, 0
        self.events: deque[Event] = deque()
        self.snapshots: dict[int, Snapshot] = {}
        self.ended = self.stopping = False
        self._decoder = tokenizer.decoder(start.remainder)
        self._started = time.perf_counter()
        self.forced: int | None = None
        self.logits = start.logits

    def stop(self) -> None:
        """End before the next token; what is written stays."""
        self.stopping = True

    @property
    def temperature(self) -> float:
        """The T that the next token is drawn at."""
        return self.settings.temperature_at(self.written / self.settings.length)

    def accept(self, token: int, logprob: float, shaped: float, rank: int, entropy: float, temperature: float) -> None:
        """Take in a drawn token, say what became readable, and end where the length or a stop text is reached."""
        ready, self.held, hit = released(self.held + self._decoder.push(token), self.settings.stop)
        room = self.settings.length - self.written
        full = len(ready) + len(self.held) >= room
        if full and not hit:
            # What does not fit, where a token has more than one character, waits for whoever writes on.
            text = ready + self.held
            ready, self.held = text[:room], text[room:]
        self.written += len(ready)
        self.tokens += 1
        self.position += 1
        self.recent.append(token)
        self.events.append(Token(ready, token, logprob, shaped, rank, entropy, temperature))
        if hit or full:
            self.end("stop" if hit else "length")

    def end(self, reason: str) -> None:
        """Say Done. Where somebody stopped the stream, text still held back comes with it."""
        rest = ""
        if reason == "stopped":
            rest, self.held = self.held, ""
        self.ended = True
        self.events.append(Done(reason, rest, self.tokens, time.perf_counter() - self._started))

    def snapshot(self, state: State, logits: Logits) -> Snapshot:
        """What it takes to go on from here, given the engine's row."""
        recent = tuple(self.recent[-_RECENT:])
        return Snapshot(state, logits, self.position, self._decoder.remainder, self.held, recent)


def released(text: str, stops: Iterable[str]) -> tuple[str, str, bool]:
    """Split ``text`` into what may be shown, what may yet become a stop text, and whether one is complete."""
    found = [at for stop in stops if (at := text.find(stop)) >= 0]
    if found:
        return text[: min(found)], "", True
    held = max((_overlap(text, stop) for stop in stops), default=0)
    return text[: len(text) - held], text[len(text) - held :], False


def _overlap(text: str, stop: str) -> int:
    """How many characters at the end of ``text`` could begin ``stop``."""
    return next((n for n in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:n])), 0)
