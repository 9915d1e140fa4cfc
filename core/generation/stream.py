"""One stream of generated text: its settings, the events for its reader, withheld text, snapshots, and its end."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Mapping
from copy import copy

from ..events import Done, Event, Token
from ..sampling.filters import Array, TokenIds
from ..sampling.logit_bias import logit_bias, require_effective_bias
from ..setting_styles import StyleMix, Voice
from ..setting_types import Ramp
from ..settings import SamplingSettings
from ..text.tokenizer import Tokenizer
from .alternatives import Alternatives
from .burst import TokenColumns, tuple_maker
from .snapshot import Row, Rows, Snapshot, mirostat_state_after
from .stream_options import StreamOptions
from .text_end import MAX_LOOK_BACK, find_end, split_at_stop
from .token_history import MAX_HISTORY, TokenLog
from .voices import STYLE_CONTEXT, VoiceReader, guide

__all__ = ["SNAPSHOT_INTERVAL", "Stream", "StreamOptions"]

SNAPSHOT_INTERVAL = 128
"""Tokens from one saved snapshot to the next. Any token is then at most 127 steps, a few milliseconds, after one."""

_make_token = tuple_maker(Token)


class Stream:
    """One text that an engine generates: a row of one of its batches.

    ``events`` is the queue for the reader; ``alternatives`` has an entry for each Token in it, if the options ask for
    them. ``snapshots`` are the saved ones by position. ``finished`` is True once Done
    is in the queue. ``error`` is the exception that ended the stream; None if there was none.
    """

    def __init__(
        self, tokenizer: Tokenizer, start: Snapshot, options: StreamOptions, voices: VoiceReader | None = None
    ) -> None:
        self.tokenizer = tokenizer
        self.options = options
        self._settings = options.settings.sampling()
        self.forced_token = options.forced_token
        # The rows. A batch that holds them updates their logits after every burst, their states when the stream leaves.
        self.state, self.logits, self.unstyled = start.state, start.logits, start.unstyled
        self.voice = start.voice  # that under which they were read
        self._voices = voices
        self._taken_voice: Voice | None = None  # the settings' voice when they were read for it; None before
        # The text.
        self.position = start.position
        self.pending_text = start.pending_text
        self.written_chars = 0
        self._latest_text = ""  # the end of the written text, kept only if the text runs on to an end
        self.token_count = 0
        self.decoder = tokenizer.decoder(start.remainder)
        self._log = TokenLog(start.history, options.keep_snapshots)
        self._mirostat_state = start.mirostat_state
        # For the reader.
        self.events: deque[Event] = deque()
        self.alternatives: deque[Alternatives] = deque()
        self.snapshots: dict[int, Snapshot] = {}
        self.requested = False
        # The end.
        self.stopping = False
        self.finished = False
        self.error: Exception | None = None
        self._done_event: Done | None = None
        self._started = time.perf_counter()

    def stop(self) -> None:
        """Ask the stream to end before its next token. The text so far stays."""
        self.stopping = True

    @property
    def settings(self) -> SamplingSettings:
        """Settings of the next token. They may be replaced at any time, from any thread.

        Raises SettingError, and changes nothing, if ``style``, ``ban`` or ``bias`` does not fit the model.
        """
        return self._settings

    @settings.setter
    def settings(self, settings: SamplingSettings) -> None:
        require_effective_bias(self.tokenizer, settings)
        if self._voices:
            self._voices.require_known(settings)
        self._settings = settings.sampling()

    def with_settings(self, settings: SamplingSettings) -> Stream:
        """Return the stream itself if these are its settings, else a copy with them, for inspection only."""
        sampling = settings.sampling()
        if self._settings is sampling and not self.voice_is_due:
            return self
        other = copy(self)
        other._settings = sampling
        other.take_voice()
        return other

    @property
    def rows(self) -> Rows:
        """Its one or two rows."""
        return Row(self.state, self.logits), self.unstyled

    @property
    def voice_is_due(self) -> bool:
        """True if the next token is of another voice than the one before: ``take_voice`` must be called."""
        return self._voices is not None and self._settings.voice != self._taken_voice

    def take_voice(self) -> None:
        """Read the latest tokens again if the next one has another voice than that under which they were read."""
        if self.voice_is_due and self._voices:
            self._taken_voice = self._settings.voice
            start = self._taken_voice.at(self.written_chars)
            if start != self.voice:
                rows = self._voices.read_again(self.recent(STYLE_CONTEXT), start, self.rows[0])
                (self.state, self.logits), self.unstyled = rows
                self.voice = start

    @property
    def mix(self) -> StyleMix:
        """The styles under which the next token is read."""
        return (self._taken_voice or self.voice).at(self.written_chars).mix

    def model_logits(self) -> Array:
        """Return the logits (V,) that the filters are applied to: those of the row, or of both if they are guided."""
        return guide(self.rows, self.settings.style_strength)

    @property
    def should_pause(self) -> bool:
        """True if nothing may be drawn: ``max_unread`` events wait, or it is 1 and the reader has not asked."""
        max_unread = self.options.max_unread
        return len(self.events) >= max_unread or (max_unread == 1 and not self.requested)

    def max_burst(self) -> int:
        """Return a number of tokens that can be drawn at once: the stream cannot end or have to pause before."""
        s = self.settings
        if s.stop or self.forced_token is not None or isinstance(s.temperature, Ramp) or s.voice.moves:
            return 1
        room = self.options.max_unread - len(self.events)
        characters = s.length - self.written_chars - len(self.pending_text)
        tokens = self.options.max_tokens - self.token_count
        return max(1, min(room, tokens, characters // self.tokenizer.max_token_chars))

    def recent(self, n: int) -> TokenIds:
        """Return the latest n token ids, oldest first; up to 8,192 if n is negative."""
        return self._log.recent(MAX_HISTORY if n < 0 else n)

    def breaker_ids(self) -> list[int]:
        """Return the ids of the tokens that end a DRY sequence; [] if DRY is off.

        A breaker that the model has never seen is skipped. It would be read as the replacement character, often a
        space, and every space would then end a sequence.
        """
        if not self.settings.dry_multiplier:
            return []
        known = (text for text in self.settings.dry_sequence_breakers if not self.tokenizer.unknown_characters(text))
        encoded = map(self.tokenizer.encode, known)
        return [int(ids[0]) for ids in encoded if len(ids) == 1]

    def logit_bias(self) -> Array | None:
        """Return the numbers (V,) that ``ban`` and ``bias`` add to the logits; None if both are off."""
        return logit_bias(self.tokenizer, self.settings).values

    def surprise_bound(self) -> float:
        """Return the bits of surprisal that the next token may have (Mirostat 2: Basu et al. 2021, algorithm 2).

        Infinite if the setting ``surprise`` is off.
        """
        s = self.settings
        if not s.surprise:
            return math.inf
        if self._mirostat_state is None:
            return 2 * s.surprise
        bound, surprisal = self._mirostat_state
        return bound - s.surprise_rate * (surprisal - s.surprise)

    def add_tokens(self, tokens: TokenColumns, rows: Mapping[int, Rows]) -> None:
        """Append drawn tokens. ``rows`` maps a number of these tokens to the rows after them, saved as a snapshot."""
        self.requested = False
        self.voice = self._taken_voice or self.voice  # on a ramp, it has moved on from where it was taken
        start = 0
        for end in sorted(rows):
            self._add_run(tokens.section(start, end))
            self.save_snapshot(rows[end])
            start = end
        if start < len(tokens.ids):
            self._add_run(tokens.section(start, len(tokens.ids)) if start else tokens)

    def _add_run(self, columns: TokenColumns) -> None:
        """Append tokens without a snapshot between them, all at once if none can end the stream."""
        texts = list(map(self.decoder.push, columns.ids))
        length, s = sum(map(len, texts)), self.settings
        self.forced_token = None
        self.token_count += len(texts)
        self.position += len(texts)
        self._log.extend(columns.ids)
        tokens = list(map(_make_token, zip(texts, *columns, strict=True)))
        if not self.pending_text and not s.stop and self.written_chars + length < s.length:
            self.written_chars += length
            if s.finish != "off":
                self._latest_text = (self._latest_text + "".join(texts))[-MAX_LOOK_BACK:]
            self.events.extend(tokens)
        else:
            for token in tokens:
                if not self.is_finishing:
                    self._emit_token(token)
        if self.token_count >= self.options.max_tokens and not self.is_finishing:
            self.end("length", with_pending=True)
        self._mirostat_state = mirostat_state_after(tokens[-1])

    def _emit_token(self, token: Token) -> None:
        """Append one token. Withhold text that may begin a stop text, and end at a stop text or at the text's end."""
        whole = self.pending_text + token.text
        ready, self.pending_text, stop_found = split_at_stop(whole, self.settings.stop, self.settings.keep_stop)
        end = self._find_end(ready + self.pending_text)
        if end is not None and end != len(ready):
            # What comes after the end of the text, if only a part of a token, is what a continuation begins with.
            ready, self.pending_text, stop_found = whole[:end], whole[end:], False
        self.written_chars += len(ready)
        self._latest_text = (self._latest_text + ready)[-MAX_LOOK_BACK:]
        self.events.append(Token(ready, *token[1:]))
        if stop_found or end is not None:
            self.end("stop" if stop_found else "length")

    def _find_end(self, text: str) -> int | None:
        """Return the index at which ``text`` after the written text ends by ``length`` and ``finish``; None if later.

        A text that runs on to the end of a sentence or a line ends after at most a quarter more than its length.
        """
        s = self.settings
        least = max(0, s.length - self.written_chars)
        if s.finish == "off" or len(text) < least:
            return least if len(text) >= least else None
        most = max(0, s.length + s.length // 4 - self.written_chars)
        end = find_end(self._latest_text, text, least, s.finish)
        if end is None and len(text) < most:
            return None
        return min(most, len(text) if end is None else end)

    @property
    def is_finishing(self) -> bool:
        """True if nothing more is drawn. The reader gets Done when the stream is closed."""
        return self._done_event is not None

    def end(self, reason: str, with_pending: bool = False) -> None:
        """Draw nothing more. Done carries the text that was withheld ``with_pending``."""
        rest = ""
        if with_pending:
            rest, self.pending_text = self.pending_text, ""
        self._done_event = Done(reason, rest, self.token_count, time.perf_counter() - self._started)

    def close(self) -> None:
        """Deliver Done. The last snapshot must be saved before, since a reader may look for it after Done."""
        if self._done_event and not self.finished:
            self.events.append(self._done_event)
            self.finished = True

    def fail(self, error: Exception) -> None:
        """End with ``error``, unless the stream is ending already, and close."""
        if not self.is_finishing:
            self.error = error
            self.end("failed")
        self.close()

    def save_snapshot(self, rows: Rows) -> None:
        """Save a snapshot of this position, given copies of the stream's rows."""
        (state, logits), unstyled = rows
        self.snapshots[self.position] = Snapshot(
            state,
            logits,
            self.position,
            self.decoder.remainder,
            self.pending_text,
            self._log.history(),
            self._mirostat_state,
            self.voice,
            unstyled,
        )
