"""One stream of text: its settings and dice, what it has written, text held back, and when it ends."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from functools import partial
from typing import Any

import numpy as np

from ..events import Done, Event, Token
from ..inference.runtime import Logits, State
from ..sampling.filters import TokenIds
from ..sampling.rng import Dice
from ..setting_types import Ramp
from ..settings import Settings
from ..text.tokenizer import Tokenizer
from .snapshot import MOST_REMEMBERED, History, Snapshot, surprise_behind

SNAPSHOT_EVERY = 128
"""Tokens from one kept state to the next: at most 127 steps, a few milliseconds, lead to any token."""


_TOKEN = partial(tuple.__new__, Token)
"""A Token from a tuple of its fields, three times as fast as by its own constructor."""


class Stream:
    """A row of the engine. Change ``settings`` at any time: the very next token that is drawn obeys.

    ``ahead`` is how many events may wait unread before the engine leaves the stream alone: with 1 nothing is drawn
    before its reader asks. ``keep`` keeps a snapshot every 128 tokens and at the end. Where its own part of a step
    failed, ``error`` tells why.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        start: Snapshot,
        settings: Settings,
        dice: Dice,
        forced: int | None = None,
        ahead: int = 1,
        keep: bool = True,
    ) -> None:
        self.settings, self.dice, self.forced, self.ahead, self.keep = settings, dice, forced, ahead, keep
        self.position, self.held = start.position, start.held
        self.state, self.logits = start.state, start.logits
        self.written, self.tokens = 0, 0
        self.events: deque[Event] = deque()
        self.snapshots: dict[int, Snapshot] = {}
        self.ended = self.stopping = self.asked = False
        self.error: Exception | None = None
        self._done: Done | None = None
        self._surprise = start.surprise
        self._window = _Window(start.history.recent(MOST_REMEMBERED))
        self._history, self._unkept = start.history, list[int]()
        self.tokenizer, self._decoder = tokenizer, tokenizer.decoder(start.remainder)
        self._started = time.perf_counter()

    def stop(self) -> None:
        """End before the next token; what is written stays."""
        self.stopping = True

    def as_if(self, settings: Settings) -> Stream:
        """The stream itself where this is what is set, else a copy of it with other settings, to be looked at."""
        if self.settings is settings:
            return self
        other = copy(self)
        other.settings = settings
        return other

    @property
    def full(self) -> bool:
        """Whether it waits for its reader: to read, or where nothing is drawn ahead, to ask."""
        return len(self.events) >= self.ahead or (self.ahead == 1 and not self.asked)

    def patience(self) -> int:
        """How many tokens can be drawn before the stream has to look at them: it surely will not end before."""
        s = self.settings
        if s.stop or self.forced is not None or isinstance(s.temperature, Ramp):
            return 1
        return max(1, min(self.ahead - len(self.events), (s.length - self.written) // self.tokenizer.longest))

    def recent(self, n: int) -> TokenIds:
        """The latest n token ids, oldest first; all that are remembered where n is negative."""
        return self._window.recent(MOST_REMEMBERED if n < 0 else n)

    def breakers(self) -> list[int]:
        """The tokens over which DRY follows no repeat; none where DRY is off.

        What the model cannot read breaks nothing: its stand-in, mostly a space, would break everything.
        """
        if not self.settings.dry_multiplier:
            return []
        known = (text for text in self.settings.dry_sequence_breakers if not self.tokenizer.unseen(text))
        encoded = map(self.tokenizer.encode, known)
        return [int(ids[0]) for ids in encoded if len(ids) == 1]

    def surprise_bound(self) -> float:
        """How many bits of surprise the next token may have (Mirostat 2: Basu et al. 2021, algorithm 2)."""
        s = self.settings
        if not s.surprise:
            return math.inf
        if self._surprise is None:
            return 2 * s.surprise
        bound, had = self._surprise
        return bound - s.surprise_rate * (had - s.surprise)

    def accept(self, ids: list[int], told: Sequence[list[Any]], kept: Mapping[int, tuple[State, Logits]]) -> None:
        """Take in drawn ids, with a list for each field of ``Token`` behind the id. ``kept`` are states by the number
        of these ids that lead there.
        """
        begin, self.asked = 0, False
        for end in sorted({*kept, len(ids)}):
            self._extend(ids[begin:end], [column[begin:end] for column in told])
            if end in kept:
                self.keep_snapshot(*kept[end])
            begin = end

    def _extend(self, ids: list[int], told: Sequence[list[Any]]) -> None:
        texts = list(map(self._decoder.push, ids))
        length, s = sum(map(len, texts)), self.settings
        self.forced = None
        self.tokens += len(ids)
        self.position += len(ids)
        self._window.extend(ids)
        if self.keep:
            self._unkept += ids
        if not self.held and not s.stop and self.written + length < s.length:
            self.written += length
            self.events.extend(map(_TOKEN, zip(texts, ids, *told, strict=True)))
        else:
            for text, *values in zip(texts, ids, *told, strict=True):
                if not self.ending:
                    self._show(text, *values)
        self._surprise = surprise_behind(Token("", ids[-1], *(column[-1] for column in told)))

    def _show(self, text: str, *values: Any) -> None:
        """One token where a stop text, text held back or the length has to be minded."""
        s, hit = self.settings, False
        ready, self.held, hit = released(self.held + text, s.stop)
        room = s.length - self.written
        full = len(ready) + len(self.held) >= room
        if full and not hit:
            # What does not fit, where a token has more than one character, waits for whoever writes on.
            whole = ready + self.held
            ready, self.held = whole[:room], whole[room:]
        self.written += len(ready)
        self.events.append(Token(ready, *values))
        if hit or full:
            self.end("stop" if hit else "length")

    @property
    def ending(self) -> bool:
        """Whether nothing more is drawn for it; its reader hears of that when it is closed."""
        return self._done is not None

    def end(self, reason: str) -> None:
        """Draw nothing more. Where somebody stopped the stream, text still held back comes with Done."""
        rest = ""
        if reason == "stopped":
            rest, self.held = self.held, ""
        self._done = Done(reason, rest, self.tokens, time.perf_counter() - self._started)

    def close(self) -> None:
        """Say Done, when all that a reader may look for behind it is in its place."""
        if self._done and not self.ended:
            self.events.append(self._done)
            self.ended = True

    def fail(self, error: Exception) -> None:
        """End because of ``error``, if it has not ended yet."""
        if not self.ending:
            self.error = error
            self.end("failed")
        self.close()

    def keep_snapshot(self, state: State, logits: Logits) -> None:
        """Keep what it takes to go on from here, given the engine's row, copied."""
        self._history, self._unkept = History(self._unkept, self._history), []
        self.snapshots[self.position] = Snapshot(
            state, logits, self.position, self._decoder.remainder, self.held, self._history, self._surprise
        )


class _Window:
    """The latest ids in one array: a view of them costs nothing however often it is asked for."""

    def __init__(self, ids: TokenIds) -> None:
        self._end = len(ids)
        self._ids = np.empty(max(64, 2 * len(ids)), np.int32)
        self._ids[: self._end] = ids

    def extend(self, ids: list[int]) -> None:
        if self._end + len(ids) > len(self._ids):
            latest = self.recent(MOST_REMEMBERED)
            self._ids = np.empty(2 * (len(latest) + len(ids)), np.int32)
            self._ids[: len(latest)], self._end = latest, len(latest)
        self._ids[self._end : self._end + len(ids)] = ids
        self._end += len(ids)

    def recent(self, n: int) -> TokenIds:
        return self._ids[max(0, self._end - n) : self._end]


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
