"""Reads tokens under a voice: a style that shifts the gates and, if it is guided, a second row without style."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from functools import lru_cache, partial

import numpy as np

from ..errors import SettingError, suggest
from ..inference.runtime import Runtime, StateArrays, Stepper, concat_states, select_rows
from ..inference.styles import StyleTable, show_style_names
from ..sampling.filters import Array, TokenIds, log_softmax
from ..setting_styles import PLAIN_VOICE, StyleMix, Voice
from ..settings import SamplingSettings, Settings
from ..text.tokenizer import Ids, Tokenizer
from .snapshot import Row, Rows, Snapshot
from .token_history import TokenHistory

STYLE_CONTEXT = 512
"""Latest tokens of a text that are read again if its voice changes. An LSTM has forgotten what is long before them."""

PREFILL_CHUNK = 4096
"""Tokens of a long seed read between two progress reports: about 0.25 s."""


class VoiceReader:
    """Reads with a model, which is called ``name`` in errors. ``styles`` is None if it has none."""

    def __init__(self, runtime: Runtime, styles: StyleTable | None = None, name: str = "this model") -> None:
        self.names = styles.names if styles else ()
        """The names of the model's styles."""
        self._runtime = runtime
        self._styles = styles
        self._name = name
        # Of no method: a model would be kept by its own cache until the garbage is collected.
        self._read_cached = lru_cache(maxsize=8)(partial(_read_rows, runtime, styles))

    def knows(self, voice: Voice) -> bool:
        """True if the model has all styles of a voice."""
        return all(name in self.names for name in voice.names())

    def fit_voice(self, voice: Voice) -> Voice:
        """Return a voice, or the one without style if the model lacks one of its styles."""
        return voice if self.knows(voice) else PLAIN_VOICE

    def fit_settings(self, settings: Settings) -> Settings:
        """Return ``settings``, without style if the model lacks it."""
        return settings if self.knows(settings.voice) else settings.changed(style=())

    def require_known(self, settings: SamplingSettings) -> None:
        """Raise SettingError if ``style`` names one that the model does not have."""
        unknown = next((name for name in settings.voice.names() if name not in self.names), None)
        if unknown is None:
            return
        if not self.names:
            raise SettingError(f"{self._name} has no styles; set style to off, or use a model trained with --label")
        hint, listed = suggest(unknown, self.names, limit=3), show_style_names(self.names)
        raise SettingError(f"{self._name} has no style {unknown!r}; {f'{hint} ' if hint else ''}it has {listed}")

    def shift_gates(self, stepper: Stepper, mixes: Sequence[StyleMix]) -> None:
        """Let a stepper read each of its rows under a mix from now on."""
        _shift_gates(stepper, self._styles, mixes)

    def stepper(self, rows: Rows, voice: Voice) -> Stepper:
        """Return a stepper that continues from a text's rows under a voice that does not move."""
        return _open_stepper(self._runtime, self._styles, rows, voice)

    def read_again(self, ids: TokenIds, voice: Voice, row: Row) -> Rows:
        """Return the rows after the latest ``STYLE_CONTEXT`` of ``ids``, read from the zero state.

        The voice does not move. Without ids, ``row`` is kept: nothing can be read again.
        """
        if not len(ids):
            return row, row if voice.guided else None
        return self._read_cached(ids[-STYLE_CONTEXT:].astype(np.int64).tobytes(), voice)

    def restyle(self, snapshot: Snapshot, voice: Voice) -> Snapshot:
        """Return a snapshot under a voice that does not move: itself, or with its latest tokens read again."""
        if snapshot.voice == voice:
            return snapshot
        rows = self.read_again(snapshot.history.recent(STYLE_CONTEXT), voice, snapshot.rows[0])
        return snapshot.with_rows(rows, voice)


class StyledRuntime:
    """A runtime that reads every row under the same mix of styles."""

    def __init__(self, runtime: Runtime, voices: VoiceReader, mix: StyleMix) -> None:
        self.max_batches = runtime.max_batches
        self.zeros = runtime.zeros
        self._runtime = runtime
        self._voices = voices
        self._mix = mix

    def stepper(self, state: StateArrays, exclusive: bool = True) -> Stepper:
        """Return a stepper that continues from a copy of ``state`` under the mix."""
        stepper = self._runtime.stepper(state, exclusive)
        self._voices.shift_gates(stepper, [self._mix] * len(state[0]))
        return stepper


def read_many(stepper: Stepper, ids: Ids) -> None:
    """Read the same tokens (T,) in each of a stepper's rows."""
    stepper.step_many(np.repeat(ids[:, None], len(stepper.logits), axis=1))


def read_chunks(
    voices: VoiceReader, tokenizer: Tokenizer, start: Snapshot, ids: Ids
) -> Generator[float, None, Snapshot]:
    """Return the snapshot after ``start`` and tokens ids (T,), read under its style, which is no ramp.

    After each chunk of many tokens, yield the share read so far, 0 to 1.
    """
    if not len(ids):
        return replace(start, pending_text="")
    stepper = voices.stepper(start.rows, start.voice)
    for at in range(0, len(ids), PREFILL_CHUNK):
        read_many(stepper, ids[at : at + PREFILL_CHUNK])
        if len(ids) > PREFILL_CHUNK:
            yield min(1.0, (at + PREFILL_CHUNK) / len(ids))
    decoder = tokenizer.decoder(start.remainder)
    for token in ids.tolist():
        decoder.push(token)
    (state, logits), unstyled = rows_of(stepper)
    return Snapshot(
        state,
        logits,
        start.position + len(ids),
        decoder.remainder,
        history=TokenHistory(ids, start.history),
        voice=start.voice,
        unstyled=unstyled,
    )


def rows_of(stepper: Stepper) -> Rows:
    """Return copies of the one or two rows of a stepper."""
    rows = [Row(select_rows(stepper.state, [n]), stepper.logits[n].copy()) for n in range(len(stepper.logits))]
    return rows[0], rows[1] if len(rows) > 1 else None


def _shift_gates(stepper: Stepper, styles: StyleTable | None, mixes: Sequence[StyleMix]) -> None:
    if styles:
        stepper.shift_gates(np.stack([styles.shift(dict(mix)) for mix in mixes]) if any(mixes) else None)


def _open_stepper(runtime: Runtime, styles: StyleTable | None, rows: Rows, voice: Voice) -> Stepper:
    states = [row.state for row in rows if row]
    stepper = runtime.stepper(concat_states(states))
    _shift_gates(stepper, styles, (voice.mix, ())[: len(states)])
    return stepper


def _read_rows(runtime: Runtime, styles: StyleTable | None, ids: bytes, voice: Voice) -> Rows:
    """Return the rows after tokens, given as the bytes of an array, that are read from the zero state."""
    zeros = Row(runtime.zeros(1), np.empty(0, np.float32))
    stepper = _open_stepper(runtime, styles, (zeros, zeros if voice.guided else None), voice)
    read_many(stepper, np.frombuffer(ids, np.int64))
    return rows_of(stepper)


def guide(rows: Rows, strength: float) -> Array:
    """Return the logits (V,) that a token is drawn from: log p without style, and further towards the style.

    log p + s (log p_style - log p): classifier-free guidance (Ho and Salimans 2022, equation 6, with s = 1 + w).
    Without a second row they are the row's own.
    """
    styled, plain = rows
    if plain is None:
        return styled.logits.astype(np.float64)
    log_styled, log_plain = log_softmax(np.stack([styled.logits, plain.logits]).astype(np.float64))
    return np.asarray(log_plain + strength * (log_styled - log_plain))
