"""The streams that step together: their rows of state and logits, and the drawing of their tokens."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np

from ..inference.runtime import Logits, Runtime, State, joined, selected
from ..sampling.filters import COLDEST, Array
from ..sampling.sampler import Chain, Writer, describe, pick
from ..settings import Settings
from ..text.tokenizer import Ids, Tokenizer
from .burst import Draws
from .stream import SNAPSHOT_EVERY, Stream

UNWATCHED = 128
"""Tokens, over all rows, that are drawn without a look at who joins or turns a setting: about a millisecond."""


class Batch:
    """Row n of every array belongs to ``streams[n]``. Who leaves takes a copy of its row along."""

    def __init__(self, runtime: Runtime, tokenizer: Tokenizer) -> None:
        self.streams: list[Stream] = []
        self._runtime, self._tokenizer, self._alone = runtime, tokenizer, True
        self._nobody = self._steps = runtime.stepper(runtime.zeros(0))
        self._writer: Writer | None = None
        self._settings: list[Settings] = []
        self._chain, self._temperatures = Chain([]), list[float]()

    def join(self, joining: Sequence[Stream], alone: bool) -> None:
        """Take rows in from streams that stood aside; ``alone`` says whether no other batch is stepped meanwhile."""
        if joining or (self.streams and alone != self._alone):
            self.streams += joining
            self._alone = alone
            logits = np.concatenate([self._steps.logits, *(stream.logits[None] for stream in joining)])
            self._restate(joined([self._steps.state, *(stream.state for stream in joining)]), logits)

    def leave(self, leaves: Callable[[Stream], bool]) -> list[Stream]:
        """Let the streams for which ``leaves`` holds stand aside, each with its row."""
        if not any(map(leaves, self.streams)):
            return []
        staying = list[int]()
        leaving = list[Stream]()
        for row, stream in enumerate(self.streams):
            if leaves(stream):
                stream.state, stream.logits = self._row(row)
                leaving.append(stream)
            else:
                staying.append(row)
        self._restate(selected(self._steps.state, staying), self._steps.logits[staying])
        self.streams = [self.streams[row] for row in staying]
        return leaving

    def emptied(self) -> list[Stream]:
        """Let all stand aside as they stood when they joined: what they shared has failed and is not asked again."""
        streams, self.streams = self.streams, []
        self._steps = self._nobody
        return streams

    def patience(self) -> int:
        """How many tokens can be drawn for all before any stream has to be looked at."""
        self._listen()
        return 1 if self._chain.remembers else min(stream.patience() for stream in self.streams)

    def burst(self, steps: int, waking: Collection[Stream] = ()) -> None:
        """Draw and read so many tokens for every stream, then tell of them; fewer where somebody turns a setting or is
        ``waking``.
        """
        streams, draws = self.streams, Draws()
        uniforms = np.array([stream.dice.uniforms(stream.position, steps) for stream in streams]).T
        forced = {row: s.forced for row, s in enumerate(streams) if s.forced is not None}
        due = _snapshots_due(streams)
        cut = False

        def goes_on() -> bool:
            nonlocal cut
            cut = cut or bool(waking) or self._listen()
            return not cut

        while draws.steps < steps and (not draws.steps or goes_on()):
            self._draw(uniforms[draws.steps : self._next_look(draws.steps, due)], forced, draws, goes_on)
            for row in due.get(draws.steps, ()):
                draws.keep(row, *self._row(row))
        draws.tell(streams)
        logits = self._steps.logits.copy()
        for row, stream in enumerate(streams):
            stream.logits = logits[row]

    def _next_look(self, done: int, due: Collection[int]) -> int:
        """Behind how many tokens of a burst something is to be done again: a snapshot, or a look at what is wanted."""
        look = done + max(1, UNWATCHED // len(self.streams))
        return min([look, *(place for place in due if place > done)])

    def _listen(self) -> bool:
        """Make the chain ready for what is set now; whether anything had changed, or somebody is to stop."""
        settings = [stream.settings for stream in self.streams]
        if settings == self._settings:
            return any(stream.stopping for stream in self.streams)
        self._settings = settings
        self._chain = Chain(settings, [stream.breakers() for stream in self.streams])
        self._temperatures = self._heat()
        return True

    def _draw(self, uniforms: Array, forced: dict[int, int], draws: Draws, goes_on: Callable[[], bool]) -> None:
        """Draw by uniforms (K, B) and read what was drawn, K times, or while it ``goes_on``."""
        temperatures = self._heat() if self._chain.ramps else self._temperatures
        if self._writer and self._chain.plain and not forced and min(temperatures) >= COLDEST:
            ids, told = self._writer.write(uniforms, np.array(temperatures))
            draws.add(ids, told, temperatures)
            return
        bounds = [stream.surprise_bound() for stream in self.streams] if self._chain.bounded else None
        drawn = [
            self._through_the_chain(dice, temperatures, forced)
            for place, dice in enumerate(uniforms)
            if not place or goes_on()
        ]
        ids, logits, shaped = map(np.concatenate, zip(*drawn, strict=True))
        told = np.array(describe(logits, shaped, ids)).reshape(4, len(drawn), -1)
        draws.add(ids.reshape(len(drawn), -1), told, temperatures, bounds)

    def _through_the_chain(
        self, uniforms: Array, temperatures: list[float], forced: dict[int, int]
    ) -> tuple[Ids, Array, Array]:
        """Draw by uniforms (B,) and read it: ids (B,), and the logits (B, V) before and behind the filters."""
        logits = self._steps.logits.astype(np.float64)
        shaped = self._chain.shape(logits, np.array(temperatures)[:, None], self.streams)
        ids = pick(shaped, uniforms[:, None])
        for row, token in forced.items():
            ids[row] = token
        self._steps.step(ids)
        return ids, logits, shaped

    def _heat(self) -> list[float]:
        """The temperature of each row's next token: the very object that is set, which many tokens share."""
        rows = zip(self._settings, self.streams, strict=True)
        return [s.temperature_at(stream.written / s.length) for s, stream in rows]

    def _row(self, row: int) -> tuple[State, Logits]:
        """A copy of one row: state (1, ·) and logits (V,)."""
        return selected(self._steps.state, [row]), self._steps.logits[row].copy()

    def _restate(self, state: State, logits: Logits) -> None:
        self._steps = self._runtime.stepper(state, self._alone) if len(state[0]) else self._nobody
        self._steps.logits[:] = logits
        self._writer = self._steps if isinstance(self._steps, Writer) else None


def _snapshots_due(streams: list[Stream]) -> dict[int, list[int]]:
    """Behind how many tokens of a burst which rows are to be kept."""
    due: dict[int, list[int]] = {}
    for row, stream in enumerate(streams):
        if stream.keep:
            due.setdefault(SNAPSHOT_EVERY - stream.position % SNAPSHOT_EVERY, []).append(row)
    return due
