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
from ..inference.runtime import Logits, StateArrays
from ..sampling.filters import TokenIds
from ..sampling.rng import PositionRNG
from ..setting_types import Ramp
from ..settings import Settings
from ..text.tokenizer import Tokenizer
from .snapshot import MAX_HISTORY, Snapshot, TokenHistory, mirostat_state_after

SNAPSHOT_INTERVAL = 128
"""Tokens from one kept state to the next: at most 127 steps, a few milliseconds, lead to any token."""


_make_token = partial(tuple.__new__, Token)
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
        rng: PositionRNG,
        forced_token: int | None = None,
        max_unread: int = 1,
        keep_snapshots: bool = True,
    ) -> None:
        self.settings, self.rng, self.forced_token, self.max_unread, self.keep_snapshots = (
            settings,
            rng,
            forced_token,
            max_unread,
            keep_snapshots,
        )
        self.position, self.pending_text = start.position, start.pending_text
        self.state, self.logits = start.state, start.logits
        self.written_chars, self.token_count = 0, 0
        self.events: deque[Event] = deque()
        self.snapshots: dict[int, Snapshot] = {}
        self.finished = self.stopping = self.requested = False
        self.error: Exception | None = None
        self._done_event: Done | None = None
        self._mirostat_state = start.mirostat_state
        self._window = _Window(start.history.recent(MAX_HISTORY))
        self._history, self._unsaved_ids = start.history, list[int]()
        self.tokenizer, self._decoder = tokenizer, tokenizer.decoder(start.remainder)
        self._started = time.perf_counter()

    def stop(self) -> None:
        """End before the next token; what is written stays."""
        self.stopping = True

    def with_settings(self, settings: Settings) -> Stream:
        """The stream itself where this is what is set, else a copy of it with other settings, to be looked at."""
        if self.settings is settings:
            return self
        other = copy(self)
        other.settings = settings
        return other

    @property
    def should_pause(self) -> bool:
        """Whether it waits for its reader: to read, or where nothing is drawn ahead, to ask."""
        return len(self.events) >= self.max_unread or (self.max_unread == 1 and not self.requested)

    def max_burst(self) -> int:
        """How many tokens can be drawn before the stream has to look at them: it surely will not end before."""
        s = self.settings
        if s.stop or self.forced_token is not None or isinstance(s.temperature, Ramp):
            return 1
        return max(
            1,
            min(self.max_unread - len(self.events), (s.length - self.written_chars) // self.tokenizer.max_token_chars),
        )

    def recent(self, n: int) -> TokenIds:
        """The latest n token ids, oldest first; all that are remembered where n is negative."""
        return self._window.recent(MAX_HISTORY if n < 0 else n)

    def breaker_ids(self) -> list[int]:
        """The tokens over which DRY follows no repeat; none where DRY is off.

        What the model cannot read breaks nothing: its stand-in, mostly a space, would break everything.
        """
        if not self.settings.dry_multiplier:
            return []
        known = (text for text in self.settings.dry_sequence_breakers if not self.tokenizer.unknown_characters(text))
        encoded = map(self.tokenizer.encode, known)
        return [int(ids[0]) for ids in encoded if len(ids) == 1]

    def surprise_bound(self) -> float:
        """How many bits of surprise the next token may have (Mirostat 2: Basu et al. 2021, algorithm 2)."""
        s = self.settings
        if not s.surprise:
            return math.inf
        if self._mirostat_state is None:
            return 2 * s.surprise
        bound, had = self._mirostat_state
        return bound - s.surprise_rate * (had - s.surprise)

    def add_tokens(
        self, ids: list[int], stats: Sequence[list[Any]], states: Mapping[int, tuple[StateArrays, Logits]]
    ) -> None:
        """Take in drawn ids, with a list for each field of ``Token`` behind the id. ``kept`` are states by the number
        of these ids that lead there.
        """
        begin, self.requested = 0, False
        for end in sorted({*states, len(ids)}):
            self._add_run(ids[begin:end], [column[begin:end] for column in stats])
            if end in states:
                self.save_snapshot(*states[end])
            begin = end

    def _add_run(self, ids: list[int], stats: Sequence[list[Any]]) -> None:
        texts = list(map(self._decoder.push, ids))
        length, s = sum(map(len, texts)), self.settings
        self.forced_token = None
        self.token_count += len(ids)
        self.position += len(ids)
        self._window.extend(ids)
        if self.keep_snapshots:
            self._unsaved_ids += ids
        if not self.pending_text and not s.stop and self.written_chars + length < s.length:
            self.written_chars += length
            self.events.extend(map(_make_token, zip(texts, ids, *stats, strict=True)))
        else:
            for text, *values in zip(texts, ids, *stats, strict=True):
                if not self.is_finishing:
                    self._emit_token(text, *values)
        self._mirostat_state = mirostat_state_after(Token("", ids[-1], *(column[-1] for column in stats)))

    def _emit_token(self, text: str, *values: Any) -> None:
        """One token where a stop text, text held back or the length has to be minded."""
        s, hit = self.settings, False
        ready, self.pending_text, hit = split_at_stop(self.pending_text + text, s.stop)
        room = s.length - self.written_chars
        full = len(ready) + len(self.pending_text) >= room
        if full and not hit:
            # What does not fit, where a token has more than one character, waits for whoever writes on.
            whole = ready + self.pending_text
            ready, self.pending_text = whole[:room], whole[room:]
        self.written_chars += len(ready)
        self.events.append(Token(ready, *values))
        if hit or full:
            self.end("stop" if hit else "length")

    @property
    def is_finishing(self) -> bool:
        """Whether nothing more is drawn for it; its reader hears of that when it is closed."""
        return self._done_event is not None

    def end(self, reason: str) -> None:
        """Draw nothing more. Where somebody stopped the stream, text still held back comes with Done."""
        rest = ""
        if reason == "stopped":
            rest, self.pending_text = self.pending_text, ""
        self._done_event = Done(reason, rest, self.token_count, time.perf_counter() - self._started)

    def close(self) -> None:
        """Say Done, when all that a reader may look for behind it is in its place."""
        if self._done_event and not self.finished:
            self.events.append(self._done_event)
            self.finished = True

    def fail(self, error: Exception) -> None:
        """End because of ``error``, if it has not ended yet."""
        if not self.is_finishing:
            self.error = error
            self.end("failed")
        self.close()

    def save_snapshot(self, state: StateArrays, logits: Logits) -> None:
        """Keep what it takes to go on from here, given the engine's row, copied."""
        self._history, self._unsaved_ids = TokenHistory(self._unsaved_ids, self._history), []
        self.snapshots[self.position] = Snapshot(
            state,
            logits,
            self.position,
            self._decoder.remainder,
            self.pending_text,
            self._history,
            self._mirostat_state,
        )


class _Window:
    """The latest ids in one array: a view of them costs nothing however often it is asked for."""

    def __init__(self, ids: TokenIds) -> None:
        self._end = len(ids)
        self._ids = np.empty(max(64, 2 * len(ids)), np.int32)
        self._ids[: self._end] = ids

    def extend(self, ids: list[int]) -> None:
        if self._end + len(ids) > len(self._ids):
            latest = self.recent(MAX_HISTORY)
            self._ids = np.empty(2 * (len(latest) + len(ids)), np.int32)
            self._ids[: len(latest)], self._end = latest, len(latest)
        self._ids[self._end : self._end + len(ids)] = ids
        self._end += len(ids)

    def recent(self, n: int) -> TokenIds:
        return self._ids[max(0, self._end - n) : self._end]


def split_at_stop(text: str, stops: Iterable[str]) -> tuple[str, str, bool]:
    """Split ``text`` into what may be shown, what may yet become a stop text, and whether one is complete."""
    found = [at for stop in stops if (at := text.find(stop)) >= 0]
    if found:
        return text[: min(found)], "", True
    held = max((_overlap(text, stop) for stop in stops), default=0)
    return text[: len(text) - held], text[len(text) - held :], False


def _overlap(text: str, stop: str) -> int:
    """How many characters at the end of ``text`` could begin ``stop``."""
    return next((n for n in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:n])), 0)
