"""The streams that are stepped together: their rows of state and logits, and the drawing of their tokens."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np

from ..inference.kernel import TokenStats
from ..inference.runtime import Logits, Runtime, StateArrays, concat_states, select_rows
from ..sampling.filters import MIN_STABLE_TEMPERATURE, Array, log_softmax
from ..sampling.sampler import FusedSampler, SamplerChain, draw, token_stats
from ..settings import SamplingSettings
from ..text.tokenizer import Ids
from .alternatives import find_likeliest
from .burst import Burst
from .snapshot import Row, Rows
from .stream import SNAPSHOT_INTERVAL, Stream
from .voices import VoiceReader, guide

MAX_UNCHECKED_TOKENS = 128
"""Tokens, summed over rows, drawn between checks for new streams or changed settings. About 1 ms."""


class Batch:
    """Streams that share each step. Row n of every array is that of ``streams[n]``. A removed stream gets a copy.

    After these rows come the second rows of guided streams, in the order of ``_guided``, the numbers of their streams.
    """

    def __init__(self, runtime: Runtime, voices: VoiceReader | None = None) -> None:
        self.streams: list[Stream] = []
        self._runtime = runtime
        self._voices = voices or VoiceReader(runtime)
        self._guided: list[int] = []
        self._alternatives_wanted: list[tuple[int, bool] | None] = []
        self._moving = False  # True if a stream's style is a ramp
        self._settings_are_new = False
        self._exclusive = True
        self._empty_stepper = self._stepper = runtime.stepper(runtime.zeros(0))
        self._fused_sampler: FusedSampler | None = None
        self._settings: list[SamplingSettings] = []
        self._chain = SamplerChain([])
        self._temperatures: list[float] = []

    def add(self, joining: Sequence[Stream], exclusive: bool) -> None:
        """Append streams with their rows. ``exclusive`` is True if no other batch is stepped at the same time."""
        if joining or (self.streams and exclusive != self._exclusive):
            self._exclusive = exclusive
            rows = self._rows_to_add(joining)
            state = concat_states([self._stepper.state, *(row.state for row in rows)])
            logits = np.concatenate([self._stepper.logits, *(row.logits[None] for row in rows)])
            if self._guided:
                order = self._order_rows(len(joining), len(logits))
                state, logits = select_rows(state, order), logits[order]
            self.streams += joining
            self._rebuild_stepper(state, logits)

    def _rows_to_add(self, joining: Sequence[Stream]) -> list[Row]:
        """Return the rows of streams under the voices of their next tokens, all second rows last."""
        for stream in joining:
            stream.take_voice()
        firsts, seconds = zip(*(stream.rows for stream in joining), strict=True) if joining else ((), ())
        return [*firsts, *filter(None, seconds)]

    def _order_rows(self, joining: int, count: int) -> list[int]:
        """Return the order of ``count`` rows in which those of ``joining`` new streams stand before second rows."""
        first, end = len(self.streams), len(self.streams) + len(self._guided)
        return [*range(first), *range(end, end + joining), *range(first, end), *range(end + joining, count)]

    def remove(self, predicate: Callable[[Stream], bool]) -> list[Stream]:
        """Remove and return the streams for which ``predicate`` is true; each gets a copy of its row."""
        if not any(map(predicate, self.streams)):
            return []
        staying: list[int] = []
        leaving: list[Stream] = []
        for row, stream in enumerate(self.streams):
            if predicate(stream):
                (stream.state, stream.logits), stream.unstyled = self._copy_rows(row)
                leaving.append(stream)
            else:
                staying.append(row)
        seconds = [number for number, row in enumerate(self._guided, len(self.streams)) if row in staying]
        self.streams = [self.streams[row] for row in staying]
        rows = [*staying, *seconds]
        self._rebuild_stepper(select_rows(self._stepper.state, rows), self._stepper.logits[rows])
        return leaving

    def clear(self) -> list[Stream]:
        """Remove and return all streams without saving their rows. Used after the shared step failed."""
        streams, self.streams, self._guided = self.streams, [], []
        self._stepper = self._empty_stepper
        return streams

    def max_burst(self) -> int:
        """Return the number of tokens that can be drawn for all streams without checking any of them."""
        self._refresh_chain()
        while self._settings_are_new:
            self._change_voices()
        return 1 if self._chain.needs_history else min(stream.max_burst() for stream in self.streams)

    def run(self, steps: int, requests: Collection[Stream] = ()) -> None:
        """Draw and read up to ``steps`` tokens for every stream and deliver them.

        Ends early if a setting changes, a stream is stopped or ``requests`` is no longer empty.
        """
        streams, burst = self.streams, Burst()
        uniforms = np.array([stream.options.rng.uniforms(stream.position, steps) for stream in streams]).T
        forced_tokens = {row: s.forced_token for row, s in enumerate(streams) if s.forced_token is not None}
        due = _snapshots_due(streams)
        cut = False

        def may_continue() -> bool:
            nonlocal cut
            cut = cut or bool(requests) or self._refresh_chain()
            return not cut

        while burst.steps < steps and (not burst.steps or may_continue()):
            self._draw(uniforms[burst.steps : self._next_check(burst.steps, due)], forced_tokens, burst, may_continue)
            for row in due.get(burst.steps, ()):
                burst.save_rows(row, self._copy_rows(row))
        burst.deliver(streams)
        logits = self._stepper.logits.copy()
        for row, stream in enumerate(streams):
            stream.logits = logits[row]
        for number, row in enumerate(self._guided, len(streams)):
            streams[row].unstyled = Row(streams[row].state, logits[number])

    def _next_check(self, steps_done: int, due: Collection[int]) -> int:
        """Return the step of the burst at which to stop drawing: for a snapshot, or to check for requests."""
        check = steps_done + max(1, MAX_UNCHECKED_TOKENS // len(self.streams))
        return min([check, *(step for step in due if step > steps_done)])

    def _change_voices(self) -> None:
        """Let each stream whose settings ask for another voice read its latest tokens again.

        Settings can change meanwhile: they are new again then.
        """
        self._settings_are_new = False
        self.add(self.remove(lambda stream: stream.voice_is_due), self._exclusive)
        self._refresh_chain()

    def _refresh_chain(self) -> bool:
        """Rebuild the sampler chain if settings changed. Return True if they did or a stream was told to stop."""
        settings = [stream.settings for stream in self.streams]
        if settings == self._settings:
            return any(stream.stopping for stream in self.streams)
        self._settings = settings
        self._settings_are_new = True
        self._chain = SamplerChain(settings, [stream.breaker_ids() for stream in self.streams])
        self._temperatures = self._current_temperatures()
        return True

    def _draw(
        self, uniforms: Array, forced_tokens: dict[int, int], burst: Burst, may_continue: Callable[[], bool]
    ) -> None:
        """Draw by uniforms (K, B) and read the tokens into ``burst``, up to K times, while ``may_continue``."""
        temperatures = self._current_temperatures() if self._chain.has_ramp else self._temperatures
        if self._moving:
            self._shift_gates()
        if (
            self._fused_sampler
            and not self._guided
            and not any(self._alternatives_wanted)
            and self._chain.temperature_only
            and not forced_tokens
            and min(temperatures) >= MIN_STABLE_TEMPERATURE
        ):
            ids, stats = self._fused_sampler.generate(uniforms, np.array(temperatures))
            burst.append(ids, stats, temperatures)
            return
        bounds = [stream.surprise_bound() for stream in self.streams] if self._chain.bounds_surprise else None
        drawn = [
            self._draw_through_chain(step_uniforms, temperatures, forced_tokens)
            for step, step_uniforms in enumerate(uniforms)
            if not step or may_continue()
        ]
        ids, logits, shaped = map(np.concatenate, zip(*drawn, strict=True))
        stats = TokenStats._make(column.reshape(len(drawn), -1) for column in token_stats(logits, shaped, ids))
        burst.append(ids.reshape(len(drawn), -1), stats, temperatures, bounds)
        self._find_alternatives(burst, logits, shaped)

    def _find_alternatives(self, burst: Burst, logits: Array, shaped: Array) -> None:
        """Add the likeliest tokens to ``burst`` where streams ask for them, by logits (K x B, V) as in ``_draw``."""
        for source in filter(None, set(self._alternatives_wanted)):
            rows = [row for row, wanted in enumerate(self._alternatives_wanted) if wanted == source]
            count, after_filters = source
            by_row = (shaped if after_filters else logits).reshape(-1, len(self.streams), logits.shape[1])[:, rows]
            found = find_likeliest(log_softmax(by_row.reshape(-1, logits.shape[1])), count)
            for number, row in enumerate(rows):
                burst.append_alternatives(row, found[number :: len(rows)])

    def _draw_through_chain(
        self, uniforms: Array, temperatures: list[float], forced_tokens: dict[int, int]
    ) -> tuple[Ids, Array, Array]:
        """Draw by uniforms (B,) and read the tokens. Return ids (B,), and logits (B, V) before and after the chain."""
        logits = self._model_logits()
        shaped = self._chain.apply(logits, np.array(temperatures)[:, None], self.streams)
        ids = draw(shaped, uniforms[:, None])
        for row, token in forced_tokens.items():
            ids[row] = token
        self._stepper.step(np.concatenate([ids, ids[self._guided]]) if self._guided else ids)
        return ids, logits, shaped

    def _model_logits(self) -> Array:
        """Return the logits (B, V) that the chain is applied to: those of the rows, guided by their second rows."""
        logits = self._stepper.logits.astype(np.float64)
        for number, row in enumerate(self._guided, len(self.streams)):
            styled, plain = (Row((), self._stepper.logits[each]) for each in (row, number))
            logits[row] = guide((styled, plain), self._settings[row].style_strength)
        return logits[: len(self.streams)]

    def _shift_gates(self) -> None:
        """Read the next tokens under the voices of their places."""
        mixes = [stream.mix for stream in self.streams]
        self._voices.shift_gates(self._stepper, [*mixes, *((),) * len(self._guided)])

    def _current_temperatures(self) -> list[float]:
        """Return the temperature of each row's next token.

        The floats are the settings' own objects, so that many tokens share one.
        """
        rows = zip(self._settings, self.streams, strict=True)
        return [s.temperature_at(stream.written_chars / s.length) for s, stream in rows]

    def _copy_rows(self, row: int) -> Rows:
        """Return copies of the one or two rows of a stream."""
        numbers = [row, *(n for n, guided in enumerate(self._guided, len(self.streams)) if guided == row)]
        first, *second = (Row(select_rows(self._stepper.state, [n]), self._stepper.logits[n].copy()) for n in numbers)
        return first, second[0] if second else None

    def _rebuild_stepper(self, state: StateArrays, logits: Logits) -> None:
        self._stepper = self._runtime.stepper(state, self._exclusive) if len(state[0]) else self._empty_stepper
        self._stepper.logits[:] = logits
        self._fused_sampler = self._stepper if isinstance(self._stepper, FusedSampler) else None
        self._guided = [row for row, stream in enumerate(self.streams) if stream.unstyled]
        self._alternatives_wanted = [stream.options.wanted_alternatives for stream in self.streams]
        self._moving = any(stream.settings.voice.moves for stream in self.streams)
        self._shift_gates()


def _snapshots_due(streams: list[Stream]) -> dict[int, list[int]]:
    """Return the rows that need a snapshot, by the number of steps of the burst after which it is taken."""
    due: dict[int, list[int]] = {}
    for row, stream in enumerate(streams):
        if stream.options.keep_snapshots:
            due.setdefault(SNAPSHOT_INTERVAL - stream.position % SNAPSHOT_INTERVAL, []).append(row)
    return due
